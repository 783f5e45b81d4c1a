//! What has gone through an agent's connections, as a pure value (A7).

use std::collections::BTreeMap;

use groundhog_wire::v1::AgentStats;

/// How many connections of one report are counted; more are not.
const CONNECTIONS_MAX: u64 = 2_048;

/// Counts since the last report. They begin with the agent, so that nothing is missed before the first report (F12).
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    connections: BTreeMap<&'static str, u64>,
    received_packets: u64,
    received_bytes: u64,
    sent_packets: u64,
    sent_bytes: u64,
}

impl Counters {
    /// Somebody has connected, to a service of this name.
    pub(crate) fn connected(&mut self, protocol: &'static str) {
        if self.count() < CONNECTIONS_MAX {
            *self.connections.entry(protocol).or_default() += 1;
        }
    }

    /// So many bytes have come in.
    pub(crate) fn received(&mut self, bytes: usize) {
        self.received_packets += 1;
        self.received_bytes += bytes as u64;
    }

    /// So many bytes have gone out.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.sent_packets += 1;
        self.sent_bytes += bytes as u64;
    }

    /// These were not reported: they go with the next ones.
    pub(crate) fn give_back(&mut self, unreported: Self) {
        for (protocol, count) in unreported.connections {
            let room = CONNECTIONS_MAX.saturating_sub(self.count());
            *self.connections.entry(protocol).or_default() += count.min(room);
        }
        self.received_packets += unreported.received_packets;
        self.received_bytes += unreported.received_bytes;
        self.sent_packets += unreported.sent_packets;
        self.sent_bytes += unreported.sent_bytes;
    }

    /// As a message, with how many terminals there are right now. The latency is -1: nobody measures it yet.
    pub(crate) fn message(&self, terminals: u64) -> AgentStats {
        let by_protocol = self.connections.iter().map(|(protocol, count)| ((*protocol).to_owned(), *count));
        AgentStats {
            connections_by_protocol: by_protocol.collect(),
            connection_count: self.count(),
            median_latency_ms: -1.0,
            received_packets: self.received_packets,
            received_bytes: self.received_bytes,
            sent_packets: self.sent_packets,
            sent_bytes: self.sent_bytes,
            session_count_pty: terminals,
        }
    }

    fn count(&self) -> u64 {
        self.connections.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_reported_goes_with_the_next() {
        let mut counters = Counters::default();
        counters.connected("pty");
        counters.received(10);
        counters.sent(5);
        let unreported = std::mem::take(&mut counters);
        assert_eq!(counters.message(0), AgentStats { median_latency_ms: -1.0, ..AgentStats::default() });
        counters.connected("pty");
        counters.connected("forward");
        counters.received(1);
        counters.give_back(unreported);
        let message = counters.message(3);
        assert_eq!((message.received_packets, message.received_bytes), (2, 11));
        assert_eq!((message.sent_packets, message.sent_bytes), (1, 5));
        assert_eq!((message.connection_count, message.connections_by_protocol["pty"]), (3, 2));
        assert_eq!(message.session_count_pty, 3);
    }

    #[test]
    fn connections_are_counted_up_to_a_bound() {
        let mut counters = Counters::default();
        for _ in 0..=CONNECTIONS_MAX {
            counters.connected("pty");
        }
        let unreported = std::mem::take(&mut counters);
        assert_eq!(unreported.message(0).connection_count, CONNECTIONS_MAX);
        counters.connected("forward");
        counters.give_back(unreported);
        assert_eq!(counters.message(0).connection_count, CONNECTIONS_MAX);
    }
}
