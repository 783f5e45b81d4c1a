//! Whether workspaces are built ahead for a preset (P3).

use groundhog_wire::v1;
use rusqlite::{
    ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};

/// Whether workspaces are built ahead for a preset. It never goes back: another version has presets of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum PresetStatus {
    /// They are.
    #[default]
    Healthy,
    /// So many builds failed in a row that no more are tried.
    HardLimited,
    /// The version does not take the preset's parameters.
    ValidationFailed,
}

impl PresetStatus {
    /// The word that the database uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::HardLimited => "hard_limited",
            Self::ValidationFailed => "validation_failed",
        }
    }

    /// The status as the protocol writes it.
    pub const fn to_wire(self) -> v1::PresetStatus {
        match self {
            Self::Healthy => v1::PresetStatus::Healthy,
            Self::HardLimited => v1::PresetStatus::HardLimited,
            Self::ValidationFailed => v1::PresetStatus::ValidationFailed,
        }
    }
}

impl ToSql for PresetStatus {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

impl FromSql for PresetStatus {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "healthy" => Ok(Self::Healthy),
            "hard_limited" => Ok(Self::HardLimited),
            "validation_failed" => Ok(Self::ValidationFailed),
            // The column's CHECK allows nothing else.
            _ => Err(FromSqlError::InvalidType),
        }
    }
}
