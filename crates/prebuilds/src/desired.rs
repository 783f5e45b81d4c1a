//! How many workspaces are wanted ahead.

use crate::cron::CronError;
use crate::pool::Preset;
use crate::schedule::{ScheduleError, matches, validate, zone};

/// How many are wanted, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// So many.
    pub instances: u32,
    /// Why.
    pub because: Because,
    /// Schedules that were passed over because they were not understood, by their index.
    pub not_understood: Vec<(usize, CronError)>,
}

/// Why so many are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// There are no schedules, so the preset's own number counts.
    NoSchedules,
    /// There are schedules but no time zone, so the preset's own number counts.
    NoZone,
    /// There is no time zone of that name, so the preset's own number counts.
    UnknownZone,
    /// The schedules can't stand beside each other, so the preset's own number counts.
    Schedules(ScheduleError),
    /// The schedule of that index holds, and is the first that does.
    Schedule(usize),
    /// No schedule holds, so the preset's own number counts.
    NoneHolds,
}

/// How many workspaces of a preset are wanted at an instant (milliseconds since 1970), if the preset is active.
///
/// Schedules that can't be made sense of count for nothing: then as many are wanted as the preset itself says.
pub fn desired_instances(preset: &Preset, now_ms: i64) -> Desired {
    let default = preset.desired_instances.unwrap_or(0);
    let by_default = |because| Desired { instances: default, because, not_understood: Vec::new() };
    if preset.schedules.is_empty() {
        return by_default(Because::NoSchedules);
    }
    if preset.timezone.is_empty() {
        return by_default(Because::NoZone);
    }
    let Some(zone) = zone(&preset.timezone) else {
        return by_default(Because::UnknownZone);
    };
    if let Err(error) = validate(preset.schedules.iter().map(|schedule| schedule.cron.as_str())) {
        return by_default(Because::Schedules(error));
    }
    let mut not_understood = Vec::new();
    for (index, schedule) in preset.schedules.iter().enumerate() {
        match matches(&schedule.cron, &zone, now_ms) {
            Ok(true) => {
                return Desired { instances: schedule.instances, because: Because::Schedule(index), not_understood };
            }
            Ok(false) => (),
            Err(error) => not_understood.push((index, error)),
        }
    }
    Desired { instances: default, because: Because::NoneHolds, not_understood }
}
