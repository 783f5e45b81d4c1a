//! The steps of an agent's life, and their order, as a pure decision.

use groundhog_wire::v1;

/// The steps of which one says that the start scripts have ended, well or not.
pub const STARTED: [v1::AgentLifecycle; 3] =
    [v1::AgentLifecycle::StartTimeout, v1::AgentLifecycle::StartError, v1::AgentLifecycle::Ready];

/// What becomes of a step that an agent reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is new and comes after all that are there: it is stored.
    Forward,
    /// It is there already. The answer to the first report was lost, or the agent's process was started anew.
    Repeated,
    /// It lies before one that is there, and is refused.
    Back,
    /// It is none that an agent reports.
    Unknown,
}

/// Decides on the step `next` after those in `stored`, which are in order. A step may be left out; none is taken back.
pub fn step(stored: &[i32], next: i32) -> Step {
    match v1::AgentLifecycle::try_from(next) {
        Err(_) | Ok(v1::AgentLifecycle::Unspecified | v1::AgentLifecycle::Created) => Step::Unknown,
        Ok(_) if stored.contains(&next) => Step::Repeated,
        // The protocol numbers the steps in their order.
        Ok(_) if stored.iter().all(|stored| *stored < next) => Step::Forward,
        Ok(_) => Step::Back,
    }
}

/// The word for a step that events and texts use; empty for what is none.
pub const fn word(state: v1::AgentLifecycle) -> &'static str {
    match state {
        v1::AgentLifecycle::Unspecified => "",
        v1::AgentLifecycle::Created => "created",
        v1::AgentLifecycle::Starting => "starting",
        v1::AgentLifecycle::StartTimeout => "start_timeout",
        v1::AgentLifecycle::StartError => "start_error",
        v1::AgentLifecycle::Ready => "ready",
        v1::AgentLifecycle::ShuttingDown => "shutting_down",
        v1::AgentLifecycle::ShutdownTimeout => "shutdown_timeout",
        v1::AgentLifecycle::ShutdownError => "shutdown_error",
        v1::AgentLifecycle::Off => "off",
    }
}
