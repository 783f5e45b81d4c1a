//! How long each part of a call may take. A call is bounded by their sum, [`CALL_MAX`], whatever the network and the
//! control plane do, and however many calls there are at the same time.

use std::time::Duration;

/// How long a call waits for others of its chat that decide or ask for something just then.
pub const TURN_TIMEOUT: Duration = Duration::from_mins(2);

/// How long a call may take to find out what the chat has, to decide, and to ask for what it decided on.
pub const DECIDE_TIMEOUT: Duration = Duration::from_mins(2);

/// How long one request to the control plane may take to be answered.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// For how long a request is sent again that got no answer, or the answer that it may be sent again.
pub const REQUEST_PATIENCE: Duration = Duration::from_secs(30);

/// The wait between two of its tries.
pub const REQUEST_RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// How often a build is looked at that is waited for.
pub const BUILD_POLL_INTERVAL: Duration = Duration::from_secs(2);

/// How long a build is waited for.
pub const BUILD_TIMEOUT: Duration = Duration::from_mins(10);

/// How long an agent has until it is reached.
pub const AGENT_CONNECT_TIMEOUT: Duration = Duration::from_mins(2);

/// The wait between two tries to reach it.
pub const AGENT_RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// How long one try may take.
pub const AGENT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an agent has to answer of which the control plane can't say whether it is there.
pub const AGENT_PING_TIMEOUT: Duration = Duration::from_secs(5);

/// How long start scripts are waited for.
pub const SCRIPTS_TIMEOUT: Duration = Duration::from_mins(10);

/// How often it is looked whether they have ended.
pub const SCRIPTS_POLL_INTERVAL: Duration = Duration::from_secs(2);

/// How long a call tries to say which build or agent its chat goes on with. It goes on without.
pub const BIND_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest that a call takes.
pub const CALL_MAX: Duration = Duration::from_secs(
    TURN_TIMEOUT.as_secs()
        + DECIDE_TIMEOUT.as_secs()
        + AGENT_PING_TIMEOUT.as_secs()
        + 2 * BIND_TIMEOUT.as_secs()
        + BUILD_TIMEOUT.as_secs()
        + AGENT_CONNECT_TIMEOUT.as_secs()
        + SCRIPTS_TIMEOUT.as_secs(),
);
