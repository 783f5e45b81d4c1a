//! What is to be done about a pool.

use crate::action::{Action, DeleteCause};
use crate::expiry::is_expired;
use crate::pool::{Lingering, Pool, Prebuilt, Settings};
use crate::state::state;

/// What is to be done about a pool, in order, at an instant in milliseconds since 1970.
///
/// If builds failed of late it is told first that nothing is built, even if nothing would be; that holds back builds and
/// nothing else (P11). Then, if the preset is not active, its builds that wait are withdrawn and all of its workspaces
/// deleted, oldest first, expired ones as well (P8). If it is active, expired ones are deleted in the order in which they
/// are given, then the oldest of those that are too many. In both cases those follow that lingered long enough (P19).
/// What is missing is built last, so that room is made before it is taken.
///
/// Whether the preset is hard limited changes nothing here: it is whoever carries out the decision that leaves the
/// building out, and says so.
pub fn actions<W: Clone + Ord>(pool: &Pool<W>, settings: &Settings, now_ms: i64) -> Vec<Action<W>> {
    let mut actions = Vec::new();
    let backs_off_until = backs_off_until(pool, settings, now_ms);
    if let Some(until_ms) = backs_off_until {
        actions.push(Action::Backoff { until_ms });
    }
    let active = pool.preset.is_active();
    let (expired, current): (Vec<_>, Vec<_>) =
        pool.running.iter().partition(|one| is_expired(&pool.preset, one.created_at_ms, now_ms));
    let state = state(pool, now_ms);
    if active {
        push_delete(&mut actions, ids(expired), DeleteCause::Expired);
        let mut extraneous = oldest_first(current);
        extraneous.truncate(usize::try_from(state.extraneous).unwrap_or(usize::MAX));
        push_delete(&mut actions, ids(extraneous), DeleteCause::Extraneous);
    } else {
        if pool.pending > 0 {
            actions.push(Action::CancelPending);
        }
        push_delete(&mut actions, ids(oldest_first(pool.running.iter().collect())), DeleteCause::Inactive);
    }
    push_delete(&mut actions, lingered_long_enough(pool, settings, now_ms), DeleteCause::Lingering);
    // The number is no larger than what is wanted, which a u32 holds.
    let missing = state.desired.saturating_sub(state.actual - state.expired).saturating_sub(state.starting);
    let count = u32::try_from(missing).unwrap_or(u32::MAX);
    if count > 0 && backs_off_until.is_none() {
        actions.push(Action::Create { count });
    }
    actions
}

/// Whether nothing can be to do about a pool, so that it need not be looked at closer: the preset is not active, nothing
/// of it runs, waits or has lingered long enough, and nothing of it failed.
///
/// Whether builds are under way does not matter: they end by themselves, and are looked at then.
pub fn can_skip<W: Clone + Ord>(pool: &Pool<W>, settings: &Settings, now_ms: i64) -> bool {
    !pool.preset.is_active()
        && pool.running.is_empty()
        && pool.pending == 0
        && pool.backoff.is_none()
        && lingered_long_enough(pool, settings, now_ms).is_empty()
}

/// Until when nothing is built, if something is held back now: each failure puts it off by an interval after the last.
///
/// The last millisecond belongs to it.
pub fn backs_off_until<W>(pool: &Pool<W>, settings: &Settings, now_ms: i64) -> Option<i64> {
    let backoff = pool.backoff.filter(|backoff| backoff.num_failed > 0)?;
    let put_off_ms = settings.backoff_interval_ms.saturating_mul(backoff.num_failed.into());
    let until_ms = backoff.last_build_at_ms.saturating_add(put_off_ms);
    (now_ms <= until_ms).then_some(until_ms)
}

fn push_delete<W>(actions: &mut Vec<Action<W>>, ids: Vec<W>, cause: DeleteCause) {
    if !ids.is_empty() {
        actions.push(Action::Delete { ids, cause });
    }
}

fn ids<W: Clone>(of: Vec<&Prebuilt<W>>) -> Vec<W> {
    of.into_iter().map(|one| one.id.clone()).collect()
}

/// Oldest first, then by id (P15). One whose beginning is not known is older than any.
fn oldest_first<W: Ord>(mut of: Vec<&Prebuilt<W>>) -> Vec<&Prebuilt<W>> {
    of.sort_by(|one, other| (one.created_at_ms, &one.id).cmp(&(other.created_at_ms, &other.id)));
    of
}

/// Those that have lingered for as long as they are kept, or longer, in the order in which they began to.
fn lingered_long_enough<W: Clone + Ord>(pool: &Pool<W>, settings: &Settings, now_ms: i64) -> Vec<W> {
    let mut due: Vec<&Lingering<W>> =
        pool.lingering.iter().filter(|one| now_ms.saturating_sub(one.since_ms) >= settings.lingering_kept_ms).collect();
    due.sort_by(|one, other| (one.since_ms, &one.id).cmp(&(other.since_ms, &other.id)));
    due.into_iter().map(|one| one.id.clone()).collect()
}
