//! What makes and deletes a machine while the world runs, as a cloud does.

use std::{fmt, sync::Arc, time::Duration};

use crate::{hosts::HostId, kernel, plan};

/// Makes and deletes one host's machine; see [`World::power`](crate::World::power). Code inside the simulation may
/// hold it, on whichever host: it is the way to the cloud, not to the machine. Cheap to clone.
///
/// Both take effect in the instant in which they are asked for, once the tasks that are ready have run, and in the
/// order in which they were asked for. What they do to a machine that is so already is nothing.
#[derive(Clone)]
pub struct Power(Arc<dyn PowerControl>);

/// What an engine does for a [`Power`].
pub trait PowerControl: Send + Sync + 'static {
    /// See [`Power::on`].
    fn on(&self);

    /// See [`Power::off`].
    fn off(&self);

    /// See [`Power::exists`].
    fn exists(&self) -> bool;
}

impl Power {
    /// A power that `control` carries out. Engines call this.
    pub fn new(control: impl PowerControl) -> Self {
        Self(Arc::new(control))
    }

    pub(crate) fn of(host: HostId) -> Self {
        Self::new(Simulated { host })
    }

    /// Makes the machine, and starts it: at the end of the last fault that keeps it down, if there is one. Its disk is
    /// what was synced to it in an earlier life.
    pub fn on(&self) {
        self.0.on();
    }

    /// Deletes the machine, which loses power. The end of a fault does not bring it back.
    pub fn off(&self) {
        self.0.off();
    }

    /// Whether the machine exists. It may be down by a fault all the same.
    pub fn exists(&self) -> bool {
        self.0.exists()
    }
}

impl fmt::Debug for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Power").field("exists", &self.exists()).finish()
    }
}

/// The power of a simulated machine.
struct Simulated {
    host: HostId,
}

impl PowerControl for Simulated {
    fn on(&self) {
        plan(plan::Planned::Create(self.host));
    }

    fn off(&self) {
        plan(plan::Planned::Remove(self.host));
    }

    fn exists(&self) -> bool {
        kernel::with(|kernel| kernel.hosts.borrow()[self.host].own.exists).unwrap_or(false)
    }
}

fn plan(planned: plan::Planned) {
    // Past already: at once, but between two tasks, because the end of a host drops its futures, and its beginning
    // runs code that is not ours.
    kernel::with(|kernel| plan::add(kernel, Duration::ZERO, planned));
}
