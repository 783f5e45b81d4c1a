//! One life of a host: a real machine, and what stands between it and what runs on it.

use std::{
    collections::BTreeMap,
    future::Future,
    io,
    panic::Location,
    path::PathBuf,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    task::{Context, Poll},
};

use groundhog_host::{
    Address, Command, DatagramSocket, Host, Instant, Listener, Machine, Process, Stream, Task, Terminal, TerminalSize,
    files::{FileOperation, FileReply},
    machine::{BoxFuture, TimerSlot},
};
use groundhog_sim::{Program, process};
use jiff::{SignedDuration, Timestamp};
use tokio::runtime::Handle;

use super::{datagrams::Gated, network::Network, proxy};
use crate::hosted::Hosted;

/// What of a host outlives its restarts.
#[derive(Default)]
pub(super) struct Belongings {
    /// What runs in this process instead of one of its own, by name.
    pub(super) programs: Mutex<BTreeMap<String, Arc<dyn Program>>>,
    /// How far its wall clock was set, in microseconds.
    pub(super) clock_ahead: AtomicI64,
}

/// One life of a host. Cheap to clone; every clone is the same.
#[derive(Clone)]
pub(super) struct Life {
    name: Arc<str>,
    real: Arc<dyn Machine>,
    is_over: Arc<AtomicBool>,
    belongings: Arc<Belongings>,
    network: Arc<Network>,
    runtime: Handle,
}

impl Life {
    pub(super) fn new(
        real: Arc<dyn Machine>,
        belongings: Arc<Belongings>,
        network: Arc<Network>,
        runtime: Handle,
    ) -> Self {
        let name = real.name().into();
        Self { name, real, is_over: Arc::default(), belongings, network, runtime }
    }

    /// The handle that components take.
    pub(super) fn host(&self) -> Host {
        Host::new(Arc::new(self.clone()))
    }

    /// From now on everything that is asked of it pends.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// `operation`, which stays pending once this life is over.
    fn while_alive<'a, T>(&'a self, operation: impl Future<Output = T> + Send + 'a) -> BoxFuture<'a, T> {
        Box::pin(async move {
            let mut operation = pin!(operation);
            let poll = |context: &mut Context<'_>| {
                if self.is_over.load(Ordering::SeqCst) { Poll::Pending } else { operation.as_mut().poll(context) }
            };
            std::future::poll_fn(poll).await
        })
    }

    fn program(&self, command: &Command) -> Option<Arc<dyn Program>> {
        self.belongings.programs.lock().unwrap_or_else(PoisonError::into_inner).get(&command.program).cloned()
    }
}

impl std::fmt::Debug for Life {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Life").field("name", &self.name).finish_non_exhaustive()
    }
}

/// An error, told with what was being done.
fn named(error: io::Error, doing: std::fmt::Arguments<'_>) -> io::Error {
    io::Error::new(error.kind(), format!("{doing}: {error}"))
}

impl Machine for Life {
    fn name(&self) -> &str {
        &self.name
    }

    fn now(&self) -> Instant {
        self.real.now()
    }

    fn wall(&self) -> Timestamp {
        let ahead = SignedDuration::from_micros(self.belongings.clock_ahead.load(Ordering::SeqCst));
        self.real.wall().saturating_add(ahead).unwrap_or_else(|_| self.real.wall())
    }

    fn poll_timer(&self, deadline: Instant, slot: &mut TimerSlot, context: &mut Context<'_>) -> Poll<()> {
        self.real.poll_timer(deadline, slot, context)
    }

    fn cancel_timer(&self, slot: &mut TimerSlot) {
        self.real.cancel_timer(slot);
    }

    fn random_seed(&self, purpose: &str) -> [u8; 32] {
        self.real.random_seed(purpose)
    }

    fn spawn(&self, name: &'static str, site: &'static Location<'static>, future: BoxFuture<'static, ()>) -> Task {
        let hosted = Hosted::new(self.name.clone(), name, site, future);
        self.real.spawn(name, site, Box::pin(hosted))
    }

    fn connect(&self, to: &Address) -> BoxFuture<'_, io::Result<Stream>> {
        let to = to.clone();
        self.while_alive(async move {
            let stream = async {
                let host = self.network.find(&self.name, &to.host)?;
                if *host == *self.name {
                    // Nothing comes between a host and itself.
                    return self.real.connect(&Address::new(host, to.port)).await;
                }
                let stream = proxy::open(&self.runtime, &self.network, &self.name, &host, to.port).await?;
                Ok(Stream::new(stream, host))
            };
            stream.await.map_err(|error| named(error, format_args!("connecting to {to}")))
        })
    }

    fn listen(&self, port: u16) -> BoxFuture<'_, io::Result<Listener>> {
        self.real.listen(port)
    }

    fn bind_datagram(&self, port: u16) -> BoxFuture<'_, io::Result<DatagramSocket>> {
        self.while_alive(async move {
            let socket = self.real.bind_datagram(port).await?;
            Ok(DatagramSocket::new(Gated {
                socket: Arc::new(socket),
                host: self.name.to_string(),
                network: self.network.clone(),
                runtime: self.runtime.clone(),
            }))
        })
    }

    fn start(&self, command: Command) -> BoxFuture<'_, io::Result<Process>> {
        self.while_alive(async move {
            match self.program(&command) {
                Some(program) => Ok(process::start(&self.host(), &*program, command)),
                None => self.real.start(command).await,
            }
        })
    }

    fn start_terminal(&self, command: Command, size: TerminalSize) -> BoxFuture<'_, io::Result<Terminal>> {
        self.while_alive(async move {
            match self.program(&command) {
                Some(program) => Ok(process::start_terminal(&self.host(), &*program, command, size)),
                None => self.real.start_terminal(command, size).await,
            }
        })
    }

    fn file(&self, path: PathBuf, operation: FileOperation) -> BoxFuture<'_, io::Result<FileReply>> {
        self.real.file(path, operation)
    }
}
