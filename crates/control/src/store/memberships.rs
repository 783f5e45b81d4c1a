//! What an account lacks to belong to an organisation: membership, a group, membership of that.

use groundhog_wire::id::{GroupId, OrganizationId, UserId};
use rusqlite::params;
use uuid::Uuid;

use super::{
    StoreError, Tx,
    tx::{id, key},
};

/// What an account lacks in an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lacks {
    /// It is no member.
    pub member: bool,
    /// Its group; none if there is none yet.
    pub group: Option<GroupId>,
    /// It is no member of the group.
    pub group_member: bool,
}

/// What stands between an organisation `o` and an account ?1 with a group called ?2.
const JOINS: &str = "
    LEFT JOIN organization_members m ON m.organization_id = o.id AND m.user_id = ?1
    LEFT JOIN user_groups g ON g.organization_id = o.id AND g.name = ?2
    LEFT JOIN group_members n ON n.group_id = g.id AND n.user_id = ?1
    WHERE (m.user_id IS NULL OR g.id IS NULL OR n.user_id IS NULL)";

/// The organisations in which `account` lacks something, of those that have presets for which workspaces are built ahead;
/// with their
/// names, and by them.
pub fn missing(tx: &Tx<'_>, account: UserId, group: &str) -> Result<Vec<(OrganizationId, String)>, StoreError> {
    tx.rows(
        &format!(
            "SELECT o.id, o.name FROM organizations o {JOINS} AND EXISTS (
                 SELECT 1 FROM templates t
                 JOIN template_versions v ON v.template_id = t.id
                 JOIN presets p ON p.version_id = v.id
                 WHERE t.organization_id = o.id AND p.desired_instances IS NOT NULL)
             ORDER BY o.name, o.id"
        ),
        params![key(account.0), group],
        |row| Ok((id(row, 0, OrganizationId)?, row.get(1)?)),
    )
}

/// What `account` lacks in an organisation; none if nothing.
pub fn lacks(
    tx: &Tx<'_>,
    organization: OrganizationId,
    account: UserId,
    group: &str,
) -> Result<Option<Lacks>, StoreError> {
    tx.row(
        &format!("SELECT m.user_id IS NULL, g.id, n.user_id IS NULL FROM organizations o {JOINS} AND o.id = ?3"),
        params![key(account.0), group, key(organization.0)],
        |row| {
            let group = row.get::<_, Option<[u8; 16]>>(1)?.map(|bytes| GroupId(Uuid::from_bytes(bytes)));
            Ok(Lacks { member: row.get(0)?, group, group_member: row.get(2)? })
        },
    )
}
