//! The database as a thing of its own, which outlives the process that uses it.

use std::{
    cell::Cell,
    fmt,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use groundhog_host::Random;
use rusqlite::{Connection, config::DbConfig};
use uuid::Uuid;

use super::{
    StoreError, Tx,
    notices::{Mailboxes, Notice},
    schema,
    tx::Effect,
    unit::Unit,
};
use crate::{
    bring_up::{BringUpError, BroughtUp, OtherSecret, bring_up},
    setup::{Setup, SetupError},
};

/// Prepared statements that are kept: more than there are different ones.
const STATEMENTS_MAX: usize = 256;

/// The relational database. Cheap to clone; every clone is the same database. What is committed is there for
/// whoever opens a store over it next, whatever became of the control plane that wrote it.
#[derive(Clone)]
pub struct Database {
    connection: Arc<Mutex<Connection>>,
    mailboxes: Mailboxes,
    /// Nobody can reach it.
    away: Arc<AtomicBool>,
}

impl Database {
    /// A new, empty database in memory, which lives as long as its last clone.
    ///
    /// Fails when SQLite does.
    pub fn in_memory() -> Result<Self, StoreError> {
        let mut connection = Connection::open_in_memory()?;
        schema::copy_empty(&mut connection)?;
        Self::prepare(connection)
    }

    /// The database in the file at `path`, made if it is missing, brought up to date if it is older.
    ///
    /// Fails when the file can't be used, or was written by a newer version of this program.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let connection = Connection::open(path)?;
        // Readers do not block the writer, and a commit is on the disk before it is answered.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        Self::prepare(connection)
    }

    fn prepare(mut connection: Connection) -> Result<Self, StoreError> {
        // SQLite would wait for another process's lock on a clock that is not the host's. The caller is told
        // "unavailable" instead and comes again.
        connection.busy_timeout(Duration::ZERO)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // A statement's plan does not depend on the values that are bound to it, so it is made once.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        schema::migrate(&mut connection)?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)), mailboxes: Mailboxes::default(), away: Arc::default() })
    }

    /// Writes users, groups, templates and keys, all or nothing, with ids drawn from `random`. Used once, before
    /// a control plane starts; `now_ms` is milliseconds since 1970.
    ///
    /// Fails when a name, token or key occurs twice, or a group names an unknown user.
    pub fn set_up(&self, setup: &Setup, random: &mut Random, now_ms: i64) -> Result<(), SetupError> {
        let tell = |_: &Notice| {};
        let new_id = &mut |_: &str| random.uuid();
        self.transact("set up", now_ms, new_id, &Cell::new(0), tell, |tx| crate::setup::write(tx, setup))
    }

    /// Writes those of a setup's people, organisations, groups and keys that the database does not know yet, all or
    /// nothing; see [`mod@crate::bring_up`]. It is for every start of a control plane, the first and any other; `now_ms` is
    /// milliseconds since 1970.
    ///
    /// Fails when somebody is known by another secret, unless it is to be replaced, or when nobody could look after the
    /// platform.
    pub fn bring_up(
        &self,
        setup: &Setup,
        other: OtherSecret,
        random: &mut Random,
        now_ms: i64,
    ) -> Result<BroughtUp, BringUpError> {
        let tell = |_: &Notice| {};
        let new_id = &mut |_: &str| random.uuid();
        self.transact("bring up", now_ms, new_id, &Cell::new(0), tell, |tx| bring_up(tx, setup, other))
    }

    /// Takes the database away from whoever uses it, or gives it back: as a database's server that is down for a while.
    ///
    /// While it is away every transaction fails as [unavailable](StoreError::Unavailable), and nothing of it is done. One
    /// that is carried out at this moment is not touched, and what was committed is there again afterwards.
    pub fn set_available(&self, available: bool) {
        self.away.store(!available, Ordering::SeqCst);
    }

    /// Where replicas over this database leave notices for each other.
    pub(super) fn mailboxes(&self) -> &Mailboxes {
        &self.mailboxes
    }

    /// Runs `work` in one transaction, at one instant: committed if it returns `Ok`, else undone. Counts in
    /// `statements` how many it ran.
    ///
    /// What `work` left for after the commit runs while the database is still locked, so that the order in which
    /// two transactions are told is the order in which they happened. `tell` is given the notices.
    pub(super) fn transact<T, E: From<StoreError>>(
        &self,
        name: &'static str,
        now_ms: i64,
        new_id: &mut dyn FnMut(&str) -> Uuid,
        statements: &Cell<u32>,
        tell: impl Fn(&Notice),
        work: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.away.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable { transaction: name }.into());
        }
        // A panic in `work` has already rolled its transaction back: the connection is sound.
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |error: rusqlite::Error| E::from(StoreError::from(error).within(name));
        let unit = Unit::begin(&connection).map_err(failed)?;
        let tx = Tx::new(unit, now_ms, new_id, statements);
        let output = work(&tx)?;
        let after_commit = tx.commit().map_err(failed)?;
        for effect in after_commit {
            match effect {
                Effect::Run(effect) => effect(),
                Effect::Tell(notice) => tell(&notice),
            }
        }
        Ok(output)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Database")
    }
}
