//! Leases: of several replicas one has something to itself for a while.
//!
//! A lease is a row with a number, and whoever takes it makes the number one higher. A holder says its number with
//! everything that it writes, in the same transaction: so one that was suspended, and whose lease another has taken since,
//! writes nothing, whatever it and its clock believe. The clocks decide only when the next one may take it. No connection
//! is held in between (P14).

use rusqlite::params;

use super::{StoreError, Tx};

/// Takes a lease for `lease_ms` milliseconds, if it is free or has run out; the number under which it is held from now on.
pub fn take(tx: &Tx<'_>, name: &str, lease_ms: i64) -> Result<Option<i64>, StoreError> {
    tx.row(
        "INSERT INTO leases (name, number, expires_at) VALUES (?1, 1, ?2)
         ON CONFLICT (name) DO UPDATE SET number = number + 1, expires_at = excluded.expires_at
             WHERE leases.expires_at <= ?3
         RETURNING number",
        params![name, tx.now_ms().saturating_add(lease_ms), tx.now_ms()],
        |row| row.get(0),
    )
}

/// Holds a lease for `lease_ms` milliseconds more, whether or not it has run out, unless another holder has taken it; whether
/// it is still held under this number.
pub fn renew(tx: &Tx<'_>, name: &str, number: i64, lease_ms: i64) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE leases SET expires_at = ?3 WHERE name = ?1 AND number = ?2",
        params![name, number, tx.now_ms().saturating_add(lease_ms)],
    )?;
    Ok(changed == 1)
}

/// Gives a lease back, if it is still held under this number. The next holder's number is a higher one all the same.
pub fn release(tx: &Tx<'_>, name: &str, number: i64) -> Result<(), StoreError> {
    tx.execute("UPDATE leases SET expires_at = 0 WHERE name = ?1 AND number = ?2", params![name, number])?;
    Ok(())
}
