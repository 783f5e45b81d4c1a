//! Locking a waiting job for a worker, and taking it back.

use std::collections::BTreeSet;

use groundhog_wire::{
    id::{JobId, WorkerId},
    v1,
};
use prost::Message;

use super::{Posting, finish};
use crate::{
    events,
    refusal::CallError,
    store::{
        StoreError, Tx, builds,
        daemons::Worker,
        jobs::{self, End, Job},
        users,
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
#[derive(Clone, Debug, PartialEq)]
pub struct Acquired {
    /// Which one.
    pub job: JobId,
    /// The worker it is locked for.
    pub worker: WorkerId,
    /// What the worker is sent.
    pub message: v1::Job,
}

/// Locks the oldest waiting job that `want` takes, if there is one, for `worker`.
///
/// A job that can't be sent, because what belongs to it is gone or it is larger than `job_bytes_max`, is failed
/// and the next one tried: left alone it would be tried for ever, and stand in the way of those behind it.
pub fn next(tx: &Tx<'_>, worker: &Worker, want: &Want, job_bytes_max: usize) -> Result<Option<Acquired>, StoreError> {
    while let Some(id) = jobs::first_waiting(tx, |provisioner_type, tags| want.takes(provisioner_type, tags))? {
        let reason = match message(tx, id, job_bytes_max)? {
            Ok(message) => {
                if !jobs::lock(tx, id, worker.id)? {
                    // It was waiting in this very transaction, so only a damaged table gets here.
                    return Ok(None);
                }
                let name = worker.name.clone();
                tx.after_commit(move || events::job_acquired(id.event(), &name));
                return Ok(Some(Acquired { job: id, worker: worker.id, message }));
            }
            Err(reason) => reason,
        };
        let error = format!("request job was invalidated: {reason}");
        if !jobs::end(tx, id, &End { error: &error, error_code: "", terminal_digest: None })? {
            // As above; and trying again would never end.
            return Ok(None);
        }
        if let Some(build) = builds::by_job(tx, id)? {
            finish::keep_state_before(tx, &build)?;
        }
        tx.after_commit(move || events::job_failed(id.event(), "control", &error, ""));
    }
    Ok(None)
}

/// Takes a job back that was locked for `worker` and not delivered (J11). It waits again, in its old place; the
/// posting says so. A job that was cancelled meanwhile is over instead, as any cancelled job is that no worker
/// has.
///
/// Nothing if the worker has been heard of about this job: then it was delivered after all.
pub fn put_back(tx: &Tx<'_>, job: JobId, worker: &Worker, reason: &str) -> Result<Option<Posting>, CallError> {
    if !jobs::put_back(tx, job, worker.id)? {
        return Ok(None);
    }
    let (name, reason) = (worker.name.clone(), reason.to_owned());
    tx.after_commit(move || events::job_returned(job.event(), &name, &reason));
    let Some(Job { canceled_at, provisioner_type, .. }) = jobs::by_id(tx, job)? else { return Ok(None) };
    if canceled_at.is_some() {
        jobs::end(tx, job, &End { error: "", error_code: "", terminal_digest: None })?;
        if let Some(build) = builds::by_job(tx, job)? {
            finish::keep_state_before(tx, &build)?;
        }
        tx.after_commit(move || events::job_canceled(job.event()));
        return Ok(None);
    }
    Ok(Some(Posting { provisioner_type, tags: jobs::tags(tx, job)? }))
}

/// What a worker is sent, or why that can't be made.
fn message(tx: &Tx<'_>, id: JobId, job_bytes_max: usize) -> Result<Result<v1::Job, String>, StoreError> {
    let Some(job) = jobs::by_id(tx, id)? else { return Ok(Err("get job".to_owned())) };
    let Some(initiator) = users::name(tx, job.initiator)? else { return Ok(Err("get user".to_owned())) };
    let Some(build) = builds::by_job(tx, id)? else { return Ok(Err("get workspace build".to_owned())) };
    let Some(names) = builds::names(tx, build.id)? else { return Ok(Err("get template version".to_owned())) };
    let state = builds::state_before(tx, &build)?;
    let message = v1::Job {
        job_id: id.to_string(),
        created_at_ms: job.created_at,
        provisioner_type: job.provisioner_type,
        initiator,
        template_source: names.source,
        kind: Some(v1::job::Kind::WorkspaceBuild(v1::WorkspaceBuild {
            build_id: build.id.to_string(),
            workspace_id: build.workspace.to_string(),
            workspace_name: build.workspace_name,
            workspace_owner: names.owner,
            template_name: names.template,
            template_version: names.version,
            transition: build.transition.to_wire().into(),
            state,
            ..v1::WorkspaceBuild::default()
        })),
    };
    let bytes = message.encoded_len();
    if bytes > job_bytes_max {
        return Ok(Err(format!("payload was too big: {bytes} > {job_bytes_max}")));
    }
    Ok(Ok(message))
}
