//! What faults do on turmoil.

use std::time::Duration;

use groundhog_host::Host;
use groundhog_sim::{Engine, Fault, LinkConfig, SuspendedClock, Ways};
use tokio::io::AsyncReadExt;

use super::{Notes, connect, cut, echo, exact, exchange, millis, played, seconds, time};

/// Asks an echo server once a second and notes when each answer came, in seconds.
async fn ask(host: Host, notes: Notes) {
    let outcome = async {
        let mut stream = connect(&host, "server").await?;
        loop {
            host.sleep(seconds(1)).await;
            exchange(&mut stream).await?;
            notes.add(time(&host));
        }
    };
    let outcome: std::io::Result<()> = outcome.await;
    notes.add(format!("{:?} at {}", outcome.map_err(|error| error.kind()), time(&host)));
}

/// What the client notes until `end` with `faults`.
fn asking(end: Duration, faults: impl FnOnce(&mut dyn Engine) + Send) -> Vec<String> {
    played(exact(), |engine| {
        let notes = Notes::default();
        let noted = notes.clone();
        engine.host("server", echo);
        engine.host("client", move |host| ask(host, noted.clone()));
        faults(engine);
        engine.run_until(end);
        notes.all()
    })
}

/// As [`asking`], with one fault.
fn asking_with(end: u64, at: Duration, lasts: Option<Duration>, fault: Fault) -> Vec<String> {
    asking(seconds(end), |engine| engine.plan(at, lasts, &fault).expect("turmoil can"))
}

fn hold() -> Fault {
    Fault::Hold { from: "client".into(), to: "server".into(), ways: Ways::Both }
}

#[test]
fn a_healthy_round_trip_takes_two_ticks() {
    assert_eq!(asking(seconds(3), |_| {}), ["1.03", "2.05"]);
}

#[test]
fn a_cut_stream_hangs_and_goes_on_once_it_heals() {
    for fault in [cut("server", "client", Ways::Both), hold()] {
        assert_eq!(asking_with(9, millis(1_500), Some(seconds(5)), fault)[..2], ["1.03", "6.51"]);
    }
    assert_eq!(asking_with(9, millis(1_500), None, hold()), ["1.03"]);
}

#[test]
fn overlapping_cuts_heal_with_the_last() {
    let notes = asking(seconds(30), |engine| {
        let fault = cut("client", "server", Ways::Both);
        engine.plan(millis(1_500), Some(seconds(10)), &fault).expect("turmoil can");
        engine.plan(seconds(5), Some(seconds(20)), &fault).expect("turmoil can");
    });
    assert_eq!(notes[..2], ["1.03", "25.01"]);
}

#[test]
fn a_slow_path_delays_and_recovers() {
    let slow = Fault::Slow { from: "client".into(), to: "server".into(), factor: 10.0 };
    assert_eq!(asking_with(6, millis(1_500), Some(seconds(2)), slow), ["1.03", "2.23", "3.43", "4.45", "5.47"]);
}

#[test]
fn a_link_behaves_as_it_was_told() {
    let slow = LinkConfig { latency_min: millis(50), latency_max: millis(50), ..LinkConfig::default() };
    let notes = asking(seconds(3), |engine| {
        for (from, to) in [("server", "client"), ("client", "server")] {
            engine.link(from, to, &slow).expect("turmoil can");
        }
        engine.ready().expect("both ways were given the same");
    });
    assert_eq!(notes, ["1.15", "2.25"]);
}

#[test]
fn a_reset_breaks_both_ends() {
    let reset = Fault::Reset { from: "server".into(), to: "client".into() };
    assert_eq!(asking_with(6, millis(1_500), None, reset), ["1.03", "Err(ConnectionReset) at 2.03"]);
}

#[test]
fn a_reset_wakes_who_waits() {
    let notes = played(exact(), |engine| {
        let notes = Notes::default();
        for (name, to) in [("one", "two"), ("two", "one")] {
            let notes = notes.clone();
            engine.host(name, move |host| {
                let notes = notes.clone();
                async move {
                    let mut stream = match name {
                        "one" => host.listen(7).await.expect("free").accept().await.expect("called"),
                        _ => connect(&host, to).await.expect("it listens"),
                    };
                    let read = stream.read_u8().await.map_err(|error| error.kind());
                    notes.add(format!("{name} {read:?} at {}", time(&host)));
                }
            });
        }
        let reset = Fault::Reset { from: "one".into(), to: "two".into() };
        engine.plan(seconds(2), None, &reset).expect("turmoil can");
        engine.run_until(seconds(3));
        let told = engine.journal().records().into_iter().find(|record| record.event == "fault.reset");
        assert_eq!(told.expect("it was told").field("streams"), Some("1"));
        notes.all()
    });
    assert_eq!(notes, ["one Err(ConnectionReset) at 2.00", "two Err(ConnectionReset) at 2.00"]);
}

