//! Random pools.

use groundhog_prebuilds::{Backoff, InProgress, Lingering, Pool, Prebuilt, Preset, Schedule, Settings};
use proptest::prelude::*;

use super::calendar::{KNOWN_MS, Local, ZONES, Zone, changes_ms};

/// A schedule as values, from which its expression follows.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    pub(crate) hours: (u32, u32),
    pub(crate) days: Option<(u32, u32)>,
    pub(crate) months: Option<(u32, u32)>,
    pub(crate) weekdays: Option<(u32, u32)>,
    pub(crate) instances: u32,
}

impl Times {
    fn cron(&self) -> String {
        let range = |of: Option<(u32, u32)>| of.map_or("*".to_owned(), |(first, last)| format!("{first}-{last}"));
        let (days, months, weekdays) = (range(self.days), range(self.months), range(self.weekdays));
        format!("* {} {days} {months} {weekdays}", range(Some(self.hours)))
    }

    pub(crate) fn holds(&self, local: Local) -> bool {
        let within = |(first, last): (u32, u32), value: u32| first <= value && value <= last;
        let on_that_day = match (self.days, self.weekdays) {
            (None, None) => true,
            (Some(days), None) => within(days, local.day),
            (None, Some(weekdays)) => within(weekdays, local.weekday),
            (Some(days), Some(weekdays)) => within(days, local.day) || within(weekdays, local.weekday),
        };
        within(self.hours, local.hour) && self.months.is_none_or(|months| within(months, local.month)) && on_that_day
    }
}

/// A pool at a time, and what the model needs to know of it.
#[derive(Clone, Debug)]
pub(crate) struct Situation {
    pub(crate) pool: Pool<u32>,
    pub(crate) settings: Settings,
    pub(crate) now_ms: i64,
    /// None if the zone is none that there is.
    pub(crate) zone: Option<Zone>,
    pub(crate) times: Vec<Times>,
}

fn range(lowest: u32, highest: u32) -> impl Strategy<Value = (u32, u32)> {
    (lowest..=highest, lowest..=highest).prop_map(|(one, other)| (one.min(other), one.max(other)))
}

fn times() -> impl Strategy<Value = Times> {
    let months = prop::option::weighted(0.2, range(1, 12));
    let (days, weekdays) = (prop::option::weighted(0.2, range(1, 31)), prop::option::weighted(0.5, range(0, 6)));
    (range(0, 23), days, months, weekdays, 0_u32..6).prop_map(|(hours, days, months, weekdays, instances)| Times {
        hours,
        days,
        months,
        weekdays,
        instances,
    })
}

/// Instants: any, on the hour, and around those at which clocks are changed.
fn instant() -> impl Strategy<Value = i64> {
    let hour = 3_600_000;
    prop_oneof![
        KNOWN_MS.0..KNOWN_MS.1,
        (KNOWN_MS.0 / hour..KNOWN_MS.1 / hour, -1_i64..2).prop_map(move |(at, beside)| at * hour + beside),
        (prop::sample::select(changes_ms()), -4_i64..5, -1_i64..2)
            .prop_map(move |(at, half_hours, beside)| at + half_hours * hour / 2 + beside),
    ]
}

/// Ages in milliseconds, often just as long as something else takes.
fn age() -> impl Strategy<Value = i64> {
    prop_oneof![-2_i64..3, 59_998_i64..60_003, 119_999_i64..120_002, 3_599_998_i64..3_600_003, 0_i64..10_000_000]
}

fn preset() -> impl Strategy<Value = Preset> {
    let flags = (prop::bool::weighted(0.7), prop::bool::weighted(0.1), prop::bool::weighted(0.1));
    let ttl = prop_oneof![Just(None), Just(Some(0)), Just(Some(-1)), Just(Some(60_000)), Just(Some(3_600_000))];
    (flags, prop::option::weighted(0.9, 0_u32..6), ttl, prop::option::weighted(0.3, age())).prop_map(
        |((using_active_version, deleted, deprecated), desired_instances, ttl_ms, invalidated)| Preset {
            using_active_version,
            deleted,
            deprecated,
            desired_instances,
            ttl_ms,
            // An age, until `situation` makes an instant of it.
            last_invalidated_at_ms: invalidated,
            ..Preset::default()
        },
    )
}

pub(crate) fn situation() -> impl Strategy<Value = Situation> {
    let running = prop::collection::btree_map(0_u32..20, (prop::option::weighted(0.9, age()), any::<bool>()), 0..7)
        .prop_map(|of| of.into_iter().collect::<Vec<_>>())
        .prop_shuffle();
    let lingering = prop::collection::btree_map(20_u32..30, age(), 0..4)
        .prop_map(|of| of.into_iter().collect::<Vec<_>>())
        .prop_shuffle();
    let under_way = (0_u32..3, 0_u32..3, 0_u32..3, prop::bool::weighted(0.3), any::<bool>());
    let zone = prop_oneof![8 => prop::sample::select(ZONES).prop_map(Some), 1 => Just(None)];
    let backoff = prop::option::weighted(0.3, (0_u32..4, age()));
    (instant(), preset(), prop::collection::vec(times(), 0..4), zone, running, lingering, under_way, backoff).prop_map(
        |(now_ms, mut preset, times, zone, running, lingering, under_way, backoff)| {
            preset.last_invalidated_at_ms = preset.last_invalidated_at_ms.map(|age| now_ms - age);
            preset.timezone = zone.map_or("Europe/Atlantis", |zone| zone.name).to_owned();
            preset.schedules =
                times.iter().map(|times| Schedule { cron: times.cron(), instances: times.instances }).collect();
            let running = running.into_iter().map(|(id, (age, ready))| Prebuilt {
                id,
                created_at_ms: age.map(|age| now_ms - age),
                ready,
            });
            let lingering = lingering.into_iter().map(|(id, age)| Lingering { id, since_ms: now_ms - age });
            let (starting, stopping, deleting, pending, hard_limited) = under_way;
            let pool = Pool {
                preset,
                running: running.collect(),
                in_progress: InProgress { starting, stopping, deleting },
                pending: u32::from(pending) * 2,
                lingering: lingering.collect(),
                backoff: backoff.map(|(num_failed, age)| Backoff { num_failed, last_build_at_ms: now_ms - age }),
                hard_limited,
            };
            Situation { pool, settings: Settings::default(), now_ms, zone, times }
        },
    )
}
