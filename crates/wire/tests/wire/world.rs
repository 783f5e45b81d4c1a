//! Machines in memory on tokio's clock, and a network between them that can be cut or reset.

use std::{
    collections::BTreeMap,
    future::Future,
    io,
    panic::Location,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use groundhog_host::{
    Address, Command, DatagramSocket, Host, Instant, Listener, Machine, Process, Stream, Task,
    files::{FileOperation, FileReply},
    machine::{BoxFuture, TimerSlot},
    net::Accept,
    task::TaskControl,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf},
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How many bytes a stream's direction holds before writes wait.
const WINDOW_BYTES: usize = 64 * 1024;

/// All machines of one test and what connects them.
#[derive(Debug)]
pub(crate) struct World {
    began: tokio::time::Instant,
    listeners: Mutex<BTreeMap<Address, mpsc::UnboundedSender<io::Result<Stream>>>>,
    /// When, after the beginning, each attempt to connect reached the network.
    attempts: Mutex<Vec<Duration>>,
    /// Both ends of every stream count.
    ends: watch::Sender<usize>,
    wire: Mutex<Arc<Wire>>,
    connect_hangs: AtomicBool,
}

/// What befalls the streams that were made since the last trouble.
#[derive(Debug, Default)]
struct Wire {
    cut: AtomicBool,
    full: AtomicBool,
    reset: CancellationToken,
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: tokio::time::Instant::now(),
            listeners: Mutex::default(),
            attempts: Mutex::default(),
            ends: watch::Sender::new(0),
            wire: Mutex::default(),
            connect_hangs: AtomicBool::new(false),
        })
    }

    pub(crate) fn host(self: &Arc<Self>, name: &'static str) -> Host {
        Host::new(Arc::new(TestMachine { name, world: Arc::clone(self) }))
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn attempts(&self) -> Vec<Duration> {
        self.attempts.lock().expect("no test panics while it holds this").clone()
    }

    /// From now on the present streams deliver nothing, and their writes vanish, as into a buffer that nobody
    /// empties. New streams are sound.
    pub(crate) fn cut(&self) {
        self.next_wire().cut.store(true, Ordering::Relaxed);
    }

    /// As [`cut`](Self::cut), with the buffer full already: writes wait for ever.
    pub(crate) fn cut_full(&self) {
        let wire = self.next_wire();
        wire.full.store(true, Ordering::Relaxed);
        wire.cut.store(true, Ordering::Relaxed);
    }

    /// Resets the present streams.
    pub(crate) fn reset(&self) {
        self.next_wire().reset.cancel();
    }

    pub(crate) fn hang_connects(&self, hang: bool) {
        self.connect_hangs.store(hang, Ordering::Relaxed);
    }

    /// Makes an accept at `to` fail.
    pub(crate) fn fail_accept(&self, to: &Address) {
        let listeners = self.listeners.lock().expect("no test panics while it holds this");
        listeners[to].send(Err(io::Error::other("no descriptors left"))).expect("the listener is there");
    }

    /// Waits until exactly `count` ends of streams are open.
    pub(crate) async fn ends_open(&self, count: usize) {
        soon(self.ends.subscribe().wait_for(|open| *open == count)).await.expect("the sender is in the world");
    }

    fn next_wire(&self) -> Arc<Wire> {
        std::mem::take(&mut self.wire.lock().expect("no test panics while it holds this"))
    }
}

/// Turns what would hang for ever, while keep-alive moves the paused clock, into a failure.
#[allow(clippy::disallowed_methods, reason = "tests are beyond the seam")]
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(3_600), future).await.expect("nothing here takes an hour")
}

#[derive(Debug)]
struct TestMachine {
    name: &'static str,
    world: Arc<World>,
}

impl Machine for TestMachine {
    fn name(&self) -> &str {
        self.name
    }

    fn now(&self) -> Instant {
        Instant::from_micros(self.world.elapsed().as_micros() as u64)
    }

