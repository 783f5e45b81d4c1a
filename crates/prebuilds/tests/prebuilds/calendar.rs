//! A calendar and a few time zones, from the rules that people know, and from nothing that the code uses.

/// What a clock on the wall and a calendar beside it show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Local {
    pub(crate) hour: u32,
    pub(crate) day: u32,
    pub(crate) month: u32,
    /// 0 is Sunday.
    pub(crate) weekday: u32,
}

/// A time zone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zone {
    pub(crate) name: &'static str,
    /// Minutes ahead of UTC.
    offset: i64,
    /// In summer, so many more.
    summer: i64,
    /// Minutes since 1970 at which summer begins and ends.
    summers: &'static [(i64, i64)],
}

const fn utc(year: i64, month: i64, day: i64, hour: i64, minute: i64) -> i64 {
    days(year, month, day) * 1_440 + hour * 60 + minute
}

/// Days from 1970-01-01 until a date of this century, counted year by year and month by month.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let mut days = day - 1;
    let mut y = 1970;
    while y < year {
        days += if is_leap(y) { 366 } else { 365 };
        y += 1;
    }
    let mut m = 1;
    while m < month {
        days += days_of_month(year, m);
        m += 1;
    }
    days
}

const fn is_leap(year: i64) -> bool {
    // True between 1901 and 2099.
    year % 4 == 0
}

const fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Zones with a summer time and without, with whole hours and without, on both halves of the earth, from 2025 to 2027.
pub(crate) const ZONES: &[Zone] = &[
    Zone { name: "UTC", offset: 0, summer: 0, summers: &[] },
    Zone { name: "Asia/Kathmandu", offset: 345, summer: 0, summers: &[] },
    Zone {
        name: "Europe/Berlin",
        offset: 60,
        summer: 60,
        summers: &[
            (utc(2025, 3, 30, 1, 0), utc(2025, 10, 26, 1, 0)),
            (utc(2026, 3, 29, 1, 0), utc(2026, 10, 25, 1, 0)),
        ],
    },
    Zone {
        name: "America/Los_Angeles",
        offset: -480,
        summer: 60,
        summers: &[(utc(2025, 3, 9, 10, 0), utc(2025, 11, 2, 9, 0)), (utc(2026, 3, 8, 10, 0), utc(2026, 11, 1, 9, 0))],
    },
    Zone {
        name: "Australia/Lord_Howe",
        offset: 630,
        summer: 30,
        summers: &[
            (utc(2024, 10, 5, 15, 30), utc(2025, 4, 5, 15, 0)),
            (utc(2025, 10, 4, 15, 30), utc(2026, 4, 4, 15, 0)),
            (utc(2026, 10, 3, 15, 30), utc(2027, 4, 3, 15, 0)),
        ],
    },
];

/// The first and the last instant that the zones are known for, in milliseconds since 1970.
pub(crate) const KNOWN_MS: (i64, i64) = (utc(2025, 1, 1, 0, 0) * 60_000, utc(2027, 1, 1, 0, 0) * 60_000);

/// The instants at which clocks are changed, in milliseconds since 1970.
pub(crate) fn changes_ms() -> Vec<i64> {
    let all = ZONES.iter().flat_map(|zone| zone.summers).flat_map(|(begin, end)| [*begin, *end]);
    all.map(|minute| minute * 60_000).filter(|at| (KNOWN_MS.0..KNOWN_MS.1).contains(at)).collect()
}

impl Zone {
    /// What is shown there.
    pub(crate) fn local(&self, at_ms: i64) -> Local {
        let minute = at_ms.div_euclid(60_000);
        let summer = self.summers.iter().any(|(begin, end)| (*begin..*end).contains(&minute));
        let local = minute + self.offset + if summer { self.summer } else { 0 };
        let (day, of_day) = (local.div_euclid(1_440), local.rem_euclid(1_440));
        let (mut year, mut month) = (1970, 1);
        while days(year + 1, 1, 1) <= day {
            year += 1;
        }
        while month < 12 && days(year, month + 1, 1) <= day {
            month += 1;
        }
        let small = |value: i64| u32::try_from(value).expect("it is small");
        Local {
            hour: small(of_day / 60),
            day: small(day - days(year, month, 1) + 1),
            month: small(month),
            // 1970 began on a Thursday.
            weekday: small((day + 4).rem_euclid(7)),
        }
    }
}

#[test]
fn the_calendar_of_the_model_is_right() {
    let at = utc(2026, 3, 29, 0, 59) * 60_000;
    let [berlin, lord_howe] = [ZONES[2], ZONES[4]];
    assert_eq!(berlin.local(at), Local { hour: 1, day: 29, month: 3, weekday: 0 });
    assert_eq!(berlin.local(at + 60_000), Local { hour: 3, day: 29, month: 3, weekday: 0 });
    assert_eq!(lord_howe.local(utc(2025, 12, 31, 13, 0) * 60_000), Local { hour: 0, day: 1, month: 1, weekday: 4 });
    assert_eq!(berlin.local(utc(2028, 2, 29, 12, 0) * 60_000), Local { hour: 13, day: 29, month: 2, weekday: 2 });
}
