//! What an agent finds out and tells.

use groundhog_host::Host;
use groundhog_sim::{Fault, Ways};
use groundhog_wire::v1::{
    AgentApp, AgentManifest, AgentMetadataDescription, AgentMetadataValue, AppHealth, AppHealthCheck,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::Status;

use crate::world::{on_start, play, scripts};

fn described(key: &str, script: &str, interval_s: u32, timeout_s: u32) -> AgentMetadataDescription {
    AgentMetadataDescription {
        key: key.to_owned(),
        script: script.to_owned(),
        interval_s,
        timeout_s,
        ..AgentMetadataDescription::default()
    }
}

fn metadata(descriptions: impl Into<Vec<AgentMetadataDescription>>) -> AgentManifest {
    AgentManifest { metadata: descriptions.into(), ..AgentManifest::default() }
}

/// What was told of a key: values and errors.
fn of<'a>(batches: &'a [Vec<AgentMetadataValue>], key: &str) -> Vec<(&'a str, &'a str)> {
    let values = batches.iter().flatten().filter(|value| value.key == key);
    values.map(|value| (value.value.as_str(), value.error.as_str())).collect()
}

#[test]
fn metadata_are_collected_as_often_as_they_say() {
    play(metadata([described("once", "echo 1", 0, 0), described("often", "echo 2", 10, 0)]), |play| {
        play.run(60);
        let state = play.control.state();
        assert_eq!(of(&state.metadata, "once"), [("1\n", "")]);
        assert_eq!(of(&state.metadata, "often"), [("2\n", ""); 6]);
    });
}

#[test]
fn all_that_is_new_goes_in_one_message() {
    let many: Vec<_> = (0..50).map(|key| described(&format!("key-{key:02}"), "echo x", 1, 0)).collect();
    play(metadata(many), |play| {
        play.run(60);
        let state = play.control.state();
        // One message a second, however many keys there are (F7).
        assert!((55..=60).contains(&state.metadata.len()), "{} messages", state.metadata.len());
        assert!(state.metadata.iter().all(|batch| batch.len() == 50));
    });
}

#[test]
fn slow_scripts_do_not_pile_up_and_time_outs_are_told() {
    let descriptions = [
        described("slow", "echo begun;sleep 7", 2, 20),
        described("hangs", "echo begun;sleep 100", 10, 3),
        described("fails", "echo so;complain no;exit 2", 0, 0),
        described("long", "fill 20000", 0, 0),
        described("garbage", "garbage", 0, 0),
    ];
    play(metadata(descriptions), |play| {
        play.run(61);
        let state = play.control.state();
        assert_eq!(of(&state.metadata, "slow"), [("begun\n", ""); 8]);
        // Told with its error, and counted as collected: the next one is ten seconds later (A6).
        assert_eq!(of(&state.metadata, "hangs"), [("begun\n", "run cmd: it took longer than 3s"); 6]);
        assert_eq!(of(&state.metadata, "fails"), [("so\nno\n", "run cmd: exit status 2")]);
        let long = of(&state.metadata, "long");
        assert_eq!((long[0].0.len(), long[0].1), (10_240, "output truncated from 20000 to 10240 bytes"));
        assert_eq!(of(&state.metadata, "garbage"), [("a\u{274C}\u{274C}b\n", "")]);
    });
}

#[test]
fn metadata_that_could_not_be_told_go_with_the_next() {
    play(metadata([described("once", "echo 1", 0, 0)]), |play| {
        play.control.state().refuses.insert("update_metadata", Status::unavailable("busy"));
        play.run(20);
        assert_eq!(play.control.state().count("connect"), 1);
        play.control.state().refuses.clear();
        play.run(60);
        // It is found out once a connection, and it is not lost (A7).
        assert_eq!(of(&play.control.state().metadata, "once"), [("1\n", "")]);
    });
}

