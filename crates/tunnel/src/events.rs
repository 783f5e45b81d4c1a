//! What a tunnel tells: the domain events of this crate.

use groundhog_host::event::Id;
use uuid::Uuid;

/// A tunnel, as an event's field.
pub const fn tunnel(uuid: Uuid) -> Id {
    Id { kind: "tunnel", uuid }
}

groundhog_host::events! {
    /// The domain events of the tunnel client.
    pub EVENTS;

    /// Somebody has opened a tunnel.
    log opened = "tunnel.opened" {
        /// The tunnel.
        tunnel: Id,
        /// The workspace, by its name or its id.
        workspace: &str,
        /// The agent's name; empty if it is the only one.
        agent_name: &str,
    }

    /// A tunnel has come to another state.
    log state = "tunnel.state" {
        /// The tunnel.
        tunnel: Id,
        /// The state before.
        from: &str,
        /// The state now.
        to: &str,
        /// What has come.
        because: &str,
    }

    /// A tunnel has taken the word that it is to end.
    log shutdown_asked = "tunnel.shutdown_asked" {
        /// The tunnel.
        tunnel: Id,
        /// `interrupted`, or why its watch is over.
        why: &str,
    }

    /// A tunnel asks for a start of its workspace.
    log start_asked = "tunnel.start_asked" {
        /// The tunnel.
        tunnel: Id,
        /// The number of the build that stopped it.
        after: u32,
    }

    /// A tunnel that asked for a start has got its answer.
    log start_answered = "tunnel.start_answered" {
        /// The tunnel.
        tunnel: Id,
        /// The build, that another one is there, or why nothing comes of it.
        answer: &str,
    }

    /// A tunnel has told its person why it waits, or why it ends.
    log told = "tunnel.told" {
        /// The tunnel.
        tunnel: Id,
        /// What it said.
        text: &str,
    }

    /// A tunnel has shown its person a line of a build's or an agent's log.
    quiet log_line = "tunnel.log_line" {
        /// The tunnel.
        tunnel: Id,
        /// The line.
        text: &str,
    }

    /// A tunnel's connection to its agent is up.
    log network_up = "tunnel.network_up" {
        /// The tunnel.
        tunnel: Id,
        /// The agent.
        agent: Id,
        /// The way that it goes: `direct` or `relay`.
        path: &str,
    }

    /// A tunnel's connection is closed.
    log network_down = "tunnel.network_down" {
        /// The tunnel.
        tunnel: Id,
    }

    /// A connection to an agent that is up goes another way now.
    log path = "tunnel.path" {
        /// The agent.
        agent: Id,
        /// The connection's own end.
        peer: Id,
        /// The way: `direct`, `relay`, or `none` while one is looked for.
        path: &str,
        /// What became of the way before.
        why: &str,
    }

    /// A connection to an agent is lost, and does not come back.
    log network_lost = "tunnel.network_lost" {
        /// The agent.
        agent: Id,
        /// The connection's own end.
        peer: Id,
        /// Why.
        why: &str,
    }

    /// A tunnel could not reach its agent.
    log dial_failed = "tunnel.dial_failed" {
        /// The tunnel.
        tunnel: Id,
        /// The agent.
        agent: Id,
        /// Why.
        error: &str,
    }

    /// A tunnel that is to end has given up a dial.
    log dial_canceled = "tunnel.dial_canceled" {
        /// The tunnel.
        tunnel: Id,
        /// The agent.
        agent: Id,
    }

    /// A tunnel's application is up.
    log app_up = "tunnel.app_up" {
        /// The tunnel.
        tunnel: Id,
    }

    /// A tunnel's application is closed.
    log app_down = "tunnel.app_down" {
        /// The tunnel.
        tunnel: Id,
    }

    /// A tunnel's application could not be started, or not closed as it should.
    log app_failed = "tunnel.app_failed" {
        /// The tunnel.
        tunnel: Id,
        /// Why.
        error: &str,
    }

    /// A tunnel's application has ended by itself.
    log app_lost = "tunnel.app_lost" {
        /// The tunnel.
        tunnel: Id,
        /// Why.
        why: &str,
    }

    /// A tunnel's watch has ended or could not be begun, for the first time since it last told something.
    log watch_lost = "tunnel.watch_lost" {
        /// The tunnel.
        tunnel: Id,
        /// Why.
        error: &str,
    }

    /// A tunnel's watch tells something again.
    log watch_back = "tunnel.watch_back" {
        /// The tunnel.
        tunnel: Id,
    }

    /// A tunnel was not down when the time for that was up, or nobody waits for it any more: what was under way is
    /// dropped.
    log forced = "tunnel.forced" {
        /// The tunnel.
        tunnel: Id,
        /// What was under way.
        jobs: &str,
    }

    /// A tunnel has ended.
    log ended = "tunnel.ended" {
        /// The tunnel.
        tunnel: Id,
        /// Why.
        why: &str,
    }
}
