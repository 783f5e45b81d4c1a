//! What the control plane tells. Every event is emitted in the instant in which its transaction committed, so
//! the order of events is the order of the facts.

use groundhog_host::event::Id;

groundhog_host::events! {
    /// The control plane's events.
    pub EVENTS;

    /// The control plane listens.
    log control_started = "control.started" {}

    /// The control plane was told to stop, and has stopped.
    log control_stopped = "control.stopped" {}

    /// A person made a workspace.
    log workspace_created = "workspace.created" {
        /// The workspace.
        ws: Id,
        /// Its name.
        name: &str,
        /// Its owner's name.
        owner: &str,
    }

    /// A build was queued.
    log build_queued = "build.queued" {
        /// The build.
        build: Id,
        /// Its workspace.
        ws: Id,
        /// Counts the workspace's builds from 1.
        number: u32,
        /// start, stop or destroy.
        transition: &str,
        /// The job that carries it out.
        job: Id,
    }

    /// A version of a template was added and its import queued.
    log version_queued = "version.queued" {
        /// The version.
        version: Id,
        /// Its template's name.
        template: &str,
        /// Its name.
        name: &str,
        /// The job that imports it.
        job: Id,
    }

    /// A dry run was queued.
    log dry_run_queued = "dry_run.queued" {
        /// The dry run.
        dry_run: Id,
        /// The version that it is of.
        version: Id,
        /// The job that carries it out.
        job: Id,
    }

    /// A version's import has succeeded: workspaces can be made of it.
    log version_imported = "version.imported" {
        /// The version.
        version: Id,
        /// Its template's name.
        template: &str,
        /// Its name.
        name: &str,
    }

    /// A version became the one that new workspaces are made from.
    log version_activated = "version.activated" {
        /// The version.
        version: Id,
        /// Its template's name.
        template: &str,
        /// Its name.
        name: &str,
    }

    /// A job was locked for a worker.
    log job_acquired = "job.acquired" {
        /// The job.
        job: Id,
        /// The daemon's name.
        worker: &str,
    }

    /// A locked job could not be delivered and waits again.
    log job_returned = "job.returned" {
        /// The job.
        job: Id,
        /// The daemon that it was locked for.
        worker: &str,
        /// Why it was not delivered.
        reason: &str,
    }

    /// A worker's update was taken.
    quiet job_updated = "job.updated" {
        /// The job.
        job: Id,
        /// The daemon's name.
        worker: &str,
        /// Whether the answer said that the job is cancelled.
        canceled: bool,
    }

    /// Log lines were stored for the first time.
    quiet job_logs_stored = "job.logs_stored" {
        /// The job.
        job: Id,
        /// The first new line's sequence number.
        first: u64,
        /// The last new line's sequence number.
        last: u64,
        /// How many lines were new.
        count: u64,
    }

    /// A job's log reached its limit; later lines are dropped.
    log job_log_overflow = "job.log_overflow" {
        /// The job.
        job: Id,
    }

    /// A person asked for a job's end.
    log job_cancel_requested = "job.cancel_requested" {
        /// The job.
        job: Id,
        /// The person's name.
        by: &str,
    }

    /// A job that no worker had was ended by its cancel.
    log job_canceled = "job.canceled" {
        /// The job.
        job: Id,
    }

    /// A plan's cost was held against the owner's budget.
    log quota_committed = "quota.committed" {
        /// The job whose plan it is.
        job: Id,
        /// The owner's name.
        owner: &str,
        /// What the plan costs, in credits a day.
        cost: i32,
        /// Credits in use, this plan's included if it was allowed.
        consumed: i64,
        /// Credits there are; -1 without a limit.
        budget: i64,
        /// Whether the plan was allowed.
        ok: bool,
    }

    /// A job ended with an error.
    log job_failed = "job.failed" {
        /// The job.
        job: Id,
        /// Who ended it: a daemon's name, "reaper" or "control".
        by: &str,
        /// The error's text.
        error: &str,
        /// Its code, or empty.
        code: &str,
    }

    /// A job ended without an error.
    log job_completed = "job.completed" {
        /// The job.
        job: Id,
        /// The daemon's name.
        by: &str,
        /// succeeded, or canceled if its end had been asked for.
        status: &str,
    }

    /// The reaper found a job that nothing was heard of.
    log job_reaped = "job.reaped" {
        /// The job.
        job: Id,
        /// hung (it ran) or pending (nobody took it).
        was: &str,
        /// For how long nothing was heard of it, in seconds.
        silent_s: i64,
    }

    /// A call was refused for good: repeating it would be refused again.
    log rpc_refused = "rpc.refused" {
        /// The method's name.
        method: &str,
        /// Who called: a user's or a daemon's name; empty if unknown.
        caller: &str,
        /// The refusal's text.
        reason: &str,
    }

    /// A daemon waits for a job from now on.
    quiet daemon_waits = "daemon.waits" {
        /// The daemon's name.
        worker: &str,
    }

    /// A daemon made a call that was taken.
    quiet daemon_seen = "daemon.seen" {
        /// The daemon's name.
        worker: &str,
    }

    /// A daemon that waits for a job was noted as seen.
    quiet daemon_beat = "daemon.beat" {
        /// The daemon's name.
        worker: &str,
    }

    /// A daemon key was taken back: its daemons get no further job.
    log daemon_key_deleted = "daemon_key.deleted" {
        /// The key's name.
        key: &str,
        /// The administrator's name.
        by: &str,
    }

    /// The end of a workspace's build was written to the audit trail.
    quiet audit_written = "audit.written" {
        /// The build.
        build: Id,
        /// Its job.
        job: Id,
        /// 200 for success, 500 for failure, 499 for a cancelled build.
        status: u32,
        /// Who had asked for the build.
        by: &str,
    }

    /// A notice from another replica did not arrive here.
    quiet notice_lost = "notice.lost" {
        /// job_posted, job_logs or job_ended.
        kind: &str,
    }
}
