//! What is a difference, and what is none.

use std::{sync::LazyLock, time::Duration};

use proptest::prelude::*;

use super::{Difference, compare};
use crate::{
    Record, catalogue,
    run::{self, Report},
    scenario::Scenario,
    testing::Log,
};

const STORY: &str = r#"about = "A build is made and another one cancelled."
duration = "10m"

[[template]]
name  = "vm"
plan  = { takes = "5s" }
apply = { takes = "20s" }

[[provisioner]]
name = "prov-1"

[[provisioner]]
name = "prov-2"

[[step]]
at = "1s"
create_workspace = { name = "dev", owner = "alice", template = "vm" }

[[step]]
at = "30s"
create_workspace = { name = "test", owner = "alice", template = "vm" }

[[step]]
at = "1m"
build_workspace = { workspace = "dev", transition = "stop" }

[[step]]
at = "1m10s"
cancel_build = { workspace = "dev" }
"#;

/// How many seeds there are to choose from.
const SEEDS: u64 = 9;

/// The story, played with a seed below [`SEEDS`].
fn played(seed: u64) -> &'static Report {
    static PLAYED: LazyLock<Vec<Report>> = LazyLock::new(|| {
        let scenario = Scenario::parse("story.toml", STORY, &catalogue::lists()).expect("it is a scenario");
        (0..SEEDS).map(|seed| run::run(&scenario, seed)).collect()
    });
    &PLAYED[usize::try_from(seed).expect("it is small")]
}

/// What is told of the difference between two logs.
fn texts(ours: &[Record], theirs: &[Record]) -> Vec<String> {
    compare(&[ours], theirs).iter().map(|difference| difference.text(["a", "b"])).collect()
}

/// The same log, at other times.
fn later(records: &[Record]) -> Vec<Record> {
    records.iter().map(|record| Record { at: record.at * 3 + Duration::from_secs(1), ..record.clone() }).collect()
}

fn job(events: &[(&str, &str)]) -> Vec<Record> {
    events.iter().fold(Log::new(), |log, (host, event)| log.add(1, host, event, &[("job", "job#1")])).records
}

#[test]
fn planted_differences_are_named() {
    let ours = job(&[("control", "job.acquired"), ("prov-1", "runner.started"), ("control", "job.canceled")]);
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        (&[("control", "job.acquired"), ("prov-1", "runner.started"), ("control", "job.canceled")], &[]),
        (
            &[("control", "job.acquired"), ("prov-1", "runner.started")],
            &["control about job#1: a has `job.canceled job#1`, b has not"],
        ),
        (
            &[("prov-1", "runner.started"), ("control", "job.acquired"), ("control", "job.canceled")],
            &["job#1: on a `job.acquired job#1` of control comes before `runner.started job#1` of prov-1, on b after"],
        ),
        (
            &[("control", "job.canceled"), ("prov-1", "runner.started"), ("control", "job.acquired")],
            &[
                "control about job#1: on a `job.acquired job#1` comes before `job.canceled job#1`, on b after",
                "job#1: on a `job.acquired job#1` of control comes before `runner.started job#1` of prov-1, on b after",
                "job#1: on a `runner.started job#1` of prov-1 comes before `job.canceled job#1` of control, on b after",
            ],
        ),
        (
            &[("control", "job.acquired"), ("prov-2", "runner.started"), ("control", "job.canceled")],
            &["job#1: on a it is prov-1 that tells `runner.started job#1`, on b prov-2"],
        ),
        (
            &[
                ("control", "job.acquired"),
                ("prov-1", "runner.started"),
                ("prov-1", "runner.started"),
                ("control", "job.canceled"),
            ],
            &[],
        ),
        (
            &[
                ("control", "job.acquired"),
                ("prov-1", "runner.started"),
                ("control", "job.canceled"),
                ("control", "job.acquired"),
            ],
            &["control about job#1: b has `job.acquired job#1` once more, a has not"],
        ),
    ];
    for (theirs, expected) in cases {
        assert_eq!(texts(&ours, &job(theirs)), *expected, "{theirs:?}");
    }
}

#[test]
fn the_same_event_with_another_field_is_one_difference() {
    let ended = |status: &str, lines: &str| {
        let fields = [("job", "job#1"), ("outcome", status), ("lines", lines), ("error", "")];
        Log::new().add(1, "prov-1", "runner.ended", &fields).records
    };
    assert_eq!(texts(&ended("completed", "3"), &ended("completed", "700")), [""; 0]);
    assert_eq!(
        texts(&ended("completed", "3"), &ended("failed", "3")),
        ["prov-1 about job#1: a has `runner.ended job#1 outcome=completed error=\"\"`, b has `runner.ended job#1 \
         outcome=failed error=\"\"`"]
    );
}

