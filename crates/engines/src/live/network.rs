//! Who can be reached where, and from where nothing gets through.
//!
//! Streams go through the [`proxy`](super::proxy), datagrams past a [`Gate`]. What a host sends to itself goes straight.

use std::{
    collections::BTreeMap,
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use groundhog_sim::{Fault, Ways};
use tokio_util::sync::CancellationToken;

use super::gate::{Gate, Shut};

/// By which every host calls itself.
const LOCALHOST: &str = "localhost";

/// The network of a run.
#[derive(Debug)]
pub(super) struct Network {
    /// Where the proxy takes connections.
    pub(super) proxy: Ipv4Addr,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    hosts: BTreeMap<String, Entry>,
    /// By the names of who sends and who receives.
    gates: BTreeMap<(String, String), Arc<Gate>>,
    /// The streams that are open or about to be, in the order in which they were.
    streams: BTreeMap<u64, Open>,
    streams_given: u64,
}

/// A host.
#[derive(Clone, Debug)]
struct Entry {
    address: Ipv4Addr,
    /// Shut while there is no such machine.
    is_there: Arc<Gate>,
}

/// A stream through the proxy.
#[derive(Debug)]
struct Open {
    from: String,
    to: String,
    ends: Ends,
}

/// How a stream may end that neither side has ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    /// Both sides are told that it is broken.
    pub(super) reset: CancellationToken,
    /// Nobody is told anything any more.
    pub(super) silence: CancellationToken,
}

/// What is between two hosts.
#[derive(Clone, Debug)]
pub(super) struct Path {
    /// Where the one is who opens the stream.
    pub(super) from: Ipv4Addr,
    /// Where the other is.
    pub(super) to: Ipv4Addr,
    pub(super) there: Arc<Gate>,
    pub(super) back: Arc<Gate>,
    is_there: Arc<Gate>,
}

impl Path {
    /// Waits until packets get through both ways, to a machine that is there.
    pub(super) async fn opened(&self) {
        let all = [&self.is_there, &self.there, &self.back];
        while let Some(shut) = all.into_iter().find(|gate| gate.is_shut().is_some()) {
            shut.opened().await;
        }
    }
}

/// Keeps a stream on the list until it is dropped.
#[derive(Debug)]
pub(super) struct Listed {
    network: Arc<Network>,
    key: u64,
    pub(super) ends: Ends,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.network.lock().streams.remove(&self.key);
    }
}

impl Network {
    pub(super) fn new(proxy: Ipv4Addr) -> Self {
        Self { proxy, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a host. `is_there`: its machine is, from the beginning.
    pub(super) fn add(&self, name: &str, address: Ipv4Addr, is_there: bool) {
        let gate = Gate::default();
        if !is_there {
            gate.shut(Shut::Cut);
        }
        self.lock().hosts.insert(name.to_owned(), Entry { address, is_there: Arc::new(gate) });
    }

    /// A host's machine was made.
    pub(super) fn appear(&self, name: &str) {
        if let Some(entry) = self.lock().hosts.get(name) {
            entry.is_there.release(Shut::Cut);
        }
    }

    /// A host's machine is deleted: who had a stream with it hears nothing more.
    pub(super) fn vanish(&self, name: &str) {
        let state = self.lock();
        if let Some(entry) = state.hosts.get(name) {
            entry.is_there.shut(Shut::Cut);
        }
        let of_host = state.streams.values().filter(|open| open.from == name || open.to == name);
        of_host.for_each(|open| open.ends.silence.cancel());
    }

    /// The host that `from` means by a name: what it is called, and whether that is itself.
    pub(super) fn find(&self, from: &str, name: &str) -> io::Result<String> {
        if name == LOCALHOST {
            return Ok(from.to_owned());
        }
        if self.lock().hosts.contains_key(name) {
            return Ok(name.to_owned());
        }
        // Real names are not looked up: a story has only its own hosts.
        Err(io::Error::new(io::ErrorKind::NotFound, format!("no host is called {name:?}")))
    }

    /// What is between two hosts that there are.
    pub(super) fn path(&self, from: &str, to: &str) -> io::Result<Path> {
        let (there, back) = (self.gate(from, to), self.gate(to, from));
        let state = self.lock();
        let entry = |name: &str| {
            let unknown = || io::Error::new(io::ErrorKind::NotFound, format!("no host is called {name:?}"));
            state.hosts.get(name).cloned().ok_or_else(unknown)
        };
        let (from, to) = (entry(from)?, entry(to)?);
        Ok(Path { from: from.address, to: to.address, there, back, is_there: to.is_there })
    }

    /// The direction from one host to another.
    pub(super) fn gate(&self, from: &str, to: &str) -> Arc<Gate> {
        self.lock().gates.entry((from.to_owned(), to.to_owned())).or_default().clone()
    }

    /// Puts a stream on the list of those that faults end.
    pub(super) fn list(self: &Arc<Self>, from: &str, to: &str) -> Listed {
        let mut state = self.lock();
        let key = state.streams_given;
        state.streams_given += 1;
        let ends = Ends::default();
        state.streams.insert(key, Open { from: from.to_owned(), to: to.to_owned(), ends: ends.clone() });
        Listed { network: self.clone(), key, ends }
    }

    /// Resets every stream between two hosts. Tells how many there were.
    pub(super) fn reset(&self, a: &str, b: &str) -> usize {
        let state = self.lock();
        let between = |open: &&Open| (open.from == a && open.to == b) || (open.from == b && open.to == a);
        state.streams.values().filter(between).map(|open| open.ends.reset.cancel()).count()
    }

    /// Begins or ends what a fault does to paths. Nothing for one that is on no path.
    pub(super) fn apply(&self, fault: &Fault, begins: bool) {
        let (from, to, ways, how) = match fault {
            Fault::Cut { from, to, ways } => (from, to, ways, Shut::Cut),
            Fault::Hold { from, to, ways } => (from, to, ways, Shut::Held),
            _ => return,
        };
        let back = (*ways == Ways::Both).then(|| self.gate(to, from));
        for gate in [self.gate(from, to)].into_iter().chain(back) {
            if begins { gate.shut(how) } else { gate.release(how) }
        }
    }
}
