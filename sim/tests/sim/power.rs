//! Machines that are made and deleted while the world runs.

use std::time::Duration;

use groundhog_host::Host;
use groundhog_sim::{Config, Fault, SuspendedClock, World, simulate};
use tokio::io::AsyncReadExt;

use super::{Notes, connect, echo, exact, exchange, seconds};

/// A world in which `cloud` decides about the machine `agent`, which counts its boots on its disk and ticks.
fn cloud(faults: &[(u64, u64, Fault)], turns: &'static [(u64, bool)]) -> Vec<String> {
    simulate(Config::new(1), |world| {
        let notes = Notes::default();
        let noted = notes.clone();
        world.machine("agent", move |host| {
            let notes = noted.clone();
            async move {
                let files = host.files("/data");
                let boots = files.read("boots").await.unwrap_or_default().len();
                files.append("boots", b"x").await.expect("the disk has room");
                files.sync("boots").await.expect("it exists");
                files.sync("").await.expect("it exists");
                files.append("boots", b"lost with the power").await.expect("the disk has room");
                notes.add(format!("boot {boots}"));
                std::future::pending::<()>().await;
            }
        });
        let power = world.power("agent").expect("it exists");
        world.host("cloud", move |host| turn(host, turns, power.clone()));
        for (at, lasts, fault) in faults {
            world.plan(seconds(*at), Some(seconds(*lasts)), fault).expect("both hosts exist");
        }
        world.run_for(seconds(60));
        assert_eq!(world.violations(), []);
        let told = |world: &World| {
            let of_agent = |record: &groundhog_sim::Record| record.field("host") == Some("agent");
            let records = world.records().into_iter().filter(of_agent);
            records.map(|record| format!("{} {}", record.at.as_secs(), record.event)).collect::<Vec<_>>()
        };
        let mut all = told(world);
        all.push(notes.all().join(", "));
        all
    })
}

/// Turns the machine on and off at those seconds.
async fn turn(host: Host, turns: &'static [(u64, bool)], power: groundhog_sim::Power) {
    for (at, on) in turns {
        host.sleep_until(groundhog_host::Instant::from_micros(at * 1_000_000)).await;
        if *on { power.on() } else { power.off() }
    }
}

fn kill() -> Fault {
    Fault::Kill { host: "agent".into() }
}

#[test]
fn a_machine_is_made_and_deleted_and_made_again_with_its_disk() {
    let story = cloud(&[], &[(5, true), (10, false), (20, true)]);
    assert_eq!(story, ["5 host.started", "10 host.removed", "20 host.started", "boot 0, boot 1"]);
}

#[test]
fn what_is_asked_for_twice_or_in_one_instant_happens_in_order() {
    let story = cloud(&[], &[(5, true), (6, true), (7, false), (7, false), (7, true), (9, true), (9, false)]);
    let expected = ["5 host.started", "7 host.removed", "7 host.started", "9 host.removed", "boot 0, boot 1"];
    assert_eq!(story, expected);
}

#[test]
fn a_machine_that_was_never_made_is_started_by_nothing() {
    let power_loss = Fault::PowerLoss { host: "agent".into() };
    let suspend = Fault::Suspend { host: "agent".into(), clock: SuspendedClock::Runs };
    assert_eq!(cloud(&[(1, 5, kill()), (10, 5, power_loss), (20, 5, suspend)], &[]), [""]);
}

#[test]
fn the_end_of_a_fault_does_not_bring_a_deleted_machine_back() {
    let power_loss = Fault::PowerLoss { host: "agent".into() };
    for (fault, event) in [(kill(), "5 host.killed"), (power_loss, "5 host.power_lost")] {
        let story = cloud(&[(5, 10, fault)], &[(1, true), (8, false)]);
        assert_eq!(story, ["1 host.started", event, "8 host.removed", "boot 0"]);
    }
}

#[test]
fn a_machine_that_is_made_during_a_fault_starts_when_the_fault_ends() {
    for fault in [kill(), Fault::PowerLoss { host: "agent".into() }] {
        let story = cloud(&[(5, 10, fault.clone()), (7, 20, fault)], &[(6, true)]);
        assert_eq!(story, ["27 host.started", "boot 0"]);
    }
}

#[test]
fn a_suspended_machine_can_be_deleted_and_made_again() {
    let suspend = Fault::Suspend { host: "agent".into(), clock: SuspendedClock::Stops };
    let story = cloud(&[(5, 10, suspend)], &[(1, true), (8, false), (9, true)]);
    let expected = ["1 host.started", "5 host.suspended", "8 host.removed", "9 host.started", "boot 0, boot 1"];
    assert_eq!(story, expected);
}

#[test]
fn a_deleted_machine_sends_nothing_and_runs_nothing() {
    simulate(exact(1), |world| {
        let notes = Notes::default();
        let noted = notes.clone();
        world.machine("server", echo);
        let power = world.power("server").expect("it exists");
        assert!(!power.exists());
        power.on();
        let asking = power.clone();
        world.host("client", move |host| {
            let (notes, power) = (noted.clone(), asking.clone());
            async move {
                let mut stream = connect(&host, "server").await.expect("the server was made in this instant");
                exchange(&mut stream).await.expect("the server answers");
                power.off();
                let silent = host.timeout(Duration::from_secs(60), stream.read(&mut [0; 1])).await;
                notes.add(format!("{}", silent.is_err()));
                let opening = connect(&host, "server");
                notes.add(format!("{}", host.timeout(Duration::from_secs(60), opening).await.is_err()));
            }
        });
        world.run_for(seconds(300));
        assert_eq!(notes.all(), ["true", "true"]);
        assert!(!power.exists());
    });
}

#[test]
fn a_machine_may_delete_itself() {
    simulate(Config::new(1), |world| {
        let notes = Notes::default();
        let noted = notes.clone();
        world.host("agent", |_| std::future::pending());
        let power = world.power("agent").expect("it exists");
        let host = world.handle("agent").expect("it exists");
        host.clone()
            .spawn("last breath", async move {
                power.off();
                noted.add("asked");
                host.sleep(Duration::ZERO).await;
                host.sleep(Duration::from_micros(1)).await;
                noted.add("ran on");
            })
            .detach();
        world.run_for(seconds(1));
        assert_eq!(notes.all(), ["asked"]);
        assert_eq!(world.violations(), []);
    });
}
