//! What one workspace that was built ahead is good for.

use crate::pool::{Prebuilt, Preset};

/// Whether a workspace is too old, or was made before its preset was invalidated.
///
/// Both are strict: one that is as old as it may be is kept, and so is one that was made in the very millisecond of the
/// invalidation. A time to live of 0 is none. Of one whose beginning is not known the age does not count, but it was made
/// before any invalidation. Times are milliseconds since 1970.
pub fn is_expired(preset: &Preset, created_at_ms: Option<i64>, now_ms: i64) -> bool {
    let invalidated = preset
        .last_invalidated_at_ms
        .is_some_and(|invalidated_at_ms| created_at_ms.is_none_or(|created_at_ms| created_at_ms < invalidated_at_ms));
    let too_old = match (preset.ttl_ms, created_at_ms) {
        (Some(ttl_ms), Some(created_at_ms)) => ttl_ms > 0 && now_ms.saturating_sub(created_at_ms) > ttl_ms,
        _ => false,
    };
    invalidated || too_old
}

/// Whether a person can be given this workspace, which is one of the preset's that run unclaimed.
///
/// It must be ready and not expired, and its preset active. This is what is counted as eligible, and what a claim goes by
/// (P7, P16).
pub fn claimable<W>(preset: &Preset, prebuilt: &Prebuilt<W>, now_ms: i64) -> bool {
    preset.is_active() && prebuilt.ready && !is_expired(preset, prebuilt.created_at_ms, now_ms)
}

/// Whether a workspace is ready, by how many of its agents are and are not. Only agents that no other agent made count.
/// Without agents it never is.
pub const fn ready(ready_agents: u64, not_ready_agents: u64) -> bool {
    ready_agents > 0 && not_ready_agents == 0
}
