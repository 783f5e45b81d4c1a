//! Locking a waiting job for a worker, and taking it back.

use std::{collections::BTreeSet, fmt};

use groundhog_wire::{
    id::{JobId, WorkerId},
    v1,
};

pub use super::payload::Terms;
use super::{
    Posting, cancel,
    ended::{self, Outcome},
    finish, payload,
};
use crate::{
    events,
    refusal::{CallError, Refusal},
    store::{
        StoreError, Tx, builds,
        daemons::{self, Worker},
        jobs::{self, End},
        notices::Notice,
    },
    tags::Tags,
};

/// What a daemon is able to run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Want {
    /// The provisioner types that it has.
    pub provisioner_types: BTreeSet<String>,
    /// Its tags.
    pub tags: Tags,
}

impl Want {
    /// Whether a job is one for this daemon. Waking and acquiring both ask here (J13).
    pub fn takes(&self, provisioner_type: &str, tags: &Tags) -> bool {
        self.provisioner_types.contains(provisioner_type) && tags.accepted_by(&self.tags)
    }
}

/// A job that was locked, and what the worker is to be sent.
#[derive(Clone, PartialEq)]
pub struct Acquired {
    /// Which one.
    pub job: JobId,
    /// The worker it is locked for.
    pub worker: WorkerId,
    /// What the worker is sent.
    pub message: v1::Job,
}

impl fmt::Debug for Acquired {
    /// Without the message, which has secrets in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquired").field("job", &self.job).field("worker", &self.worker).finish_non_exhaustive()
    }
}

/// Locks a waiting job that `want` takes, if there is one, for `worker`: people's before those of builds ahead, and
/// the oldest first.
///
/// The worker's key is looked at here, and not only when it began to wait: one that was taken back since is refused.
/// What it wants is noted, so that others can tell whether there is a daemon for a job.
///
/// A job that can't be sent, because what belongs to it is gone or damaged or it is too large, is failed and the next
/// one tried: left alone it would be tried for ever, and stand in the way of those behind it.
pub fn next(tx: &Tx<'_>, worker: &Worker, want: &Want, terms: &Terms) -> Result<Option<Acquired>, CallError> {
    match daemons::wants(tx, worker.id, want)? {
        Some(true) => {}
        Some(false) => return Err(Refusal::key_deleted().into()),
        // Forgotten while it waited, which takes days without a heartbeat. It becomes a worker anew when it calls.
        None => return Err(Refusal::State("the daemon is no longer known: connect again".to_owned()).into()),
    }
    while let Some(id) = jobs::first_waiting(tx, |provisioner_type, tags| want.takes(provisioner_type, tags))? {
        let reason = match payload::make(tx, id, terms)? {
            Ok(message) => {
                if !jobs::lock(tx, id, worker.id)? {
                    // It was waiting in this very transaction, so only a damaged table gets here.
                    return Ok(None);
                }
                let name = worker.name.clone();
                tx.after_commit(move || events::job_acquired(id.event(), &name));
                if let Some(v1::job::Kind::WorkspaceBuild(build)) = &message.kind
                    && let Ok(workspace) = build.workspace_id.parse()
                {
                    tx.notify(Notice::WorkspaceChanged { workspace });
                }
                return Ok(Some(Acquired { job: id, worker: worker.id, message }));
            }
            Err(reason) => reason,
        };
        if !invalidate(tx, id, &format!("request job was invalidated: {reason}"))? {
            // As above; and trying again would never end.
            return Ok(None);
        }
    }
    Ok(None)
}

/// Ends a job that can't be sent; whether it had not ended before.
fn invalidate(tx: &Tx<'_>, id: JobId, error: &str) -> Result<bool, StoreError> {
    if !jobs::end(tx, id, &End { error, error_code: "", terminal_digest: None })? {
        return Ok(false);
    }
    let text = error.to_owned();
    let told = move || events::job_failed(id.event(), "control", &text, "");
    // What belongs to the job may be what is damaged; then its end has to do without.
    let job = readable(jobs::by_id(tx, id))?;
    let build = readable(builds::by_job(tx, id))?;
    if let Some(build) = &build {
        finish::keep_state_before(tx, build)?;
    }
    tx.after_commit(told);
    if let (Some(build), Some(job)) = (&build, &job) {
        ended::audit(tx, build, job.initiator, Outcome::Failed(error))?;
    }
    ended::notify(tx, id, build.map(|build| build.workspace));
    Ok(true)
}

fn readable<T>(found: Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
    match found {
        Err(error) if error.is_damage() => Ok(None),
        found => found,
    }
}

/// Takes a job back that was locked for `worker` and not delivered (J11). It waits again, in its old place; the
/// posting says so. A job that was cancelled meanwhile is over instead, as any cancelled job is that no worker
/// has.
///
/// Nothing if the worker has been heard of about this job: then it was delivered after all.
pub fn put_back(tx: &Tx<'_>, job: JobId, worker: &Worker, reason: &str) -> Result<Option<Posting>, CallError> {
    let Some(workspace) = jobs::put_back(tx, job, worker.id)? else { return Ok(None) };
    workspace.into_iter().for_each(|workspace| tx.notify(Notice::WorkspaceChanged { workspace }));
    let (name, reason) = (worker.name.clone(), reason.to_owned());
    tx.after_commit(move || events::job_returned(job.event(), &name, &reason));
    let Some(returned) = jobs::by_id(tx, job)? else { return Ok(None) };
    if returned.canceled_at.is_some() {
        let build = finish::build_of(tx, &returned)?;
        cancel::over(tx, &returned, build.as_ref())?;
        return Ok(None);
    }
    let posting = Posting { provisioner_type: returned.provisioner_type, tags: jobs::tags(tx, job)? };
    tx.notify(Notice::JobPosted(posting.clone()));
    Ok(Some(posting))
}
