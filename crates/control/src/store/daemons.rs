//! Provisioner daemons and the keys that admit them.

use groundhog_wire::{
    id::{JobId, WorkerId},
    v1,
};
use prost::Message;
use rusqlite::params;
use uuid::Uuid;

use super::{
    StoreError, Tx,
    tx::{id, key, message},
};
use crate::{operations::acquire::Want, secret_hash::SecretHash, tags::Tags};

/// A daemon. Its id belongs to its key and its name: a daemon that reconnects or restarts is the same worker (J17).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Which one.
    pub id: WorkerId,
    /// What it calls itself.
    pub name: String,
}

/// A key by which daemons are admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DaemonKey {
    /// Which one.
    pub id: Uuid,
    /// It was taken back: its daemons may bring a job to its end and get no other.
    pub deleted: bool,
}

/// A daemon as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which one.
    pub id: WorkerId,
    /// What it calls itself.
    pub name: String,
    /// The name of its key.
    pub key: String,
    /// When it was last heard of, in milliseconds since 1970.
    pub last_seen_at: i64,
    /// The jobs that it has, the oldest first.
    pub jobs: Vec<JobId>,
}

/// Writes a key by which daemons are admitted.
pub fn insert_key(tx: &Tx<'_>, key_id: Uuid, name: &str, hash: &SecretHash) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO daemon_keys (id, name, key_hash) VALUES (?1, ?2, ?3)",
        params![key(key_id), name, hash.as_bytes()],
    )?;
    Ok(())
}

/// Gives a key another hash: daemons that come by the one before are let in no more.
pub fn set_key_hash(tx: &Tx<'_>, key_id: Uuid, hash: &SecretHash) -> Result<(), StoreError> {
    tx.execute("UPDATE daemon_keys SET key_hash = ?2 WHERE id = ?1", params![key(key_id), hash.as_bytes()])?;
    Ok(())
}

/// The key with this hash.
pub fn key_by_hash(tx: &Tx<'_>, hash: &SecretHash) -> Result<Option<DaemonKey>, StoreError> {
    tx.row("SELECT id, deleted_at IS NOT NULL FROM daemon_keys WHERE key_hash = ?1", [hash.as_bytes()], |row| {
        Ok(DaemonKey { id: id(row, 0, |id| id)?, deleted: row.get(1)? })
    })
}

/// The key called `name`.
pub fn key_by_name(tx: &Tx<'_>, name: &str) -> Result<Option<DaemonKey>, StoreError> {
    tx.row("SELECT id, deleted_at IS NOT NULL FROM daemon_keys WHERE name = ?1", [name], |row| {
        Ok(DaemonKey { id: id(row, 0, |id| id)?, deleted: row.get(1)? })
    })
}

/// Takes a key back. It is kept, so that its daemons can be told so and its name is not given to another one.
pub fn delete_key(tx: &Tx<'_>, key_id: Uuid) -> Result<(), StoreError> {
    tx.execute("UPDATE daemon_keys SET deleted_at = ?2 WHERE id = ?1", params![key(key_id), tx.now_ms()])?;
    Ok(())
}

/// Notes which jobs a daemon asks for, and whether its key still admits it; none if the daemon is not known any more.
pub fn wants(tx: &Tx<'_>, worker: WorkerId, want: &Want) -> Result<Option<bool>, StoreError> {
    let tags = want.tags.iter().map(|(tag, content)| (tag.to_owned(), content.to_owned())).collect();
    let wants = v1::Want { provisioner_types: want.provisioner_types.iter().cloned().collect(), tags };
    tx.row(
        "UPDATE daemons SET wants = ?2 WHERE id = ?1
         RETURNING (SELECT k.deleted_at IS NULL FROM daemon_keys k WHERE k.id = daemons.key_id)",
        params![key(worker.0), wants.encode_to_vec()],
        |row| row.get(0),
    )
}

