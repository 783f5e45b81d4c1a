//! What administrators set about building ahead.

use super::{StoreError, Tx};

/// Whether building ahead is paused.
pub fn is_paused(tx: &Tx<'_>) -> Result<bool, StoreError> {
    let paused = tx.row("SELECT paused FROM prebuilds_settings WHERE only_row = 1", [], |row| row.get(0))?;
    Ok(paused.unwrap_or(false))
}

/// Pauses building ahead, or goes on with it; whether that is a change.
pub fn set_paused(tx: &Tx<'_>, paused: bool) -> Result<bool, StoreError> {
    let changed =
        tx.execute("UPDATE prebuilds_settings SET paused = ?1 WHERE only_row = 1 AND paused <> ?1", [paused])?;
    Ok(changed == 1)
}
