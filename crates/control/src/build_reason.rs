//! Why a build was asked for.

use rusqlite::{
    ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};

/// Why a build was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuildReason {
    /// Its initiator wanted it: a person, or the account that builds ahead.
    #[default]
    Initiator,
    /// The workspace is started at this time.
    Autostart,
    /// The workspace has run for as long as it is to.
    Autostop,
    /// Nobody has used the workspace for long.
    Dormancy,
    /// The workspace was laid aside for as long as it is kept.
    Autodelete,
}

impl BuildReason {
    /// The word that the database, the protocol and events use.
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
