//! What tools tell: the domain events of this crate.

use groundhog_host::event::Id;

groundhog_host::events! {
    /// The domain events of the tools.
    pub EVENTS;

    /// A tool was called.
    log called = "tool.called" {
        /// The tool's name.
        tool: &str,
        /// The chat.
        chat: Id,
        /// Counts the calls of this runtime from 1.
        call: u64,
    }

    /// A call waits for something.
    log waiting = "tool.waiting" {
        /// The call.
        call: u64,
        /// The chat.
        chat: Id,
        /// build, agent or scripts.
        on: &str,
        /// The build or the agent.
        of: Id,
    }

    /// A call asks for a workspace.
    log asked = "tool.asked" {
        /// The call.
        call: u64,
        /// The chat.
        chat: Id,
        /// What the workspace is to be called.
        name: &str,
        /// What the chat has, and why it is dead; empty if it has none.
        instead_of: &str,
    }

    /// A call has found out what its chat has.
    log found = "tool.found" {
        /// The call.
        call: u64,
        /// The chat.
        chat: Id,
        /// none, deleted, building, stopped, failed, canceled, connected, connecting, disconnected, timed_out, no_agent,
        /// reachable, unknown.
        state: &str,
    }

    /// A chat goes on with another workspace, build or agent, as far as this call knows.
    log chat_updated = "tool.chat_updated" {
        /// The call.
        call: u64,
        /// The chat.
        chat: Id,
        /// created, build or agent.
        what: &str,
    }

    /// Something was not done that a call goes on without.
    log passed_over = "tool.passed_over" {
        /// The call.
        call: u64,
        /// The chat.
        chat: Id,
        /// What, and why not.
        error: &str,
    }

    /// A call was answered.
    log answered = "tool.answered" {
        /// The call.
        call: u64,
        /// The chat.
        chat: Id,
        /// The tool's name.
        tool: &str,
        /// In a word: created, already_exists, stopped, started, already_running, already_stopped, listed, read; failed, if
        /// what was answered is an object with an error; error, if it is an error's text.
        outcome: &str,
        /// What is wrong with the agent, in a word: no_agent, selection_error, not_ready, startup_scripts_failed,
        /// startup_scripts_timeout or startup_scripts_unknown; empty if nothing is.
        readiness: &str,
        /// The fields that were answered, without ids, such as `created=true workspace_name=alice/dev`; or the error.
        answer: &str,
        /// Whether the runtime takes it as a failed call.
        is_error: bool,
        /// How long it took, in milliseconds.
        took_ms: u64,
    }
}
