//! `tunnel-nesting`: a tunnel's application is up only inside a network that is up, and nothing outlives the tunnel.
//!
//! A tunnel (`tunnel.opened`) has one connection at a time (`tunnel.network_up` to `tunnel.network_down`), and on it one
//! application at a time (`tunnel.app_up` to `tunnel.app_down`). Neither comes up twice, the application goes down before
//! the connection does, and both are down when the tunnel has ended (`tunnel.ended`). An application or a connection that
//! was lost is up until it has been closed: what is lost has left something behind that is to be taken down.
//!
//! A tunnel that was forced (`tunnel.forced`) has dropped what it had, whatever that was. One whose laptop dies is gone.

use std::collections::BTreeMap;

use super::{Invariant, Violation, begins_anew};
use crate::Record;

/// See the module.
#[derive(Default)]
pub(super) struct TunnelNesting {
    tunnels: BTreeMap<String, Tunnel>,
}

/// What a tunnel has.
#[derive(Default)]
struct Tunnel {
    host: String,
    /// The record with which its connection came up.
    network: Option<u64>,
    /// The record with which its application came up.
    application: Option<u64>,
    ended: bool,
}

impl Tunnel {
    /// Takes in what a record says. Tells what is wrong with it, and which record that counts from.
    fn take(&mut self, record: &Record) -> Option<(&'static str, u64)> {
        let own = record.ordinal;
        match record.event.as_str() {
            "tunnel.network_up" | "tunnel.app_up" if self.ended => Some(("something came up after its end", own)),
            "tunnel.network_up" => match self.network.replace(own) {
                Some(_) => Some(("a second connection came up beside the first", own)),
                None => None,
            },
            "tunnel.app_up" => {
                let twice = self.application.replace(own).is_some();
                match self.network {
                    None => Some(("its application came up without a connection", own)),
                    Some(_) if twice => Some(("its application came up twice", own)),
                    Some(_) => None,
                }
            }
            "tunnel.app_down" => {
                self.application = None;
                None
            }
            "tunnel.network_down" => {
                self.network = None;
                // Told once: the application goes with the connection.
                self.application.take().map(|_| ("its connection went down under its application", own))
            }
            "tunnel.forced" => {
                (self.network, self.application) = (None, None);
                None
            }
            "tunnel.ended" => {
                self.ended = true;
                let (application, network) = (self.application.take(), self.network.take());
                let application = application.map(|_| ("it ended, and its application was up", own));
                application.or(network.map(|_| ("it ended, and its connection was up", own)))
            }
            _ => None,
        }
    }
}

impl Invariant for TunnelNesting {
    fn id(&self) -> &'static str {
        "tunnel-nesting"
    }

    fn about(&self) -> &'static str {
        "a tunnel's application is up only inside a network that is up, and nothing outlives the tunnel"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        if let Some(host) = begins_anew(record) {
            self.tunnels.retain(|_, tunnel| tunnel.host != host);
        }
        let name = record.field("tunnel")?;
        if record.event == "tunnel.opened" {
            self.tunnels.insert(name.to_owned(), Tunnel { host: record.host.clone(), ..Tunnel::default() });
        }
        let (wrong, ordinal) = self.tunnels.get_mut(name)?.take(record)?;
        Some(Violation { id: self.id(), message: format!("{name} on {}: {wrong}", record.host), ordinal })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    const TUNNEL: (&str, &str) = ("tunnel", "tunnel#1");

    /// A tunnel about which these events are told, a second apart.
    fn tunnel(events: &[&str]) -> Log {
        let log = Log::new().add(1, "ssh", "tunnel.opened", &[TUNNEL, ("workspace", "dev")]);
        events.iter().zip(2..).fold(log, |log, (event, at)| log.add(at, "ssh", &format!("tunnel.{event}"), &[TUNNEL]))
    }

    #[test]
    fn what_comes_up_goes_down_in_turn() {
        let whole = ["network_up", "app_up", "app_down", "network_down", "ended"];
        assert_kept(TunnelNesting::default(), &tunnel(&whole));
        let lost = ["network_up", "app_up", "app_lost", "app_down", "network_down", "ended"];
        assert_kept(TunnelNesting::default(), &tunnel(&lost));
        assert_kept(TunnelNesting::default(), &tunnel(&["network_up", "app_failed", "network_down", "ended"]));
        assert_kept(TunnelNesting::default(), &tunnel(&["dial_failed", "ended"]));
        assert_kept(TunnelNesting::default(), &tunnel(&["network_up", "app_up", "forced", "ended"]));
        assert_kept(TunnelNesting::default(), &tunnel(&["network_up", "app_up"]));
    }

    #[test]
    fn a_laptop_that_dies_takes_it_along() {
        let log = tunnel(&["network_up", "app_up"]).add(9, "-", "host.killed", &[("host", "ssh")]);
        assert_kept(TunnelNesting::default(), &log.add(10, "ssh", "tunnel.ended", &[TUNNEL]));
        let other = tunnel(&["network_up", "app_up"]).add(9, "-", "host.killed", &[("host", "shell")]);
        assert_broken(TunnelNesting::default(), &other.add(10, "ssh", "tunnel.ended", &[TUNNEL]), 4, &["tunnel#1"]);
    }

    #[test]
    fn broken() {
        let broken = |events: &[&str], ordinal, why: &str| {
            assert_broken(TunnelNesting::default(), &tunnel(events), ordinal, &["tunnel#1", "ssh", why]);
        };
        broken(&["app_up"], 1, "without a connection");
        broken(&["network_up", "network_down", "app_up"], 3, "without a connection");
        broken(&["network_up", "network_up"], 2, "second connection");
        broken(&["network_up", "app_up", "app_up"], 3, "twice");
        broken(&["network_up", "app_up", "network_down", "ended"], 3, "under its application");
        broken(&["network_up", "app_up", "app_lost", "network_down", "ended"], 4, "under its application");
        broken(&["network_up", "ended"], 2, "its connection was up");
        broken(&["network_up", "app_up", "ended"], 3, "its application was up");
        broken(&["ended", "network_up"], 2, "after its end");
    }
}
