//! A transaction's beginning and end.

use rusqlite::Connection;

/// A transaction that holds the write lock from its beginning, and is undone when dropped before its commit.
///
/// As SQLite's own wrapper for Rust has one, but for the statements that begin and end it: those are prepared once per
/// connection like all others, where the wrapper's are parsed anew for every transaction.
pub(super) struct Unit<'a>(&'a Connection);

impl<'a> Unit<'a> {
    /// Begins one. The connection is not in a transaction.
    pub(super) fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        // The write lock at once: a transaction that reads first and writes later could not be retried here.
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
        Ok(Self(connection))
    }

    /// The connection, for statements of this transaction.
    pub(super) fn connection(&self) -> &'a Connection {
        self.0
    }

    /// Makes what was done last.
    pub(super) fn commit(self) -> rusqlite::Result<()> {
        self.0.prepare_cached("COMMIT")?.execute(()).map(drop)
    }
}

impl Drop for Unit<'_> {
    fn drop(&mut self) {
        // Nothing is open after a commit, and after an error by which SQLite has undone all of it by itself.
        if !self.0.is_autocommit() {
            // The connection is as it was if this fails, and the next transaction says that it can't begin.
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }
}
