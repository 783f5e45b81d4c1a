//! How hosts start and end on turmoil.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use groundhog_host::Host;
use groundhog_sim::Fault;

use super::{Notes, exact, millis, played, seconds, time, world_log};

fn kill(host: &str) -> Fault {
    Fault::Kill { host: host.into() }
}

fn power_loss(host: &str) -> Fault {
    Fault::PowerLoss { host: host.into() }
}

#[test]
fn hosts_start_at_their_time_and_again_after_a_fault() {
    let log = played(exact(), |engine| {
        engine.host("early", |_| async {});
        engine.host_at(millis(1_234), "late", |_| std::future::pending());
        engine.plan(seconds(2), Some(seconds(1)), &kill("late")).expect("turmoil can");
        engine.plan(seconds(4), Some(seconds(2)), &power_loss("late")).expect("turmoil can");
        engine.plan(seconds(5), Some(seconds(2)), &kill("late")).expect("turmoil can");
        engine.run_until(seconds(9));
        world_log(engine)
    });
    let expected = [
        "0.00 host.started early",
        "1.24 host.started late",
        "2.00 host.killed late",
        "3.00 host.started late",
        "4.00 host.power_lost late",
        "7.00 host.started late",
    ];
    assert_eq!(log, expected);
}

#[test]
fn machines_are_made_and_deleted_by_their_power() {
    let (log, there) = played(exact(), |engine| {
        engine.machine("vm", |_| std::future::pending());
        let power = engine.power("vm").expect("just added");
        let there = Notes::default();
        let noted = there.clone();
        engine.host("cloud", move |host| {
            let (power, notes) = (power.clone(), noted.clone());
            async move {
                for (at, on) in [(1, true), (2, true), (3, false), (4, false), (5, true), (10, true)] {
                    host.sleep_until(groundhog_host::Instant::from_micros(at * 1_000_000)).await;
                    notes.add(format!("{} {}", time(&host), power.exists()));
                    if on { power.on() } else { power.off() }
                }
            }
        });
        // Deleted while a fault keeps it down, and made before that fault ends.
        engine.plan(seconds(6), Some(seconds(2)), &kill("vm")).expect("turmoil can");
        engine.run_until(seconds(7));
        engine.power("vm").expect("it is there").off();
        engine.run_until(seconds(12));
        (world_log(engine), there.all())
    });
    let expected = [
        "0.00 host.started cloud",
        "1.01 host.started vm",
        "3.01 host.removed vm",
        "5.01 host.started vm",
        "6.00 host.killed vm",
        "7.01 host.removed vm",
        "10.01 host.started vm",
    ];
    assert_eq!(log, expected);
    assert_eq!(there, ["1.00 false", "2.00 true", "3.00 true", "4.00 false", "5.00 false", "10.00 false"]);
}

/// Says when it is dropped.
struct Last(Notes, &'static str);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}

#[test]
fn nothing_of_a_killed_start_runs_on() {
    let notes = played(exact(), |engine| {
        let notes = Notes::default();
        let noted = notes.clone();
        engine.host("host", move |host| {
            let notes = noted.clone();
            async move {
                let (ticker, last) = (host.clone(), Last(notes.clone(), "dropped"));
                let ticks = notes.clone();
                let every_second = async move {
                    let _last = last;
                    loop {
                        ticker.sleep(seconds(1)).await;
                        ticks.add(time(&ticker));
                    }
                };
                host.spawn("ticks", every_second).detach();
                notes.add(format!("boot {}", host.random("id").next_u32()));
            }
        });
        engine.plan(millis(2_500), Some(seconds(1)), &kill("host")).expect("turmoil can");
        engine.run_until(seconds(5));
        let old = engine.handle("host").expect("it is there");
        engine.plan(seconds(5), None, &kill("host")).expect("turmoil can");
        engine.run_until(seconds(6));
        let smuggled = notes.clone();
        old.spawn("smuggled", async move { smuggled.add("smuggled") }).detach();
        engine.run_until(seconds(7));
        notes.all()
    });
    let boots: Vec<_> = notes.iter().filter(|note| note.starts_with("boot")).collect();
    assert!(boots.len() == 2 && boots[0] != boots[1], "each start draws its own ids: {boots:?}");
    let others: Vec<_> = notes.iter().filter(|note| !note.starts_with("boot")).collect();
    assert_eq!(others, ["1.00", "2.00", "dropped", "4.50", "dropped"]);
}

#[test]
fn files_outlive_a_kill_and_what_was_synced_a_loss_of_power() {
    async fn boot(host: Host, starts: Arc<AtomicU32>, notes: Notes) {
        let files = host.files("data");
        let read = |name: &'static str| {
            let files = files.clone();
            async move {
                files.read(name).await.map_or("-".to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
            }
        };
        notes.add(format!("{} {}", read("synced").await, read("written").await));
        let start = starts.fetch_add(1, Ordering::Relaxed).to_string();
        files.write("written", start.clone()).await.expect("there is room");
        if start == "0" {
            files.write("synced", start).await.expect("there is room");
            files.sync("synced").await.expect("it is there");
            files.sync("").await.expect("it is there");
        }
    }
    let notes = played(exact(), |engine| {
        let (notes, starts) = (Notes::default(), Arc::<AtomicU32>::default());
        let noted = notes.clone();
        engine.host("host", move |host| boot(host, starts.clone(), noted.clone()));
        engine.plan(seconds(1), Some(seconds(1)), &kill("host")).expect("turmoil can");
        engine.plan(seconds(3), Some(seconds(1)), &power_loss("host")).expect("turmoil can");
        engine.run_until(seconds(5));
        notes.all()
    });
    // The name of the file that was only written was synced with its folder, its content was not.
    assert_eq!(notes, ["- -", "0 0", "0 "]);
}

#[test]
fn a_task_that_panics_and_one_that_never_rests_are_findings() {
    let rules = |boot: fn(Host) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
        groundhog_engines::turmoil::simulate(exact(), |engine| {
            engine.host("host", boot);
            engine.run_until(seconds(1));
            (engine.now(), engine.journal().violations().into_iter().map(|one| one.rule).collect::<Vec<_>>())
        })
    };
    let (now, panicked) = rules(|_| Box::pin(async { panic!("on purpose") }));
    assert_eq!((now, panicked), (millis(1_010), vec!["task-panicked".to_owned()]));
    let (now, livelocked) = rules(|_| {
        Box::pin(std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        }))
    });
    assert_eq!((now, livelocked), (millis(10), vec!["livelock".to_owned()]), "time does not go on after a livelock");
}
