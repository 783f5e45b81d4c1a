//! A tunnel, as whoever opened it sees it.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use groundhog_host::{Elapsed, Host};
use groundhog_wire::{Channel, Identity};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    applications::Application,
    config::TunnelConfig,
    ending::{Ending, ShutdownTimeout},
    message::{Message, QUEUE_MAX},
    run::{Parts, Run},
    starter::{ControlStarter, WorkspaceStarter},
};

/// A tunnel that was opened. Dropping it ends the tunnel at once: what is under way is dropped.
pub struct Tunnel {
    host: Host,
    shared: Arc<Shared>,
    queue: mpsc::Sender<Message>,
}

/// What a tunnel and its handle both hold.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Nobody waits any longer.
    pub(crate) force: CancellationToken,
    over: CancellationToken,
    ending: Mutex<Option<Ending>>,
}

impl Shared {
    /// The tunnel has ended.
    pub(crate) fn end(&self, ending: Ending) {
        *self.ending.lock().unwrap_or_else(PoisonError::into_inner) = Some(ending);
        self.over.cancel();
    }

    async fn ended(&self) -> Ending {
        self.over.cancelled().await;
        let ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // It is set before anybody is told.
        ending.unwrap_or(Ending::Forced)
    }
}

impl Tunnel {
    /// Opens a tunnel for `application`, which asks the control plane when the workspace has to be started.
    pub fn open(host: &Host, config: TunnelConfig, application: Arc<dyn Application>) -> Self {
        let channel = channel(host, &config);
        let starter = Arc::new(ControlStarter::new(host, channel.clone()));
        Self::open_over(host, config, application, starter, channel)
    }

    /// The same, with another way to start the workspace.
    pub fn open_with_starter(
        host: &Host,
        config: TunnelConfig,
        application: Arc<dyn Application>,
        starter: Arc<dyn WorkspaceStarter>,
    ) -> Self {
        let channel = channel(host, &config);
        Self::open_over(host, config, application, starter, channel)
    }

    fn open_over(
        host: &Host,
        config: TunnelConfig,
        application: Arc<dyn Application>,
        starter: Arc<dyn WorkspaceStarter>,
        channel: Channel,
    ) -> Self {
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        let shared = Arc::<Shared>::default();
        let parts = Parts { application, starter, channel, shared: shared.clone(), sender: sender.clone(), queue };
        host.spawn("tunnel", Run::new(host, config, parts).run()).detach();
        Self { host: host.clone(), shared, queue: sender }
    }

    /// Asks the tunnel to end, and waits until it has: the application is closed, then the connection. What is under way
    /// after `within` is dropped, and told of as an error. At once if the tunnel has ended. Who drops this call asks for
    /// nothing more: the tunnel goes down in its own time.
    pub async fn shut_down(&self, within: Duration) -> Result<(), ShutdownTimeout> {
        let down = async {
            // A tunnel that has ended takes nothing any more, which is as well.
            let _ = self.queue.send(Message::Signal(Ending::Interrupted)).await;
            self.shared.ended().await
        };
        match self.host.timeout(within, down).await {
            Ok(_) => Ok(()),
            Err(Elapsed) => {
                self.shared.force.cancel();
                self.shared.ended().await;
                Err(ShutdownTimeout { within })
            }
        }
    }

    /// Waits until the tunnel has ended, and says why. Cancel safe.
    pub async fn ended(&self) -> Ending {
        self.shared.ended().await
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.shared.force.cancel();
    }
}

/// How a tunnel calls the control plane.
fn channel(host: &Host, config: &TunnelConfig) -> Channel {
    Channel::new(host, config.control.clone(), Identity::user(config.token.clone()), config.channel.clone())
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel").field("host", &self.host).finish_non_exhaustive()
    }
}
