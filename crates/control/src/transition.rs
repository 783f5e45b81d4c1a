//! What a build does to its workspace.

use groundhog_wire::v1;
use rusqlite::{
    ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};

/// What a build does to its workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transition {
    /// Brings it up.
    Start,
    /// Takes it down; what persists stays.
    Stop,
    /// Takes it away for good.
    Destroy,
}

impl Transition {
    /// The word that events, texts and the database use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Destroy => "destroy",
        }
    }

    /// The transition as the protocol writes it.
    pub const fn to_wire(self) -> v1::Transition {
        match self {
            Self::Start => v1::Transition::Start,
            Self::Stop => v1::Transition::Stop,
            Self::Destroy => v1::Transition::Destroy,
        }
    }

    /// The transition that the protocol's number means; none if it is unspecified or unknown.
    pub fn from_wire(number: i32) -> Option<Self> {
        match v1::Transition::try_from(number) {
            Ok(v1::Transition::Start) => Some(Self::Start),
            Ok(v1::Transition::Stop) => Some(Self::Stop),
            Ok(v1::Transition::Destroy) => Some(Self::Destroy),
            Ok(v1::Transition::Unspecified) | Err(_) => None,
        }
    }
}

impl ToSql for Transition {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

impl FromSql for Transition {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "start" => Ok(Self::Start),
            "stop" => Ok(Self::Stop),
            "destroy" => Ok(Self::Destroy),
            // The column's CHECK allows nothing else.
            _ => Err(FromSqlError::InvalidType),
        }
    }
}
