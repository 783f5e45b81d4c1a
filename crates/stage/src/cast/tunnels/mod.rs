//! Tunnels, each on a laptop of its own.

use std::time::Duration;

use groundhog_sim::World;

use crate::scenario::Scenario;

/// How long the user of a tunnel waits for it to end in good order.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Puts the laptops into the world. What is opened on one is gone when it is killed, and nobody opens it again.
pub(super) fn cast(scenario: &Scenario, world: &mut World) {
    for tunnel in scenario.tunnels() {
        world.host(&tunnel.name, |_| std::future::pending());
    }
}
