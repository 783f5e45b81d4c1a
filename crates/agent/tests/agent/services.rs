//! The agent's smaller services, each by itself on a simulated machine.

use std::{path::PathBuf, time::Duration};

use groundhog_agent::{
    AgentConfig, PriorityConfig,
    http::{
        api,
        debug::{self, Knowledge, ManifestPage, Redacted},
    },
    priority, speedtest,
};
use groundhog_host::{Address, Host, Stream};
use groundhog_sim::{Config, Fault, Running, Ways, World, simulate};
use groundhog_wire::{
    agent_port,
    resumable::open_over,
    speedtest::{Direction, Report, Request, receive, send},
    v1::{AgentManifest, PeerHello, PeerUpdate, peer_update::Kind},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

use crate::{
    terminals::{Notes, secs},
    world::{config, play_with},
};

/// A world in which `agent` does `serves` with each stream to port 80, and a person `asks` on another machine.
fn world<S, A>(
    serves: impl Fn(Host, Stream) -> S + Send + Clone + 'static,
    asks: impl FnOnce(Host, Notes) -> A + Send + 'static,
    play: impl FnOnce(&mut World) + Send,
) -> Vec<String>
where
    S: Future<Output = ()> + Send + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    simulate(Config::new(1), |world| {
        world.host("agent", move |host| {
            let serves = serves.clone();
            async move {
                let mut listener = host.listen(80).await.expect("the port is free");
                while let Ok(stream) = listener.accept().await {
                    host.spawn("serve", serves(host.clone(), stream)).detach();
                }
            }
        });
        world.host("person", |_| std::future::pending());
        let (host, notes) = (world.handle("person").expect("it was just added"), Notes::default());
        host.clone().spawn("ask", asks(host, notes.clone())).detach();
        play(world);
        assert_eq!(world.violations(), []);
        notes.all()
    })
}

async fn connect(host: &Host) -> Stream {
    host.connect(&Address::new("agent", 80)).await.expect("the agent listens")
}

async fn measures(host: Host, stream: Stream) {
    speedtest::serve(&host, stream).await;
}

#[test]
fn a_path_is_measured_both_ways() {
    let ask = |host: Host, notes: Notes| async move {
        let mut stream = connect(&host).await;
        let began = host.now();
        Request { direction: Direction::Down, duration_ms: 5_000 }.write(&mut stream).await.expect("it is up");
        let down = receive(&host, &mut stream, began).await.expect("the agent sends and closes");
        notes.add(format!("down {} {}", down.bytes > 1 << 20, down.took_ms / 1_000));

        let mut stream = connect(&host).await;
        Request { direction: Direction::Up, duration_ms: 5_000 }.write(&mut stream).await.expect("it is up");
        send(&host, &mut stream, secs(5)).await.expect("the agent takes it");
        let up = Report::read(&mut stream).await.expect("the agent tells what came");
        notes.add(format!("up {} {}", up.bytes > 1 << 20, up.took_ms / 1_000));
    };
    assert_eq!(world(measures, ask, |world| world.run_for(secs(60))), ["down true 5", "up true 5"]);
}

#[test]
fn a_measurement_is_bounded() {
    let ask = |host: Host, notes: Notes| async move {
        let mut stream = connect(&host).await;
        Request { direction: Direction::Down, duration_ms: 60_001 }.write(&mut stream).await.expect("it is up");
        notes.add(format!("{}", receive(&host, &mut stream, host.now()).await.is_ok_and(|report| report.bytes == 0)));
        // Sends, and never says that it has sent all; the agent gives up.
        let mut stream = connect(&host).await;
        Request { direction: Direction::Up, duration_ms: 1_000 }.write(&mut stream).await.expect("it is up");
        let began = host.now();
        let ended = stream.read(&mut [0; 1]).await;
        notes.add(format!("{} {}", matches!(ended, Ok(0) | Err(_)), (host.now() - began).as_secs()));
    };
    assert_eq!(world(measures, ask, |world| world.run_for(secs(200))), ["true", "true 80"]);
    // On a path that was cut, the sender ends all the same.
    let ask = |host: Host, notes: Notes| async move {
        let mut stream = connect(&host).await;
        Request { direction: Direction::Up, duration_ms: 5_000 }.write(&mut stream).await.expect("it is up");
        let began = host.now();
        send(&host, &mut stream, secs(5)).await.expect("closing asks nobody");
        notes.add((host.now() - began).as_secs().to_string());
    };
    let cut = Fault::Cut { from: "agent".into(), to: "person".into(), ways: Ways::Both };
    let notes = world(measures, ask, |world| {
        world.plan(secs(1), None, &cut).expect("both exist");
        world.run_for(secs(60));
    });
    assert_eq!(notes, ["5"]);
}

