//! What people were told of templates.

use groundhog_wire::{id::UserId, v1};
use prost::Message;
use rusqlite::params;

use super::{
    StoreError, Tx,
    tx::{key, message},
};

/// Tells somebody something; the notification's id and time are given here.
pub fn insert(tx: &Tx<'_>, to: UserId, notification: &v1::Notification) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO notifications (user_id, created_at, content) VALUES (?1, ?2, ?3)",
        params![key(to.0), tx.now_ms(), notification.encode_to_vec()],
    )?;
    Ok(())
}

/// What somebody was told after the notification with the id `after`, oldest first, at most `limit`.
pub fn after(tx: &Tx<'_>, to: UserId, after: u64, limit: u32) -> Result<Vec<v1::Notification>, StoreError> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    tx.rows(
        "SELECT id, created_at, content FROM notifications WHERE user_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
        params![key(to.0), after, limit],
        |row| {
            let (id, at_ms) = (row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?);
            Ok(v1::Notification { id, at_ms, ..message(row, 2)? })
        },
    )
}
