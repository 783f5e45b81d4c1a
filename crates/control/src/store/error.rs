//! What can go wrong between the control plane and its database.

/// The database could not do what was asked. The caller may try again later, except with
/// [`SchemaIsNewer`](Self::SchemaIsNewer).
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite refused or failed.
    #[error("the database failed in the transaction {transaction:?}: {source}")]
    Sql {
        /// Which transaction; empty while the database is opened.
        transaction: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// Nobody can reach the database.
    #[error("the database is unavailable: the transaction {transaction:?} was not begun; it may be tried again")]
    Unavailable {
        /// Which transaction.
        transaction: &'static str,
    },
    /// The pool was closed because the control plane stops.
    #[error("the store is closed: the control plane is stopping")]
    Closed,
    /// The database's tables come from a newer version of this program.
    #[error("the database has schema version {found} and this program knows versions up to {known}: run a newer one")]
    SchemaIsNewer {
        /// The version found.
        found: i64,
        /// The newest version known.
        known: i64,
    },
}

impl StoreError {
    /// Whether what was read can't be understood. Reading it again would not help.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Sql {
                source: rusqlite::Error::FromSqlConversionFailure(..)
                    | rusqlite::Error::InvalidColumnType(..)
                    | rusqlite::Error::IntegralValueOutOfRange(..)
                    | rusqlite::Error::Utf8Error(..),
                ..
            }
        )
    }

    /// Whether what was to be written is there already, because somebody else was quicker.
    pub fn is_taken(&self) -> bool {
        let Self::Sql { source: rusqlite::Error::SqliteFailure(failure, _), .. } = self else { return false };
        failure.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE
    }

    /// Whether another program is using the database at this moment.
    pub fn is_busy(&self) -> bool {
        let Self::Sql { source: rusqlite::Error::SqliteFailure(failure, _), .. } = self else { return false };
        matches!(failure.code, rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
    }

    /// The same error, saying in which transaction it happened.
    pub(super) fn within(self, name: &'static str) -> Self {
        match self {
            Self::Sql { source, .. } => Self::Sql { transaction: name, source },
            other => other,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sql { transaction: "", source }
    }
}
