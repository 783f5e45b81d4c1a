//! An agent's life.

use std::{convert::Infallible, sync::Arc};

use groundhog_host::Host;
use groundhog_wire::Connected;
use tokio_util::sync::CancellationToken;

use crate::{
    close::{self, Why},
    config::AgentConfig,
    connection::{Connection, Failure, exchange::Exchange},
    events,
    http::debug,
    priority,
    reconnect::Reconnect,
    shared::Shared,
};

/// The life of a machine's agent program: an agent, and after each claim of its workspace another one (F9, F10). Ends
/// once `shutdown` is cancelled and the agent has closed. Dropping this leaves the agent to its host.
pub async fn run(host: Host, config: AgentConfig, shutdown: CancellationToken) {
    run_seen(host, config, shutdown, Connected::default()).await;
}

/// [`run`], which tells by `connected` whether the agent has a connection to its control plane.
pub async fn run_seen(host: Host, config: AgentConfig, shutdown: CancellationToken, connected: Connected) {
    loop {
        let agent = Agent::start_seen(&host, config.clone(), connected.clone());
        tokio::select! {
            biased;
            // The agent first: one that gave way has its place taken, and the next one closes.
            () = agent.ended() => {}
            () = shutdown.cancelled() => return agent.close_for_good(&host, &config).await,
        }
    }
}

/// A running agent. Dropping this lets the agent go on; it ends with its host at the latest.
#[derive(Debug)]
pub struct Agent {
    shared: Arc<Shared>,
    over: CancellationToken,
}

impl Agent {
    /// Starts an agent on `host`. It connects, and goes on trying while it can't.
    pub fn start(host: &Host, config: AgentConfig) -> Self {
        Self::start_seen(host, config, Connected::default())
    }

    fn start_seen(host: &Host, config: AgentConfig, connected: Connected) -> Self {
        let agent = Self { shared: Arc::new(Shared::new(host, config)), over: CancellationToken::new() };
        let (shared, over) = (agent.shared.clone(), agent.over.clone());
        host.spawn("agent", async move {
            live(&shared, &connected).await;
            connected.set(false);
            over.cancel();
        })
        .detach();
        agent
    }

    /// Closes the agent: stop scripts run, within their own time-outs; what is left to say is said, within
    /// [`AgentConfig::close_timeout`] (A5). Returns once the agent has ended. Closing one that is closing waits with the
    /// first.
    pub async fn close(&self) {
        self.shared.orders.close.cancel();
        self.over.cancelled().await;
    }

    /// Waits for the agent's end: it was closed, or its workspace was claimed, and another agent is to be started in its
    /// place. Cancel safe.
    pub async fn ended(&self) {
        self.over.cancelled().await;
    }

    /// Closes the agent. If it was giving way to the next one, that one would have to tell of the end: so it begins, and
    /// is closed.
    async fn close_for_good(&self, host: &Host, config: &AgentConfig) {
        self.close().await;
        if self.shared.orders.give_way.is_cancelled() {
            Self::start(host, config.clone()).close().await;
        }
    }
}

async fn live(shared: &Arc<Shared>, connected: &Connected) {
    events::agent_started(events::process(shared.process));
    keep_beside(shared);
    tokio::select! {
        biased;
        // The connection first, so that what has come over it is known to the close. It never ends by itself.
        never = keep_connected(shared, connected) => match never {},
        () = closed(shared) => {}
    }
}

/// Starts what goes on beside the connection, whatever becomes of that, if it is asked for.
fn keep_beside(shared: &Arc<Shared>) {
    if let Some(port) = shared.config().debug_port {
        let shown = shared.clone();
        let show = async move {
            tokio::select! {
                biased;
                // The order first: another agent may want the port.
                () = shown.orders.hard.cancelled() => {}
                never = debug::listen(&shown.host, port, &*shown) => match never {},
            }
        };
        shared.host.spawn("agent debug", show).detach();
    }
    if let Some(priority) = shared.config().priority.clone() {
        let kept = shared.clone();
        let keep = async move {
            tokio::select! {
                biased;
                // The order first: an agent that closes changes no process any more.
                () = kept.orders.graceful.cancelled() => {}
                never = priority::keep(&kept.host, &priority) => match never {},
            }
        };
        shared.host.spawn("agent priority", keep).detach();
    }
}

/// Waits for a reason to close, and closes.
async fn closed(shared: &Arc<Shared>) {
    let orders = &shared.orders;
    let why = tokio::select! {
        biased;
        // To give way first: it has been told of.
        () = orders.give_way.cancelled() => Why::GiveWay,
        () = orders.close.cancelled() => Why::End,
    };
    close::close(shared, why).await;
}

/// Connects whenever there is no connection, and does what is done over one.
async fn keep_connected(shared: &Arc<Shared>, connected: &Connected) -> Infallible {
    let (host, config) = (&shared.host, shared.config());
    let mut random = host.random("agent reconnect");
    let mut reconnect =
        Reconnect::new(config.reconnect_wait_min, config.reconnect_wait_max, config.reconnect_good_after, host.now());
    let mut exchange = Exchange::default();
    loop {
        let Err(failure) = connect_once(shared, &mut exchange, &mut reconnect, connected).await;
        connected.set(false);
        let error = failure.to_string();
        let was_connected = reconnect.is_connected();
        let wait = reconnect.ended(host.now(), &mut random);
        if was_connected {
            events::agent_disconnected(shared.identity.event(), &error);
            shared.diary.note(&format!("disconnected: {error}")).await;
        } else {
            if reconnect.first_failure() {
                events::agent_cut_off(&error);
                shared.diary.note(&format!("could not connect, and goes on trying: {error}")).await;
            }
            events::agent_try_failed(&error, wait.as_millis());
        }
        host.sleep(wait).await;
    }
}

/// One connection, from the exchange of tokens to its end.
async fn connect_once(
    shared: &Arc<Shared>,
    exchange: &mut Exchange,
    reconnect: &mut Reconnect,
    connected: &Connected,
) -> Result<Infallible, Failure> {
    reconnect.trying();
    let session = exchange.open(shared).await?;
    shared.identity.learn(session.agent);
    shared.lifecycle.connected(session.agent);
    let connection = Connection::new(shared, session);
    let presence = connection.connect().await?;
    let (attempts, after) = reconnect.connected(shared.host.now());
    events::agent_connected(connection.agent.event(), attempts, after.as_millis());
    connected.set(true);
    shared.diary.note(&format!("connected as agent {}", connection.agent)).await;
    Err(connection.run(presence).await)
}
