//! Why there is no connection to an agent, or none any more.

use groundhog_wire::id::AgentId;

use super::route::WITHOUT_PATH_MAX;

/// Why a connection that was up is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// There was no path for too long.
    #[error("there was no path to the agent for {WITHOUT_PATH_MAX:?}")]
    NoPath,
    /// The agent knows nothing of the connection any more.
    #[error("the agent knows nothing of the connection any more: it was started anew")]
    StartedAnew,
    /// The control plane says that the agent has gone for good, and the path has ended.
    #[error("the agent has gone")]
    Gone,
}

/// Why an agent could not be dialled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// The control plane won't have it.
    #[error("the control plane refuses a connection to agent {agent}: {error}")]
    Refused {
        /// The agent.
        agent: AgentId,
        /// In the control plane's words.
        error: String,
    },
    /// No path was found in time.
    #[error("no path to agent {agent} was found in {WITHOUT_PATH_MAX:?}: {error}")]
    NoPath {
        /// The agent.
        agent: AgentId,
        /// What came of the last try.
        error: String,
    },
    /// The agent has gone for good.
    #[error("agent {agent} has gone")]
    Gone {
        /// The agent.
        agent: AgentId,
    },
}