#[test]
fn a_killed_hosts_streams_are_reset() {
    let kill = Fault::Kill { host: "server".into() };
    assert_eq!(asking_with(6, millis(1_500), Some(seconds(2)), kill)[1..], ["Err(ConnectionReset) at 2.03"]);
    // Who only waits hears of it too, and it is no end in good order.
    let notes = played(exact(), |engine| {
        let notes = Notes::default();
        let noted = notes.clone();
        engine.host("server", echo);
        engine.host("client", move |host| {
            let notes = noted.clone();
            async move {
                let mut stream = connect(&host, "server").await.expect("it listens");
                let read = stream.read_u8().await.map_err(|error| error.kind());
                notes.add(format!("{read:?} at {}", time(&host)));
            }
        });
        engine.plan(seconds(2), None, &Fault::Kill { host: "server".into() }).expect("turmoil can");
        engine.run_until(seconds(3));
        notes.all()
    });
    assert_eq!(notes, ["Err(ConnectionReset) at 2.01"]);
}

#[test]
fn a_host_without_power_says_nothing_until_it_is_back() {
    let power = || Fault::PowerLoss { host: "server".into() };
    assert_eq!(asking_with(60, millis(1_500), None, power()), ["1.03"]);
    let notes = asking(seconds(30), |engine| {
        engine.plan(millis(2_500), Some(seconds(5)), &power()).expect("turmoil can");
    });
    assert_eq!(notes, ["1.03", "2.05"], "what was lost is not sent again, as turmoil has it");
}

#[test]
fn a_suspended_host_goes_on_where_it_stopped() {
    for (clock, noted) in [(SuspendedClock::Runs, ["1.03", "11.01"]), (SuspendedClock::Stops, ["1.03", "2.05"])] {
        let suspend = Fault::Suspend { host: "client".into(), clock };
        assert_eq!(asking_with(20, millis(1_500), Some(millis(9_490)), suspend)[..2], noted, "{clock:?}");
    }
    let suspend = Fault::Suspend { host: "server".into(), clock: SuspendedClock::Runs };
    assert_eq!(asking_with(12, millis(1_500), Some(millis(9_500)), suspend)[..2], ["1.03", "11.01"]);
}

/// How a connection attempt at once ends, and when, in seconds.
fn opening(to: &'static str, at: Option<(Fault, Option<Duration>)>) -> String {
    played(exact(), |engine| {
        let notes = Notes::default();
        let noted = notes.clone();
        engine.host("server", |_| std::future::pending());
        engine.host_at(seconds(1), "client", move |host| {
            let notes = noted.clone();
            async move {
                let outcome = connect(&host, to).await.map(drop).map_err(|error| error.kind());
                notes.add(format!("{outcome:?} at {}", time(&host)));
            }
        });
        engine.machine("unmade", |_| std::future::pending());
        engine.host_at(seconds(500), "later", |_| std::future::pending());
        if let Some((fault, lasts)) = at {
            engine.plan(millis(500), lasts, &fault).expect("turmoil can");
        }
        engine.run_until(seconds(130));
        notes.all().concat()
    })
}

#[test]
fn connecting_is_refused_hangs_or_times_out() {
    let refused = "Err(ConnectionRefused) at 1.01";
    assert_eq!(opening("server", None), refused);
    assert_eq!(opening("nobody", None), "Err(NotFound) at 1.00");
    let later = "Err(ConnectionRefused) at 1.02";
    assert_eq!(opening("later", None), later, "its machine is there, only its software is not");
    assert_eq!(opening("server", Some((Fault::Kill { host: "server".into() }, None))), refused);
    let silent = "Err(TimedOut) at 128.00";
    assert_eq!(opening("unmade", None), silent);
    assert_eq!(opening("server", Some((Fault::PowerLoss { host: "server".into() }, None))), silent);
    let cut = || cut("client", "server", Ways::Both);
    assert_eq!(opening("server", Some((cut(), None))), silent);
    assert_eq!(opening("server", Some((cut(), Some(seconds(5))))), "Err(ConnectionRefused) at 5.50");
    let power = Fault::PowerLoss { host: "server".into() };
    let again = "Err(ConnectionRefused) at 8.01";
    assert_eq!(opening("server", Some((power, Some(seconds(5))))), again, "asked again after 1, 2 and 4 s");
}
