//! A machine whose clock the test turns and whose tasks run when the test says so.

use std::{
    fmt,
    future::Future,
    io,
    panic::Location,
    path::PathBuf,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use groundhog_host::{
    Host, Instant, Machine,
    files::{FileOperation, FileReply},
    machine::{BoxFuture, TimerSlot},
    net::{Address, DatagramSocket, Listener, Stream},
    process::{Command, Process},
    task::{Task, TaskControl},
};
use jiff::Timestamp;

/// The wall clock when the machine's clock is at zero, in milliseconds since 1970.
pub(crate) const START_MS: i64 = 1_700_000_000_000;

/// Rounds in which no task ended and none was spawned, after which everything is taken to wait: longer than any
/// chain of tasks that wake each other here.
const QUIET_ROUNDS: u32 = 8;

type Running = (BoxFuture<'static, ()>, Arc<Ended>);

#[derive(Default)]
pub(crate) struct TestMachine {
    now_us: AtomicU64,
    seeds: AtomicU64,
    spawned: Mutex<Vec<Running>>,
    tasks: Mutex<Vec<Running>>,
}

#[derive(Default)]
struct Ended(AtomicBool);

impl TestMachine {
    pub(crate) fn new() -> (Arc<Self>, Host) {
        let machine = Arc::new(Self::default());
        (machine.clone(), Host::new(machine))
    }

    /// Runs every task until all wait.
    pub(crate) fn settle(&self) {
        let mut quiet = 0;
        while quiet < QUIET_ROUNDS {
            quiet = if self.round() { 0 } else { quiet + 1 };
        }
    }

    /// Turns the clock, a second at a time, and lets tasks run at each.
    pub(crate) fn advance(&self, duration: Duration) {
        // First what has to run now: a timer counts from when it is first asked for.
        self.settle();
        let mut left = duration;
        while !left.is_zero() {
            let step = left.min(Duration::from_secs(1));
            self.now_us.fetch_add(step.as_micros() as u64, Ordering::Relaxed);
            left -= step;
            self.settle();
        }
    }

    /// Turns the clock at once, however far: for what no task waits for on the way.
    pub(crate) fn jump(&self, duration: Duration) {
        self.now_us.fetch_add(duration.as_micros() as u64, Ordering::Relaxed);
    }

    /// The result of `future`, which may need tasks but not time.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        for _ in 0..1_000 {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return output;
            }
            self.round();
        }
        panic!("the future waits for something that does not come without time passing");
    }

    fn round(&self) -> bool {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().expect("no test panics in here"));
        let before = tasks.len();
        tasks.retain_mut(|(future, ended)| {
            let waits = !ended.0.load(Ordering::Relaxed)
                && future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
            ended.0.fetch_or(!waits, Ordering::Relaxed);
            waits
        });
        let ended = before - tasks.len();
        let mut spawned = std::mem::take(&mut *self.spawned.lock().expect("no test panics in here"));
        let changed = ended > 0 || !spawned.is_empty();
        tasks.append(&mut spawned);
        *self.tasks.lock().expect("no test panics in here") = tasks;
        changed
    }
}

impl TaskControl for Ended {
    fn abort(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn poll_ended(&self, _: &mut Context<'_>) -> Poll<()> {
        if self.0.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }
    }
}

struct Control(Arc<Ended>);

impl TaskControl for Control {
    fn abort(&self) {
        self.0.abort();
    }

    fn poll_ended(&self, context: &mut Context<'_>) -> Poll<()> {
        self.0.poll_ended(context)
    }
}

impl Machine for TestMachine {
    fn name(&self) -> &str {
        "control"
    }

    fn now(&self) -> Instant {
        Instant::from_micros(self.now_us.load(Ordering::Relaxed))
    }

    fn wall(&self) -> Timestamp {
        let elapsed_ms = (self.now_us.load(Ordering::Relaxed) / 1_000) as i64;
        Timestamp::from_millisecond(START_MS + elapsed_ms).expect("tests last minutes, not millennia")
    }

    fn poll_timer(&self, deadline: Instant, _: &mut TimerSlot, _: &mut Context<'_>) -> Poll<()> {
        if self.now() >= deadline { Poll::Ready(()) } else { Poll::Pending }
    }

    fn cancel_timer(&self, _: &mut TimerSlot) {}

    fn random_seed(&self, _: &str) -> [u8; 32] {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seeds.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        seed
    }

    fn spawn(&self, _: &'static str, _: &'static Location<'static>, future: BoxFuture<'static, ()>) -> Task {
        let ended = Arc::new(Ended::default());
        self.spawned.lock().expect("no test panics in here").push((future, ended.clone()));
        Task::new(Box::new(Control(ended)))
    }

    fn connect(&self, _: &Address) -> BoxFuture<'_, io::Result<Stream>> {
        Box::pin(std::future::pending())
    }

    fn listen(&self, _: u16) -> BoxFuture<'_, io::Result<Listener>> {
        Box::pin(std::future::pending())
    }

    fn bind_datagram(&self, _: u16) -> BoxFuture<'_, io::Result<DatagramSocket>> {
        Box::pin(std::future::pending())
    }

    fn start(&self, _: Command) -> BoxFuture<'_, io::Result<Process>> {
        Box::pin(std::future::pending())
    }

    fn file(&self, _: PathBuf, _: FileOperation) -> BoxFuture<'_, io::Result<FileReply>> {
        Box::pin(std::future::pending())
    }
}

impl fmt::Debug for TestMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TestMachine")
    }
}
