//! What is told about people's chats, and about the workspace that each of them has.

use groundhog_host::event::Id;

groundhog_host::events! {
    /// The control plane's events about chats.
    pub CHAT_EVENTS;

    /// A person began a chat.
    log chat_created = "chat.created" {
        /// The chat.
        chat: Id,
        /// Whose it is.
        owner: &str,
    }

    /// A chat lets go of its workspace, because there is nothing left of it. Another one follows at once.
    log chat_released = "chat.released" {
        /// The chat.
        chat: Id,
        /// The workspace.
        ws: Id,
        /// deleted, failed, canceled, no_agent, disconnected or timed_out.
        why: &str,
    }

    /// A workspace became a chat's.
    log chat_bound = "chat.bound" {
        /// The chat.
        chat: Id,
        /// The workspace.
        ws: Id,
        /// The build with which the chat begins.
        build: Id,
        /// created (for the chat), claimed (for it, of those that were built ahead) or attached (it was the person's
        /// already).
        how: &str,
    }

    /// A chat goes on with another build of its workspace.
    quiet chat_build = "chat.build" {
        /// The chat.
        chat: Id,
        /// The build.
        build: Id,
    }

    /// A chat goes on with an agent of its workspace.
    quiet chat_agent = "chat.agent" {
        /// The chat.
        chat: Id,
        /// The agent.
        agent: Id,
    }
}