#[test]
fn stats_that_could_not_be_told_go_with_the_next() {
    play(AgentManifest::default(), |play| {
        play.run(10);
        // The first report only asks.
        assert_eq!(play.control.state().stats, [None]);
        crate::reach::visit(play, 1_024, |_| async {});
        play.control.state().refuses.insert("update_stats", Status::unavailable("busy"));
        play.run(300);
        assert_eq!(play.control.state().stats.len(), 1);
        play.control.state().refuses.clear();
        play.run(300);
        let state = play.control.state();
        assert_eq!(state.count("connect"), 1);
        let stats = state.stats[1].as_ref().expect("there are stats");
        assert_eq!((stats.connection_count, stats.connections_by_protocol.get("forward")), (1, Some(&1)));
        assert_eq!(stats.median_latency_ms, -1.0);
    });
}

fn app(slug: &str, port: u16) -> AgentApp {
    let url = format!("http://localhost:{port}/healthz");
    let health_check = Some(AppHealthCheck { url: url.clone(), interval_s: 5, threshold: 2 });
    AgentApp { slug: slug.to_owned(), url, health_check }
}

/// Serves an app on the agent's machine.
async fn serve(host: Host, port: u16, status: &'static str) {
    let mut listener = host.listen(port).await.expect("the port is free");
    while let Ok(mut stream) = listener.accept().await {
        let mut request = [0; 1_024];
        let read = stream.read(&mut request).await.expect("there is a request");
        assert!(request[..read].starts_with(b"GET /healthz HTTP/1.1\r\nhost: localhost:"), "{request:?}");
        if status.is_empty() {
            host.spawn("hangs", async move {
                let _held = stream;
                std::future::pending::<()>().await;
            })
            .detach();
            continue;
        }
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}

#[test]
fn apps_are_asked_how_they_are() {
    let apps = vec![app("well", 8_000), app("missing", 8_001), app("broken", 8_002), app("hangs", 8_003)];
    play(AgentManifest { apps, ..AgentManifest::default() }, |play| {
        for (port, status) in [(8_000, "404 Not Found"), (8_002, "500 Internal Server Error"), (8_003, "")] {
            play.act("agent", 0, |host| serve(host, port, status));
        }
        play.run(7);
        let latest = |play: &crate::world::Play<'_>| -> Vec<(String, AppHealth)> {
            let state = play.control.state();
            let latest = state.healths.last().expect("something was told");
            latest.iter().map(|update| (update.app.clone(), update.health())).collect()
        };
        let health = |slug: &str, health| (slug.to_owned(), health);
        assert_eq!(
            latest(play),
            [
                health("broken", AppHealth::Initializing),
                health("hangs", AppHealth::Initializing),
                health("missing", AppHealth::Initializing),
                health("well", AppHealth::Healthy),
            ]
        );
        // The third failure in a row is one too many.
        play.control.state().refuses.insert("update_app_healths", Status::unavailable("busy"));
        play.run(23);
        play.control.state().refuses.clear();
        play.run(60);
        let unhealthy = ["broken", "hangs", "missing"].map(|slug| health(slug, AppHealth::Unhealthy));
        assert_eq!(latest(play)[..3], unhealthy);
        // What was not heard was told again (A4), and what does not change is not.
        let told = play.control.state().healths.len();
        play.run(120);
        assert_eq!(play.control.state().healths.len(), told);
        play.act("agent", 10, |host| serve(host, 8_001, "200 OK"));
        assert_eq!(latest(play)[2], health("missing", AppHealth::Healthy));
    });
}

#[test]
fn lines_written_while_cut_off_arrive_later_once_and_in_order() {
    play(scripts([on_start("talks", "lines 100;sleep 30;lines 100;sleep 60;echo end")]), |play| {
        play.run(10);
        let cut = Fault::Cut { from: "agent".to_owned(), to: "control".to_owned(), ways: Ways::Both };
        play.fault(&cut, 70);
        play.run(60);
        let state = play.control.state();
        let texts = state.texts("log-talks");
        assert_eq!((texts.len(), texts[100], texts[200]), (201, "line 1", "end"));
    });
}