/// Sends `request` and returns what comes until the stream's end.
async fn ask_http(host: &Host, request: &str) -> String {
    ask_on(connect(host).await, request).await
}

async fn ask_on(mut stream: Stream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.expect("the agent takes it");
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer).await {
        Ok(_) => String::from_utf8_lossy(&answer).into_owned(),
        Err(error) => format!("{error:?}"),
    }
}

/// The status and the content of the answer to `GET path`.
async fn get(host: &Host, path: &str) -> String {
    get_on(connect(host).await, path).await
}

async fn get_on(stream: Stream, path: &str) -> String {
    let answer = ask_on(stream, &format!("GET {path} HTTP/1.1\r\nhost: agent\r\n\r\n")).await;
    let status = answer.split(' ').nth(1).unwrap_or("none").to_owned();
    assert!(!answer.contains("date:"), "an answer with a date depends on the wall clock: {answer}");
    format!("{status} {}", answer.split_once("\r\n\r\n").map_or("", |(_, content)| content).trim_end())
}

#[test]
fn listening_ports_are_told_as_far_as_the_machine_knows() {
    let serve = |host: Host, stream| async move { api::serve(&host, 4_100, stream).await };
    let ask = |host: Host, notes: Notes| async move {
        notes.add(get(&host, "/api/v0/listening-ports").await);
        host.sleep(secs(10)).await;
        notes.add(get(&host, "/api/v0/listening-ports").await);
        notes.add(get(&host, "/").await);
        notes.add(ask_http(&host, "POST /api/v0/listening-ports HTTP/1.1\r\nhost: agent\r\n\r\n").await);
        let began = host.now();
        notes.add(ask_http(&host, "GET /api").await);
        notes.add((host.now() - began).as_secs().to_string());
    };
    let notes = world(serve, ask, |world| {
        let host = world.handle("agent").expect("it exists");
        host.clone()
            .spawn("kernel", async move {
                host.sleep(secs(5)).await;
                let line = |port: u16| format!("  0: 0100007F:{port:04X} 00000000:0000 0A 0\n");
                let tables = [("tcp", line(8_080) + &line(4_100)), ("tcp6", line(8_080) + &line(22))];
                for (name, table) in tables {
                    host.files("/proc/net").write(name, table).await.expect("the disk has room");
                }
            })
            .detach();
        world.run_for(secs(120));
    });
    assert_eq!(notes[0], r#"200 {"ports":[]}"#);
    assert_eq!(notes[1], r#"200 {"ports":[{"network":"tcp","port":22},{"network":"tcp","port":8080}]}"#);
    assert_eq!(notes[2], "404 nothing is at /");
    assert!(notes[3].starts_with("HTTP/1.1 405"), "{}", notes[3]);
    assert!(!notes[4].contains("200") && notes[5] == "20", "half a head is waited for 20 s: {notes:?}");
}

struct Known {
    is_ready: bool,
}

impl Knowledge for Known {
    fn log_file(&self) -> PathBuf {
        "/var/log/agent.log".into()
    }

    fn network(&self) -> Option<serde_json::Value> {
        self.is_ready.then(|| serde_json::json!({ "peers": 2 }))
    }

    fn manifest(&self) -> Option<ManifestPage> {
        let environment = [("TOKEN".to_owned(), Redacted)].into();
        let page = ManifestPage { agent_name: "main".to_owned(), environment, ..ManifestPage::default() };
        self.is_ready.then_some(page)
    }
}

#[test]
fn the_debug_pages_show_what_there_is_and_no_secret() {
    let pages = |is_ready| {
        let known = |is_ready| {
            move |host: Host, stream: Stream| async move {
                debug::serve(&host, stream, &Known { is_ready }).await;
            }
        };
        let ask = |host: Host, notes: Notes| async move {
            for path in ["logs", "logs?after=4", "logs?after=99", "logs?after=x", "network", "manifest", "pprof"] {
                notes.add(get(&host, &format!("/debug/{path}")).await);
            }
        };
        world(known(is_ready), ask, |world| {
            if is_ready {
                let host = world.handle("agent").expect("it exists");
                let write = async move { host.files("/var/log").write("agent.log", "one\ntwo\n").await };
                let host = world.handle("agent").expect("it exists");
                host.spawn("log", async move { write.await.expect("the disk has room") }).detach();
            }
            world.run_for(secs(60));
        })
    };
    let bad = "400 after: expected how many bytes of the log have been seen";
    let none = "404 no log is kept";
    let expected =
        [none, none, none, bad, "500 network is not ready yet", "500 no manifest", "404 nothing is at /debug/pprof"];
    assert_eq!(pages(false), expected);
    let manifest = concat!(
        r#"200 {"agent_name":"main","apps":[],"directory":"","environment":{"TOKEN":"[redacted]"},"metadata":[],"#,
        r#""owner_name":"","scripts":[],"workspace_id":"","workspace_name":""}"#
    );
    let expected =
        ["200 one\ntwo", "200 two", "200 ", bad, r#"200 {"peers":2}"#, manifest, "404 nothing is at /debug/pprof"];
    assert_eq!(pages(true), expected);
}

#[test]
fn processes_are_made_nicer_and_likelier_to_be_ended() {
    let notes = simulate(Config::new(1), |world| {
        let notes = Notes::default();
        world.host("agent", |_| std::future::pending());
        let noted = notes.clone();
        let renice = move |process: Running| {
            let notes = noted.clone();
            async move {
                notes.add(process.command.arguments.join(" "));
                let pid = process.command.arguments[3].clone();
                // As the kernel does.
                process_files(&process.host, &pid, "sleep\x009\x00", 10, None).await;
                0
            }
        };
        world.program("agent", "renice", renice).expect("it exists");
        let host = world.handle("agent").expect("it exists");
        let noted = notes.clone();
        host.clone()
            .spawn("keep", async move {
                host.files("/proc").write("self/oom_score_adj", "-100\n").await.expect("the disk has room");
                process_files(&host, "20", "sleep\x009\x00", 0, Some(-100)).await;
                process_files(&host, "30", "chosen", 5, Some(-100)).await;
                process_files(&host, "40", "groundhog\x00agent\x00", 0, Some(-100)).await;
                // One that is just ending has no files any more.
                host.files("/proc").create_folder("50").await.expect("the disk has room");
                host.files("/proc").create_folder("bus").await.expect("the disk has room");
                let _ = host.timeout(secs(10), priority::keep(&host, &PriorityConfig::default())).await;
                for process in ["20", "30", "40"] {
                    let score = host.files("/proc").read(format!("{process}/oom_score_adj")).await.expect("it exists");
                    noted.add(format!("{process} {}", String::from_utf8_lossy(&score)));
                }
            })
            .detach();
        world.run_for(Duration::from_secs(60));
        assert_eq!(world.violations(), []);
        notes.all()
    });
    assert_eq!(notes, ["-n 10 -p 20", "20 0", "30 -100", "40 -100"], "once, and only what nobody has chosen");
}

async fn process_files(host: &Host, process: &str, command: &str, niceness: i32, score: Option<i32>) {
    let files = host.files(format!("/proc/{process}"));
    let stat = format!("{process} (it) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 {niceness} 1 0 99");
    files.write("stat", stat).await.expect("the disk has room");
    files.write("cmdline", command).await.expect("the disk has room");
    if let Some(score) = score {
        files.write("oom_score_adj", score.to_string()).await.expect("the disk has room");
    }
}

/// What a visitor of a whole agent gets at its ports.
#[test]
fn an_agent_serves_them_behind_its_listener_to_peers_that_it_was_told_of() {
    let config = AgentConfig { debug_port: Some(6_060), ..config() };
    let manifest = AgentManifest {
        agent_name: "main".to_owned(),
        environment: [("KEY".to_owned(), "hunter2".to_owned())].into(),
        secrets: [("SECRET".to_owned(), "hunter3".to_owned())].into(),
        ..AgentManifest::default()
    };
    let notes = Notes::default();
    let noted = notes.clone();
    play_with(manifest, config, |play| {
        play.run(5);
        let peer_id = Uuid::from_u128(9).to_string();
        let peer = PeerUpdate {
            peer_id: peer_id.clone(),
            kind: Kind::Node.into(),
            secret: "of-the-tunnel".to_owned(),
            ..PeerUpdate::default()
        };
        play.control.state().tell_peer(peer);
        play.run(5);
        play.act("visitor", 60, |host| async move {
            let open = async |port| {
                let path = host.connect(&Address::new("agent", 4_100)).await.expect("the agent listens");
                let hello = PeerHello {
                    peer_id: peer_id.clone(),
                    secret: "of-the-tunnel".to_owned(),
                    port,
                    ..PeerHello::default()
                };
                open_over(&host, path, hello).await.map(|stream| Stream::new(stream, "agent"))
            };
            let mut stream = open(agent_port::SPEEDTEST).await.expect("the peer is let in");
            Request { direction: Direction::Down, duration_ms: 1_000 }.write(&mut stream).await.expect("it is up");
            let down = receive(&host, &mut stream, host.now()).await.expect("the agent sends and closes");
            noted.add((down.bytes > 0).to_string());
            let stream = open(agent_port::HTTP_API).await.expect("the peer is let in");
            noted.add(get_on(stream, "/api/v0/listening-ports").await);
            let stream = host.connect(&Address::new("agent", 6_060)).await.expect("the debug port is open");
            noted.add(get_on(stream, "/debug/manifest").await);
            let stream = host.connect(&Address::new("agent", 6_060)).await.expect("the debug port is open");
            noted.add(get_on(stream, "/debug/network").await);
            let refused = open(5).await.expect_err("nothing is there");
            noted.add(refused.to_string());
        });
        // It has the debug port no longer once it has closed.
        play.shutdown.cancel();
        play.run(60);
        let noted = notes.clone();
        play.act("visitor", 5, |host| async move {
            let refused = host.connect(&Address::new("agent", 6_060)).await;
            noted.add(format!("{:?}", refused.map(drop).map_err(|error| error.kind())));
        });
    });
    let notes = notes.all();
    assert_eq!(notes[..2], ["true", r#"200 {"ports":[]}"#]);
    assert!(notes[2].starts_with(r#"200 {"agent_name":"main""#), "{}", notes[2]);
    assert!(notes[2].contains(r#""KEY":"[redacted]""#) && !notes[2].contains("hunter"), "{}", notes[2]);
    assert!(!notes[2].contains("SECRET"), "not even a secret's name: {}", notes[2]);
    let peer = Uuid::from_u128(9);
    assert_eq!(notes[3], format!(r#"200 {{"peers":[{{"id":"{peer}","lost":false}}],"port":4100}}"#));
    assert_eq!(notes[4..], ["nothing is served on port 5", "Err(ConnectionRefused)"]);
}
