//! People, the groups that give them budgets, and the sessions by which their workspaces call.

use std::collections::BTreeSet;

use groundhog_wire::id::{GroupId, OrganizationId, UserId, WorkspaceId};
use rusqlite::{
    Row, ToSql, params,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};

use uuid::Uuid;

use super::{
    StoreError, Tx,
    tx::{id, key},
};
use crate::secret_hash::SecretHash;

/// What a person is to the platform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Has workspaces.
    #[default]
    Member,
    /// Looks after templates and what is built ahead of them, and has workspaces.
    TemplateAdmin,
    /// Looks after templates and the platform, and has workspaces.
    Admin,
    /// No person: the account for which workspaces are built ahead. Its jobs come after people's.
    Prebuilds,
}

impl Role {
    /// The word that the database uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::TemplateAdmin => "template_admin",
            Self::Admin => "admin",
            Self::Prebuilds => "prebuilds",
        }
    }
}

impl ToSql for Role {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

impl FromSql for Role {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "member" => Ok(Self::Member),
            "template_admin" => Ok(Self::TemplateAdmin),
            "admin" => Ok(Self::Admin),
            "prebuilds" => Ok(Self::Prebuilds),
            // The column's CHECK allows nothing else.
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Which one.
    pub id: UserId,
    /// What they are called; unique.
    pub name: String,
    /// What they are to the platform.
    pub role: Role,
    /// The organisations that they are members of.
    pub organizations: BTreeSet<OrganizationId>,
}

/// The id of the account for which workspaces are built ahead. It is there from the first, and the same everywhere.
pub const PREBUILDS: UserId = UserId(Uuid::from_u128(0xc42f_df75_3097_471c_8c33_fb52_454d_81c0));

impl User {
    /// The account for which workspaces are built ahead. Its memberships do not matter to what it does.
    pub fn prebuilds() -> Self {
        Self { id: PREBUILDS, name: "prebuilds".to_owned(), role: Role::Prebuilds, organizations: BTreeSet::new() }
    }
}

/// A token by which somebody calls as a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose it is.
    pub user: User,
    /// From when on it is worth nothing, in milliseconds since 1970; none if it lasts.
    pub expires_at: Option<i64>,
}

/// Writes a person and the hash of their session token, which is worth nothing from `expires_at` on.
pub fn insert(tx: &Tx<'_>, user: &User, token: &SecretHash, expires_at: Option<i64>) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO users (id, name, role, token_hash, token_expires_at, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![key(user.id.0), user.name, user.role, token.as_bytes(), expires_at, tx.now_ms()],
    )?;
    Ok(())
}

/// Gives a person another session token, which is worth nothing from `expires_at` on; the one before is worth nothing.
pub fn set_token(tx: &Tx<'_>, user: UserId, token: &SecretHash, expires_at: Option<i64>) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE users SET token_hash = ?2, token_expires_at = ?3 WHERE id = ?1",
        params![key(user.0), token.as_bytes(), expires_at],
    )?;
    Ok(())
}

/// Whether anybody has this role.
pub fn any_of(tx: &Tx<'_>, role: Role) -> Result<bool, StoreError> {
    let any = tx.row("SELECT EXISTS (SELECT 1 FROM users WHERE role = ?1)", [role], |row| row.get(0))?;
    Ok(any.unwrap_or(false))
}

/// Writes a group of an organisation; `budget` in credits a day.
pub fn insert_group(
    tx: &Tx<'_>,
    group: GroupId,
    organization: OrganizationId,
    name: &str,
    budget: i32,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO user_groups (id, organization_id, name, budget) VALUES (?1, ?2, ?3, ?4)",
        params![key(group.0), key(organization.0), name, budget],
    )?;
    Ok(())
}

/// The group of an organisation that has this name.
pub fn group_by_name(tx: &Tx<'_>, organization: OrganizationId, name: &str) -> Result<Option<GroupId>, StoreError> {
    tx.row(
        "SELECT id FROM user_groups WHERE organization_id = ?1 AND name = ?2",
        params![key(organization.0), name],
        |row| id(row, 0, GroupId),
    )
}

/// Makes a person a member of a group.
pub fn insert_member(tx: &Tx<'_>, group: GroupId, user: UserId) -> Result<(), StoreError> {
    tx.execute("INSERT INTO group_members (group_id, user_id) VALUES (?1, ?2)", params![key(group.0), key(user.0)])?;
    Ok(())
}

