//! How far an agent's start scripts are.

use groundhog_wire::v1::AgentLifecycle;

/// How far they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scripts {
    /// They run, or will.
    Wait,
    /// They have ended well.
    Ready,
    /// They won't end well any more: the agent is in this state, as [`Report`](crate::report::Report) names it.
    Failed(&'static str),
}

/// How far the scripts of an agent are whose lifecycle is told as `lifecycle`. A state that this version does not know is
/// waited out.
pub fn scripts(lifecycle: i32) -> Scripts {
    match AgentLifecycle::try_from(lifecycle) {
        Ok(AgentLifecycle::Unspecified | AgentLifecycle::Created | AgentLifecycle::Starting) | Err(_) => Scripts::Wait,
        Ok(AgentLifecycle::Ready) => Scripts::Ready,
        Ok(AgentLifecycle::StartTimeout) => Scripts::Failed("start_timeout"),
        Ok(AgentLifecycle::StartError) => Scripts::Failed("start_error"),
        Ok(AgentLifecycle::ShuttingDown) => Scripts::Failed("shutting_down"),
        Ok(AgentLifecycle::ShutdownTimeout) => Scripts::Failed("shutdown_timeout"),
        Ok(AgentLifecycle::ShutdownError) => Scripts::Failed("shutdown_error"),
        Ok(AgentLifecycle::Off) => Scripts::Failed("off"),
    }
}
