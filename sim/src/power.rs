//! What makes and deletes a machine while the world runs, as a cloud does.

use std::time::Duration;

use crate::{hosts::HostId, kernel, plan};

/// Makes and deletes one host's machine; see [`World::power`](crate::World::power). Code inside the simulation may
/// hold it, on whichever host: it is the way to the cloud, not to the machine.
///
/// Both take effect in the instant in which they are asked for, once the tasks that are ready have run, and in the
/// order in which they were asked for. What they do to a machine that is so already is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Power {
    host: HostId,
}

impl Power {
    pub(crate) fn of(host: HostId) -> Self {
        Self { host }
    }

    /// Makes the machine, and starts it: at the end of the last fault that keeps it down, if there is one. Its disk is
    /// what was synced to it in an earlier life.
    pub fn on(self) {
        self.plan(plan::Planned::Create(self.host));
    }

    /// Deletes the machine, which loses power. The end of a fault does not bring it back.
    pub fn off(self) {
        self.plan(plan::Planned::Remove(self.host));
    }

    /// Whether the machine exists. It may be down by a fault all the same.
    pub fn exists(self) -> bool {
        kernel::with(|kernel| kernel.hosts.borrow()[self.host].own.exists).unwrap_or(false)
    }

    fn plan(self, planned: plan::Planned) {
        // Past already: at once, but between two tasks, because the end of a host drops its futures, and its
        // beginning runs code that is not ours.
        kernel::with(|kernel| plan::add(kernel, Duration::ZERO, planned));
    }
}
