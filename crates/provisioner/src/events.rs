//! What a daemon and its runners tell: the domain events of this crate.

use groundhog_host::{Address, event::Id};

groundhog_host::events! {
    /// The domain events of the provisioner daemon and of its job runners.
    pub EVENTS;

    /// A daemon's connection has ended; the daemon goes on trying.
    log daemon_disconnected = "daemon.disconnected" {}

    /// A daemon has a connection to its control plane, the first or another one.
    log daemon_connected = "daemon.connected" {
        /// The control plane's address.
        control: &Address,
    }

    /// A daemon has ended for good.
    log daemon_stopped = "daemon.stopped" {
        /// Why: "shut down", "closed", or what the control plane refused it with.
        reason: &str,
    }

    /// A daemon was told to take no further job and to end after the one it has.
    quiet daemon_told_to_stop = "daemon.told_to_stop" {
        /// Whether that one is to be cancelled.
        cancel: bool,
    }

    /// A daemon was told to end at once.
    quiet daemon_told_to_close = "daemon.told_to_close" {}

    /// A runner has begun with a job.
    log runner_started = "runner.started" {
        /// The job.
        job: Id,
    }

    /// A runner has come to the next phase of its job.
    log runner_phase = "runner.phase" {
        /// The job.
        job: Id,
        /// Of a build: `plan`, `quota`, `apply`. Of an import: `parse`, `declare`, `plan` (for a start), `plan_stop`.
        /// Of a dry run: `plan`.
        phase: &str,
    }

    /// A runner has learned that its job is to end.
    quiet runner_canceled = "runner.canceled" {
        /// The job.
        job: Id,
        /// Who asked: `user` or `shutdown`.
        by: &str,
        /// Whether the job's outcome was settled before, so that nobody is left to be told.
        settled: bool,
    }

    /// A runner has passed a cancel on to its provisioner session.
    log runner_cancel_forwarded = "runner.cancel_forwarded" {
        /// The job.
        job: Id,
        /// The phase that the cancel met; see `runner.phase`.
        phase: &str,
        /// Who asked: `user` (through the control plane) or `shutdown` (of the daemon).
        by: &str,
    }

    /// A cancelled job did not end within the force-cancel interval, and its session was cut off.
    log runner_force_cancel = "runner.force_cancel" {
        /// The job.
        job: Id,
    }

    /// A runner is done with its job and says nothing about it any more.
    log runner_ended = "runner.ended" {
        /// The job.
        job: Id,
        /// `completed` or `failed`: the control plane took that message. `refused`: it refused the last one for
        /// good. `stopped`: the daemon closed before an answer came.
        outcome: &str,
        /// How many log lines the job had, whether or not they were taken.
        lines: u64,
        /// What the job failed with, or why the message was refused; empty for a completed job.
        error: &str,
    }

    /// A call about a job was begun.
    quiet runner_sent = "runner.sent" {
        /// The job.
        job: Id,
        /// `update`, `declare` (an update that hands an import's declarations over), `quota`, `fail` or `complete`.
        message: &str,
    }

    /// A call about a job had no answer: it may have been carried out or not.
    quiet runner_lost = "runner.lost" {
        /// The job.
        job: Id,
        /// `update`, `declare`, `quota` or, for a `fail` or a `complete`, `terminal`.
        message: &str,
    }

    /// An update was begun that carries log lines.
    quiet runner_logs_sent = "runner.logs_sent" {
        /// The job.
        job: Id,
        /// The first line's number.
        first: u64,
        /// The last line's number.
        last: u64,
        /// How long the first line has waited, in milliseconds by the wall clock; 0 if that was set back meanwhile.
        waited_ms: i64,
    }
}
