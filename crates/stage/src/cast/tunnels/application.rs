//! Tells when an application is up.

use std::{io, sync::Arc};

use groundhog_tunnel::{Application, connection::AgentConnection};
use tokio_util::sync::CancellationToken;

/// Whether an application is up. It comes up once, and goes down once.
#[derive(Clone, Default)]
pub(super) struct Up {
    came: CancellationToken,
    gone: CancellationToken,
}

impl Up {
    /// Waits until it has come up.
    pub(super) async fn came(&self) {
        self.came.cancelled().await;
    }

    /// Whether it has come up and not gone down.
    pub(super) fn is_up(&self) -> bool {
        self.came.is_cancelled() && !self.gone.is_cancelled()
    }
}

/// An application, with somebody who wants to know when it is up.
pub(super) struct Noticed {
    application: Arc<dyn Application>,
    up: Up,
}

impl Noticed {
    pub(super) fn new(application: Arc<dyn Application>) -> (Self, Up) {
        let up = Up::default();
        (Self { application, up: up.clone() }, up)
    }
}

#[tonic::async_trait]
impl Application for Noticed {
    async fn start(&self, connection: AgentConnection) -> io::Result<()> {
        self.application.start(connection).await?;
        self.up.came.cancel();
        Ok(())
    }

    async fn close(&self) -> io::Result<()> {
        // Whoever uses it leaves first.
        self.up.gone.cancel();
        self.application.close().await
    }

    async fn lost(&self) -> String {
        self.application.lost().await
    }

    fn abandon(&self) {
        self.up.gone.cancel();
        self.application.abandon();
    }
}
