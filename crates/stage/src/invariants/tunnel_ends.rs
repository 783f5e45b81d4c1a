//! `tunnel-ends`: a tunnel that is to end does so, whatever the world does.
//!
//! A tunnel that was told to (`tunnel.shutdown_asked`), by its user or by its watch, or that goes down by itself
//! (`tunnel.state`), because its workspace does say, has ended (`tunnel.ended`) soon after: once its application has had
//! the time that it has for its start and its close, and its connection that for its close. One that has nothing to do
//! but to close its connection has that time alone: nobody waits for a dial (T5). Neither a network that is cut nor an
//! application that hangs is an excuse: what does not close in time is dropped. A laptop that was suspended, or whose
//! clock was touched, has all of that time before it; one that dies has nothing left to end.

use std::{collections::BTreeMap, time::Duration};

use groundhog_tunnel::machine::{Phase, State};

use super::{Invariant, Violation, begins_anew, weather::Weather};
use crate::{Record, scenario::units::show_duration};

/// How long an application has to start and then to close, and a connection to close: the tunnel's own bounds (30 s, 10 s
/// and 5 s). Together they are less than the minute that a user waits.
const TAKES: Duration = Duration::from_secs(30 + 10 + 5);

/// How long a connection has to close.
const CONNECTION_CLOSES: Duration = Duration::from_secs(5);

/// More than a machine takes to act on a few timers.
const SLACK: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Default)]
pub(super) struct TunnelEnds {
    weather: Weather,
    /// By tunnel: those that are to end.
    asked: BTreeMap<String, Asked>,
}

struct Asked {
    host: String,
    takes: Duration,
    at: Duration,
    ordinal: u64,
}

impl TunnelEnds {
    fn look(&mut self, now: Duration) -> Option<Violation> {
        let late = |(_, asked): &(&String, &Asked)| {
            self.weather.has_passed(asked.takes + SLACK, asked.at, self.weather.host_well_since(&asked.host), now)
        };
        let tunnel = self.asked.iter().find(late)?.0.clone();
        let Asked { host, at, ordinal, .. } = self.asked.remove(&tunnel)?;
        let message = format!("{tunnel} on {host} was to end at {}, and had not soon after", show_duration(at));
        Some(Violation { id: self.id(), message, ordinal })
    }
}

/// Whether a tunnel tells that it has begun to go down.
fn goes_down(record: &Record) -> bool {
    State::ALL.iter().any(|state| state.phase() == Phase::Ending && goes_to(record, *state))
}

fn goes_to(record: &Record, state: State) -> bool {
    record.event == "tunnel.state" && record.field("to") == Some(state.as_str())
}

impl Invariant for TunnelEnds {
    fn id(&self) -> &'static str {
        "tunnel-ends"
    }

    fn about(&self) -> &'static str {
        "a tunnel that goes down has ended once what it has had its time to close"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        let violation = self.look(record.at);
        self.weather.observe(record);
        if let Some(host) = begins_anew(record) {
            self.asked.retain(|_, asked| asked.host != host);
        }
        if let Some(tunnel) = record.field("tunnel") {
            match record.event.as_str() {
                // Told twice, it has as long as the first time.
                event if event == "tunnel.shutdown_asked" || goes_down(record) => {
                    let (host, at, ordinal) = (record.host.clone(), record.at, record.ordinal);
                    let asked = Asked { host, takes: TAKES, at, ordinal };
                    let asked = self.asked.entry(tunnel.to_owned()).or_insert(asked);
                    // From here on nothing is left but the connection.
                    if goes_to(record, State::ShutdownTailnet) {
                        (asked.takes, asked.at, asked.ordinal) = (CONNECTION_CLOSES, at, ordinal);
                    }
                }
                "tunnel.ended" => {
                    self.asked.remove(tunnel);
                }
                _ => {}
            }
        }
        violation
    }

    fn finish(&mut self, end: Duration) -> Option<Violation> {
        self.look(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    const TUNNEL: (&str, &str) = ("tunnel", "tunnel#1");

    fn asked() -> Log {
        Log::new().add(1, "ssh", "tunnel.shutdown_asked", &[TUNNEL, ("why", "interrupted")])
    }

    #[test]
    fn kept() {
        assert_kept(TunnelEnds::default(), &asked().add(50, "ssh", "tunnel.ended", &[TUNNEL]).end(999));
        assert_kept(TunnelEnds::default(), &asked().end(51));
        let up = [TUNNEL, ("from", "tailnetUp"), ("to", "applicationUp"), ("because", "application up")];
        assert_kept(TunnelEnds::default(), &Log::new().add(1, "ssh", "tunnel.state", &up).end(999));
        let host = [("host", "ssh")];
        assert_kept(TunnelEnds::default(), &asked().add(2, "-", "host.killed", &host).end(999));
        let asleep = asked().add(2, "-", "host.suspended", &host);
        assert_kept(TunnelEnds::default(), &asleep.end(999));
        let awake = asked().add(2, "-", "host.suspended", &host).add(500, "-", "host.resumed", &host);
        assert_kept(TunnelEnds::default(), &awake.add(549, "ssh", "tunnel.ended", &[TUNNEL]).end(999));
    }

    #[test]
    fn broken_by_a_tunnel_that_stays() {
        assert_broken(TunnelEnds::default(), &asked().end(52), 0, &["tunnel#1", "ssh", "1s"]);
        let again = asked().add(50, "ssh", "tunnel.shutdown_asked", &[TUNNEL]);
        assert_broken(TunnelEnds::default(), &again.end(80), 0, &["tunnel#1"]);
        let late = asked().add(90, "ssh", "tunnel.ended", &[TUNNEL]);
        assert_broken(TunnelEnds::default(), &late, 0, &["tunnel#1"]);
        let stopped =
            [TUNNEL, ("from", "applicationUp"), ("to", "shutdownApplication"), ("because", "build 2 stop pending")];
        let goes_down = Log::new().add(1, "ssh", "tunnel.state", &stopped);
        assert_broken(TunnelEnds::default(), &goes_down.end(77), 0, &["tunnel#1"]);
        // A dial that is waited for.
        let dial = [TUNNEL, ("from", "establishTailnet"), ("to", "shutdownTailnet"), ("because", "interrupted")];
        let dial = asked().add(1, "ssh", "tunnel.state", &dial);
        assert_kept(TunnelEnds::default(), &dial.end(11));
        let dial =
            asked().add(1, "ssh", "tunnel.state", &[TUNNEL, ("from", "establishTailnet"), ("to", "shutdownTailnet")]);
        assert_broken(TunnelEnds::default(), &dial.end(12), 1, &["tunnel#1"]);
        // Neither another tunnel's end nor a cut helps.
        let other = asked().add(2, "ssh", "tunnel.ended", &[("tunnel", "tunnel#2")]);
        let cut = other.add(3, "-", "fault.cut", &[("from", "ssh"), ("to", "control"), ("ways", "both")]);
        assert_broken(TunnelEnds::default(), &cut.end(99), 0, &["tunnel#1"]);
    }
}
