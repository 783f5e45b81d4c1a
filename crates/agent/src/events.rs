//! What an agent tells: the domain events of this crate.

use groundhog_host::event::Id;
use uuid::Uuid;

/// One start of an agent: the id that its log lines are counted under, as an event's field.
pub const fn process(uuid: Uuid) -> Id {
    Id { kind: "process", uuid }
}

/// A terminal session, as an event's field.
pub const fn terminal(uuid: Uuid) -> Id {
    Id { kind: "terminal", uuid }
}

/// A stream that somebody has to an agent, as an event's field.
pub const fn stream(uuid: Uuid) -> Id {
    Id { kind: "stream", uuid }
}

groundhog_host::events! {
    /// The domain events of the workspace agent.
    pub EVENTS;

    /// An agent has begun.
    log agent_started = "agent.started" {
        /// This start of the agent.
        process: Id,
    }

    /// An agent has a connection to its control plane, the first or another one.
    log agent_connected = "agent.connected" {
        /// The agent.
        agent: Id,
        /// How many times it has tried since the last connection.
        attempts: u64,
        /// How long it was without a connection, in milliseconds.
        after_ms: u128,
    }

    /// An agent's connection has ended; the agent goes on trying.
    log agent_disconnected = "agent.disconnected" {
        /// The agent.
        agent: Id,
        /// Why.
        error: &str,
    }

    /// An agent could not connect, for the first time since it last had a connection or began.
    log agent_cut_off = "agent.cut_off" {
        /// Why.
        error: &str,
    }

    /// An agent could not connect, and waits.
    quiet agent_try_failed = "agent.try_failed" {
        /// Why.
        error: &str,
        /// How long it waits before the next try, in milliseconds.
        wait_ms: u128,
    }

    /// An agent has come to the next step of its life.
    log agent_lifecycle = "agent.lifecycle" {
        /// The agent.
        agent: Id,
        /// The start of the agent that this is a step of.
        process: Id,
        /// The step: `starting`, `start_timeout`, `start_error`, `ready`, `shutting_down`, `shutdown_timeout`,
        /// `shutdown_error` or `off`.
        state: &str,
    }

    /// An agent has begun to run a script.
    log agent_script_started = "agent.script_started" {
        /// The agent.
        agent: Id,
        /// The start of the agent.
        process: Id,
        /// The script's display name.
        script: &str,
        /// Why it runs: `start`, `stop` or `cron`.
        stage: &str,
    }

    /// A script of an agent has ended, or won't be run.
    log agent_script_ended = "agent.script_ended" {
        /// The agent.
        agent: Id,
        /// The start of the agent.
        process: Id,
        /// The script's display name.
        script: &str,
        /// Why it ran: `start`, `stop` or `cron`.
        stage: &str,
        /// `ok`, `exit_failure`, `timed_out`, `pipes_left_open`, or `skipped`: what it waits for did not go well.
        status: &str,
        /// Its exit status; 255 if it is not known.
        exit_code: i32,
    }

    /// An agent ends, and another one begins in the same process: its workspace has been claimed.
    log agent_reinitializing = "agent.reinitializing" {
        /// The start of the agent that ends.
        process: Id,
        /// Why, in the control plane's words.
        reason: &str,
    }

    /// An agent was told to close.
    log agent_closing = "agent.closing" {
        /// The start of the agent.
        process: Id,
    }

    /// An agent has closed.
    log agent_closed = "agent.closed" {
        /// The start of the agent.
        process: Id,
    }

    /// A call that an agent can do without has failed, for the first time since one of its kind went well (A4).
    log agent_optional_failed = "agent.optional_failed" {
        /// The call.
        call: &str,
        /// Why.
        error: &str,
    }

    /// An agent has written as many log lines as are kept, and sends no more.
    log agent_logs_full = "agent.logs_full" {
        /// The agent.
        agent: Id,
    }

    /// A call was begun that carries log lines.
    quiet agent_logs_sent = "agent.logs_sent" {
        /// The agent.
        agent: Id,
        /// The start of the agent that counts the lines.
        process: Id,
        /// Whose lines they are, by the log source's id.
        source: &str,
        /// The first line's number.
        first: u64,
        /// The last line's number.
        last: u64,
    }

    /// An agent listens at a relay, or does so no more.
    log agent_relay = "agent.relay" {
        /// The agent.
        agent: Id,
        /// The relay's number; 0 for none.
        relay: u64,
    }

    /// Somebody has begun a stream to an agent.
    quiet agent_stream_opened = "agent.stream_opened" {
        /// The agent.
        agent: Id,
        /// The stream.
        stream: Id,
        /// Which of the agent's services it is for.
        port: u32,
        /// How it has come: `direct` or `relay`.
        path: &str,
    }

    /// A stream to an agent goes on over another path.
    quiet agent_stream_resumed = "agent.stream_resumed" {
        /// The agent.
        agent: Id,
        /// The stream.
        stream: Id,
        /// How it comes now: `direct` or `relay`.
        path: &str,
    }

    /// A stream to an agent has ended.
    quiet agent_stream_ended = "agent.stream_ended" {
        /// The agent.
        agent: Id,
        /// The stream.
        stream: Id,
        /// Why.
        why: &str,
    }

    /// A terminal session has begun.
    log agent_terminal_opened = "agent.terminal_opened" {
        /// The session.
        session: Id,
    }

    /// A terminal session is over.
    log agent_terminal_closed = "agent.terminal_closed" {
        /// The session.
        session: Id,
        /// Why: `ended` (its process has ended), `idle`, `closed` (with the agent) or `failed`.
        why: &str,
    }

    /// Somebody has joined a terminal session.
    quiet agent_viewer_joined = "agent.viewer_joined" {
        /// The session.
        session: Id,
    }

    /// Somebody in a terminal session did not read, and was dropped from it (A9).
    log agent_viewer_dropped = "agent.viewer_dropped" {
        /// The session.
        session: Id,
    }
}
