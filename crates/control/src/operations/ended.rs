//! What belongs to a job's end, whoever brings it about: a worker, a person, the reaper, or the control plane itself.

use groundhog_wire::id::{JobId, UserId, WorkspaceId};

use crate::{
    events,
    store::{
        StoreError, Tx,
        audit::{self, NewEntry},
        builds::Build,
        notices::Notice,
    },
};

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// Without an error.
    Succeeded,
    /// With this error.
    Failed(&'a str),
    /// Without an error, after its end had been asked for.
    Canceled,
}

impl Outcome<'_> {
    /// The outcome as HTTP would say it; the last one is what is written when a caller hung up.
    pub const fn status_code(&self) -> u32 {
        match self {
            Self::Succeeded => 200,
            Self::Failed(_) => 500,
            Self::Canceled => 499,
        }
    }
}

/// Writes the audit trail's entry for the end of a workspace's build.
pub(super) fn audit(tx: &Tx<'_>, build: &Build, initiator: UserId, outcome: Outcome<'_>) -> Result<(), StoreError> {
    let status_code = outcome.status_code();
    let error = if let Outcome::Failed(error) = outcome { error } else { "" };
    let Build { id, workspace, job, transition, .. } = *build;
    let entry = NewEntry { user: initiator, action: transition, workspace, build: id, job, status_code, error };
    let by = audit::insert(tx, &entry)?;
    tx.after_commit(move || events::audit_written(id.event(), job.event(), status_code, &by));
    Ok(())
}

/// Has whoever follows the job hear of its end, and whoever watches the workspace that it built.
pub(super) fn notify(tx: &Tx<'_>, job: JobId, workspace: Option<WorkspaceId>) {
    tx.notify(Notice::JobEnded { job });
    workspace.into_iter().for_each(|workspace| tx.notify(Notice::WorkspaceChanged { workspace }));
}
