//! What failed builds say about a preset: whether the next ones are put off, and whether there are any more.
//!
//! What is looked at are the first builds of a preset's workspaces that began on a daemon, whoever owns the workspace now:
//! one that somebody was given is still a success of the preset (P12), and one that no daemon ever took says nothing about
//! it (J20).

use std::cmp::Reverse;

use crate::pool::Backoff;

/// One first build of a preset that a daemon began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt<B> {
    /// Which one; of two that were begun at once, the higher one counts as the newer (P15).
    pub id: B,
    /// When it was begun, in milliseconds since 1970.
    pub created_at_ms: i64,
    /// It failed. One that was canceled, or has not ended, did not, but takes up room in the window.
    pub failed: bool,
}

/// Whether a preset's builds failed of late so that the next ones are to be put off.
///
/// They did if one of the newest builds failed within `lookback_ms`: of as many as the preset itself wants
/// (`desired_instances`, whatever its schedules say). Then all failures within that time count. A build that was begun
/// exactly `lookback_ms` ago is within it.
pub fn backoff_window<B: Ord>(
    attempts: &[Attempt<B>],
    desired_instances: u32,
    lookback_ms: i64,
    now_ms: i64,
) -> Option<Backoff> {
    let since_ms = now_ms.saturating_sub(lookback_ms);
    let counts = |attempt: &&Attempt<B>| attempt.failed && attempt.created_at_ms >= since_ms;
    let last_build_at_ms =
        newest(attempts, desired_instances).into_iter().filter(counts).map(|one| one.created_at_ms).max()?;
    let num_failed = u32::try_from(attempts.iter().filter(counts).count()).unwrap_or(u32::MAX);
    Some(Backoff { num_failed, last_build_at_ms })
}

/// Whether so many of a preset's builds failed, one after the other up to the newest, that no more are tried. A limit of 0
/// is none.
pub fn is_hard_limited<B: Ord>(attempts: &[Attempt<B>], hard_limit: u32) -> bool {
    let newest = newest(attempts, hard_limit);
    hard_limit > 0 && newest.len() as u64 == u64::from(hard_limit) && newest.iter().all(|attempt| attempt.failed)
}

/// The newest builds, at most so many.
fn newest<B: Ord>(attempts: &[Attempt<B>], at_most: u32) -> Vec<&Attempt<B>> {
    let mut newest: Vec<&Attempt<B>> = attempts.iter().collect();
    newest.sort_by_key(|attempt| Reverse((attempt.created_at_ms, &attempt.id)));
    newest.truncate(usize::try_from(at_most).unwrap_or(usize::MAX));
    newest
}
