//! What gets into the log, in what form, and what makes a run fail by itself.

use groundhog_sim::{Config, LinkConfig, Loudness, Violation, json, simulate, text};

use super::{connect, echo, exchange, seconds};

groundhog_host::events! {
    /// What the test's host says.
    EVENTS;

    /// Something worth a line.
    log happened = "thing.happened" {
        /// Which thing.
        thing: groundhog_host::event::Id,
        /// A remark.
        remark: &str,
    }

    /// Something that nobody else tells.
    log met_elsewhere = "thing.met_elsewhere" {
        /// A number.
        number: u64,
    }

    /// Something that only observers see.
    quiet whispered = "thing.whispered" {
        /// A number.
        number: u64,
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "what is shown is that other threads do no harm")]
fn an_event_that_another_thread_met_first_is_recorded() {
    fn tell() {
        met_elsewhere(1);
    }
    simulate(Config::new(1), |world| {
        // On this thread nobody listens.
        std::thread::spawn(tell).join().expect("it only tells");
        world.host("a", |_| async { tell() });
        world.run_for(seconds(1));
        assert!(world.records().iter().any(|record| record.event == "thing.met_elsewhere"));
    });
}

#[test]
fn domain_events_become_records_with_readable_ids() {
    simulate(Config::new(1), |world| {
        world.host("a", |host| async move {
            host.sleep(seconds(90)).await;
            let thing = groundhog_host::event::Id { kind: "thing", uuid: host.new_id("thing") };
            happened(thing, "first time");
            whispered(7);
            tracing::info!("no domain event: not in the log");
        });
        world.run_for(seconds(100));
        let records = world.records();
        let lines: Vec<_> = records.iter().map(text::line).collect();
        assert_eq!(
            lines,
            [
                "+00:00:00.000  -          host.started             host=a",
                "+00:01:30.000  a          thing.happened           thing#1 remark=\"first time\"",
                "+00:01:30.000  a          thing.whispered          number=7",
            ]
        );
        assert_eq!(records[2].loudness, Loudness::Quiet);
        let parsed: serde_json::Value = serde_json::from_str(&json::line(&records[1])).expect("a line of JSON");
        assert_eq!(
            parsed,
            serde_json::json!({
                "ordinal": 1,
                "at_us": 90_000_000,
                "host": "a",
                "level": "log",
                "event": "thing.happened",
                "fields": { "thing": "thing#1", "remark": "first time" },
            })
        );
    });
}

/// The digests of a run in which a host says `remark` and whispers `number`.
fn digests(remark: &'static str, number: u64) -> (String, String) {
    simulate(Config::new(1), |world| {
        world.host("a", move |host| async move {
            happened(groundhog_host::event::Id { kind: "thing", uuid: host.new_id("thing") }, remark);
            whispered(number);
        });
        world.run_for(seconds(1));
        (world.log_digest().to_string(), world.trace_digest().to_string())
    })
}

#[test]
fn quiet_records_are_in_the_traces_digest_and_not_in_the_logs() {
    let base = digests("x", 1);
    let whispers = digests("x", 2);
    let says = digests("y", 1);
    assert_eq!(base.0, whispers.0);
    assert_ne!(base.1, whispers.1);
    assert_ne!(base.0, says.0);
}

/// The rules that a run breaks in which a host reports an error.
fn error_rules(allowed: Option<&'static str>) -> Vec<String> {
    simulate(Config::new(1), |world| {
        if let Some(part) = allowed {
            world.expect_error(part);
        }
        world.host("a", |_| async { tracing::error!(disk = 3, "disk on fire") });
        world.run_for(seconds(1));
        let error = world.records().into_iter().find(|record| record.event == "error").expect("errors are records");
        assert_eq!(error.field("message"), Some("disk on fire"));
        assert_eq!(error.field("disk"), Some("3"));
        world.violations().into_iter().map(|violation| violation.rule).collect()
    })
}

#[test]
fn an_error_that_nobody_expects_fails_the_run() {
    assert_eq!(error_rules(None), ["error-event"]);
    assert_eq!(error_rules(Some("flood")), ["error-event"]);
    assert_eq!(error_rules(Some("on fire")), [""; 0]);
}

#[test]
fn an_observer_sees_every_record_and_can_fail_the_run() {
    simulate(Config::new(1), |world| {
        world.observe(|record| {
            let number = record.field("number")?;
            let (rule, message) = ("no-sevens".to_owned(), format!("said {number}"));
            (number == "7").then_some(Violation { rule, message, at: record.at, record: Some(record.ordinal) })
        });
        world.host("a", |_| async {
            for number in 5..9 {
                whispered(number);
            }
        });
        world.run_for(seconds(1));
        let messages: Vec<_> = world.violations().into_iter().map(|violation| violation.message).collect();
        assert_eq!(messages, ["said 7"]);
    });
}

#[test]
fn tasks_that_wake_each_other_without_end_are_a_livelock() {
    simulate(Config::new(1), |world| {
        world.host("a", |_| {
            std::future::poll_fn(|context| {
                context.waker().wake_by_ref();
                std::task::Poll::Pending
            })
        });
        world.run_for(seconds(1));
        assert_eq!(world.violations()[0].rule, "livelock");
        let stood_still_at = world.now();
        world.run_for(seconds(10));
        assert_eq!((world.now(), world.violations().len()), (stood_still_at, 1), "time does not go on");
    });
}

#[test]
fn messages_that_take_no_time_are_a_livelock_if_they_never_end() {
    let network = LinkConfig { latency_min: seconds(0), latency_max: seconds(0), ..LinkConfig::default() };
    simulate(Config { network, ..Config::new(1) }, |world| {
        world.host("server", echo);
        world.host("client", |host| async move {
            let mut stream = connect(&host, "server").await.expect("the server is up");
            while exchange(&mut stream).await.is_ok() {}
        });
        world.run_for(seconds(1));
        assert_eq!(world.violations()[0].rule, "livelock");
    });
}
