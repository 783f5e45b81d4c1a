//! What all calls have in common: one transaction, and what is told of a call that was not carried out.

use groundhog_wire::Caller;
use tonic::Status;

use crate::{
    events,
    refusal::CallError,
    store::{Store, Tx},
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
    result.map_err(|error| {
        match &error {
            CallError::Refused(refusal) => events::rpc_refused(method, &name, &refusal.to_string()),
            CallError::Store(error) => tracing::warn!(method, caller = name, %error, "a call met a database failure"),
        }
        error.into()
    })
}
