//! What was decided of one preset's pool is done, one transaction for each workspace.
//!
//! What can't be done for one workspace does not keep the others from it: it is told, and the next cycle looks again.

use groundhog_prebuilds::{Action, DeleteCause};
use groundhog_wire::id::WorkspaceId;
use tonic::Code;

use super::{
    cycle::{Cycle, Failure, Over},
    snapshot::PresetPool,
    told::{Decided, Limited, cause_word, words},
};
use crate::{
    events,
    operations::{
        notify,
        prebuild::{self, Created},
    },
    preset_status::PresetStatus,
    refusal::CallError,
    store::presets,
};

/// Does what was decided of a pool, in its order, until it is done or the cycle is over.
pub async fn carry_out(cycle: &Cycle<'_>, decided: &Decided<'_>) {
    // Only that the cycle is over ends it before its time, and that is told elsewhere.
    let _ = all(cycle, decided).await;
}

/// Whether there is anything to do about a pool.
pub fn is_anything_to_do(decided: &Decided<'_>) -> bool {
    is_newly_hard_limited(decided.pool) || decided.actions.iter().any(|action| is_done(action, decided.gate))
}

fn is_newly_hard_limited(pool: &PresetPool) -> bool {
    pool.pool.hard_limited && pool.pool.preset.is_active() && pool.preset.status != PresetStatus::HardLimited
}

fn is_done<W>(action: &Action<W>, gate: Option<Limited>) -> bool {
    match action {
        Action::Backoff { .. } => false,
        Action::CancelPending | Action::Delete { .. } => true,
        Action::Create { .. } => gate.is_none(),
    }
}

async fn all(cycle: &Cycle<'_>, decided: &Decided<'_>) -> Result<(), Over> {
    let pool = decided.pool;
    if is_newly_hard_limited(pool)
        && let Err(error) = hard_limit(cycle, pool).await
    {
        // Until it is noted nothing else is done about the preset, so that whoever looks after it is told first.
        or_over(error)
            .map(|error| tracing::warn!(preset = pool.name(), %error, "a preset could not be hard limited"))?;
        return Ok(());
    }
    let actions: Vec<_> = decided.actions.iter().filter(|action| is_done(action, decided.gate)).cloned().collect();
    if actions.is_empty() {
        return Ok(());
    }
    let state = &decided.state;
    events::prebuild_decided(
        &pool.name(),
        &pool.preset.version_name,
        state.actual,
        state.desired,
        state.starting,
        state.expired,
        state.extraneous,
        u64::from(pool.pool.pending),
        &words(&actions, pool.waiting.len()),
    );
    for action in actions {
        match action {
            Action::Backoff { .. } => {}
            Action::CancelPending => withdraw(cycle, pool).await?,
            Action::Delete { ids, cause } => delete(cycle, pool, &ids, cause).await?,
            // More than are wanted are never built, whatever was decided.
            Action::Create { count } => create(cycle, pool, u64::from(count).min(decided.state.desired)).await?,
        }
    }
    Ok(())
}

/// What else went wrong than that the cycle is over.
fn or_over(failure: Failure) -> Result<CallError, Over> {
    match failure {
        Failure::Over(over) => Err(over),
        Failure::Call(error) => Ok(error),
    }
}

/// Notes that no more builds are tried, and tells whoever looks after templates, once (P2).
async fn hard_limit(cycle: &Cycle<'_>, pool: &PresetPool) -> Result<(), Failure> {
    let (preset, version) = (pool.name(), pool.preset.version_name.clone());
    cycle
        .write("prebuilds: hard limit", |tx| {
            if !presets::set_status(tx, pool.preset.id, PresetStatus::HardLimited)? {
                return Ok(());
            }
            tx.after_commit(move || events::prebuild_hard_limited(&preset, &version));
            let Some(preset) = presets::by_id(tx, pool.preset.id)? else { return Ok(()) };
            Ok(notify::failure_limit_reached(tx, &preset)?)
        })
        .await
}

async fn create(cycle: &Cycle<'_>, pool: &PresetPool, count: u64) -> Result<(), Over> {
    let (preset, version) = (pool.name(), &pool.preset.version_name);
    for _ in 0..count {
        let created = cycle
            .write("prebuilds: create", |tx| {
                let created = prebuild::create(tx, pool.preset.id)?;
                if let Created::Queued(workspace) = created {
                    let (preset, version) = (preset.clone(), version.clone());
                    tx.after_commit(move || events::prebuild_created(workspace.event(), &preset, &version));
                }
                Ok(created)
            })
            .await;
        match created {
            Ok(Created::Queued(_)) => {}
            Ok(Created::Skipped(why)) => {
                events::prebuild_create_skipped(&preset, version, why);
                return Ok(());
            }
            Err(failure) => match or_over(failure)? {
                CallError::Refused(refusal) if refusal.code() == Code::InvalidArgument => {
                    return invalid(cycle, pool, refusal.to_string()).await;
                }
                error => events::prebuild_create_failed(&preset, version, &error.to_string()),
            },
        }
    }
    Ok(())
}

/// Notes that the version does not take the preset's parameters: it never will.
async fn invalid(cycle: &Cycle<'_>, pool: &PresetPool, error: String) -> Result<(), Over> {
    let (preset, version) = (pool.name(), pool.preset.version_name.clone());
    let noted = cycle
        .write("prebuilds: validation failed", |tx| {
            if presets::set_status(tx, pool.preset.id, PresetStatus::ValidationFailed)? {
                tx.after_commit(move || events::prebuild_validation_failed(&preset, &version, &error));
            }
            Ok(())
        })
        .await;
    let Err(failure) = noted else { return Ok(()) };
    let error = or_over(failure)?;
    tracing::warn!(preset = pool.name(), %error, "that a preset is invalid could not be noted");
    Ok(())
}

async fn delete(cycle: &Cycle<'_>, pool: &PresetPool, ids: &[WorkspaceId], cause: DeleteCause) -> Result<(), Over> {
    let preset = pool.name();
    for &workspace in ids {
        // Each is one of the pool's, and the pool was made of the same rows.
        let Some(&seen) = pool.builds.get(&workspace) else { continue };
        let deleted = cycle
            .write("prebuilds: delete", |tx| {
                prebuild::delete(tx, workspace, seen)?;
                let preset = preset.clone();
                tx.after_commit(move || {
                    events::prebuild_deleting(workspace.event(), &preset, cause_word(cause));
                });
                Ok(())
            })
            .await;
        if let Err(failure) = deleted {
            events::prebuild_delete_failed(workspace.event(), &or_over(failure)?.to_string());
        }
    }
    Ok(())
}

/// Each workspace stands alone (P9): what can't be withdrawn stays, and is tried again in the next cycle.
async fn withdraw(cycle: &Cycle<'_>, pool: &PresetPool) -> Result<(), Over> {
    let preset = pool.name();
    for &workspace in &pool.waiting {
        let withdrawn = cycle
            .write("prebuilds: withdraw", |tx| {
                if let Some(job) = prebuild::withdraw(tx, workspace, cycle.daemons)? {
                    let preset = preset.clone();
                    tx.after_commit(move || events::prebuild_withdrawn(workspace.event(), &preset, job.event()));
                }
                Ok(())
            })
            .await;
        if let Err(failure) = withdrawn {
            events::prebuild_withdraw_failed(workspace.event(), &or_over(failure)?.to_string());
        }
    }
    Ok(())
}
