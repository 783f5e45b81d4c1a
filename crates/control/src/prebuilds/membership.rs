//! The account that builds ahead belongs to every organisation for which it does, and to a group there that says what it may
//! use: nothing that costs, until somebody raises the group's budget.

use groundhog_wire::id::{GroupId, OrganizationId};

use crate::{
    events,
    refusal::{CallError, Refusal},
    store::{
        StoreError, Tx, memberships, organizations,
        users::{self, PREBUILDS},
    },
};

/// The group's name. It is the one that such a platform's administrators know.
pub const GROUP: &str = "coderprebuiltworkspaces";

/// The organisations that have presets with workspaces to be built ahead, and where the account lacks something; by name.
pub fn missing(tx: &Tx<'_>) -> Result<Vec<(OrganizationId, String)>, StoreError> {
    memberships::missing(tx, PREBUILDS, GROUP)
}

/// Makes the account a member of an organisation, with its group: only what is missing. It works even if
/// somebody else does the same at the same time.
///
/// Refused if the organisation takes no new members and groups; then its presets are left alone, and only its (P10).
pub fn complete(tx: &Tx<'_>, id: OrganizationId) -> Result<(), CallError> {
    let organization =
        organizations::by_id(tx, id)?.ok_or_else(|| Refusal::NotFound(format!("there is no organisation {id}")))?;
    let Some(lacks) = memberships::lacks(tx, id, PREBUILDS, GROUP)? else { return Ok(()) };
    if organization.closed {
        let text = format!(
            "the organisation {:?} takes no new members: have its directory add the account \"prebuilds\" and its \
             group {GROUP:?}",
            organization.name
        );
        return Err(Refusal::State(text).into());
    }
    let told = |what: &'static str| {
        let name = organization.name.clone();
        tx.after_commit(move || events::membership_added(&name, what));
    };
    if lacks.member && organizations::insert_member(tx, id, PREBUILDS)? {
        told("member");
    }
    let group = match lacks.group {
        Some(group) => group,
        None => {
            let group = GroupId(tx.new_id("group"));
            users::insert_group(tx, group, id, GROUP, 0)?;
            told("group");
            group
        }
    };
    if lacks.group_member {
        users::insert_member(tx, group, PREBUILDS)?;
        told("group member");
    }
    Ok(())
}
