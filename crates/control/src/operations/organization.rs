//! Organisations as requests name them.

use groundhog_wire::id::OrganizationId;

use crate::{
    limits,
    refusal::{CallError, Refusal},
    store::{Tx, organizations},
};

/// The organisation of this name; an empty one is the default one.
pub(super) fn named(tx: &Tx<'_>, name: &str) -> Result<OrganizationId, CallError> {
    if name.is_empty() {
        return Ok(organizations::DEFAULT_ID);
    }
    Ok(organizations::by_name(tx, name)?.ok_or_else(|| unknown(name))?.id)
}

/// The refusal of an organisation that is not there.
pub(super) fn unknown(name: &str) -> Refusal {
    Refusal::NotFound(format!("There is no organization {:?}.", limits::shown(name)))
}
