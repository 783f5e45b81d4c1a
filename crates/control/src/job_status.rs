//! A job's status, as a pure function of four facts.
//!
//! It is never stored and never computed in SQL: queries read the four columns, or test them directly where they
//! select rows, and everything that needs a *status* calls [`status`]. So there is one table, this one.

use std::fmt;

use groundhog_wire::v1;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobStatus {
    /// Waits for a worker.
    Pending,
    /// A worker has it.
    Running,
    /// Its end was asked for and has not come yet.
    Canceling,
    /// Over, without error, after its end had been asked for.
    Canceled,
    /// Over, without error.
    Succeeded,
    /// It has an error. A job that was cancelled and then failed reads so too (J18); `canceled_at` tells.
    Failed,
}

/// The four facts that decide a job's status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// A worker took it.
    pub started: bool,
    /// Its end was asked for.
    pub canceled: bool,
    /// It is over.
    pub completed: bool,
    /// It has an error text.
    pub error: bool,
}

/// The status that belongs to `facts`. An error outweighs a cancel, and both outweigh how far the job came.
pub const fn status(facts: Facts) -> JobStatus {
    match facts {
        Facts { error: true, .. } => JobStatus::Failed,
        Facts { completed: true, canceled: true, .. } => JobStatus::Canceled,
        Facts { completed: true, canceled: false, .. } => JobStatus::Succeeded,
        Facts { completed: false, canceled: true, .. } => JobStatus::Canceling,
        Facts { completed: false, canceled: false, started: false, .. } => JobStatus::Pending,
        Facts { completed: false, canceled: false, started: true, .. } => JobStatus::Running,
    }
}

/// The status of every combination of facts: the whole table, in the order of a binary counter.
pub fn table() -> Vec<(Facts, JobStatus)> {
    let rows = (0_u8..16).map(|row| {
        let fact = |bit: u8| row & bit != 0;
        Facts { started: fact(8), canceled: fact(4), completed: fact(2), error: fact(1) }
    });
    rows.map(|facts| (facts, status(facts))).collect()
}

impl JobStatus {
    /// The word that events and texts use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Canceling => "canceling",
            Self::Canceled => "canceled",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    /// The status as the protocol writes it.
    pub const fn to_wire(self) -> v1::JobStatus {
        match self {
            Self::Pending => v1::JobStatus::Pending,
            Self::Running => v1::JobStatus::Running,
            Self::Canceling => v1::JobStatus::Canceling,
            Self::Canceled => v1::JobStatus::Canceled,
            Self::Succeeded => v1::JobStatus::Succeeded,
            Self::Failed => v1::JobStatus::Failed,
        }
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
