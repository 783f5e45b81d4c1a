//! What an owner may use, and uses.

use groundhog_wire::id::{OrganizationId, UserId, WorkspaceId};
use rusqlite::params;

use super::{StoreError, Tx, tx::key};

/// The sum of the budgets of the owner's groups in the organisation that the workspace's template belongs to, in credits
/// a day. None when the owner is in no group there: then there is no limit.
pub fn budget(tx: &Tx<'_>, owner: UserId, workspace: WorkspaceId) -> Result<Option<i64>, StoreError> {
    let budget = tx.row(
        "SELECT SUM(g.budget) FROM group_members m JOIN user_groups g ON g.id = m.group_id
         WHERE m.user_id = ?1 AND g.organization_id =
             (SELECT t.organization_id FROM workspaces w JOIN templates t ON t.id = w.template_id WHERE w.id = ?2)",
        params![key(owner.0), key(workspace.0)],
        |row| row.get::<_, Option<i64>>(0),
    )?;
    Ok(budget.flatten())
}

/// The sum of the daily cost of the latest build of each of the owner's live workspaces, without `workspace`, whose
/// templates belong to the organisation that its template belongs to.
pub fn used_elsewhere(tx: &Tx<'_>, owner: UserId, workspace: WorkspaceId) -> Result<i64, StoreError> {
    let used = tx.row(
        "SELECT COALESCE(SUM(b.daily_cost), 0)
         FROM workspaces w JOIN builds b ON b.workspace_id = w.id JOIN templates t ON t.id = w.template_id
         WHERE w.owner_id = ?1 AND w.id <> ?2 AND w.deleted_at IS NULL
           AND b.number = (SELECT MAX(l.number) FROM builds l WHERE l.workspace_id = w.id)
           AND t.organization_id =
               (SELECT o.organization_id FROM workspaces s JOIN templates o ON o.id = s.template_id WHERE s.id = ?2)",
        params![key(owner.0), key(workspace.0)],
        |row| row.get(0),
    )?;
    Ok(used.unwrap_or(0))
}

/// The sum of the budgets of the owner's groups in an organisation, in credits a day. None when the owner is in no group
/// there: then there is no limit.
pub fn budget_in(tx: &Tx<'_>, owner: UserId, organization: OrganizationId) -> Result<Option<i64>, StoreError> {
    let budget = tx.row(
        "SELECT SUM(g.budget) FROM group_members m JOIN user_groups g ON g.id = m.group_id
         WHERE m.user_id = ?1 AND g.organization_id = ?2",
        params![key(owner.0), key(organization.0)],
        |row| row.get::<_, Option<i64>>(0),
    )?;
    Ok(budget.flatten())
}

/// The sum of the daily cost of the latest build of each of the owner's live workspaces whose templates belong to an
/// organisation.
pub fn used_in(tx: &Tx<'_>, owner: UserId, organization: OrganizationId) -> Result<i64, StoreError> {
    let used = tx.row(
        "SELECT COALESCE(SUM(b.daily_cost), 0)
         FROM workspaces w JOIN builds b ON b.workspace_id = w.id JOIN templates t ON t.id = w.template_id
         WHERE w.owner_id = ?1 AND w.deleted_at IS NULL AND t.organization_id = ?2
           AND b.number = (SELECT MAX(l.number) FROM builds l WHERE l.workspace_id = w.id)",
        params![key(owner.0), key(organization.0)],
        |row| row.get(0),
    )?;
    Ok(used.unwrap_or(0))
}
