//! What the clock wants of a workspace, as a pure decision; when it is to be started.

use std::ops::Range;

use groundhog_control::{
    autobuild::{
        decide::{DELETE_AGAIN_AFTER_MS, Due, Facts, Latest, decide, is_use, put_off},
        schedule::Schedule,
    },
    build_reason::BuildReason,
    job_status::JobStatus,
    transition::Transition,
};
use groundhog_wire::v1;
use proptest::{prelude::*, test_runner::RngSeed};

const NOW: i64 = 1_000_000_000;
const DAY: i64 = DELETE_AGAIN_AFTER_MS;

const START: Due = Due::Build { transition: Transition::Start, reason: BuildReason::Autostart };
const STOP: Due = Due::Build { transition: Transition::Stop, reason: BuildReason::Autostop };
const STOP_ASIDE: Due = Due::Build { transition: Transition::Stop, reason: BuildReason::Dormancy };
const DESTROY: Due = Due::Build { transition: Transition::Destroy, reason: BuildReason::Autodelete };

/// A workspace that was stopped a while ago and about which nothing is due.
fn stopped() -> Facts {
    Facts {
        unclaimed: false,
        latest: Latest {
            transition: Transition::Stop,
            status: JobStatus::Succeeded,
            created_at: NOW - 5_000,
            completed_at: Some(NOW - 4_000),
            deadline_at: None,
        },
        next_start_at: None,
        last_used_at: NOW - 5_000,
        dormant_at: None,
        deleting_at: None,
        dormant_after_ms: 0,
    }
}

/// One that was started a while ago.
fn started() -> Facts {
    Facts { latest: Latest { transition: Transition::Start, ..stopped().latest }, ..stopped() }
}

fn ended(facts: Facts, status: JobStatus) -> Facts {
    Facts { latest: Latest { status, ..facts.latest }, ..facts }
}

fn due(facts: Facts, deadline_at: i64) -> Facts {
    Facts { latest: Latest { deadline_at: Some(deadline_at), ..facts.latest }, ..facts }
}

#[test]
fn each_rule_has_its_rows() {
    let check = |about: &str, facts: Facts, expected: Option<Due>| {
        assert_eq!(decide(&facts, NOW), expected, "{about}");
        assert_eq!(decide(&Facts { unclaimed: true, ..facts }, NOW), None, "{about}, unclaimed");
        for status in [JobStatus::Pending, JobStatus::Running, JobStatus::Canceling] {
            let latest = Latest { status, completed_at: None, ..facts.latest };
            assert_eq!(decide(&Facts { latest, ..facts }, NOW), None, "{about}, {status}");
        }
    };
    check("nothing is set", stopped(), None);
    check("it runs", started(), None);

    let timed = |facts: Facts| Facts { next_start_at: Some(NOW), ..facts };
    check("its time is now", timed(stopped()), Some(START));
    check("its time is to come", Facts { next_start_at: Some(NOW + 1), ..stopped() }, None);
    check("its time was missed", Facts { next_start_at: Some(NOW - 3_999), ..stopped() }, Some(START));
    check("it was stopped since", Facts { next_start_at: Some(NOW - 5_000), ..stopped() }, Some(Due::NextTime));
    check("it runs at its time", timed(started()), Some(Due::NextTime));
    check("a failed start is tried again at its time", timed(ended(started(), JobStatus::Failed)), Some(START));
    check("a start was cancelled", timed(ended(started(), JobStatus::Canceled)), Some(Due::NextTime));
    check("its stop failed", timed(ended(stopped(), JobStatus::Failed)), Some(Due::NextTime));
    check("its stop was cancelled", timed(ended(stopped(), JobStatus::Canceled)), Some(Due::NextTime));

    check("its deadline is now", due(started(), NOW), Some(STOP));
    check("its deadline is to come", due(started(), NOW + 1), None);
    check("its start failed", due(ended(started(), JobStatus::Failed), NOW), None);
    check("its start was cancelled", due(ended(started(), JobStatus::Canceled), NOW), None);
    check("it was stopped before its deadline", due(stopped(), NOW), None);
    check("stopping comes before starting", timed(due(started(), NOW)), Some(STOP));

    let unused = |facts: Facts| Facts { dormant_after_ms: 5_000, ..facts };
    check("unused for long", unused(stopped()), Some(Due::LayAside { stop: false }));
    check("unused for long, and it runs", unused(started()), Some(Due::LayAside { stop: true }));
    let failed = unused(ended(started(), JobStatus::Failed));
    check("a failed start may have made something", failed, Some(Due::LayAside { stop: true }));
    check("unused for a while", Facts { dormant_after_ms: 5_001, ..stopped() }, None);
    check("laying aside comes first", unused(timed(due(started(), NOW))), Some(Due::LayAside { stop: true }));

    let aside = |facts: Facts| Facts { dormant_at: Some(NOW - 10), ..unused(facts) };
    check("it is aside", aside(stopped()), None);
    check("aside, and it runs", aside(started()), Some(STOP_ASIDE));
    check("aside, and its time is now", aside(timed(stopped())), Some(Due::NextTime));
    let going = |facts: Facts| Facts { deleting_at: Some(NOW), ..aside(facts) };
    check("it is to go", going(stopped()), Some(DESTROY));
    check("it is to go, whether it runs or not", going(started()), Some(DESTROY));
    check("it is to go later", Facts { deleting_at: Some(NOW + 1), ..aside(stopped()) }, None);
    check("it was taken up again", Facts { dormant_at: None, dormant_after_ms: 0, ..going(stopped()) }, None);
    let destroyed = |completed_at: i64| {
        let completed_at = Some(completed_at);
        let latest = Latest { transition: Transition::Destroy, completed_at, ..stopped().latest };
        ended(going(Facts { latest, ..stopped() }), JobStatus::Failed)
    };
    check("it could not be deleted today", destroyed(NOW - DAY + 1), None);
    check("it could not be deleted yesterday", destroyed(NOW - DAY), Some(DESTROY));
}

