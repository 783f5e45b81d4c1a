//! Organisations: people are their members, groups and templates belong to them.

use groundhog_wire::id::{OrganizationId, UserId};
use rusqlite::{Row, params};
use uuid::Uuid;

use super::{
    StoreError, Tx,
    tx::{id, key},
};

/// The name of the organisation that is there from the first.
pub const DEFAULT: &str = "default";

/// The id of the organisation that is there from the first.
pub const DEFAULT_ID: OrganizationId = OrganizationId(Uuid::from_u128(1));

/// An organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Which one.
    pub id: OrganizationId,
    /// Its name; unique.
    pub name: String,
    /// Its members and groups are managed elsewhere: it takes no new ones here.
    pub closed: bool,
}

/// Writes an organisation.
pub fn insert(tx: &Tx<'_>, organization: &Organization) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO organizations (id, name, closed) VALUES (?1, ?2, ?3)",
        params![key(organization.id.0), organization.name, organization.closed],
    )?;
    Ok(())
}

/// Says whether an organisation takes new members and groups.
pub fn set_closed(tx: &Tx<'_>, organization: OrganizationId, closed: bool) -> Result<(), StoreError> {
    tx.execute("UPDATE organizations SET closed = ?2 WHERE id = ?1", params![key(organization.0), closed])?;
    Ok(())
}

/// The organisation with this id.
pub fn by_id(tx: &Tx<'_>, organization: OrganizationId) -> Result<Option<Organization>, StoreError> {
    tx.row("SELECT id, name, closed FROM organizations WHERE id = ?1", [key(organization.0)], read)
}

/// The organisation of this name.
pub fn by_name(tx: &Tx<'_>, name: &str) -> Result<Option<Organization>, StoreError> {
    tx.row("SELECT id, name, closed FROM organizations WHERE name = ?1", [name], read)
}

/// Makes somebody a member; whether they were none before. Whether the organisation takes any is the caller's to ask.
pub fn insert_member(tx: &Tx<'_>, organization: OrganizationId, user: UserId) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "INSERT INTO organization_members (organization_id, user_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        params![key(organization.0), key(user.0)],
    )?;
    Ok(changed == 1)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Organization> {
    Ok(Organization { id: id(row, 0, OrganizationId)?, name: row.get(1)?, closed: row.get(2)? })
}
