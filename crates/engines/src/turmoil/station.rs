//! What the engine, the handles on a machine and the machine's firmware share.

use std::{
    cell::Cell,
    collections::{BTreeMap, VecDeque},
    io,
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use groundhog_host::{
    files::{FileOperation, FileReply},
    machine::BoxFuture,
};
use groundhog_sim::{Disk, SuspendedClock, process::Program, stream_key};

use super::{clock::Clock, network::Network};

thread_local! {
    /// The host whose code runs on this thread at the moment: turmoil's sockets are always those of the one that runs.
    static RUNNING: Cell<Option<IpAddr>> = const { Cell::new(None) };
}

/// What the firmware is told to do, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Start the software; this is its start of that number.
    Start(u32),
    /// End the software where it is.
    Stop,
}

/// One host's machine.
pub(crate) struct Station {
    pub(crate) name: Arc<str>,
    pub(crate) ip: IpAddr,
    pub(crate) clock: Arc<Clock>,
    pub(crate) network: Arc<Network>,
    seed: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The number of the present start, or of the last one.
    start: u32,
    is_up: bool,
    orders: VecDeque<Order>,
    /// Tasks that were spawned and that the firmware has not taken yet.
    spawned: Vec<BoxFuture<'static, ()>>,
    firmware: Option<Waker>,
    /// How many random streams were given out since the last start, by purpose.
    streams_given: BTreeMap<String, u64>,
    disk: Disk,
    programs: BTreeMap<String, Arc<dyn Program>>,
    /// How far ahead its wall clock is, in microseconds.
    ahead: i64,
    /// Since when nothing runs, by the monotonic clock, and what that does meanwhile.
    asleep: Option<(u64, SuspendedClock)>,
    /// How long the monotonic clock has stood still, in microseconds.
    stood_still: u64,
}

impl Station {
    pub(crate) fn new(name: &str, ip: IpAddr, seed: u64, clock: &Arc<Clock>, network: &Arc<Network>) -> Self {
        let (clock, network) = (clock.clone(), network.clone());
        Self { name: name.into(), ip, clock, network, seed, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `f` as this machine's code.
    pub(crate) fn inside<T>(&self, f: impl FnOnce() -> T) -> T {
        let before = RUNNING.replace(Some(self.ip));
        let result = f();
        RUNNING.set(before);
        result
    }

    /// Whether it is this machine whose code runs.
    pub(crate) fn runs(&self) -> bool {
        RUNNING.get() == Some(self.ip)
    }

    /// Starts the software anew, of which nothing from earlier starts knows.
    pub(crate) fn start(&self) {
        let mut state = self.lock();
        state.start += 1;
        state.is_up = true;
        state.asleep = None;
        state.streams_given.clear();
        let start = state.start;
        order(&mut state, Order::Start(start));
    }

    /// Ends the software. From now on it is dead to everybody; its tasks go before anything else of this machine runs.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        state.is_up = false;
        state.asleep = None;
        let never_ran = std::mem::take(&mut state.spawned);
        order(&mut state, Order::Stop);
        drop(state);
        drop(never_ran);
    }

    /// The number of the present start, or of the last one.
    pub(crate) fn last_start(&self) -> u32 {
        self.lock().start
    }

    /// Whether this start still lives.
    pub(crate) fn lives(&self, start: u32) -> bool {
        let state = self.lock();
        state.is_up && state.start == start
    }

    /// Has the firmware run `task` among the software's. Dropped if that start has ended.
    pub(crate) fn spawn(&self, start: u32, task: BoxFuture<'static, ()>) {
        let mut state = self.lock();
        if state.is_up && state.start == start {
            state.spawned.push(task);
            wake(&mut state);
        }
    }

    /// The firmware asks what there is to do, and is woken when there is more.
    pub(crate) fn take_orders(&self, firmware: &Waker) -> VecDeque<Order> {
        let mut state = self.lock();
        state.firmware = Some(firmware.clone());
        std::mem::take(&mut state.orders)
    }

    /// What was spawned since this was last asked.
    pub(crate) fn take_spawned(&self) -> Vec<BoxFuture<'static, ()>> {
        std::mem::take(&mut self.lock().spawned)
    }

    /// Whether anything was.
    pub(crate) fn has_spawned(&self) -> bool {
        !self.lock().spawned.is_empty()
    }

    /// The seed of the next random stream for `purpose`: the one that the simulator's own host would draw.
    pub(crate) fn random_seed(&self, start: u32, purpose: &str) -> [u8; 32] {
        let given = {
            let mut state = self.lock();
            let given = state.streams_given.entry(purpose.to_owned()).or_default();
            *given += 1;
            *given
        };
        stream_key(self.seed, &["host", &self.name, &start.to_string(), purpose, &given.to_string()])
    }

    /// Stops everything where it is. False if it has stopped already.
    pub(crate) fn suspend(&self, clock: SuspendedClock) -> bool {
        let now = self.clock.now();
        let mut state = self.lock();
        let begins = state.asleep.is_none();
        state.asleep.get_or_insert((now, clock));
        begins
    }

    /// Lets it go on. False if nothing had stopped.
    pub(crate) fn resume(&self) -> bool {
        let now = self.clock.now();
        let mut state = self.lock();
        let Some((since, clock)) = state.asleep.take() else { return false };
        if clock == SuspendedClock::Stops {
            state.stood_still += now.saturating_sub(since);
        }
        wake(&mut state);
        true
    }

    /// Whether everything has stopped where it was.
    pub(crate) fn is_suspended(&self) -> bool {
        self.lock().asleep.is_some()
    }

    /// The monotonic clock, in microseconds.
    pub(crate) fn monotonic(&self) -> u64 {
        let now = self.clock.now();
        let state = self.lock();
        let now = match state.asleep {
            Some((since, SuspendedClock::Stops)) => since,
            _ => now,
        };
        now.saturating_sub(state.stood_still)
    }

    /// Carries out one operation on the disk.
    pub(crate) fn file(&self, path: PathBuf, operation: FileOperation) -> io::Result<FileReply> {
        self.lock().disk.carry_out(path, operation)
    }

    /// Takes back what was not synced.
    pub(crate) fn lose_power(&self) {
        self.lock().disk.lose_power();
    }

    /// Installs a program.
    pub(crate) fn install(&self, program_name: &str, program: Arc<dyn Program>) {
        self.lock().programs.insert(program_name.to_owned(), program);
    }

    /// The program of that name.
    pub(crate) fn program(&self, program_name: &str) -> io::Result<Arc<dyn Program>> {
        let program = self.lock().programs.get(program_name).cloned();
        let missing = || format!("{program_name}: no such program on host {}", self.name);
        program.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, missing()))
    }

    /// Sets the wall clock forwards, or backwards.
    pub(crate) fn step_clock(&self, micros: i64) {
        let mut state = self.lock();
        state.ahead = state.ahead.saturating_add(micros);
    }

    /// How far ahead the wall clock is, in microseconds.
    pub(crate) fn ahead(&self) -> i64 {
        self.lock().ahead
    }
}

fn order(state: &mut State, order: Order) {
    state.orders.push_back(order);
    wake(state);
}

fn wake(state: &mut State) {
    if let Some(firmware) = state.firmware.take() {
        firmware.wake();
    }
}