/// The session whose token has this hash: a person's own, or one that a build of their workspace was given.
pub fn session(tx: &Tx<'_>, token: &SecretHash) -> Result<Option<Session>, StoreError> {
    let own = own_session(tx, token)?;
    if own.is_some() {
        return Ok(own);
    }
    let from = "workspace_sessions s JOIN workspaces w ON w.id = s.workspace_id JOIN users u ON u.id = w.owner_id
                WHERE s.token_hash = ?1";
    tx.row(&select("s.expires_at", from), [token.as_bytes()], read)
}

/// The session whose token has this hash, if it is a person's own.
pub fn own_session(tx: &Tx<'_>, token: &SecretHash) -> Result<Option<Session>, StoreError> {
    tx.row(&select("u.token_expires_at", "users u WHERE u.token_hash = ?1"), [token.as_bytes()], read)
}

/// Gives a workspace a session as its owner, in place of the one it had.
pub fn renew_workspace_session(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    token: &SecretHash,
    expires_at: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO workspace_sessions (workspace_id, token_hash, expires_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (workspace_id) DO UPDATE SET token_hash = excluded.token_hash, expires_at = excluded.expires_at",
        params![key(workspace.0), token.as_bytes(), expires_at],
    )?;
    Ok(())
}

/// Takes a workspace's session away.
pub fn end_workspace_session(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM workspace_sessions WHERE workspace_id = ?1", [key(workspace.0)])?;
    Ok(())
}

/// The person of this name.
pub fn by_name(tx: &Tx<'_>, name: &str) -> Result<Option<User>, StoreError> {
    tx.row(&select("NULL", "users u WHERE u.name = ?1"), [name], |row| Ok(read(row)?.user))
}

/// The person with this id.
pub fn by_id(tx: &Tx<'_>, user: UserId) -> Result<Option<User>, StoreError> {
    tx.row(&select("NULL", "users u WHERE u.id = ?1"), [key(user.0)], |row| Ok(read(row)?.user))
}

/// A person's name.
pub fn name(tx: &Tx<'_>, user: UserId) -> Result<Option<String>, StoreError> {
    tx.row("SELECT name FROM users WHERE id = ?1", [key(user.0)], |row| row.get(0))
}

/// Whoever looks after templates, by name.
pub fn template_admins(tx: &Tx<'_>) -> Result<Vec<User>, StoreError> {
    let admins = select("NULL", "users u WHERE u.role IN ('template_admin', 'admin') ORDER BY u.name");
    tx.rows(&admins, [], |row| Ok(read(row)?.user))
}

/// Whoever has an account, by name, at most `limit`: of everybody or of an organisation's members, and with or without
/// the accounts that are no people.
pub fn list(
    tx: &Tx<'_>,
    organization: Option<OrganizationId>,
    with_system: bool,
    limit: u32,
) -> Result<Vec<User>, StoreError> {
    let listed = select(
        "NULL",
        "users u WHERE (?1 OR u.role <> 'prebuilds')
           AND (?2 IS NULL OR EXISTS (SELECT 1 FROM organization_members n
                                      WHERE n.user_id = u.id AND n.organization_id = ?2))
         ORDER BY u.name LIMIT ?3",
    );
    let organization = organization.map(|organization| key(organization.0));
    tx.rows(&listed, params![with_system, organization, limit], |row| Ok(read(row)?.user))
}

/// People with their memberships, as one column: who calls is found out in each call, and one statement is enough.
fn select(expires_at: &'static str, from: &'static str) -> String {
    format!(
        "SELECT u.id, u.name, u.role, {expires_at},
                (SELECT group_concat(hex(m.organization_id), '') FROM organization_members m WHERE m.user_id = u.id)
         FROM {from}"
    )
}

fn read(row: &Row<'_>) -> rusqlite::Result<Session> {
    let organizations = row.get::<_, Option<String>>(4)?.unwrap_or_default();
    let user = User {
        id: id(row, 0, UserId)?,
        name: row.get(1)?,
        role: row.get(2)?,
        organizations: memberships(&organizations),
    };
    Ok(Session { user, expires_at: row.get(3)? })
}

/// The organisations whose ids stand in `text`, 32 hexadecimal digits each, in any order.
fn memberships(text: &str) -> BTreeSet<OrganizationId> {
    let digits = text.as_bytes().chunks_exact(32);
    digits.filter_map(|digits| Uuid::try_parse_ascii(digits).ok()).map(OrganizationId).collect()
}