#[test]
fn lines_whose_answer_was_lost_come_again_under_their_numbers() {
    play(scripts([on_start("talks", "lines 10;sleep 5;lines 10")]), |play| {
        play.control.state().loses_answers.insert("create_logs", 2);
        play.run(60);
        let state = play.control.state();
        assert!(state.lines.len() > 20, "some came twice");
        let mut texts = std::collections::BTreeMap::new();
        for (_, _, number, text) in &state.lines {
            // The number makes the line (A8).
            assert_eq!(texts.entry(number).or_insert(text), &text);
        }
        assert_eq!(texts.keys().map(|number| **number).collect::<Vec<_>>(), (1..=20).collect::<Vec<_>>());
    });
}

#[test]
fn after_the_limit_no_line_is_sent() {
    play(scripts([on_start("talks", "lines 10;sleep 5;lines 10;sleep 5;lines 10")]), |play| {
        play.control.state().lines_max = Some(15);
        play.run(20);
        // The connection stays, and so does the agent.
        let state = play.control.state();
        assert_eq!((state.count("connect"), state.steps(1).last()), (1, Some(&"ready")));
        assert!(state.lines.len() <= 20, "{} lines", state.lines.len());
        drop(state);
        assert_eq!(play.events("agent.logs_full"), 1);
    });
}

#[test]
fn what_can_not_be_text_poisons_nothing() {
    play(scripts([on_start("binary", "garbage")]), |play| {
        play.run(20);
        // As a store would that takes no NUL (A13, F6).
        assert_eq!(play.control.state().texts("log-binary"), ["a\u{274C}\u{274C}b"]);
    });
}

#[test]
fn lines_that_are_refused_end_nothing() {
    play(scripts([on_start("talks", "lines 10")]), |play| {
        play.control.state().refuses.insert("create_logs", Status::invalid_argument("no such source"));
        play.run(60);
        let state = play.control.state();
        assert_eq!((state.count("connect"), state.count("create_logs")), (1, 1));
    });
}

#[test]
fn the_end_of_a_script_is_told_when_that_can_be() {
    play(scripts([on_start("hello", "echo hello")]), |play| {
        play.control.state().refuses.insert("script_completed", Status::unavailable("busy"));
        play.run(20);
        assert!(play.control.state().count("script_completed") > 1);
        play.control.state().refuses.clear();
        play.run(60);
        let state = play.control.state();
        assert_eq!((state.scripts.len(), state.count("connect")), (1, 1));
        assert!(state.scripts[0].started_at_ms <= state.scripts[0].ended_at_ms);
    });
}

#[test]
fn a_call_that_is_never_answered_is_given_up() {
    play(AgentManifest::default(), |play| {
        play.control.state().ignores.push("get_manifest");
        play.run(100);
        // Thirty seconds each, and the waits between.
        assert_eq!(play.control.state().count("get_manifest"), 4);
    });
}

#[test]
fn what_a_broken_connection_swallowed_goes_with_the_next() {
    play(metadata([described("once", "echo 1", 0, 0)]), |play| {
        // The message is on its way, and its answer never comes.
        play.control.state().ignores.push("update_metadata");
        play.run(5);
        assert_eq!(play.control.state().count("update_metadata"), 1);
        play.control.state().ignores.clear();
        // The next connection's own try at finding the value out fails.
        let taken = play.control.state().metadata.len();
        play.control.state().manifest.metadata[0].script = "exit 1".to_owned();
        play.world.begin(&Fault::Reset { from: "agent".to_owned(), to: "control".to_owned() }).expect("hosts");
        play.run(10);
        let state = play.control.state();
        let told = of(&state.metadata[taken..], "once");
        assert_eq!(told[0], ("1\n", ""), "{told:?}");
    });
}
