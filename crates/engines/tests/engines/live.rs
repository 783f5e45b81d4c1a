//! The live engine: the seam's promises through the proxy, and what faults do to real sockets and processes.

#![allow(clippy::disallowed_methods, reason = "these tests are about the real clock, and real processes")]

use std::{
    io,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use groundhog_engines::{Kind, play};
use groundhog_host::{
    Address, Command, Host, Stream,
    conformance::{Case, Machines, cases},
};
use groundhog_sim::{Config, Engine, Fault, LinkConfig, Power, SuspendedClock, Ways};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Far above what anything here takes, and far below what anybody would wait for.
const TOO_LONG: Duration = Duration::from_secs(30);

/// How often a test looks.
const LOOK: Duration = Duration::from_millis(5);

const PORT: u16 = 7_000;

fn live<T: Send>(story: impl FnOnce(&mut dyn Engine) -> T + Send) -> T {
    play(Kind::Live, Config::new(1), story).expect("this machine has room for a run")
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Lets the run go on until `is_so`.
#[track_caller]
fn until(engine: &mut dyn Engine, what: &str, is_so: impl Fn() -> bool) {
    while !is_so() {
        assert!(engine.now() < TOO_LONG, "not within {TOO_LONG:?}: {what}");
        assert_eq!(engine.journal().violations(), [], "while waiting for: {what}");
        engine.run_until(engine.now() + LOOK);
    }
}

/// Something that a task notes and a test looks at.
#[derive(Clone, Default)]
struct Flag(Arc<AtomicBool>);

impl Flag {
    fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A host that sends back what comes.
async fn echo(host: Host) {
    let mut listener = host.listen(PORT).await.expect("the port is free");
    while let Ok(stream) = listener.accept().await {
        host.spawn("echo", async move {
            let (mut from, mut to) = tokio::io::split(stream);
            // Ends with the stream, however that does.
            let _ = tokio::io::copy(&mut from, &mut to).await;
        })
        .detach();
    }
}

/// Says a byte again and again over one stream, and counts those that have come back.
async fn talk(host: Host, answers: Count) -> io::Result<()> {
    let mut stream = host.connect(&Address::new("server", PORT)).await?;
    loop {
        stream.write_all(b"x").await?;
        stream.read_exact(&mut [0]).await?;
        answers.add();
        host.sleep(millis(2)).await;
    }
}

/// Two hosts that talk from the beginning. Tells how many answers there have been, and whether the stream has failed.
fn talkers(engine: &mut dyn Engine) -> (Count, Flag) {
    let (answers, failed) = (Count::default(), Flag::default());
    engine.host("server", echo);
    let (count, flag) = (answers.clone(), failed.clone());
    engine.host("client", move |host| {
        let (count, flag) = (count.clone(), flag.clone());
        async move {
            // The server may begin a moment later.
            while count.get() == 0 && talk(host.clone(), count.clone()).await.is_err() {
                host.sleep(LOOK).await;
            }
            flag.set();
        }
    });
    (answers, failed)
}

fn cut(ways: Ways) -> Fault {
    Fault::Cut { from: "client".to_owned(), to: "server".to_owned(), ways }
}

/// Plays one case of the suite. Tells what it panicked with, if it did.
fn failure(case: Case) -> Option<String> {
    live(|engine| {
        engine.host("a", |_| std::future::pending());
        engine.host("b", |_| std::future::pending());
        let handle = |name| engine.handle(name).expect("it was added");
        let machines = Machines { a: handle("a"), b: handle("b") };
        let (done, played) = (Flag::default(), (case.run)(machines));
        let is_done = done.clone();
        handle("a")
            .spawn("case", async move {
                played.await;
                done.set();
            })
            .detach();
        while !is_done.is_set() && engine.journal().violations().is_empty() {
            if engine.now() > TOO_LONG {
                return Some("it hangs".to_owned());
            }
            engine.run_until(engine.now() + LOOK);
        }
        engine.journal().violations().first().map(|violation| violation.message.clone())
    })
}

#[test]
fn the_live_engine_conforms() {
    let failures = cases().into_iter().filter_map(|case| Some(format!("{}: {}", case.name, failure(case)?)));
    let failures: Vec<String> = failures.collect();
    assert!(failures.is_empty(), "{} cases failed:\n\n{}", failures.len(), failures.join("\n\n"));
}

/// That nothing comes while a path is shut, and everything goes on afterwards over the same stream.
fn shut_and_open(fault: &Fault) {
    live(|engine| {
        let (answers, failed) = talkers(engine);
        until(engine, "an answer", || answers.get() > 0);
        let shut_at = engine.now() + millis(20);
        engine.plan(shut_at, Some(millis(300)), fault).expect("a live run can do that");
        engine.run_until(shut_at + millis(20));
        let before = answers.get();
        engine.run_until(shut_at + millis(280));
        // What was past the proxy when the path was shut still arrives.
        assert!(answers.get() <= before + 1, "{} answers came over a shut path", answers.get() - before);
        until(engine, "answers once the path is open", || answers.get() > before + 5);
        assert!(!failed.is_set(), "the stream did not outlive the fault");
        let told: Vec<String> = engine.journal().records().into_iter().map(|record| record.event).collect();
        assert_eq!(told.iter().filter(|event| event.starts_with("fault.")).count(), 2, "{told:?}");
    });
}

#[test]
fn a_stream_outlives_a_cut_and_a_hold() {
    shut_and_open(&cut(Ways::Both));
    shut_and_open(&cut(Ways::One));
    shut_and_open(&Fault::Hold { from: "server".to_owned(), to: "client".to_owned(), ways: Ways::One });
}

#[test]
fn whoever_calls_over_a_cut_path_waits() {
    live(|engine| {
        let (answers, _) = talkers(engine);
        engine.plan(Duration::ZERO, Some(millis(300)), &cut(Ways::One)).expect("a live run can do that");
        engine.run_until(millis(280));
        assert_eq!(answers.get(), 0, "a connection was made over a cut path");
        until(engine, "a connection once the path is whole", || answers.get() > 0);
    });
}

#[test]
fn a_reset_breaks_the_streams_that_there_are() {
    live(|engine| {
        let (answers, failed) = talkers(engine);
        until(engine, "an answer", || answers.get() > 0);
        let reset = Fault::Reset { from: "server".to_owned(), to: "client".to_owned() };
        engine.plan(engine.now(), None, &reset).expect("a live run can do that");
        until(engine, "the end of the stream", || failed.is_set());
        let records = engine.journal().records();
        let told = records.iter().find(|record| record.event == "fault.reset").expect("it was told");
        assert_eq!(told.field("streams"), Some("1"));
    });
}

#[test]
fn datagrams_are_lost_on_a_cut_path_and_wait_on_a_held_one() {
    live(|engine| {
        let heard: Arc<Mutex<Vec<u8>>> = Arc::default();
        let ears = heard.clone();
        engine.host("server", move |host| {
            let ears = ears.clone();
            async move {
                let socket = host.bind_datagram(PORT).await.expect("the port is free");
                while let Ok((bytes, _)) = socket.receive().await {
                    ears.lock().expect("nobody panicked").extend(bytes);
                }
            }
        });
        engine.host("client", |_| std::future::pending());
        let hold = Fault::Hold { from: "client".to_owned(), to: "server".to_owned(), ways: Ways::One };
        let say = |engine: &mut dyn Engine, byte: u8| {
            let (host, sent) = (engine.handle("client").expect("it runs"), Flag::default());
            let (asking, is_sent) = (host.clone(), sent.clone());
            host.spawn("say", async move {
                let socket = asking.bind_datagram(0).await.expect("some port is free");
                let to = Address::new("server", PORT);
                socket.send(&[byte], &to).await.expect("a datagram may always be sent");
                sent.set();
            })
            .detach();
            until(engine, "a datagram that is sent", || is_sent.is_set());
        };
        let has_heard = |bytes: &[u8]| *heard.lock().expect("nobody panicked") == bytes;
        let now = engine.now();
        // Long enough for a machine that is busy to say something meanwhile.
        let lasts = Duration::from_secs(1);
        engine.plan(now, Some(lasts), &cut(Ways::Both)).expect("a live run can do that");
        engine.plan(now + lasts * 2, Some(lasts), &hold).expect("a live run can do that");
        engine.run_until(now + LOOK);
        say(engine, 1);
        engine.run_until(now + lasts);
        say(engine, 2);
        until(engine, "what is said over the whole path", || has_heard(&[2]));
        engine.run_until(now + lasts * 2);
        say(engine, 3);
        until(engine, "what was held", || has_heard(&[2, 3]));
    });
}

/// Whether there is a process that runs.
fn runs(pid: &str) -> bool {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
    // Behind the name in brackets: a process that nobody has asked after yet is still listed when it has ended.
    status.is_ok_and(|status| !status.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}

#[test]
fn a_host_that_is_killed_starts_again_where_its_files_are() {
    live(|engine| {
        let pids: Arc<Mutex<Vec<String>>> = Arc::default();
        let told = pids.clone();
        engine.host("server", move |host| {
            let told = told.clone();
            async move {
                host.files("").append("starts", b"x").await.expect("there is room");
                let command = Command::new("sh").argument("-c").argument("echo $$; exec sleep 1000");
                let mut process = host.start(command).await.expect("there is a shell");
                let mut output = process.output.take().expect("a pipe");
                let mut pid = Vec::new();
                while pid.last() != Some(&b'\n') {
                    output.read_buf(&mut pid).await.expect("it tells its number");
                }
                told.lock().expect("nobody panicked").push(String::from_utf8_lossy(&pid).trim().to_owned());
                echo(host.clone()).await;
                drop(process);
            }
        });
        let (answers, ends) = (Count::default(), Count::default());
        let (count, ended) = (answers.clone(), ends.clone());
        engine.host("client", move |host| {
            let (count, ended) = (count.clone(), ended.clone());
            async move {
                loop {
                    let before = count.get();
                    let failed = talk(host.clone(), count.clone()).await.is_err();
                    if failed && count.get() > before {
                        ended.add();
                    }
                    host.sleep(LOOK).await;
                }
            }
        });
        until(engine, "an answer", || answers.get() > 0);
        let old = engine.handle("server").expect("it runs");
        let kill = Fault::Kill { host: "server".to_owned() };
        // Long enough for a machine that is busy to look meanwhile.
        let lasts = Duration::from_secs(3);
        engine.plan(engine.now(), Some(lasts), &kill).expect("a live run can do that");
        until(engine, "the end of the stream", || ends.get() == 1);
        let of = |index: usize| pids.lock().expect("nobody panicked").get(index).cloned();
        let first = of(0).expect("it began");
        until(engine, "the end of the process", || !runs(&first));
        assert!(engine.handle("server").is_err(), "a dead host has a handle");
        let before = answers.get();
        until(engine, "answers of the next life", || answers.get() > before);
        let second = of(1).expect("it began again");
        assert!(runs(&second));
        let folder = engine.folder().expect("a live run has one").to_owned();
        let starts = std::fs::read(folder.join("machines/server/starts")).expect("it is a real file");
        assert_eq!(starts, b"xx");
        // What was asked of the life that is over pends for ever.
        let late = Flag::default();
        let flag = late.clone();
        let client = engine.handle("client").expect("it runs");
        client
            .spawn("late", async move {
                old.sleep(Duration::ZERO).await;
                flag.set();
            })
            .detach();
        engine.run_until(engine.now() + millis(20));
        assert!(!late.is_set());
        let told: Vec<String> = engine.journal().records().into_iter().map(|record| record.event).collect();
        assert_eq!(told, ["host.started", "host.started", "host.killed", "host.started"]);
    });
}

#[test]
fn nothing_of_a_run_is_left_over() {
    let (folder, pid) = live(|engine| {
        let pid: Arc<Mutex<String>> = Arc::default();
        let told = pid.clone();
        engine.host("server", move |host| {
            let told = told.clone();
            async move {
                let command = Command::new("sh").argument("-c").argument("echo $$; exec sleep 1000");
                let mut process = host.start(command).await.expect("there is a shell");
                let mut output = process.output.take().expect("a pipe");
                let mut bytes = Vec::new();
                while bytes.last() != Some(&b'\n') {
                    output.read_buf(&mut bytes).await.expect("it tells its number");
                }
                *told.lock().expect("nobody panicked") = String::from_utf8_lossy(&bytes).trim().to_owned();
                process.wait().await.expect("it is ours");
            }
        });
        until(engine, "a process", || !pid.lock().expect("nobody panicked").is_empty());
        let pid = pid.lock().expect("nobody panicked").clone();
        (engine.folder().expect("a live run has one").to_owned(), pid)
    });
    assert!(!folder.exists(), "{}", folder.display());
    // It was killed, which takes effect in its own time.
    let begin = Instant::now();
    while runs(&pid) {
        assert!(begin.elapsed() < TOO_LONG, "process {pid} outlived its run");
        std::thread::sleep(LOOK);
    }
}

#[test]
fn a_machine_is_made_and_deleted() {
    live(|engine| {
        let (answers, failed) = (Count::default(), Flag::default());
        engine.machine("server", echo);
        let (count, flag) = (answers.clone(), failed.clone());
        let power: Arc<Mutex<Option<Power>>> = Arc::default();
        let cloud = power.clone();
        engine.host("client", move |host| {
            let (count, flag, cloud) = (count.clone(), flag.clone(), cloud.clone());
            async move {
                let talking = host.spawn("talk", {
                    let host = host.clone();
                    async move {
                        while count.get() == 0 && talk(host.clone(), count.clone()).await.is_err() {
                            host.sleep(LOOK).await;
                        }
                        flag.set();
                    }
                });
                host.sleep(millis(50)).await;
                let power = cloud.lock().expect("nobody panicked").clone().expect("it was given");
                power.on();
                talking.await;
            }
        });
        let server = engine.power("server").expect("it was added");
        assert!(!server.exists());
        *power.lock().expect("nobody panicked") = Some(server.clone());
        assert!(engine.handle("server").is_err(), "a machine that was not made has a handle");
        until(engine, "an answer of a machine that was made", || answers.get() > 0);
        assert!(server.exists());
        server.off();
        until(engine, "the end of the machine", || !server.exists());
        // Nobody is told: who was connected hears nothing more, and no end either.
        let heard = answers.get();
        engine.run_until(engine.now() + millis(100));
        assert!(answers.get() <= heard + 1 && !failed.is_set());
        let told: Vec<String> = engine.journal().records().into_iter().map(|record| record.event).collect();
        assert_eq!(told, ["host.started", "host.started", "host.removed"]);
    });
}

#[test]
fn a_wall_clock_is_set_and_set_right_again() {
    live(|engine| {
        engine.host("server", |_| std::future::pending());
        let host = engine.handle("server").expect("it runs");
        let ahead = |host: &Host| host.wall().duration_since(jiff::Timestamp::now()).as_secs();
        let step = Fault::StepClock { host: "server".to_owned(), micros: 600_500_000 };
        engine.plan(Duration::ZERO, Some(Duration::from_secs(1)), &step).expect("a live run can do that");
        engine.run_until(Duration::ZERO);
        assert_eq!(ahead(&host), 600);
        until(engine, "the right time", || ahead(&host) == 0);
    });
}

#[test]
fn programs_that_are_installed_run_here_and_others_for_themselves() {
    live(|engine| {
        engine.host("server", |_| std::future::pending());
        engine
            .program("server", "ours", |mut running: groundhog_sim::Running| async move {
                running.output.write_all(b"ours").await.map_or(1, |()| 7)
            })
            .expect("it was added");
        let host = engine.handle("server").expect("it runs");
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let (asking, notes) = (host.clone(), said.clone());
        host.spawn("test", async move {
            for command in [Command::new("ours"), Command::new("echo").argument("theirs"), Command::new("nobodys")] {
                let note = match asking.start(command).await {
                    Ok(mut process) => {
                        let mut text = String::new();
                        process.output.take().expect("a pipe").read_to_string(&mut text).await.expect("it is text");
                        format!("{} {}", text.trim(), process.wait().await.expect("it is ours"))
                    }
                    Err(error) => error.kind().to_string(),
                };
                notes.lock().expect("nobody panicked").push(note);
            }
        })
        .detach();
        until(engine, "three outcomes", || said.lock().expect("nobody panicked").len() == 3);
        let said = said.lock().expect("nobody panicked").clone();
        assert_eq!(said, ["ours exit status 7", "theirs exit status 0", "entity not found"]);
    });
}

#[test]
fn a_panic_is_told_and_hurts_nobody_else() {
    live(|engine| {
        let (answers, _) = talkers(engine);
        let host = engine.handle("server").expect("it runs");
        host.spawn("clumsy", async { panic!("on purpose") }).detach();
        while engine.journal().violations().is_empty() {
            assert!(engine.now() < TOO_LONG, "nobody was told");
            engine.run_until(engine.now() + LOOK);
        }
        let violations = engine.journal().violations();
        assert_eq!(violations[0].rule, "task-panicked");
        assert!(violations[0].message.contains("on purpose"), "{}", violations[0].message);
        while answers.get() == 0 {
            assert!(engine.now() < TOO_LONG, "the others do not go on");
            engine.run_until(engine.now() + LOOK);
        }
    });
}

#[test]
fn names_that_nobody_has_are_not_found() {
    live(|engine| {
        engine.host("client", |_| std::future::pending());
        let host = engine.handle("client").expect("it runs");
        let told: Arc<Mutex<Vec<io::ErrorKind>>> = Arc::default();
        let (asking, notes) = (host.clone(), told.clone());
        host.spawn("test", async move {
            for name in ["nobody", "127.0.0.1", "localhost"] {
                let error =
                    asking.connect(&Address::new(name, PORT)).await.map(|stream: Stream| stream.peer().to_owned());
                notes.lock().expect("nobody panicked").push(error.expect_err("nobody listens").kind());
            }
        })
        .detach();
        until(engine, "three errors", || told.lock().expect("nobody panicked").len() == 3);
        let told = told.lock().expect("nobody panicked").clone();
        let expected = [io::ErrorKind::NotFound, io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused];
        assert_eq!(told, expected);
        let unknown = engine.handle("nobody").expect_err("there is none");
        assert_eq!(unknown.0, "nobody");
        let fault = Fault::Kill { host: "nobody".to_owned() };
        let error = engine.plan(Duration::ZERO, None, &fault).expect_err("there is none");
        assert!(error.to_string().contains("\"nobody\""), "{error}");
    });
}

#[test]
fn what_a_real_machine_is_not_made_to_do_is_refused_in_a_sentence() {
    let (from, to, host) = ("server".to_owned(), "client".to_owned(), "server".to_owned());
    let (path, of) = ((from.clone(), to.clone()), host.clone());
    let cases = [
        (Fault::Slow { from: from.clone(), to: to.clone(), factor: 2.0 }, "slow"),
        (Fault::Lossy { from, to, probability: 0.5 }, "lose packets"),
        (Fault::PowerLoss { host: host.clone() }, "take the power"),
        (Fault::Suspend { host: host.clone(), clock: SuspendedClock::Runs }, "suspend server"),
        (Fault::Drift { host, ppm: 100 }, "drift"),
    ];
    live(|engine| {
        talkers(engine);
        for (fault, what) in cases {
            let error = engine.plan(Duration::ZERO, None, &fault).expect_err(what).to_string();
            let parts = ["the live engine can't", what, "because", "use `cut`", "another engine"];
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
        let error = engine.link(&path.0, &path.1, &LinkConfig::default()).expect_err("it has a latency").to_string();
        assert!(error.contains("from server to client") && error.contains("leave the link out"), "{error}");
        engine.ready().expect("the usual network will do");
        engine.plan(Duration::ZERO, None, &Fault::Kill { host: of }).expect("a live run can do that");
    });
    let networks = [
        (LinkConfig { loss: 0.1, ..LinkConfig::default() }, "lose or double"),
        (LinkConfig { bandwidth: Some(1_000), ..LinkConfig::default() }, "narrow"),
    ];
    for (network, what) in networks {
        let ready = play(Kind::Live, Config { network, ..Config::new(1) }, |engine| engine.ready());
        let error = ready.expect("this machine has room for a run").expect_err(what).to_string();
        assert!(error.contains(what), "{error}");
    }
}
