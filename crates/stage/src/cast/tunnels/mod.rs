//! Tunnels, each on a laptop of its own.

use groundhog_sim::World;

use crate::scenario::Scenario;

/// Puts the laptops into the world. What is opened on one is gone when it is killed, and nobody opens it again.
pub(super) fn cast(scenario: &Scenario, world: &mut World) {
    for tunnel in scenario.tunnels() {
        world.host(&tunnel.name, |_| std::future::pending());
    }
}