    fn wall(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    #[allow(clippy::disallowed_methods, reason = "this is an engine")]
    fn poll_timer(&self, deadline: Instant, slot: &mut TimerSlot, context: &mut Context<'_>) -> Poll<()> {
        if let TimerSlot::Idle = slot {
            // A far deadline is never: tokio's clock ends earlier than the seam's.
            let micros = deadline.as_micros().min(1 << 50);
            let at = self.world.began + Duration::from_micros(micros);
            *slot = TimerSlot::Future(Box::pin(tokio::time::sleep_until(at)));
        }
        let TimerSlot::Future(sleep) = slot else { unreachable!("this engine arms futures only") };
        sleep.as_mut().poll(context)
    }

    fn cancel_timer(&self, slot: &mut TimerSlot) {
        *slot = TimerSlot::Idle;
    }

    fn random_seed(&self, _: &str) -> [u8; 32] {
        [7; 32]
    }

    #[allow(clippy::disallowed_methods, reason = "this is an engine")]
    fn spawn(&self, _: &'static str, _: &'static Location<'static>, future: BoxFuture<'static, ()>) -> Task {
        Task::new(Box::new(Running(Mutex::new(tokio::spawn(future)))))
    }

    fn connect(&self, to: &Address) -> BoxFuture<'_, io::Result<Stream>> {
        let to = to.clone();
        Box::pin(async move {
            let world = &self.world;
            world.attempts.lock().expect("no test panics while it holds this").push(world.elapsed());
            if world.connect_hangs.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            let listeners = world.listeners.lock().expect("no test panics while it holds this");
            let refused = || io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused");
            let listener = listeners.get(&to).ok_or_else(refused)?;
            let (ours, theirs) = tokio::io::duplex(WINDOW_BYTES);
            listener.send(Ok(Stream::new(End::new(theirs, world), self.name))).map_err(|_| refused())?;
            Ok(Stream::new(End::new(ours, world), to.host))
        })
    }

    fn listen(&self, port: u16) -> BoxFuture<'_, io::Result<Listener>> {
        let (sender, incoming) = mpsc::unbounded_channel();
        let at = Address::new(self.name, port);
        self.world.listeners.lock().expect("no test panics while it holds this").insert(at, sender);
        Box::pin(async move { Ok(Listener::new(Incoming { incoming, port })) })
    }

    fn bind_datagram(&self, _: u16) -> BoxFuture<'_, io::Result<DatagramSocket>> {
        unreachable!("nothing here sends datagrams")
    }

    fn start(&self, _: Command) -> BoxFuture<'_, io::Result<Process>> {
        unreachable!("nothing here starts processes")
    }

    fn file(&self, _: PathBuf, _: FileOperation) -> BoxFuture<'_, io::Result<FileReply>> {
        unreachable!("nothing here has files")
    }
}

struct Running(Mutex<JoinHandle<()>>);

impl TaskControl for Running {
    fn abort(&self) {
        self.0.lock().expect("no test panics while it holds this").abort();
    }

    fn poll_ended(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut handle = self.0.lock().expect("no test panics while it holds this");
        Pin::new(&mut *handle).poll(context).map(drop)
    }
}

struct Incoming {
    incoming: mpsc::UnboundedReceiver<io::Result<Stream>>,
    port: u16,
}

impl Accept for Incoming {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Stream>> {
        Box::pin(async {
            match self.incoming.recv().await {
                Some(accepted) => accepted,
                None => std::future::pending().await,
            }
        })
    }

    fn port(&self) -> u16 {
        self.port
    }
}

/// One end of a stream.
struct End {
    inner: DuplexStream,
    wire: Arc<Wire>,
    reset: Pin<Box<WaitForCancellationFutureOwned>>,
    world: Arc<World>,
}

impl End {
    fn new(inner: DuplexStream, world: &Arc<World>) -> Self {
        world.ends.send_modify(|ends| *ends += 1);
        let wire = world.wire.lock().expect("no test panics while it holds this").clone();
        let reset = Box::pin(wire.reset.clone().cancelled_owned());
        Self { inner, wire, reset, world: Arc::clone(world) }
    }

    fn trouble<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        ready!(self.reset.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.world.ends.send_modify(|ends| *ends -= 1);
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(reset) = self.trouble(context) {
            return Poll::Ready(reset);
        }
        if self.wire.cut.load(Ordering::Relaxed) {
            Poll::Pending
        } else {
            Pin::new(&mut self.inner).poll_read(context, buffer)
        }
    }
}

impl AsyncWrite for End {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Poll::Ready(reset) = self.trouble(context) {
            return Poll::Ready(reset);
        }
        match (self.wire.cut.load(Ordering::Relaxed), self.wire.full.load(Ordering::Relaxed)) {
            (false, _) => Pin::new(&mut self.inner).poll_write(context, bytes),
            (true, false) => Poll::Ready(Ok(bytes.len())),
            (true, true) => Poll::Pending,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
