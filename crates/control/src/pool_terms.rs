//! What a preset says about its pool, in the words of the decisions about pools.

use groundhog_prebuilds::{Preset, Schedule};
use groundhog_wire::v1;

/// What there is to know of a preset beside what its version declares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its version is the one that new workspaces are made from.
    pub active: bool,
    /// Its template is deleted.
    pub deleted: bool,
    /// Nothing new is to be made of its template.
    pub deprecated: bool,
    /// Those that were built ahead before then are to be made anew, in milliseconds since 1970.
    pub last_invalidated_at: Option<i64>,
}

/// What a preset that stands so says about its pool.
pub fn terms(declared: &v1::Preset, standing: Standing) -> Preset {
    let prebuild = declared.prebuild.clone();
    let desired_instances = prebuild.as_ref().map(|prebuild| positive(prebuild.instances));
    let v1::Prebuild { expires_after_s, timezone, schedules, .. } = prebuild.unwrap_or_default();
    let schedule = |schedule: v1::PrebuildSchedule| {
        let instances = positive(schedule.instances);
        Schedule { cron: schedule.cron, instances }
    };
    Preset {
        using_active_version: standing.active,
        deleted: standing.deleted,
        deprecated: standing.deprecated,
        desired_instances,
        ttl_ms: (expires_after_s > 0).then(|| i64::from(expires_after_s) * 1_000),
        last_invalidated_at_ms: standing.last_invalidated_at,
        timezone,
        schedules: schedules.into_iter().map(schedule).collect(),
    }
}

/// Whether a workspace is ready whose agents have last reported these steps.
pub fn is_ready(steps: &[v1::AgentLifecycle]) -> bool {
    let ready = steps.iter().filter(|step| **step == v1::AgentLifecycle::Ready).count();
    groundhog_prebuilds::ready(ready as u64, (steps.len() - ready) as u64)
}

/// A number that is never below zero: see [`limits::check_presets`](crate::limits::check_presets).
fn positive(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