#[test]
fn what_another_run_has_as_well_is_open_and_no_difference() {
    let ours = job(&[("control", "job.acquired"), ("prov-1", "runner.started"), ("prov-1", "runner.phase")]);
    let other_way = job(&[("prov-1", "runner.started"), ("control", "job.acquired"), ("prov-1", "runner.phase")]);
    let without = job(&[("control", "job.acquired"), ("prov-1", "runner.started")]);
    assert_eq!(compare(&[&ours], &other_way).len(), 1);
    assert_eq!(compare(&[&ours, &other_way], &other_way), []);
    assert_eq!(compare(&[&ours, &ours], &other_way).len(), 1);
    assert_eq!((compare(&[&ours], &without).len(), compare(&[&ours, &without], &without).len()), (1, 0));
    assert_eq!((compare(&[&without], &ours).len(), compare(&[&without, &ours], &ours).len()), (1, 0));
    assert_eq!(compare(&[], &ours), []);
    // Which of many takes it is drawn: any two of them show that.
    let taken_by = |host: &'static str| job(&[("control", "job.acquired"), (host, "runner.started")]);
    let [first, second, third] = ["prov-1", "prov-2", "prov-3"].map(taken_by);
    assert_eq!(compare(&[&first, &first], &third).len(), 1);
    assert_eq!(compare(&[&first, &second], &third), []);
}

#[test]
fn a_story_is_itself_with_every_seed() {
    let first = played(0);
    for seed in 1..SEEDS {
        let other = played(seed);
        assert_ne!(first.log_digest, other.log_digest);
        // Two daemons wait, and it is drawn which of them gets a job: that is a difference, and the only one.
        let texts = texts(&first.records, &other.records);
        let of_worker = |text: &String| text.contains("prov-1") && text.contains("prov-2");
        assert!(texts.iter().all(of_worker), "seed {seed}: {texts:#?}");
    }
    let logs: Vec<_> = (0..SEEDS - 1).map(|seed| played(seed).records.as_slice()).collect();
    assert_eq!(compare(&logs, &played(SEEDS - 1).records), []);
}

#[test]
fn fields_that_measure_are_known_by_what_the_catalogue_says() {
    let events = catalogue::lists().into_iter().flatten().filter(|event| !event.quiet);
    let fields = events.flat_map(|event| event.fields.iter().map(|field| (event.name, field.name)));
    let measured: Vec<_> = fields.filter(|(event, field)| super::measured::is_measured(event, field)).collect();
    assert_eq!(
        measured,
        [
            ("user.followed_logs", "lines"),
            ("user.terminal_seen", "bytes"),
            ("job.reaped", "silent_s"),
            ("prebuilds.invalidated", "presets"),
            ("resources.replaced", "count"),
            ("prebuild.decided", "actual"),
            ("prebuild.decided", "desired"),
            ("prebuild.decided", "starting"),
            ("prebuild.decided", "expired"),
            ("prebuild.decided", "extraneous"),
            ("prebuild.decided", "pending"),
            ("prebuild.backing_off", "failed"),
            ("prebuild.backing_off", "for_s"),
            ("daemon.connected", "control"),
            ("runner.ended", "lines"),
            ("agent.connected", "attempts"),
            ("agent.connected", "after_ms"),
            ("tool.answered", "took_ms"),
            ("fault.reset", "streams"),
            ("fault.clock_stepped", "by"),
        ]
    );
}

proptest! {
    #[test]
    fn times_and_names_decide_nothing(seed in 0..SEEDS) {
        let report = played(seed);
        let mut renamed = later(&report.records);
        for record in &mut renamed {
            for (_, value) in &mut record.fields {
                *value = value.replace("job#1", "job#X").replace("job#2", "job#1").replace("job#X", "job#2");
            }
        }
        prop_assert_eq!(compare(&[&report.records], &renamed), []);
    }

    #[test]
    fn what_two_hosts_do_about_different_things_has_no_order(seed in 0..SEEDS, place in 0_usize..100) {
        let report = played(seed);
        let log: Vec<Record> = report.log().cloned().collect();
        let place = place % (log.len() - 1);
        let things = |record: &Record| -> Vec<String> {
            record.fields.iter().map(|(_, value)| value.clone()).filter(|value| value.contains('#')).collect()
        };
        let (first, then) = (&log[place], &log[place + 1]);
        let apart = first.host != then.host && !things(first).iter().any(|thing| things(then).contains(thing));
        prop_assume!(apart);
        let mut other = log.clone();
        other.swap(place, place + 1);
        prop_assert_eq!(compare(&[&log], &other), []);
    }

    #[test]
    fn what_is_left_out_is_found(seed in 0..SEEDS, place in 0_usize..100) {
        let report = played(seed);
        let log: Vec<Record> = report.log().cloned().collect();
        let mut other = log.clone();
        let gone = other.remove(place % log.len());
        let found = compare(&[&log], &other);
        prop_assert!(!found.is_empty(), "{gone:?}");
        let names_it = |difference: &Difference| match difference {
            Difference::Missing { told, .. } => told.host == gone.host && told.what.starts_with(&gone.event),
            _ => false,
        };
        prop_assert!(found.iter().any(names_it), "{gone:?}: {found:?}");
    }

    #[test]
    fn a_log_is_itself_and_a_difference_has_two_sides(one in 0..SEEDS, other in 0..SEEDS) {
        let (one, other) = (played(one), played(other));
        prop_assert_eq!(compare(&[&one.records], &one.records), []);
        let there = compare(&[&one.records], &other.records);
        let back = compare(&[&other.records], &one.records);
        prop_assert_eq!(there.is_empty(), back.is_empty());
    }
}
