//! What the control plane tells. Every event is emitted in the instant in which its transaction committed, so
//! the order of events is the order of the facts.

mod chats;
mod prebuilds;

use groundhog_host::event::Id;

pub use self::{chats::*, prebuilds::*};

groundhog_host::events! {
    /// The control plane's events, without those about workspaces that are built ahead and about chats.
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

    /// Nothing new is to be made of a template.
    log template_deprecated = "template.deprecated" {
        /// The template's name.
        template: &str,
        /// Why.
        message: &str,
    }

    /// Workspaces may be made of a template again.
    log template_restored = "template.restored" {
        /// The template's name.
        template: &str,
    }

    /// A template was deleted.
    log template_deleted = "template.deleted" {
        /// The template's name.
        template: &str,
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
        /// job_posted, job_logs, job_ended, agent_logs, agent_changed, peer_changed, workspace_claimed or workspace_changed.
        kind: &str,
    }

    /// A build made an agent known.
    log agent_registered = "agent.registered" {
        /// The agent.
        agent: Id,
        /// Its workspace.
        ws: Id,
        /// The build that made it.
        build: Id,
        /// Its name.
        name: &str,
    }

    /// An agent has connected.
    log agent_online = "agent.online" {
        /// The agent.
        agent: Id,
        /// Whether it had never connected before.
        first: bool,
    }

    /// An agent's newest connection has ended.
    log agent_offline = "agent.offline" {
        /// The agent.
        agent: Id,
        /// How it was noticed.
        why: &str,
    }

    /// An agent gave a sign of life.
    quiet agent_beat = "agent.beat" {
        /// The agent.
        agent: Id,
    }

    /// A step of an agent's life was stored.
    log agent_lifecycle_stored = "agent.lifecycle_stored" {
        /// The agent.
        agent: Id,
        /// starting, start_timeout, start_error, ready, shutting_down, shutdown_timeout, shutdown_error or off.
        state: &str,
    }

    /// Lines of an agent's log were stored for the first time.
    quiet agent_logs_stored = "agent.logs_stored" {
        /// The agent.
        agent: Id,
        /// The start of the agent's process that counts the lines.
        process: Id,
        /// The log's source, by its id.
        source: &str,
        /// The first new line's sequence number.
        first: u64,
        /// The last new line's sequence number.
        last: u64,
        /// How many lines were new.
        lines: u64,
    }

    /// An agent's logs reached their limit; later lines are dropped.
    log agent_logs_overflowed = "agent.logs_overflowed" {
        /// The agent.
        agent: Id,
    }

    /// Values of an agent's metadata were stored.
    quiet agent_metadata_stored = "agent.metadata_stored" {
        /// The agent.
        agent: Id,
        /// How many.
        values: u64,
    }

    /// An agent's stats were added to those before.
    quiet agent_stats_stored = "agent.stats_stored" {
        /// The agent.
        agent: Id,
        /// How many connections there were, by this report.
        connections: u64,
        /// How many bytes went out through them, by this report.
        sent_bytes: u64,
    }

    /// The health of an agent's app has changed.
    log agent_app_health = "agent.app_health" {
        /// The agent.
        agent: Id,
        /// The app's slug.
        app: &str,
        /// disabled, initializing, healthy or unhealthy.
        health: &str,
    }

    /// An agent told how a script went.
    log agent_script_reported = "agent.script_reported" {
        /// The agent.
        agent: Id,
        /// The script's display name.
        script: &str,
        /// start, stop or cron.
        stage: &str,
        /// ok, exit_failure, timed_out, pipes_left_open or skipped.
        status: &str,
    }

    /// An agent told that somebody has connected to it, or has gone.
    log agent_connection_reported = "agent.connection_reported" {
        /// The agent.
        agent: Id,
        /// The connection.
        connection: Id,
        /// connect or disconnect.
        action: &str,
        /// Such as reconnecting_pty.
        kind: &str,
    }

    /// The clock asked for a build.
    log autobuild_asked = "autobuild.asked" {
        /// The workspace.
        ws: Id,
        /// start, stop or destroy.
        action: &str,
        /// autostart, autostop, dormancy or autodelete.
        why: &str,
    }

    /// The clock wanted a build, and the workspace can't have one. Told once for as long as it stays so.
    log autobuild_refused = "autobuild.refused" {
        /// The workspace.
        ws: Id,
        /// start, stop or destroy.
        action: &str,
        /// Why there is none.
        error: &str,
    }

    /// A workspace was laid aside, by its owner or because nobody had used it for long.
    log workspace_dormant = "workspace.dormant" {
        /// The workspace.
        ws: Id,
    }

    /// A workspace that was laid aside was taken up again.
    log workspace_taken_up = "workspace.taken_up" {
        /// The workspace.
        ws: Id,
    }

    /// Whoever watches a workspace was told something of it.
    quiet watch_told = "watch.told" {
        /// The workspace.
        ws: Id,
        /// Such as "build 2 stop running" or "agent main ready".
        what: &str,
    }

    /// A watch of a workspace has ended, and asking again would not help.
    log watch_ended = "watch.ended" {
        /// The workspace.
        ws: Id,
        /// too_many_agents, name_not_found, no_agents, not_found or internal.
        kind: &str,
    }

    /// An agent took a visit over the relay of a replica.
    quiet relay_visited = "relay.visited" {
        /// The agent.
        agent: Id,
        /// The visit.
        visit: Id,
    }

    /// A peer told where it can be reached.
    quiet peer_updated = "peer.updated" {
        /// The peer.
        peer: Id,
        /// agent or client.
        kind: &str,
    }

    /// Nothing is heard of a peer; it may be back.
    log peer_lost = "peer.lost" {
        /// The peer.
        peer: Id,
    }

    /// A peer has gone for good.
    log peer_gone = "peer.gone" {
        /// The peer.
        peer: Id,
    }
}
