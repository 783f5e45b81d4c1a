//! The connection of a channel, and the attempts to make one.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use groundhog_host::{
    Address, Backoff, Host, Instant,
    http2::{Executor, Timer},
};
use http::{Request, Response};
use hyper::{
    body::Incoming,
    client::conn::http2::{Builder, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::select;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{ChannelConfig, Endpoints, body::RequestBody};
use crate::{fault::Chain, limits::HEADER_LIST_BYTES_MAX};

/// Why there is no connection. Everyone who waited for the attempt gets the same.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The network said no: refused, unreachable, no such name.
    #[error("cannot connect to {to}: {source}")]
    Network {
        /// The server's address.
        to: Address,
        /// The network's reason.
        source: Arc<io::Error>,
    },
    /// The network said nothing in time.
    #[error("cannot connect to {to}: no answer within {after:?}")]
    TimedOut {
        /// The server's address.
        to: Address,
        /// How long was waited: [`ChannelConfig::connect_timeout`].
        after: Duration,
    },
    /// The byte stream was there, but HTTP/2 could not start on it.
    #[error("cannot speak HTTP/2 with {to}: {}", Chain(.source.as_ref()))]
    Handshake {
        /// The server's address.
        to: Address,
        /// HTTP/2's reason.
        source: Arc<hyper::Error>,
    },
    /// The attempt ended without a result: this host is being taken down.
    #[error("the attempt to connect to {to} was given up")]
    GivenUp {
        /// The server's address.
        to: Address,
    },
}

/// A channel's connection or the lack of it.
#[derive(Debug)]
pub(super) struct Link {
    host: Host,
    endpoints: Endpoints,
    config: ChannelConfig,
    state: Mutex<State>,
    /// Ends the attempt under way when the last handle on the channel is gone.
    abandoned: DropGuard,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Which endpoint is tried next. It moves on when an attempt fails.
    turn: usize,
    backoff: Backoff,
    /// When the last attempt ended, well or not: the back-off counts from here.
    settled: Instant,
}

#[derive(Debug)]
enum Phase {
    Down,
    Connecting(Arc<Attempt>),
    /// Stays after the connection's end, until the next attempt judges by it whether the back-off starts anew.
    Up(Connection),
}

/// One attempt, which any number of calls wait for.
///
/// A token and a cell rather than tokio's `watch`, which wakes its waiters in an order drawn from a generator
/// that is seeded per process. A token wakes them in the order in which they came.
#[derive(Debug)]
struct Attempt {
    to: Address,
    over: CancellationToken,
    outcome: OnceLock<Result<Connection, ConnectError>>,
}

/// A way to send requests over one connection.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    to: Address,
    sender: SendRequest<RequestBody>,
    life: Arc<Life>,
}

/// What is known of one connection.
#[derive(Debug)]
pub(super) struct Life {
    opened: Instant,
    answered: AtomicBool,
    gone: CancellationToken,
}

impl Life {
    /// Completes once the connection takes no new requests.
    pub(super) async fn gone(&self) {
        self.gone.cancelled().await;
    }
}

impl Connection {
    /// Where it leads.
    pub(super) fn to(&self) -> &Address {
        &self.to
    }

    fn is_open(&self) -> bool {
        !self.life.gone.is_cancelled() && !self.sender.is_closed()
    }

    /// Sends a request and waits for the head of the answer. On failure gives the request back if it certainly
    /// was not sent.
    pub(super) async fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, (hyper::Error, Option<Request<RequestBody>>)> {
        match self.sender.try_send_request(request).await {
            Ok(response) => {
                // One flag that nothing else depends on.
                self.life.answered.store(true, Ordering::Relaxed);
                Ok(response)
            }
            Err(mut failure) => {
                let unsent = failure.take_message();
                Err((failure.into_error(), unsent))
            }
        }
    }
}

impl Link {
    pub(super) fn new(host: Host, endpoints: Endpoints, config: ChannelConfig) -> Self {
        let backoff = Backoff::new(config.backoff_floor, config.backoff_ceiling);
        let state = Mutex::new(State { phase: Phase::Down, turn: 0, backoff, settled: host.now() });
        Self { host, endpoints, config, state, abandoned: CancellationToken::new().drop_guard() }
    }

    /// Where the present connection leads, or the next attempt would.
    pub(super) fn address(&self) -> Address {
        let state = self.state();
        match &state.phase {
            Phase::Up(connection) if connection.is_open() => connection.to.clone(),
            Phase::Connecting(attempt) => attempt.to.clone(),
            _ => self.endpoints.by_turn(state.turn).clone(),
        }
    }

    /// The connection that there is now, if it is still good.
    pub(super) fn present(&self) -> Option<Arc<Life>> {
        match &self.state().phase {
            Phase::Up(connection) if connection.is_open() => Some(Arc::clone(&connection.life)),
            _ => None,
        }
    }

