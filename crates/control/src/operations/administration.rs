//! What administrators look at and change: daemons, their keys, the audit trail, people, whether anything is built ahead.

use groundhog_wire::v1;

use crate::{
    config::DaemonsConfig,
    daemon_status::{Known, status},
    events, limits,
    millis::millis,
    names::truncated,
    refusal::{CallError, Refusal},
    store::{
        StoreError, Tx, audit, daemons, organizations, settings,
        users::{self, User},
    },
};

/// Entries in one page of the audit trail. Errors have up to 64 KiB, of which a page shows the beginning.
pub const PAGE_ENTRIES_MAX: u32 = 1_000;

/// Daemons in a listing: what fits a message, each with a few jobs. Nobody runs as many.
pub const DAEMONS_MAX: u32 = 5_000;

/// How much of an error a page shows, in bytes.
const ERROR_BYTES_MAX: usize = 1 << 10;

/// Daemons that are forgotten in one run, at most.
const FORGOTTEN_PER_RUN: u32 = 100;

/// The daemons, and whether they are there.
pub fn list_daemons(tx: &Tx<'_>, config: &DaemonsConfig) -> Result<v1::ListDaemonsResponse, CallError> {
    let show = |daemon: daemons::Listed| {
        let known = Known { last_seen_at: Some(daemon.last_seen_at), has_job: !daemon.jobs.is_empty() };
        v1::Daemon {
            daemon_id: daemon.id.to_string(),
            name: daemon.name,
            key: daemon.key,
            status: status(known, tx.now_ms(), config.stale_after).to_wire().into(),
            last_seen_at_ms: daemon.last_seen_at,
            job_ids: daemon.jobs.iter().map(ToString::to_string).collect(),
        }
    };
    Ok(v1::ListDaemonsResponse { daemons: daemons::list(tx, DAEMONS_MAX)?.into_iter().map(show).collect() })
}

/// Takes a daemon key back. One that was taken back before is taken back alike: whoever lost the answer may ask again.
///
/// A daemon that waits for a job is told when it is next asked for, which is at the next poll at the latest; one that
/// has a job, when it wants another.
pub fn delete_key(
    tx: &Tx<'_>,
    admin: &User,
    request: &v1::DeleteDaemonKeyRequest,
) -> Result<v1::DeleteDaemonKeyResponse, CallError> {
    let Some(key) = daemons::key_by_name(tx, &request.key)? else {
        let name = limits::shown(&request.key);
        return Err(Refusal::NotFound(format!("There is no daemon key {name:?}.")).into());
    };
    if !key.deleted {
        daemons::delete_key(tx, key.id)?;
        let (name, by) = (request.key.clone(), admin.name.clone());
        tx.after_commit(move || events::daemon_key_deleted(&name, &by));
    }
    Ok(v1::DeleteDaemonKeyResponse {})
}

/// People in a listing, at most: what fits a message many times over.
pub const USERS_MAX: u32 = 10_000;

/// Whoever has an account, by name; without the accounts that are no people unless they are asked for.
pub fn list_users(tx: &Tx<'_>, request: &v1::ListUsersRequest) -> Result<v1::ListUsersResponse, CallError> {
    let unknown = || Refusal::NotFound(format!("There is no organization {:?}.", limits::shown(&request.organization)));
    let organization = match request.organization.as_str() {
        "" => None,
        name => Some(organizations::by_name(tx, name)?.ok_or_else(unknown)?.id),
    };
    let users = users::list(tx, organization, request.include_system, USERS_MAX)?;
    let show = |user: User| v1::UserView {
        user_id: user.id.to_string(),
        name: user.name,
        role: user.role.as_str().to_owned(),
    };
    Ok(v1::ListUsersResponse { users: users.into_iter().map(show).collect() })
}

/// What is set about building ahead.
pub fn prebuilds_settings(tx: &Tx<'_>) -> Result<v1::PrebuildsSettings, CallError> {
    Ok(v1::PrebuildsSettings { paused: settings::is_paused(tx)? })
}

/// Pauses building ahead, or has it go on. People are given what was built ahead in either case.
pub fn set_prebuilds_settings(
    tx: &Tx<'_>,
    admin: &User,
    request: v1::PrebuildsSettings,
) -> Result<v1::PrebuildsSettings, CallError> {
    let v1::PrebuildsSettings { paused } = request;
    if settings::set_paused(tx, paused)? {
        let by = admin.name.clone();
        let told = if paused { events::prebuilds_paused } else { events::prebuilds_resumed };
        tx.after_commit(move || told(&by));
    }
    Ok(v1::PrebuildsSettings { paused })
}

/// A page of the audit trail.
pub fn list(tx: &Tx<'_>, request: &v1::ListAuditEntriesRequest) -> Result<v1::ListAuditEntriesResponse, CallError> {
    let limit = if request.limit == 0 { PAGE_ENTRIES_MAX } else { request.limit.min(PAGE_ENTRIES_MAX) };
    let mut entries = audit::after(tx, request.after_id, limit)?;
    for entry in &mut entries {
        entry.error.truncate(truncated(&entry.error, ERROR_BYTES_MAX).len());
    }
    Ok(v1::ListAuditEntriesResponse { entries })
}

/// Forgets daemons that were not seen for long and have no job; how many.
pub fn forget_daemons(tx: &Tx<'_>, config: &DaemonsConfig) -> Result<usize, StoreError> {
    let deleted_after = millis(config.deleted_after);
    let unseen = daemons::unseen(tx, tx.now_ms().saturating_sub(deleted_after), FORGOTTEN_PER_RUN)?;
    for worker in &unseen {
        daemons::forget(tx, *worker)?;
    }
    Ok(unseen.len())
}
