//! The simulated machines.

use std::{
    collections::BTreeMap,
    ops::{Index, IndexMut},
    rc::Rc,
    sync::Arc,
};

use async_task::Runnable;

use crate::{
    clock::{Clock, SuspendedClock},
    disk::Disk,
    engine::Boot,
    executor::Identity,
    process::Program,
};

/// A host's number, in the order in which hosts were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostId(pub(crate) u32);

/// What state a machine is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Its software runs.
    Running,
    /// Nothing of it runs, and packets for it are lost; it goes on where it stopped. `reading` is what its
    /// monotonic clock showed then.
    Suspended { reading: u64, clock: SuspendedClock },
    /// Its software was killed, or was not started yet; the machine itself answers: with refusals.
    Stopped,
    /// Without power, or not made yet, or deleted: it does not answer at all.
    Off,
}

impl Status {
    /// Whether the machine's own network stack answers packets.
    #[inline]
    pub(crate) fn answers(self) -> bool {
        matches!(self, Self::Running | Self::Stopped)
    }
}

/// What nearly every event on a host looks at. The rest is kept apart, so that this stays in few cache lines.
pub(crate) struct HostState {
    pub(crate) name: Rc<str>,
    pub(crate) status: Status,
    /// Counts starts: what belongs to an earlier one is dead.
    pub(crate) start: u32,
    pub(crate) clock: Clock,
    pub(crate) own: Box<Belongings>,
}

/// What a host has.
pub(crate) struct Belongings {
    pub(crate) disk: Disk,
    pub(crate) boot: Boot,
    pub(crate) programs: BTreeMap<String, Arc<dyn Program>>,
    /// Whether the machine exists: always, but for one that is made and deleted in the run. One that does not is no
    /// fault's to start.
    pub(crate) exists: bool,
    /// How many faults keep it down.
    pub(crate) downs: u32,
    /// Tasks that became ready while the host was suspended.
    pub(crate) stalled: Vec<Runnable<Identity>>,
    /// How often each purpose asked for a random stream since the start.
    pub(crate) streams_given: BTreeMap<String, u64>,
}

/// All hosts of a run.
#[derive(Default)]
pub(crate) struct Hosts {
    list: Vec<HostState>,
    names: BTreeMap<Rc<str>, HostId>,
    /// How many are suspended: nearly always none, which makes the check before each task cheap.
    pub(crate) suspended: usize,
}

impl Hosts {
    pub(crate) fn find(&self, name: &str) -> Option<HostId> {
        self.names.get(name).copied()
    }

    pub(crate) fn add(&mut self, state: HostState) -> HostId {
        let id = HostId(u32::try_from(self.list.len()).expect("memory holds far fewer hosts"));
        self.names.insert(state.name.clone(), id);
        self.list.push(state);
        id
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = HostId> + use<> {
        (0..self.list.len() as u32).map(HostId)
    }

    /// Whether `start` of `host` still lives: running or suspended.
    #[inline]
    pub(crate) fn lives(&self, host: HostId, start: u32) -> bool {
        let state = &self[host];
        state.start == start && matches!(state.status, Status::Running | Status::Suspended { .. })
    }
}

impl Index<HostId> for Hosts {
    type Output = HostState;

    #[inline]
    fn index(&self, id: HostId) -> &HostState {
        &self.list[id.0 as usize]
    }
}

impl IndexMut<HostId> for Hosts {
    #[inline]
    fn index_mut(&mut self, id: HostId) -> &mut HostState {
        &mut self.list[id.0 as usize]
    }
}