    /// The present connection, or the outcome of the attempt that is under way or now begins.
    pub(super) async fn connection(self: &Arc<Self>) -> Result<Connection, ConnectError> {
        let (attempt, begin_at) = {
            let mut state = self.state();
            match &state.phase {
                Phase::Up(connection) if connection.is_open() => return Ok(connection.clone()),
                // One that is over and still here ended without telling: see `GivenUp`.
                Phase::Connecting(attempt) if !attempt.over.is_cancelled() => (Arc::clone(attempt), None),
                _ => {
                    let begin_at = self.next_attempt_at(&mut state);
                    let to = self.endpoints.by_turn(state.turn).clone();
                    let attempt = Arc::new(Attempt { to, over: CancellationToken::new(), outcome: OnceLock::new() });
                    state.phase = Phase::Connecting(Arc::clone(&attempt));
                    (attempt, Some(begin_at))
                }
            }
        };
        if let Some(begin_at) = begin_at {
            self.spawn(Arc::clone(&attempt), begin_at);
        }
        attempt.over.cancelled().await;
        attempt.outcome.get().cloned().unwrap_or_else(|| Err(ConnectError::GivenUp { to: attempt.to.clone() }))
    }

    fn next_attempt_at(&self, state: &mut State) -> Instant {
        if let Phase::Up(Connection { life, .. }) = &state.phase {
            let lasted = self.host.now() - life.opened;
            if life.answered.load(Ordering::Relaxed) || lasted > self.config.backoff_ceiling {
                state.backoff.reset();
            }
        }
        state.settled + state.backoff.next_wait()
    }

    /// The attempt is a task, so that it does not end with the call that began it while others wait. It holds the
    /// link weakly: the last handle's end is its end.
    fn spawn(self: &Arc<Self>, attempt: Arc<Attempt>, begin_at: Instant) {
        let abandoned = self.abandoned.token().clone();
        let (host, config) = (self.host.clone(), self.config.clone());
        let link = Arc::downgrade(self);
        let task = async move {
            // Dropped last, whatever happens: nobody waits for an attempt that is no more.
            let _over = attempt.over.clone().drop_guard();
            let outcome = select! {
                biased;
                // First the lack of interest: a result that nobody can see need not be made.
                () = abandoned.cancelled() => return,
                outcome = open(&host, &attempt.to, &config, begin_at) => outcome,
            };
            Self::settle(&link, &attempt, outcome);
        };
        self.host.spawn("connect", task).detach();
    }

    fn settle(link: &Weak<Self>, attempt: &Attempt, outcome: Result<Connection, ConnectError>) {
        let Some(link) = link.upgrade() else { return };
        let mut state = link.state();
        state.settled = link.host.now();
        state.phase = match &outcome {
            Ok(connection) => Phase::Up(connection.clone()),
            Err(_) => {
                state.turn = state.turn.wrapping_add(1);
                Phase::Down
            }
        };
        attempt.outcome.get_or_init(|| outcome);
    }

    /// Held for a few assignments at a time, never over an await. What it guards is whole after each of them, so
    /// a panic elsewhere does not spoil it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until `begin_at`, then connects and starts HTTP/2.
async fn open(
    host: &Host,
    to: &Address,
    config: &ChannelConfig,
    begin_at: Instant,
) -> Result<Connection, ConnectError> {
    host.sleep_until(begin_at).await;
    let connect = async {
        let stream = host
            .connect(to)
            .await
            .map_err(|error| ConnectError::Network { to: to.clone(), source: Arc::new(error) })?;
        Builder::new(Executor::new(host.clone(), "http2"))
            .timer(Timer::new(host.clone()))
            .keep_alive_interval(config.keep_alive_interval)
            .keep_alive_timeout(config.keep_alive_timeout)
            .keep_alive_while_idle(true)
            .max_header_list_size(HEADER_LIST_BYTES_MAX)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| ConnectError::Handshake { to: to.clone(), source: Arc::new(error) })
    };
    let (sender, connection) = host
        .timeout(config.connect_timeout, connect)
        .await
        .map_err(|_| ConnectError::TimedOut { to: to.clone(), after: config.connect_timeout })??;
    let gone = CancellationToken::new();
    let guard = gone.clone().drop_guard();
    let told = to.clone();
    let task = async move {
        let _gone = guard;
        if let Err(error) = connection.await {
            tracing::debug!(to = %told, error = %Chain(&error), "a connection broke");
        }
    };
    host.spawn("connection", task).detach();
    let life = Arc::new(Life { opened: host.now(), answered: AtomicBool::new(false), gone });
    Ok(Connection { to: to.clone(), sender, life })
}
