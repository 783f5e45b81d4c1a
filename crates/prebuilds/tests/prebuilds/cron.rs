//! Expressions, against another reader of them.

use std::str::FromStr;

use croner::parser::{CronParser, Seconds, Year};
use groundhog_prebuilds::cron::{Cron, CronError};
use jiff::{ToSpan, civil::DateTime, civil::datetime};
use proptest::{prelude::*, test_runner::RngSeed};

/// A part of a field with values from `lowest` to `highest`.
fn part(lowest: u32, highest: u32) -> impl Strategy<Value = String> {
    let value = lowest..=highest;
    prop_oneof![
        3 => Just("*".to_owned()),
        3 => value.clone().prop_map(|value| value.to_string()),
        3 => (value.clone(), value.clone()).prop_map(|(one, other)| format!("{}-{}", one.min(other), one.max(other))),
        1 => (value.clone(), value, 1..9_u32)
            .prop_map(|(one, other, step)| format!("{}-{}/{step}", one.min(other), one.max(other))),
    ]
}

/// A field. What begins with a star and restricts nevertheless is left out: there the other reader differs.
fn field(lowest: u32, highest: u32) -> impl Strategy<Value = String> {
    prop::collection::vec(part(lowest, highest), 1..3).prop_map(|parts| match parts.iter().any(|part| part == "*") {
        true => "*".to_owned(),
        false => parts.join(","),
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3_000, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default()
    })]

    #[test]
    fn expressions_hold_as_another_reader_says(
        (hours, days, months, weekdays) in (field(0, 23), field(1, 31), field(1, 12), field(0, 6)),
        minutes in prop::collection::vec(0_i64..2_000_000, 30),
    ) {
        let expression = format!("* {hours} {days} {months} {weekdays}");
        let ours: Cron = expression.parse().expect("it is one");
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let theirs = parser.parse(&expression).expect("it is one");
        for minute in minutes {
            let at: DateTime = datetime(2025, 1, 1, 0, 0, 0, 0) + minute.minutes();
            let they_say = theirs.is_time_matching(&at).expect("the time is one");
            prop_assert_eq!(ours.matches(at), they_say, "{} at {}", expression, at);
        }
    }
}

#[test]
fn a_day_is_one_or_the_other_unless_one_is_free() {
    // The first of June 2026 is a Monday.
    let holds = |expression: &str| {
        let cron: Cron = expression.parse().expect("it is one");
        [1, 2, 8].map(|day| cron.matches(datetime(2026, 6, day, 9, 59, 59, 999_999_999)))
    };
    for (expression, on) in [
        ("* 9 1 * 1", [true, false, true]),
        ("* 9 1 * *", [true, false, false]),
        ("* 9 * * 1", [true, false, true]),
        ("* 9 ? * 1", [true, false, true]),
        // Every day, but named: that is a restriction.
        ("* 9 */2 * 2", [true, true, false]),
        ("* 9 */1 * 2", [false, true, false]),
        ("* 9 1-31 * 2", [true, true, true]),
        ("* 9 *,1 * 2", [false, true, false]),
        ("* 9 2 6 *", [false, true, false]),
        ("* 9 2/6 * *", [false, true, true]),
        ("* 10 * * *", [false, false, false]),
        ("* * * JUL *", [false, false, false]),
        ("* * * may-jun mon-Tue", [true, true, true]),
    ] {
        assert_eq!(holds(expression), on, "{expression}");
    }
}

#[test]
fn what_is_no_expression_is_refused_with_its_reason() {
    let refused = |expression: &str| Cron::from_str(expression).expect_err(expression);
    assert_eq!(refused("* 9-18 * * 7").to_string(), "end of range (7) above maximum (6): 7");
    assert_eq!(refused("* 9 0 * *"), CronError::BelowMinimum { value: 0, lowest: 1, part: "0".to_owned() });
    assert_eq!(refused("* 9 * 0-3 *"), CronError::BelowMinimum { value: 0, lowest: 1, part: "0-3".to_owned() });
    assert_eq!(refused("* 9 * * 1,5-2"), CronError::Backwards { first: 5, last: 2, part: "5-2".to_owned() });
    for (expression, highest) in [("* 24 * * *", 23), ("* 9 32 * *", 31), ("* 9 * 13 *", 12), ("* 9 * * 0-7/2", 6)] {
        assert!(
            matches!(refused(expression), CronError::AboveMaximum { highest: at, .. } if at == highest),
            "{expression}"
        );
    }
    for (expression, fields) in
        [("", 0), ("* 9 * *", 4), ("* 9 * * * *", 6), ("@daily", 1), ("CRON_TZ=UTC * * * * *", 6)]
    {
        assert_eq!(refused(expression), CronError::Fields(fields));
    }
    for expression in ["0 9 * * *", "*/1 9 * * *", "0-59 9 * * *", "? 9 * * *"] {
        assert!(matches!(refused(expression), CronError::Minute(_)), "{expression}");
    }
    for expression in ["* nine * * *", "* 9 * mon *", "* 9 L * *", "* 9 * * 1#2", "* 4294967296 * * *"] {
        assert!(matches!(refused(expression), CronError::NotANumber(_)), "{expression}: {}", refused(expression));
    }
    for expression in
        ["* 9, * * *", "* 1-2-3 * * *", "* 9/0 * * *", "* -9 * * *", "* *-5 * * *", "* 9/ * * *", "* 1/2/3 * * *"]
    {
        let refused = refused(expression);
        assert!(matches!(refused, CronError::Form(_) | CronError::NotANumber(_)), "{expression}: {refused}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3_000, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default()
    })]

    #[test]
    fn no_text_makes_it_panic(text in "[*?0-9a-z/, -]{0,24}", fields in prop::collection::vec("[*?0-9/,-]{1,6}", 4)) {
        let _ = text.parse::<Cron>();
        let _ = format!("* {}", fields.join(" ")).parse::<Cron>();
    }
}
