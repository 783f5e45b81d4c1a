//! What the control plane's numbers are called, for people and for programs alike.

use groundhog_wire::v1::{AgentLifecycle, AgentStatus, AppHealth, DaemonStatus, JobStatus, LogLevel, Transition};
use jiff::Timestamp;

pub(super) fn job_status(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Unspecified => "unknown",
        JobStatus::Pending => "pending",
        JobStatus::Running => "running",
        JobStatus::Succeeded => "succeeded",
        JobStatus::Canceling => "canceling",
        JobStatus::Canceled => "canceled",
        JobStatus::Failed => "failed",
    }
}

/// Whether nothing more becomes of a job.
pub(super) fn has_ended(status: JobStatus) -> bool {
    matches!(status, JobStatus::Succeeded | JobStatus::Canceled | JobStatus::Failed)
}

pub(super) fn transition(transition: Transition) -> &'static str {
    match transition {
        Transition::Unspecified => "unknown",
        Transition::Start => "start",
        Transition::Stop => "stop",
        Transition::Destroy => "destroy",
    }
}

/// What a workspace is after such a build, or on its way to.
pub(super) fn workspace_state(transition: Transition, status: JobStatus) -> &'static str {
    match (transition, status) {
        (Transition::Start, JobStatus::Succeeded) => "started",
        (Transition::Stop, JobStatus::Succeeded) => "stopped",
        (Transition::Destroy, JobStatus::Succeeded) => "deleted",
        (Transition::Start, JobStatus::Running) => "starting",
        (Transition::Stop, JobStatus::Running) => "stopping",
        (Transition::Destroy, JobStatus::Running) => "deleting",
        (_, other) => job_status(other),
    }
}

pub(super) fn agent_status(status: AgentStatus) -> &'static str {
    match status {
        AgentStatus::Unspecified => "unknown",
        AgentStatus::Connecting => "connecting",
        AgentStatus::Connected => "connected",
        AgentStatus::Disconnected => "disconnected",
        AgentStatus::TimedOut => "timed_out",
    }
}

pub(super) fn lifecycle(state: AgentLifecycle) -> &'static str {
    match state {
        AgentLifecycle::Unspecified => "unknown",
        AgentLifecycle::Created => "created",
        AgentLifecycle::Starting => "starting",
        AgentLifecycle::StartTimeout => "start_timeout",
        AgentLifecycle::StartError => "start_error",
        AgentLifecycle::Ready => "ready",
        AgentLifecycle::ShuttingDown => "shutting_down",
        AgentLifecycle::ShutdownTimeout => "shutdown_timeout",
        AgentLifecycle::ShutdownError => "shutdown_error",
        AgentLifecycle::Off => "off",
    }
}

pub(super) fn app_health(health: AppHealth) -> &'static str {
    match health {
        AppHealth::Unspecified => "unknown",
        AppHealth::Disabled => "disabled",
        AppHealth::Initializing => "initializing",
        AppHealth::Healthy => "healthy",
        AppHealth::Unhealthy => "unhealthy",
    }
}

pub(super) fn daemon_status(status: DaemonStatus) -> &'static str {
    match status {
        DaemonStatus::Unspecified => "unknown",
        DaemonStatus::Offline => "offline",
        DaemonStatus::Idle => "idle",
        DaemonStatus::Busy => "busy",
    }
}

pub(super) fn log_level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Unspecified => "unknown",
        LogLevel::Trace => "trace",
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    }
}

/// A time in milliseconds since 1970, as text in UTC; a number that is no time stays one.
pub(super) fn time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |at| format!("{at:.3}"))
}
