//! People and the groups that give them budgets.

use groundhog_wire::id::{GroupId, UserId};
use rusqlite::params;

use super::{
    StoreError, Tx,
    tx::{id, key},
};
use crate::secret_hash::SecretHash;

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Which one.
    pub id: UserId,
    /// What they are called; unique.
    pub name: String,
}

/// Writes a person and the hash of their session token.
pub fn insert(tx: &Tx<'_>, user: &User, token: &SecretHash) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO users (id, name, token_hash, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![key(user.id.0), user.name, token.as_bytes(), tx.now_ms()],
    )?;
    Ok(())
}

/// Writes a group; `budget` in credits a day.
pub fn insert_group(tx: &Tx<'_>, group: GroupId, name: &str, budget: i32) -> Result<(), StoreError> {
    tx.execute("INSERT INTO user_groups (id, name, budget) VALUES (?1, ?2, ?3)", params![key(group.0), name, budget])?;
    Ok(())
}

/// Makes a person a member of a group.
pub fn insert_member(tx: &Tx<'_>, group: GroupId, user: UserId) -> Result<(), StoreError> {
    tx.execute("INSERT INTO group_members (group_id, user_id) VALUES (?1, ?2)", params![key(group.0), key(user.0)])?;
    Ok(())
}

/// The person whose session token has this hash.
pub fn by_token(tx: &Tx<'_>, token: &SecretHash) -> Result<Option<User>, StoreError> {
    tx.row("SELECT id, name FROM users WHERE token_hash = ?1", [token.as_bytes()], |row| {
        Ok(User { id: id(row, 0, UserId)?, name: row.get(1)? })
    })
}

/// A person's name.
pub fn name(tx: &Tx<'_>, user: UserId) -> Result<Option<String>, StoreError> {
    tx.row("SELECT name FROM users WHERE id = ?1", [key(user.0)], |row| row.get(0))
}
