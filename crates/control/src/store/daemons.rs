//! Provisioner daemons and the keys that admit them.

use groundhog_wire::id::WorkerId;
use rusqlite::params;
use uuid::Uuid;

use super::{
    StoreError, Tx,
    tx::{id, key},
};
use crate::secret_hash::SecretHash;

/// A daemon. Its id belongs to its key and its name: a daemon that reconnects or restarts is the same worker (J17).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Which one.
    pub id: WorkerId,
    /// What it calls itself.
    pub name: String,
}

/// Writes a key by which daemons are admitted.
pub fn insert_key(tx: &Tx<'_>, key_id: Uuid, name: &str, hash: &SecretHash) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO daemon_keys (id, name, key_hash) VALUES (?1, ?2, ?3)",
        params![key(key_id), name, hash.as_bytes()],
    )?;
    Ok(())
}

/// The id of the key with this hash.
pub fn key_by_hash(tx: &Tx<'_>, hash: &SecretHash) -> Result<Option<Uuid>, StoreError> {
    tx.row("SELECT id FROM daemon_keys WHERE key_hash = ?1", [hash.as_bytes()], |row| id(row, 0, |id| id))
}

/// Notes that the daemon `name` of the key `key_id` was seen now. The first time it becomes a worker.
pub fn see(tx: &Tx<'_>, key_id: Uuid, name: &str) -> Result<WorkerId, StoreError> {
    let known = tx.row(
        "UPDATE daemons SET last_seen_at = ?3 WHERE key_id = ?1 AND name = ?2 RETURNING id",
        params![key(key_id), name, tx.now_ms()],
        |row| id(row, 0, WorkerId),
    )?;
    if let Some(worker) = known {
        return Ok(worker);
    }
    let worker = WorkerId(tx.new_id("worker"));
    tx.execute(
        "INSERT INTO daemons (id, key_id, name, last_seen_at) VALUES (?1, ?2, ?3, ?4)",
        params![key(worker.0), key(key_id), name, tx.now_ms()],
    )?;
    Ok(worker)
}
