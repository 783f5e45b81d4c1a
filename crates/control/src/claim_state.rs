//! What an agent is to be told of its workspace's claim, as a pure decision.

use groundhog_wire::id::{JobId, UserId};

use crate::{job_status::JobStatus, store::users::Role};

/// What is known of a workspace's claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What the workspace's owner is to the platform.
    pub owner: Role,
    /// The claim, if there is one.
    pub claim: Option<Claim>,
}

/// A claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose the workspace became.
    pub owner: UserId,
    /// The job of the build that came with it.
    pub job: JobId,
    /// Where that stands.
    pub status: JobStatus,
    /// Whether a start of the workspace has succeeded with the claim or since.
    pub started: bool,
}

/// What an agent is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimState {
    /// Nothing, ever: the workspace was not built ahead.
    Never,
    /// Nothing yet: nobody has claimed the workspace.
    Waiting,
    /// Nothing yet: the claim's build, which this job carries out, has not ended.
    Building(JobId),
    /// To begin anew as this person's.
    Claimed(UserId),
    /// That nothing comes of the claim: its build failed or was cancelled (P17).
    Failed,
}

/// Decides.
pub fn state(facts: Facts) -> ClaimState {
    match facts {
        Facts { claim: Some(Claim { owner, started: true, .. }), .. } => ClaimState::Claimed(owner),
        Facts { claim: Some(Claim { job, status, .. }), .. } => match status {
            JobStatus::Pending | JobStatus::Running | JobStatus::Canceling => ClaimState::Building(job),
            JobStatus::Succeeded | JobStatus::Failed | JobStatus::Canceled => ClaimState::Failed,
        },
        Facts { owner: Role::Prebuilds, claim: None } => ClaimState::Waiting,
        Facts { owner: Role::Member | Role::TemplateAdmin | Role::Admin, claim: None } => ClaimState::Never,
    }
}
