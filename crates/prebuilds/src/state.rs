//! A pool in numbers.

use crate::desired::desired_instances;
use crate::expiry::{claimable, is_expired};
use crate::pool::Pool;

/// A pool in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// So many run, expired ones too.
    pub actual: u64,
    /// So many are wanted; none if the preset is not active.
    pub desired: u64,
    /// So many of those that run are expired.
    pub expired: u64,
    /// So many can be given to people; none if the preset is not active.
    pub eligible: u64,
    /// So many run that are neither expired nor wanted; none if the preset is not active.
    pub extraneous: u64,
    /// So many are being started.
    pub starting: u64,
    /// So many are being stopped.
    pub stopping: u64,
    /// So many are being deleted.
    pub deleting: u64,
}

/// The pool in numbers, at an instant in milliseconds since 1970.
pub fn state<W>(pool: &Pool<W>, now_ms: i64) -> State {
    let preset = &pool.preset;
    let actual = pool.running.len() as u64;
    let expired = pool.running.iter().filter(|one| is_expired(preset, one.created_at_ms, now_ms)).count() as u64;
    let eligible = pool.running.iter().filter(|one| claimable(preset, one, now_ms)).count() as u64;
    let (desired, extraneous) = if preset.is_active() {
        let desired = u64::from(desired_instances(preset, now_ms).instances);
        (desired, (actual - expired).saturating_sub(desired))
    } else {
        (0, 0)
    };
    State {
        actual,
        desired,
        expired,
        eligible,
        extraneous,
        starting: pool.in_progress.starting.into(),
        stopping: pool.in_progress.stopping.into(),
        deleting: pool.in_progress.deleting.into(),
    }
}
