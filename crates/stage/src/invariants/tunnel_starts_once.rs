//! `tunnel-starts-once`: a tunnel asks for a start of its workspace once at a time, and only after a stop.
//!
//! Between a tunnel's asking (`tunnel.start_asked`) and the answer (`tunnel.start_answered`) it does not ask again. It
//! asks because a build has stopped the workspace, and says which: that build was a stop. And it never asks because of an
//! older stop than it has asked because of before.
//!
//! Which workspace a tunnel is to is told by name, and several people may have one of that name: it is enough that the
//! build was a stop of one of theirs. A build that the log does not show is believed to have been one.

use std::collections::BTreeMap;

use super::{Invariant, Violation, begins_anew};
use crate::Record;

/// See the module.
#[derive(Default)]
pub(super) struct TunnelStartsOnce {
    tunnels: BTreeMap<String, Tunnel>,
    /// By workspace: its name.
    names: BTreeMap<String, String>,
    /// By workspace's name and build's number: whether one of them is a stop.
    stops: BTreeMap<(String, u64), bool>,
}

#[derive(Default)]
struct Tunnel {
    host: String,
    workspace: String,
    /// It has asked, and was not answered yet.
    asks: bool,
    /// The latest stop because of which it has asked.
    after: u64,
}

impl TunnelStartsOnce {
    fn build(&mut self, record: &Record) -> Option<()> {
        let name = self.names.get(record.field("ws")?)?.clone();
        let number = record.field("number")?.parse().ok()?;
        let is_stop = record.field("transition")? == "stop";
        *self.stops.entry((name, number)).or_default() |= is_stop;
        Some(())
    }

    fn asked(&mut self, record: &Record) -> Option<String> {
        let tunnel = self.tunnels.get_mut(record.field("tunnel")?)?;
        let after: u64 = record.field("after")?.parse().ok()?;
        let twice = std::mem::replace(&mut tunnel.asks, true);
        let before = tunnel.after;
        tunnel.after = before.max(after);
        let workspace = &tunnel.workspace;
        if twice {
            Some(format!("asked for a start of {workspace} while it was asking for one"))
        } else if self.stops.get(&(workspace.clone(), after)) == Some(&false) {
            Some(format!("asked for a start of {workspace} after build {after}, which was no stop"))
        } else if after < before {
            Some(format!("asked for a start of {workspace} after build {after}, though it had seen {before}"))
        } else {
            None
        }
    }
}

impl Invariant for TunnelStartsOnce {
    fn id(&self) -> &'static str {
        "tunnel-starts-once"
    }

    fn about(&self) -> &'static str {
        "a tunnel asks for a start of its workspace once at a time, and only after a stop"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        if let Some(host) = begins_anew(record) {
            self.tunnels.retain(|_, tunnel| tunnel.host != host);
        }
        match record.event.as_str() {
            "workspace.created" => {
                self.names.insert(record.field("ws")?.to_owned(), record.field("name")?.to_owned());
            }
            "build.queued" => self.build(record)?,
            "tunnel.opened" => {
                let workspace = record.field("workspace")?.to_owned();
                let tunnel = Tunnel { host: record.host.clone(), workspace, ..Tunnel::default() };
                self.tunnels.insert(record.field("tunnel")?.to_owned(), tunnel);
            }
            "tunnel.start_asked" => {
                let wrong = self.asked(record)?;
                let message = format!("{} on {} {wrong}", record.field("tunnel")?, record.host);
                return Some(Violation { id: self.id(), message, ordinal: record.ordinal });
            }
            "tunnel.start_answered" => self.tunnels.get_mut(record.field("tunnel")?)?.asks = false,
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    const TUNNEL: (&str, &str) = ("tunnel", "tunnel#1");

    /// A workspace that was started, stopped, started and stopped, and a tunnel to it.
    fn stopped() -> Log {
        let log = Log::new().add(1, "control", "workspace.created", &[("ws", "ws#1"), ("name", "dev"), ("owner", "a")]);
        let builds = [("1", "start"), ("2", "stop"), ("3", "start"), ("4", "stop")];
        let queued = |log: Log, (number, transition)| {
            log.add(2, "control", "build.queued", &[("ws", "ws#1"), ("number", number), ("transition", transition)])
        };
        let log = builds.into_iter().fold(log, queued);
        log.add(3, "ssh", "tunnel.opened", &[TUNNEL, ("workspace", "dev")])
    }

    fn ask(log: Log, after: &'static str) -> Log {
        log.add(4, "ssh", "tunnel.start_asked", &[TUNNEL, ("after", after)])
    }

    fn answer(log: Log) -> Log {
        log.add(5, "ssh", "tunnel.start_answered", &[TUNNEL, ("answer", "build 3")])
    }

    #[test]
    fn kept() {
        assert_kept(TunnelStartsOnce::default(), &ask(answer(ask(stopped(), "2")), "4"));
        assert_kept(TunnelStartsOnce::default(), &ask(answer(ask(stopped(), "2")), "2"));
        assert_kept(TunnelStartsOnce::default(), &ask(stopped(), "9"));
        let killed = ask(stopped(), "2").add(9, "-", "host.killed", &[("host", "ssh")]);
        assert_kept(TunnelStartsOnce::default(), &ask(killed, "2"));
        // Somebody else's workspace of that name was stopped by its third build.
        let other =
            stopped().add(3, "control", "workspace.created", &[("ws", "ws#2"), ("name", "dev"), ("owner", "b")]);
        let queued = [("ws", "ws#2"), ("number", "3"), ("transition", "stop")];
        assert_kept(TunnelStartsOnce::default(), &ask(other.add(3, "control", "build.queued", &queued), "3"));
    }

    #[test]
    fn broken() {
        assert_broken(TunnelStartsOnce::default(), &ask(ask(stopped(), "2"), "4"), 7, &["tunnel#1", "was asking"]);
        assert_broken(TunnelStartsOnce::default(), &ask(stopped(), "3"), 6, &["dev", "no stop"]);
        assert_broken(TunnelStartsOnce::default(), &ask(answer(ask(stopped(), "4")), "2"), 8, &["had seen 4"]);
    }
}
