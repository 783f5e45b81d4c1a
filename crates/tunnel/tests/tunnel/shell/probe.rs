//! An application that notes what is done with it.

use std::{
    io,
    sync::{Arc, Mutex},
};

use groundhog_tunnel::{Application, connection::AgentConnection};
use tokio_util::sync::CancellationToken;

/// How it takes something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Manner {
    /// Well, and at once.
    #[default]
    Well,
    /// Not at all: it fails.
    Fails,
    /// It never ends.
    Hangs,
}

/// The application.
#[derive(Clone, Default)]
pub(super) struct Probe {
    start: Manner,
    close: Manner,
    /// It ends by itself.
    pub(super) dies: CancellationToken,
    calls: Arc<Mutex<Vec<&'static str>>>,
    connection: Arc<Mutex<Option<AgentConnection>>>,
}

impl Probe {
    /// One that starts like this.
    pub(super) fn starts(start: Manner) -> Self {
        Self { start, ..Self::default() }
    }

    /// One that closes like this.
    pub(super) fn closes(close: Manner) -> Self {
        Self { close, ..Self::default() }
    }

    /// What was done with it, in order.
    pub(super) fn calls(&self) -> Vec<&'static str> {
        self.calls.lock().expect("nobody panics while holding it").clone()
    }

    fn note(&self, call: &'static str) {
        self.calls.lock().expect("nobody panics while holding it").push(call);
    }

    fn connect(&self, connection: Option<AgentConnection>) {
        *self.connection.lock().expect("nobody panics while holding it") = connection;
    }

    async fn behave(manner: Manner) -> io::Result<()> {
        match manner {
            Manner::Well => Ok(()),
            Manner::Fails => Err(io::Error::other("it does not want to")),
            Manner::Hangs => std::future::pending().await,
        }
    }
}

#[tonic::async_trait]
impl Application for Probe {
    async fn start(&self, connection: AgentConnection) -> io::Result<()> {
        self.note("start");
        self.connect(Some(connection));
        Self::behave(self.start).await
    }

    async fn close(&self) -> io::Result<()> {
        self.note("close");
        Self::behave(self.close).await?;
        self.connect(None);
        Ok(())
    }

    async fn lost(&self) -> String {
        self.dies.cancelled().await;
        "it has died".to_owned()
    }

    fn abandon(&self) {
        self.note("abandon");
        self.connect(None);
    }
}
