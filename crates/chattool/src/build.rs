//! What a build that is waited for has come to.

use groundhog_wire::v1::{self, JobStatus};
use tonic::Status;

use crate::{refusal, texts, timing};

/// The code of a build that its owner's budget does not bear (#24956).
pub const INSUFFICIENT_QUOTA: &str = "INSUFFICIENT_QUOTA";

/// The longest error of a build that a model is shown, in characters.
pub const ERROR_CHARS_MAX: usize = 4_000;

/// What a build has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It goes on. One that is being cancelled does too.
    Wait,
    /// It succeeded.
    Done,
    /// Nothing came of it, or nobody can tell.
    Failed(Failure),
}

/// Why nothing came of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In words.
    pub text: String,
    /// The owner's budget does not bear it.
    pub insufficient_quota: bool,
}

impl Failure {
    /// One that is not about quota.
    pub const fn plain(text: String) -> Self {
        Self { text, insufficient_quota: false }
    }

    /// It wasn't over in time: [`BUILD_TIMEOUT`](timing::BUILD_TIMEOUT).
    pub fn timed_out() -> Self {
        Self::plain(format!(
            "timed out waiting for workspace build: it did not end within {} minutes",
            timing::BUILD_TIMEOUT.as_secs() / 60
        ))
    }

    /// It couldn't be read.
    pub fn unread(status: &Status) -> Self {
        Self::plain(refusal::read_failed("get build", status))
    }
}

/// What a build has come to.
pub fn progress(build: &v1::Build) -> Progress {
    let failed = |text: String| Progress::Failed(Failure::plain(text));
    match JobStatus::try_from(build.status) {
        Ok(JobStatus::Pending | JobStatus::Running | JobStatus::Canceling) => Progress::Wait,
        Ok(JobStatus::Succeeded) => Progress::Done,
        Ok(JobStatus::Canceled) => failed("build was canceled".to_owned()),
        Ok(JobStatus::Failed) => Progress::Failed(Failure {
            text: if build.error.is_empty() {
                "build failed".to_owned()
            } else {
                texts::shortened(&build.error, ERROR_CHARS_MAX)
            },
            insufficient_quota: build.error_code == INSUFFICIENT_QUOTA,
        }),
        Ok(JobStatus::Unspecified) => failed(unexpected("unspecified")),
        Err(_) => failed(unexpected(&build.status.to_string())),
    }
}

/// A job's status is none that this version knows.
pub fn unexpected(status: &str) -> String {
    format!("unexpected job status: {status}")
}
