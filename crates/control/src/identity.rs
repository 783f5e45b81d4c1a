//! Who calls, and whether they may.
//!
//! It is looked up in the same transaction as what the call does, so that no call outlives its permission. A token
//! of the wrong kind is told from an unknown one: a daemon that was given a person's token is a mistake in a
//! deployment, which someone has to find.

use std::time::Duration;

use groundhog_wire::{Caller, DaemonName};

use crate::{
    agent_status, events, outdated, permission,
    refusal::{CallError, Refusal},
    secret_hash::SecretHash,
    store::{
        Tx,
        agents::{self, Agent},
        daemons::{self, DaemonKey, Worker},
        jobs,
        tokens::{self, TokenKind},
        users::{self, Role, Session, User},
    },
};

/// The person who calls.
pub fn user(tx: &Tx<'_>, caller: &Caller) -> Result<User, CallError> {
    let hash = SecretHash::of(&caller.token);
    if let Some(Session { user, expires_at }) = users::session(tx, &hash)? {
        return if expires_at.is_some_and(|expires_at| expires_at <= tx.now_ms()) {
            Err(Refusal::Unauthenticated("session token has expired".to_owned()).into())
        } else {
            Ok(user)
        };
    }
    Err(match tokens::kind(tx, &hash)? {
        Some(kind) => misplaced(kind, "a session token"),
        None => Refusal::Unauthenticated("unknown session token".to_owned()),
    }
    .into())
}

/// The refusal of a token that is somebody's, but not of the kind that the call asks for.
fn misplaced(kind: TokenKind, expected: &str) -> Refusal {
    let given = match kind {
        TokenKind::Session => "a session token",
        TokenKind::DaemonKey => "a daemon's key",
        TokenKind::Agent => "an agent's token",
        TokenKind::AgentSession => "an agent's session token",
    };
    Refusal::Denied(format!("{given} was given where {expected} is expected"))
}

/// The agent that opens a session by its own token: the newest one that has it, because a build may keep the token of
/// the build before it. `told` as with [`worker`].
pub fn agent_by_token(tx: &Tx<'_>, caller: &Caller, told: &mut String) -> Result<Agent, CallError> {
    let hash = SecretHash::of(&caller.token);
    let Some(agent) = agents::newest_by_token(tx, &hash)? else {
        return Err(match tokens::kind(tx, &hash)? {
            Some(kind) => misplaced(kind, "an agent's token"),
            None => Refusal::Unauthenticated("unknown agent token".to_owned()),
        }
        .into());
    };
    told.clone_from(&agent.name);
    check_current(&agent)?;
    Ok(agent)
}

/// The agent that calls by a session, which is good for `lifetime` after the agent's last sign of life. `told` as with
/// [`worker`].
pub fn agent(tx: &Tx<'_>, caller: &Caller, lifetime: Duration, told: &mut String) -> Result<Agent, CallError> {
    let hash = SecretHash::of(&caller.token);
    let Some((agent, opened_at)) = agents::by_session(tx, &hash)? else {
        return Err(match tokens::kind(tx, &hash)? {
            Some(kind) => misplaced(kind, "an agent's session token"),
            None => Refusal::Unauthenticated("unknown agent session token".to_owned()),
        }
        .into());
    };
    told.clone_from(&agent.name);
    if !agent_status::session_is_good(opened_at, agent.contact.last_connected_at, tx.now_ms(), lifetime) {
        return Err(Refusal::Unauthenticated("agent session token has expired".to_owned()).into());
    }
    check_current(&agent)?;
    Ok(agent)
}

/// The refusal of an agent whose build is outdated.
pub fn check_current(agent: &Agent) -> Result<(), Refusal> {
    if outdated::is_outdated(agent.build_number, agent.build_done) { Err(Refusal::outdated()) } else { Ok(()) }
}

/// The refusal of a person who is no administrator, if they are none.
pub fn check_admin(user: &User) -> Result<(), Refusal> {
    match user.role {
        Role::Admin => Ok(()),
        Role::Member | Role::TemplateAdmin | Role::Prebuilds => Err(for_administrators()),
    }
}

/// Which of the administrators a call is for is not said: whoever is none asks any of them.
fn for_administrators() -> Refusal {
    Refusal::Denied("this is for administrators only: ask one of them".to_owned())
}

/// The refusal of a person who does not look after templates, if they don't.
pub fn check_template_admin(user: &User) -> Result<(), Refusal> {
    if permission::looks_after_templates(user.role) { Ok(()) } else { Err(for_administrators()) }
}

/// The daemon that calls for a job. It is noted as seen, and becomes a worker the first time. Its name is noted in
/// `told` as soon as its key is known to be one, be it to be refused.
pub fn worker(tx: &Tx<'_>, caller: &Caller, told: &mut String) -> Result<Worker, CallError> {
    let (key, name) = admitted(tx, caller)?;
    name.clone_into(told);
    if key.deleted {
        return Err(Refusal::key_deleted().into());
    }
    seen(tx, key, name)
}

/// The daemon that calls about a job, named by its id as the caller wrote it. `told` as above.
///
/// A key that was taken back still admits it to the job that it has or had: cut off in the middle, what the job has
/// done so far would be lost, and its end could not be reported.
pub fn worker_of(tx: &Tx<'_>, caller: &Caller, job: &str, told: &mut String) -> Result<Worker, CallError> {
    let (key, name) = admitted(tx, caller)?;
    name.clone_into(told);
    if key.deleted {
        let owner = match job.parse() {
            Ok(job) => jobs::by_id(tx, job)?.and_then(|job| job.worker),
            Err(_) => None,
        };
        if owner.is_none() || owner != daemons::by_name(tx, key.id, name)? {
            return Err(Refusal::key_deleted().into());
        }
    }
    seen(tx, key, name)
}

fn admitted<'a>(tx: &Tx<'_>, caller: &'a Caller) -> Result<(DaemonKey, &'a str), CallError> {
    let hash = SecretHash::of(&caller.token);
    let Some(key) = daemons::key_by_hash(tx, &hash)? else {
        let kind = match users::own_session(tx, &hash)? {
            Some(_) => Some(TokenKind::Session),
            None => tokens::kind(tx, &hash)?,
        };
        return Err(match kind {
            Some(kind) => misplaced(kind, "a daemon's key"),
            None => Refusal::Unauthenticated("unknown daemon key".to_owned()),
        }
        .into());
    };
    let Some(name) = caller.daemon.as_ref().map(DaemonName::as_str) else {
        let text = "no daemon's name: expected the metadata `x-daemon-name: NAME`";
        return Err(Refusal::Unauthenticated(text.to_owned()).into());
    };
    Ok((key, name))
}

fn seen(tx: &Tx<'_>, key: DaemonKey, name: &str) -> Result<Worker, CallError> {
    let worker = Worker { id: daemons::see(tx, key.id, name)?, name: name.to_owned() };
    let seen = worker.name.clone();
    tx.after_commit(move || events::daemon_seen(&seen));
    Ok(worker)
}
