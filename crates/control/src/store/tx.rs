//! One transaction.

use std::{
    cell::{Cell, RefCell},
    fmt,
};

use prost::Message;
use rusqlite::{CachedStatement, Row, types::Type};
use uuid::Uuid;

use super::{StoreError, notices::Notice, unit::Unit};

/// What a transaction leaves for its commit.
pub(super) enum Effect {
    /// Is run.
    Run(Box<dyn FnOnce()>),
    /// Is told to every replica.
    Tell(Notice),
}

/// One transaction while it runs: an instant of the wall clock, fresh ids, and a list of what is to happen once
/// it is committed.
pub struct Tx<'a> {
    unit: Unit<'a>,
    now_ms: i64,
    new_id: RefCell<&'a mut dyn FnMut(&str) -> Uuid>,
    after_commit: RefCell<Vec<Effect>>,
    /// How many statements have been run.
    statements: &'a Cell<u32>,
}

impl<'a> Tx<'a> {
    pub(super) fn new(
        unit: Unit<'a>,
        now_ms: i64,
        new_id: &'a mut dyn FnMut(&str) -> Uuid,
        statements: &'a Cell<u32>,
    ) -> Self {
        Self { unit, now_ms, new_id: RefCell::new(new_id), after_commit: RefCell::default(), statements }
    }

    /// The wall clock, in milliseconds since 1970. It stands still within a transaction.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// A fresh id for `purpose`.
    pub fn new_id(&self, purpose: &str) -> Uuid {
        (self.new_id.borrow_mut())(purpose)
    }

    /// A fresh secret for `purpose`, as text: 244 bits drawn at random.
    pub fn new_secret(&self, purpose: &str) -> String {
        format!("{}{}", self.new_id(purpose).simple(), self.new_id(purpose).simple())
    }

    /// Has `effect` run in the instant of the commit, and never if there is none. It must not use the store.
    ///
    /// Events and wake-ups go through here, because whoever waits for the answer may be gone by then: a caller
    /// that hung up takes nothing back of what was committed.
    pub fn after_commit(&self, effect: impl FnOnce() + 'static) {
        self.after_commit.borrow_mut().push(Effect::Run(Box::new(effect)));
    }

    /// Has `notice` heard by every replica once the transaction is committed: by this one in that instant, in its
    /// place among the other effects.
    pub fn notify(&self, notice: Notice) {
        self.after_commit.borrow_mut().push(Effect::Tell(notice));
    }

    /// A statement, prepared once per database, to be run once.
    pub(super) fn statement(&self, sql: &str) -> Result<CachedStatement<'_>, StoreError> {
        self.statements.set(self.statements.get().saturating_add(1));
        Ok(self.unit.connection().prepare_cached(sql)?)
    }

    /// Runs `work`, whose statements are sent together with the one before them and so take no time of their own: none of
    /// them needs an answer that comes to it from outside the database.
    pub(super) fn together<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = self.statements.get();
        let output = work();
        self.statements.set(before);
        output
    }

    /// Runs a statement that gives no rows; how many rows it changed.
    pub(super) fn execute(&self, sql: &str, parameters: impl rusqlite::Params) -> Result<usize, StoreError> {
        Ok(self.statement(sql)?.execute(parameters)?)
    }

    /// The only row that a query gives, or none.
    pub(super) fn row<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.statement(sql)?;
        let mut rows = statement.query(parameters)?;
        Ok(rows.next()?.map(read).transpose()?)
    }

    /// All rows that a query gives, in its order.
    pub(super) fn rows<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.statement(sql)?;
        let rows = statement.query_map(parameters, read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub(super) fn commit(self) -> rusqlite::Result<Vec<Effect>> {
        self.unit.commit()?;
        Ok(self.after_commit.into_inner())
    }
}

impl fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").field("now_ms", &self.now_ms).finish_non_exhaustive()
    }
}

/// An id as it is stored: its 16 bytes.
pub(super) fn key(id: Uuid) -> [u8; 16] {
    id.into_bytes()
}

/// The protocol's message in a row's column.
pub(super) fn message<M: Message + Default>(row: &Row<'_>, column: usize) -> rusqlite::Result<M> {
    let bytes = row.get_ref(column)?.as_bytes()?;
    M::decode(bytes).map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(error)))
}

/// The id in a row's column.
pub(super) fn id<T>(row: &Row<'_>, column: usize, kind: impl FnOnce(Uuid) -> T) -> rusqlite::Result<T> {
    row.get::<_, [u8; 16]>(column).map(|bytes| kind(Uuid::from_bytes(bytes)))
}
