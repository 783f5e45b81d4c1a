//! Which schedules can stand beside each other, and time zones.

use groundhog_prebuilds::schedule::{ScheduleError, matches, validate, zone};
use jiff::tz::TimeZone;
use proptest::{prelude::*, test_runner::RngSeed};

/// What becomes of two.
fn together(first: &str, second: &str) -> &'static str {
    match validate([first, second]) {
        Ok(()) => "good",
        Err(ScheduleError::Overlap { .. }) => "overlap",
        Err(ScheduleError::Part { .. }) => "part",
        Err(ScheduleError::Fields { .. }) => "fields",
        Err(_) => "something else",
    }
}

#[test]
fn schedules_overlap_in_months_and_days_and_hours() {
    for (first, second, becomes) in [
        ("* 9-18 * * 1-5", "* 9-18 * * 6,0", "good"),
        ("* 9-18 * * 1-5", "* 19-20 * * 1-5", "good"),
        ("* 9-18 * * 1-5", "* 18-20 * * 1-5", "overlap"),
        ("* 9-18 * 1-6 *", "* 9-18 * 7-12 *", "good"),
        ("* 9 * * *", "* 9 * * 3", "overlap"),
        ("* 9 1,15 * *", "* 9 2-14 * *", "good"),
        ("* 9 1,15 * *", "* 9 2-15 * *", "overlap"),
        // One day of the month is free: the days of the week decide.
        ("* 9 1 * 1", "* 9 * * 2", "good"),
        ("* 9 1 * 1", "* 9 * * 1", "overlap"),
        ("* 9 1 * *", "* 9 * * 2", "overlap"),
        // One day of the week is free: the days of the month decide.
        ("* 9 1 * 1", "* 9 2 * *", "good"),
        ("* 9 1 * 1", "* 9 1 * *", "overlap"),
        // None is: either is enough, though both may meet where neither says so (1 June 2026 is a Monday).
        ("* 9 1 * 1", "* 9 2 * 2", "good"),
        ("* 9 1 * 1", "* 9 1 * 2", "overlap"),
        ("* 9 1 * 1", "* 9 2 * 1", "overlap"),
        // Neither steps nor names, whatever else differs.
        ("* */2 * * *", "* 9 * * *", "part"),
        ("* */2 * * 1", "* 9 * * 2", "part"),
        ("* 9 * 1 *", "* 9/2 * 2 *", "part"),
        ("* 9 * jan *", "* 9 * 2 *", "part"),
        ("* 9 * * sun", "* 9 * * 1", "part"),
        ("* 9 * * ?", "* 9 * * 1", "part"),
        ("* 24 * * *", "* 9 * * *", "part"),
        ("* 9 * 13 *", "* 9 * 1 *", "part"),
        ("* 9 32 * *", "* 9 1 * *", "part"),
        ("* 9 * * 7", "* 9 * * 1", "part"),
        ("* 12-9 * * *", "* 9 * * *", "part"),
        ("* 1-2-3 * * *", "* 9 * * *", "part"),
        ("* 9, * * *", "* 10 * * *", "part"),
        ("* *,9 * * *", "* 10 * * *", "part"),
        ("* -1 * * *", "* 10 * * *", "part"),
        // What is not compared need not be understood.
        ("* 9 */2 * 1", "* 9 * * 2", "good"),
        ("5 9 * * 1", "x 9 * * 2", "good"),
        ("* 9 * *", "* 9 * * 1", "fields"),
        ("* 9 * * 1", "* 9 * * 2 2026", "fields"),
        ("", "* 9 * * 2", "fields"),
    ] {
        assert_eq!(together(first, second), becomes, "{first:?} and {second:?}");
        assert_eq!(together(second, first), becomes, "{second:?} and {first:?}");
    }
}

#[test]
fn of_many_each_two_are_compared_and_one_alone_is_not_looked_at() {
    assert_eq!(validate([]), Ok(()));
    assert_eq!(validate(["nonsense"]), Ok(()));
    let (first, second, third) = ("* 1 * * *", "* 2 * * *", "* 1-2 * * *");
    assert_eq!(validate([first, second]), Ok(()));
    assert_eq!(
        validate([second, "* 3 * * *", third]),
        Err(ScheduleError::Overlap { first: second.to_owned(), second: third.to_owned() })
    );
}

#[test]
fn every_time_zone_has_its_name_and_no_other() {
    let mut names = 0;
    for name in jiff::tz::db().available() {
        let name = name.to_string();
        assert!(zone(&name).is_some(), "{name}");
        if name.contains(|letter: char| letter.is_lowercase()) {
            assert!(zone(&name.to_uppercase()).is_none(), "{name}");
        }
        names += 1;
    }
    assert!(names > 400, "{names}");
    for none in ["", " ", "Local", "local", "Europe/Atlantis", "CET-1CEST", "+02:00", "UTC+2", "Europe/Berlin "] {
        assert!(zone(none).is_none(), "{none:?}");
    }
}

#[test]
fn an_instant_that_no_calendar_has_is_answered() {
    for at_ms in [i64::MIN, i64::MAX] {
        assert_eq!(matches("* * * * *", &TimeZone::UTC, at_ms), Ok(true));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default()
    })]

    /// Schedules that name days of the week or of the month, never both, and can stand beside each other never hold at
    /// once.
    #[test]
    fn schedules_that_can_stand_beside_each_other_never_hold_at_once(
        by_weekday: bool,
        hours in prop::collection::vec((0_u32..24, 0_u32..24), 2..4),
        days in prop::collection::vec((0_u32..7, 0_u32..7), 2..4),
        at_hours in prop::collection::vec(490_000_i64..500_000, 20),
    ) {
        let range = |(one, other): (u32, u32)| format!("{}-{}", one.min(other), one.max(other));
        let schedules: Vec<String> = hours.iter().zip(&days).map(|(hours, days)| match by_weekday {
            true => format!("* {} * * {}", range(*hours), range(*days)),
            false => format!("* {} {} * *", range(*hours), range((days.0 * 4 + 1, days.1 * 4 + 1))),
        }).collect();
        let good = validate(schedules.iter().map(String::as_str)).is_ok();
        let at_once = at_hours.iter().any(|hour| {
            let holds = |schedule: &&String| matches(schedule, &TimeZone::UTC, hour * 3_600_000) == Ok(true);
            schedules.iter().filter(holds).count() > 1
        });
        prop_assert!(!(good && at_once), "{schedules:?}");
    }
}
