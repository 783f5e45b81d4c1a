//! Who calls, and whether they may.
//!
//! It is looked up in the same transaction as what the call does, so that no call outlives its permission. A token
//! of the wrong kind is told from an unknown one: a daemon that was given a person's token is a mistake in a
//! deployment, which someone has to find.

use groundhog_wire::{Caller, DaemonName};

use crate::{
    events,
    refusal::{CallError, Refusal},
    secret_hash::SecretHash,
    store::{
        Tx,
        daemons::{self, Worker},
        users::{self, User},
    },
};

/// The person who calls.
pub fn user(tx: &Tx<'_>, caller: &Caller) -> Result<User, CallError> {
    let hash = SecretHash::of(&caller.token);
    if let Some(user) = users::by_token(tx, &hash)? {
        return Ok(user);
    }
    Err(match daemons::key_by_hash(tx, &hash)? {
        Some(_) => Refusal::Denied("a daemon's key was given where a session token is expected".to_owned()),
        None => Refusal::Unauthenticated("unknown session token".to_owned()),
    }
    .into())
}

/// The daemon that calls. It is noted as seen, and becomes a worker the first time.
pub fn worker(tx: &Tx<'_>, caller: &Caller) -> Result<Worker, CallError> {
    let hash = SecretHash::of(&caller.token);
    let Some(key) = daemons::key_by_hash(tx, &hash)? else {
        return Err(match users::by_token(tx, &hash)? {
            Some(_) => Refusal::Denied("a session token was given where a daemon's key is expected".to_owned()),
            None => Refusal::Unauthenticated("unknown daemon key".to_owned()),
        }
        .into());
    };
    let Some(name) = caller.daemon.as_ref().map(DaemonName::as_str) else {
        let text = "no daemon's name: expected the metadata `x-daemon-name: NAME`";
        return Err(Refusal::Unauthenticated(text.to_owned()).into());
    };
    let worker = Worker { id: daemons::see(tx, key, name)?, name: name.to_owned() };
    let seen = worker.name.clone();
    tx.after_commit(move || events::daemon_seen(&seen));
    Ok(worker)
}