/// What the daemons asked for that were seen at `since` (milliseconds since 1970) or later and whose keys admit them:
/// each want once, at most `limit`.
pub fn wanted_since(tx: &Tx<'_>, since: i64, limit: u32) -> Result<Vec<Want>, StoreError> {
    tx.rows(
        "SELECT DISTINCT d.wants FROM daemons d JOIN daemon_keys k ON k.id = d.key_id
         WHERE d.last_seen_at >= ?1 AND k.deleted_at IS NULL AND d.wants <> x''
         ORDER BY d.wants LIMIT ?2",
        params![since, limit],
        |row| {
            let v1::Want { provisioner_types, tags } = message(row, 0)?;
            let provisioner_types = provisioner_types.into_iter().collect();
            Ok(Want { provisioner_types, tags: Tags::from_stored(tags.into_iter().collect()) })
        },
    )
}

/// The daemon `name` of the key `key_id`.
pub fn by_name(tx: &Tx<'_>, key_id: Uuid, name: &str) -> Result<Option<WorkerId>, StoreError> {
    tx.row("SELECT id FROM daemons WHERE key_id = ?1 AND name = ?2", params![key(key_id), name], |row| {
        id(row, 0, WorkerId)
    })
}

/// Notes that the daemon `name` of the key `key_id` was seen now. The first time it becomes a worker.
pub fn see(tx: &Tx<'_>, key_id: Uuid, name: &str) -> Result<WorkerId, StoreError> {
    if let Some(worker) = by_name(tx, key_id, name)? {
        tx.together(|| beat(tx, worker))?;
        return Ok(worker);
    }
    let worker = WorkerId(tx.new_id("worker"));
    tx.execute(
        "INSERT INTO daemons (id, key_id, name, last_seen_at) VALUES (?1, ?2, ?3, ?4)",
        params![key(worker.0), key(key_id), name, tx.now_ms()],
    )?;
    Ok(worker)
}

/// Notes that a daemon is there although it makes no call; whether it is known.
pub fn beat(tx: &Tx<'_>, worker: WorkerId) -> Result<bool, StoreError> {
    let changed =
        tx.execute("UPDATE daemons SET last_seen_at = ?2 WHERE id = ?1", params![key(worker.0), tx.now_ms()])?;
    Ok(changed == 1)
}

/// The daemons by name, then by key; at most `limit`.
pub fn list(tx: &Tx<'_>, limit: u32) -> Result<Vec<Listed>, StoreError> {
    let mut daemons = tx.rows(
        "SELECT d.id, d.name, k.name, d.last_seen_at FROM daemons d JOIN daemon_keys k ON k.id = d.key_id
         ORDER BY d.name, k.name LIMIT ?1",
        [limit],
        |row| {
            let (id, jobs) = (id(row, 0, WorkerId)?, Vec::new());
            Ok(Listed { id, name: row.get(1)?, key: row.get(2)?, last_seen_at: row.get(3)?, jobs })
        },
    )?;
    for daemon in &mut daemons {
        daemon.jobs = tx.rows(
            "SELECT id FROM jobs WHERE worker_id = ?1 AND completed_at IS NULL ORDER BY created_at, id",
            [key(daemon.id.0)],
            |row| id(row, 0, JobId),
        )?;
    }
    Ok(daemons)
}

/// The daemons that were last seen before `before` (milliseconds since 1970) and have no job, at most `limit`.
pub fn unseen(tx: &Tx<'_>, before: i64, limit: u32) -> Result<Vec<WorkerId>, StoreError> {
    tx.rows(
        "SELECT d.id FROM daemons d
         WHERE d.last_seen_at < ?1
           AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.worker_id = d.id AND j.completed_at IS NULL)
         ORDER BY d.last_seen_at, d.id LIMIT ?2",
        params![before, limit],
        |row| id(row, 0, WorkerId),
    )
}

/// Forgets a daemon that has no job. The jobs that it had no longer say whose they were.
pub fn forget(tx: &Tx<'_>, worker: WorkerId) -> Result<(), StoreError> {
    tx.execute("UPDATE jobs SET worker_id = NULL WHERE worker_id = ?1 AND completed_at IS NOT NULL", [key(worker.0)])?;
    tx.execute("DELETE FROM daemons WHERE id = ?1", [key(worker.0)])?;
    Ok(())
}
