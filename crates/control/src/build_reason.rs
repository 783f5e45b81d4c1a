//! Why a build was asked for.

use rusqlite::{
    ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};

/// Why a build was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuildReason {
    /// Whoever it is attributed to asked for it.
    #[default]
    Initiator,
    /// The time had come at which its owner wants it to start.
    Autostart,
    /// It had run for as long as its owner wants it to.
    Autostop,
    /// Nobody had used it for long.
    Dormancy,
    /// It had been laid aside for long.
    Autodelete,
}

impl BuildReason {
    /// The word that events, the protocol and the database use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initiator => "initiator",
            Self::Autostart => "autostart",
            Self::Autostop => "autostop",
            Self::Dormancy => "dormancy",
            Self::Autodelete => "autodelete",
        }
    }
}

impl ToSql for BuildReason {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

impl FromSql for BuildReason {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "initiator" => Ok(Self::Initiator),
            "autostart" => Ok(Self::Autostart),
            "autostop" => Ok(Self::Autostop),
            "dormancy" => Ok(Self::Dormancy),
            "autodelete" => Ok(Self::Autodelete),
            // The column's CHECK allows nothing else.
            _ => Err(FromSqlError::InvalidType),
        }
    }
}
