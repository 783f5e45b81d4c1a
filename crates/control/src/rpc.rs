//! What all calls have in common: one transaction, and what is told of a call that was not carried out.

use groundhog_wire::Caller;
use tonic::{Status, metadata::MetadataMap};

use crate::{
    config::AgentsConfig,
    events, identity,
    refusal::CallError,
    store::{Store, Tx, agents::Agent, users::User},
};

/// Answers a call with what `work` makes of it in one transaction. `work` is given who calls and where to note the
/// caller's name once it is known.
pub(crate) async fn answer<T>(
    store: &Store,
    method: &'static str,
    caller: Result<Caller, Status>,
    work: impl FnOnce(&Tx<'_>, &Caller, &mut String) -> Result<T, CallError>,
) -> Result<T, Status> {
    let mut name = String::new();
    let caller = caller.inspect_err(|status| events::rpc_refused(method, &name, status.message()))?;
    let result = store.transact(method, |tx| work(tx, &caller, &mut name)).await;
    result.map_err(|error| told(method, &name, error))
}

/// What the caller `name` is told of a call that was not carried out, or that goes on no longer. It is told of here
/// too.
pub(crate) fn told(method: &'static str, name: &str, error: CallError) -> Status {
    match &error {
        CallError::Refused(refusal) => events::rpc_refused(method, name, &refusal.to_string()),
        CallError::Store(error) => tracing::warn!(method, caller = name, %error, "a call met a database failure"),
    }
    error.into()
}

/// As [`answer`], for a call that people make.
pub(crate) async fn answer_user<T>(
    store: &Store,
    method: &'static str,
    metadata: &MetadataMap,
    work: impl FnOnce(&Tx<'_>, &User) -> Result<T, CallError>,
) -> Result<T, Status> {
    answer(store, method, Caller::from_metadata(metadata), |tx, caller, name| {
        let user = identity::user(tx, caller)?;
        name.clone_from(&user.name);
        work(tx, &user)
    })
    .await
}

/// As [`answer`], for a call that administrators make.
pub(crate) async fn answer_admin<T>(
    store: &Store,
    method: &'static str,
    metadata: &MetadataMap,
    work: impl FnOnce(&Tx<'_>, &User) -> Result<T, CallError>,
) -> Result<T, Status> {
    answer_user(store, method, metadata, |tx, user| {
        identity::check_admin(user)?;
        work(tx, user)
    })
    .await
}

/// As [`answer`], for a call that whoever looks after templates makes.
pub(crate) async fn answer_template_admin<T>(
    store: &Store,
    method: &'static str,
    metadata: &MetadataMap,
    work: impl FnOnce(&Tx<'_>, &User) -> Result<T, CallError>,
) -> Result<T, Status> {
    answer_user(store, method, metadata, |tx, user| {
        identity::check_template_admin(user)?;
        work(tx, user)
    })
    .await
}

/// As [`answer`], for a call that agents make by their sessions.
pub(crate) async fn answer_agent<T>(
    store: &Store,
    method: &'static str,
    metadata: &MetadataMap,
    config: &AgentsConfig,
    work: impl FnOnce(&Tx<'_>, &Agent) -> Result<T, CallError>,
) -> Result<T, Status> {
    answer(store, method, Caller::from_metadata(metadata), |tx, caller, name| {
        let agent = identity::agent(tx, caller, config.session_lifetime, name)?;
        work(tx, &agent)
    })
    .await
}
