//! Draws how fast the network and the database are, where the file leaves that open.

use std::time::Duration;

use groundhog_sim::campaign::Draws;

use super::one_of;
use crate::scenario::units::DurationRange;
use crate::scenario::{Scenario, defaults};

const fn micros(min: u64, max: u64) -> DurationRange {
    DurationRange { min: Duration::from_micros(min), max: Duration::from_micros(max) }
}

/// One rack, one region (what a file has by itself, and most often here), one continent, the far side of the world.
const LATENCIES: [DurationRange; 5] = [
    defaults::NETWORK.latency,
    defaults::NETWORK.latency,
    micros(50, 500),
    micros(5_000, 50_000),
    micros(50_000, 300_000),
];

/// A database in the same process, beside the control plane (what a file has by itself), and one that is overloaded.
const STATEMENT_LATENCIES: [DurationRange; 4] =
    [defaults::STATEMENT_LATENCY, defaults::STATEMENT_LATENCY, micros(0, 0), micros(1_000, 50_000)];

/// Connections to the database: the usual number most often, and few enough to wait for one.
const CONNECTIONS: [u32; 4] = [defaults::CONNECTIONS, defaults::CONNECTIONS, 3, 1];

/// Exchanges what is as it would be anyway; what the file sets is what it is about.
pub(super) fn draw(plan: &mut Scenario, draws: &Draws) {
    let latency = one_of(&mut draws.stream(&["settings", "latency"]), &LATENCIES);
    if let Some(latency) = latency.filter(|_| plan.network == defaults::NETWORK) {
        plan.network.latency = *latency;
    }
    let statements = one_of(&mut draws.stream(&["settings", "statement latency"]), &STATEMENT_LATENCIES);
    if let Some(latency) = statements.filter(|_| plan.control.statement_latency == defaults::STATEMENT_LATENCY) {
        plan.control.statement_latency = *latency;
    }
    let connections = one_of(&mut draws.stream(&["settings", "connections"]), &CONNECTIONS);
    if let Some(connections) = connections.filter(|_| plan.control.connections == defaults::CONNECTIONS) {
        plan.control.connections = *connections;
    }
}
