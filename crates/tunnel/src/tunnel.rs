//! A tunnel, as whoever opened it sees it.

use std::{fmt, sync::Arc, time::Duration};

use groundhog_host::Host;

use crate::{
    applications::Application,
    config::TunnelConfig,
    ending::{Ending, ShutdownTimeout},
    starter::WorkspaceStarter,
};

/// A tunnel that was opened. Dropping it ends the tunnel at once: what is under way is dropped.
pub struct Tunnel {
    host: Host,
}

impl Tunnel {
    /// Opens a tunnel for `application`, which asks the control plane when the workspace has to be started.
    pub fn open(host: &Host, config: TunnelConfig, application: Arc<dyn Application>) -> Self {
        let _ = (config, application);
        Self { host: host.clone() }
    }

    /// The same, with another way to start the workspace.
    pub fn open_with_starter(
        host: &Host,
        config: TunnelConfig,
        application: Arc<dyn Application>,
        starter: Arc<dyn WorkspaceStarter>,
    ) -> Self {
        let _ = (config, application, starter);
        Self { host: host.clone() }
    }

    /// Asks the tunnel to end, and waits until it has: the application is closed, then the connection. What is under way
    /// after `within` is dropped, and told of as an error. At once if the tunnel has ended.
    pub async fn shut_down(&self, within: Duration) -> Result<(), ShutdownTimeout> {
        self.host.sleep(within).await;
        Err(ShutdownTimeout { within })
    }

    /// Waits until the tunnel has ended, and says why. Cancel safe.
    pub async fn ended(&self) -> Ending {
        std::future::pending().await
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel").field("host", &self.host).finish_non_exhaustive()
    }
}
