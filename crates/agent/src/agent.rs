//! An agent's life.

use groundhog_host::Host;
use tokio_util::sync::CancellationToken;

use crate::config::AgentConfig;

/// The life of a machine's agent program: an agent, and after each claim of its workspace another one (F9, F10). Ends
/// once `shutdown` is cancelled and the agent has closed.
pub async fn run(host: Host, config: AgentConfig, shutdown: CancellationToken) {
    let agent = Agent::start(&host, config);
    shutdown.cancelled().await;
    agent.close().await;
}

/// A running agent. Dropping this lets the agent go on; it ends with its host at the latest.
#[derive(Debug)]
pub struct Agent {
    close: CancellationToken,
    over: CancellationToken,
}

impl Agent {
    /// Starts an agent on `host`. It connects, and goes on trying while it can't.
    pub fn start(host: &Host, config: AgentConfig) -> Self {
        let _ = config;
        let (close, over) = (CancellationToken::new(), CancellationToken::new());
        let (told, ended) = (close.clone(), over.clone());
        host.spawn("agent", async move {
            told.cancelled().await;
            ended.cancel();
        })
        .detach();
        Self { close, over }
    }

    /// Closes the agent: stop scripts run, within their own time-outs; what is left to say is said, within
    /// [`AgentConfig::close_timeout`] (A5). Returns once the agent has ended.
    pub async fn close(&self) {
        self.close.cancel();
        self.over.cancelled().await;
    }

    /// Waits for the agent's end. Cancel safe.
    pub async fn ended(&self) {
        self.over.cancelled().await;
    }
}