#[test]
fn what_counts_as_use_and_what_use_is_worth() {
    let stats = |change: fn(&mut v1::AgentStats)| {
        let mut stats = v1::AgentStats { median_latency_ms: 3.0, ..v1::AgentStats::default() };
        change(&mut stats);
        is_use(&stats)
    };
    assert!(!stats(|_| {}));
    assert!(stats(|stats| stats.connection_count = 1));
    assert!(stats(|stats| stats.received_bytes = 1));
    assert!(stats(|stats| stats.sent_bytes = 1));
    assert_eq!(put_off(Some(NOW + 9), 10, NOW), Some(NOW + 10));
    assert_eq!(put_off(Some(NOW + 10), 10, NOW), None, "farther away already");
    assert_eq!(put_off(None, 10, NOW), None, "it has no deadline");
    assert_eq!(put_off(Some(NOW), 0, NOW), None, "it is to run for ever");
    assert_eq!(put_off(Some(NOW), i64::MAX, NOW), Some(i64::MAX));
}

#[test]
fn the_next_start_is_told_by_the_clock_on_the_owners_wall() {
    let check = |text: &str, now: &str, expected: &str| {
        let schedule = Schedule::parse(text).expect(text);
        let now: jiff::Timestamp = now.parse().expect("a time");
        let next = schedule.next_after(now.as_millisecond()).expect("it comes");
        let next = jiff::Timestamp::from_millisecond(next).expect("in range");
        assert_eq!(next.to_string(), expected, "{text} after {now}");
    };
    check("0 9 * * *", "2026-03-23T08:59:59.999Z", "2026-03-23T09:00:00Z");
    check("0 9 * * *", "2026-03-23T09:00:00Z", "2026-03-24T09:00:00Z");
    check("30 9 * * 1-5", "2026-03-27T12:00:00Z", "2026-03-30T09:30:00Z");
    check("CRON_TZ=Europe/Berlin 0 9 * * *", "2026-03-28T00:00:00Z", "2026-03-28T08:00:00Z");
    check("CRON_TZ=Europe/Berlin 0 9 * * *", "2026-03-29T00:00:00Z", "2026-03-29T07:00:00Z");
    // A time that this day does not have is made up for when the hour is over; one that it has twice comes once.
    check("CRON_TZ=Europe/Berlin 30 2 * * *", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z");
    check("CRON_TZ=Europe/Berlin 30 2 * * *", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z");
    check("CRON_TZ=Europe/Berlin 30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z");
    check("0 0 29 2 *", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z");
}

#[test]
fn what_is_no_schedule_is_refused() {
    for text in [
        "",
        " ",
        "often",
        "@daily",
        "0 9 * *",
        "0 0 9 * * *",
        "60 9 * * *",
        "0 9 * * 7",
        "0 9 * * 1,7",
        "0 9 * * 5-7",
        "CRON_TZ=Europe/Berlin",
        "CRON_TZ=Atlantis/Poseidonis 0 9 * * *",
        "TZ=UTC 0 9 * * *",
        "CRON_TZ= 0 9 * * *",
    ] {
        assert!(Schedule::parse(text).is_err(), "{text:?}");
    }
    let long = format!("{} * * * *", (0..200).map(|_| "1").collect::<Vec<_>>().join(","));
    let error = Schedule::parse(&long).expect_err("too long").to_string();
    assert!(error.ends_with("it is longer than 256 bytes") && error.len() < 400, "{error}");
    let never = Schedule::parse("0 0 30 2 *");
    assert!(never.is_err() || never.is_ok_and(|schedule| schedule.next_after(NOW).is_none()));
}

fn facts() -> impl Strategy<Value = Facts> {
    let near = |range: Range<i64>| prop_oneof![Just(None), range.prop_map(|off| Some(NOW + off))];
    let transition = prop_oneof![Just(Transition::Start), Just(Transition::Stop), Just(Transition::Destroy)];
    let status = prop_oneof![
        Just(JobStatus::Pending),
        Just(JobStatus::Running),
        Just(JobStatus::Canceling),
        Just(JobStatus::Canceled),
        Just(JobStatus::Succeeded),
        Just(JobStatus::Failed)
    ];
    let latest = (transition, status, -9..0_i64, -4..0_i64, any::<bool>(), near(-3..3));
    let days = prop_oneof![Just(0), Just(DAY)];
    (any::<bool>(), latest, near(-9..3), -9..0_i64, near(-5..0), near(-3..3), 0..6_i64, days).prop_map(
        |(unclaimed, latest, next_start_at, used, dormant_at, deleting_at, dormant_after_ms, days)| {
            let (transition, status, created, completed, reaped, deadline_at) = latest;
            // A job that failed may still be about to be noted as ended; one that ended otherwise has.
            let open = matches!(status, JobStatus::Pending | JobStatus::Running | JobStatus::Canceling);
            let open = open || (reaped && status == JobStatus::Failed);
            let completed_at = (!open).then_some(NOW + completed - days);
            let latest = Latest { transition, status, created_at: NOW + created, completed_at, deadline_at };
            let last_used_at = NOW + used;
            Facts { unclaimed, latest, next_start_at, last_used_at, dormant_at, deleting_at, dormant_after_ms }
        },
    )
}

/// The same rules, each as a sentence of its own: what may be done at all, and of that the first in rank.
fn model(facts: &Facts) -> Option<Due> {
    let Facts { latest, .. } = facts;
    let had_come = |at: Option<i64>| at.map(|at| NOW - at).is_some_and(|since| since >= 0);
    let at_rest = latest.completed_at.is_some() && !facts.unclaimed;
    let aside = facts.dormant_at.is_some();
    let start = latest.transition == Transition::Start;
    let ok = latest.status == JobStatus::Succeeded;
    let tried_today = latest.transition == Transition::Destroy && latest.completed_at.is_some_and(|at| NOW - at < DAY);
    let unused = facts.dormant_after_ms != 0 && NOW - facts.last_used_at >= facts.dormant_after_ms;
    let timely = facts.next_start_at.is_some_and(|at| latest.created_at < at && at <= NOW);
    let startable = (latest.transition == Transition::Stop && ok) || (start && latest.status == JobStatus::Failed);
    let rules = [
        (aside && had_come(facts.deleting_at) && !tried_today, DESTROY),
        (aside && start, STOP_ASIDE),
        (!aside && unused, Due::LayAside { stop: start }),
        (!aside && start && ok && had_come(latest.deadline_at), STOP),
        (!aside && timely && startable, START),
        (had_come(facts.next_start_at), Due::NextTime),
    ];
    let first = rules.into_iter().find(|(holds, _)| *holds);
    first.filter(|_| at_rest).map(|(_, due)| due)
}

/// A day of a workspace that is to be started every hour and runs for half of one: how its builds end, and what its
/// owner does in between.
#[derive(Clone, Debug)]
struct Hour {
    fails: bool,
    minutes: i64,
    stopped_by_hand: Option<i64>,
    started_by_hand: Option<i64>,
}

fn hour() -> impl Strategy<Value = Hour> {
    let by_hand = || prop_oneof![3 => Just(None), 1 => (0..60_i64).prop_map(Some)];
    (any::<bool>(), 0..4_i64, by_hand(), by_hand()).prop_map(|(fails, minutes, stopped_by_hand, started_by_hand)| {
        Hour { fails, minutes, stopped_by_hand, started_by_hand }
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4_000,
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_decision_is_what_the_rules_say(facts in facts()) {
        prop_assert_eq!(decide(&facts, NOW), model(&facts));
    }

    #[test]
    fn nothing_is_decided_twice(facts in facts()) {
        // What was decided is carried out: after it, nothing more of the kind is due.
        let after = match decide(&facts, NOW) {
            None => return Ok(()),
            Some(Due::Build { transition, .. }) => {
                let latest = Latest { transition, status: JobStatus::Pending, created_at: NOW, completed_at: None,
                    deadline_at: None };
                Facts { latest, ..facts }
            }
            Some(Due::LayAside { stop: false }) => Facts { dormant_at: Some(NOW), deleting_at: None, ..facts },
            Some(Due::LayAside { stop: true }) => {
                let latest = Latest { transition: Transition::Stop, status: JobStatus::Pending, created_at: NOW,
                    completed_at: None, deadline_at: None };
                Facts { dormant_at: Some(NOW), deleting_at: None, latest, ..facts }
            }
            Some(Due::NextTime) => Facts { next_start_at: Some(NOW + 1), ..facts },
        };
        let again = decide(&after, NOW);
        prop_assert!(matches!(again, None | Some(Due::NextTime)), "{again:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        rng_seed: RngSeed::Fixed(8),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn each_hour_starts_it_at_most_once_and_whoever_stops_it_is_heeded(hours in prop::collection::vec(hour(), 1..12)) {
        const MINUTE: i64 = 60_000;
        const HOUR: i64 = 60 * MINUTE;
        let mut facts = Facts { latest: Latest { created_at: 0, completed_at: Some(0), ..stopped().latest },
            next_start_at: Some(HOUR), last_used_at: 0, ..stopped() };
        let mut ends_at = 0;
        let mut asked_by_clock = Vec::new();
        for minute in 0..(hours.len() as i64 + 1) * 60 {
            let (now, of_hour) = (minute * MINUTE, minute % 60);
            let next_hour = Some((now / HOUR + 1) * HOUR);
            let hour = (minute / 60 - 1).try_into().ok().and_then(|hour: usize| hours.get(hour));
            if facts.latest.completed_at.is_none() && ends_at <= now {
                let fails = hour.is_some_and(|hour| hour.fails);
                facts.latest.status = if fails { JobStatus::Failed } else { JobStatus::Succeeded };
                facts.latest.completed_at = Some(now);
                if facts.latest.transition == Transition::Start && !fails {
                    facts.latest.deadline_at = Some(now + HOUR / 2);
                    facts.next_start_at = next_hour;
                }
            }
            let mut ask = |facts: &mut Facts, transition| {
                ends_at = now + hour.map_or(0, |hour| hour.minutes) * MINUTE;
                facts.latest = Latest { transition, status: JobStatus::Pending, created_at: now, completed_at: None,
                    deadline_at: None };
            };
            if facts.latest.completed_at.is_some() {
                if hour.is_some_and(|hour| hour.stopped_by_hand == Some(of_hour)) {
                    ask(&mut facts, Transition::Stop);
                } else if hour.is_some_and(|hour| hour.started_by_hand == Some(of_hour)) {
                    ask(&mut facts, Transition::Start);
                }
            }
            match decide(&facts, now) {
                None => {}
                Some(Due::Build { transition, reason }) => {
                    let runs = facts.latest.transition == Transition::Start && facts.latest.status == JobStatus::Succeeded;
                    prop_assert_eq!(runs, transition == Transition::Stop, "{:?} at minute {}", reason, minute);
                    if transition == Transition::Start {
                        asked_by_clock.push((minute / 60, facts.next_start_at));
                        facts.next_start_at = next_hour;
                    } else {
                        prop_assert!(facts.latest.completed_at.is_some_and(|at| now - at >= HOUR / 2));
                    }
                    ask(&mut facts, transition);
                }
                Some(Due::NextTime) => facts.next_start_at = next_hour,
                Some(due) => prop_assert!(false, "{:?}: it is never laid aside", due),
            }
        }
        let mut hours_started = asked_by_clock.clone();
        hours_started.dedup_by_key(|(_, at)| *at);
        prop_assert_eq!(hours_started.len(), asked_by_clock.len(), "a time started it twice: {:?}", asked_by_clock);
    }
}
