//! What time it is on turmoil.

use groundhog_sim::{Config, Fault};

use super::{Notes, exact, played, seconds};

#[test]
fn wall_clocks_begin_at_the_epoch_and_can_be_set() {
    let notes = played(Config { epoch: "2031-05-06T07:08:09Z".parse().expect("a time"), ..exact() }, |engine| {
        let notes = Notes::default();
        let noted = notes.clone();
        engine.host("host", move |host| {
            let notes = noted.clone();
            async move {
                for _ in 0..3 {
                    notes.add(host.wall().to_string());
                    host.sleep(seconds(10)).await;
                }
            }
        });
        let step = Fault::StepClock { host: "host".into(), micros: -3_600_000_000 };
        engine.plan(seconds(5), Some(seconds(10)), &step).expect("turmoil can");
        engine.run_until(seconds(60));
        notes.all()
    });
    assert_eq!(notes, ["2031-05-06T07:08:09Z", "2031-05-06T06:08:19Z", "2031-05-06T07:08:29Z"]);
}

#[test]
fn timers_are_exact_to_the_millisecond_and_the_log_to_the_tick() {
    groundhog_host::events! {
        /// What the test says.
        EVENTS;

        /// A timer has gone off.
        log rang = "test.rang" {
            /// When, by the host's clock, in microseconds.
            at: u64,
        }
    }
    assert_eq!(EVENTS.len(), 1);
    let rang = played(exact(), |engine| {
        engine.host("host", |host| async move {
            for micros in [1, 1_000, 2_500, 123_456] {
                host.sleep(std::time::Duration::from_micros(micros)).await;
                rang(host.now().as_micros());
            }
        });
        engine.run_until(seconds(1));
        let records = engine.journal().records().into_iter().filter(|record| record.event == "test.rang");
        let told = |record: groundhog_sim::Record| {
            format!("{} {}", record.at.as_micros(), record.field("at").unwrap_or_default())
        };
        records.map(told).collect::<Vec<_>>()
    });
    assert_eq!(rang, ["0 1000", "0 2000", "0 5000", "120000 129000"]);
}
