//! What a job is for.

use std::fmt;

use groundhog_wire::v1::complete_job_request;
use rusqlite::{
    ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};

/// What a job is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobKind {
    /// Brings a workspace up or down, or takes it away.
    WorkspaceBuild,
    /// Reads a new version of a template.
    TemplateImport,
    /// Shows what a version's workspace would consist of.
    TemplateDryRun,
}

impl JobKind {
    /// The word that texts and the database use: the name of its payload in the protocol.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WorkspaceBuild => "workspace_build",
            Self::TemplateImport => "template_import",
            Self::TemplateDryRun => "template_dry_run",
        }
    }

    /// The kind of job that a message of success is about.
    pub const fn of_success(kind: &complete_job_request::Kind) -> Self {
        match kind {
            complete_job_request::Kind::WorkspaceBuild(_) => Self::WorkspaceBuild,
            complete_job_request::Kind::TemplateImport(_) => Self::TemplateImport,
            complete_job_request::Kind::TemplateDryRun(_) => Self::TemplateDryRun,
        }
    }
}

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ToSql for JobKind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

impl FromSql for JobKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "workspace_build" => Ok(Self::WorkspaceBuild),
            "template_import" => Ok(Self::TemplateImport),
            "template_dry_run" => Ok(Self::TemplateDryRun),
            // The column's CHECK allows nothing else.
            _ => Err(FromSqlError::InvalidType),
        }
    }
}
