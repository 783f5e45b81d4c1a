//! What a tunnel has under way: each thing at most once, in a task of its own, which says over the queue how it ended.

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use groundhog_host::{Elapsed, Host, Task};
use groundhog_wire::id::{AgentId, WorkspaceId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{
    applications::Application,
    connection::{AgentConnection, Dialer},
    message::{Message, NoConnection},
    starter::WorkspaceStarter,
};

/// How long an application has to start: twice what a path to the agent may take on a bad line.
const APP_START_TIMEOUT: Duration = Duration::from_secs(30);

/// How long it has to close. With the start and the connection's close it is below the
/// minute that people wait.
const APP_CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection has to close before it is dropped: as long as it may take to say good-bye.
const NETWORK_CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a start of the workspace may take to be answered, whoever asks for it: more than the five minutes for which
/// the control plane is asked.
const START_TIMEOUT: Duration = Duration::from_secs(6 * 60);

/// Something that a tunnel has under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Job {
    StartWorkspace,
    Dial,
    StartApp,
    CloseApp,
    CloseNetwork,
    /// Waits until the application is lost.
    AppLoss,
    /// Waits until the connection is lost.
    NetworkLoss,
    Watch,
    BuildLog,
    AgentLog,
}

impl Job {
    /// What it is called.
    const fn name(self) -> &'static str {
        match self {
            Self::StartWorkspace => "start workspace",
            Self::Dial => "dial agent",
            Self::StartApp => "start application",
            Self::CloseApp => "close application",
            Self::CloseNetwork => "close connection",
            Self::AppLoss => "application's loss",
            Self::NetworkLoss => "connection's loss",
            Self::Watch => "watch",
            Self::BuildLog => "build log",
            Self::AgentLog => "agent log",
        }
    }

    /// Whether a tunnel that ends waits for it. The rest goes on as long as the tunnel does, or is given up.
    const fn is_waited_for(self) -> bool {
        match self {
            Self::Dial | Self::StartApp | Self::CloseApp | Self::CloseNetwork => true,
            Self::StartWorkspace
            | Self::AppLoss
            | Self::NetworkLoss
            | Self::Watch
            | Self::BuildLog
            | Self::AgentLog => false,
        }
    }
}

/// What is under way. Dropping this drops all of it.
pub(crate) struct Jobs {
    host: Host,
    queue: mpsc::Sender<Message>,
    running: BTreeMap<Job, Task>,
    /// Gives a dial up.
    dial: CancellationToken,
}

impl Jobs {
    /// Nothing is under way. How something ends is said over `queue`.
    pub(crate) fn new(host: &Host, queue: mpsc::Sender<Message>) -> Self {
        Self { host: host.clone(), queue, running: BTreeMap::new(), dial: CancellationToken::new() }
    }

    /// Begins something. If it is under way already, that is dropped first.
    pub(crate) fn begin(&mut self, job: Job, work: impl Future<Output = ()> + Send + 'static) {
        self.give_up(job);
        let task = self.host.spawn(job.name(), work);
        self.running.insert(job, task);
    }

    /// Begins something that ends with a message.
    fn begin_with_message(&mut self, job: Job, work: impl Future<Output = Message> + Send + 'static) {
        let queue = self.queue.clone();
        self.begin(job, async move {
            // A tunnel that has ended does not mind.
            let _ = queue.send(work.await).await;
        });
    }

    /// Drops something, if it is under way.
    pub(crate) fn give_up(&mut self, job: Job) {
        if let Some(task) = self.running.remove(&job) {
            task.abort();
        }
    }

    /// Drops everything.
    pub(crate) fn give_up_all(&mut self) {
        for task in std::mem::take(&mut self.running).into_values() {
            task.abort();
        }
    }

    /// Gives everything up but this.
    pub(crate) fn give_up_all_but(&mut self, job: Job) {
        let kept = self.running.remove(&job);
        self.give_up_all();
        self.running.extend(kept.map(|task| (job, task)));
    }

    /// Waits until something is not under way any more. Cancel safe.
    pub(crate) async fn end_of(&mut self, job: Job) {
        if let Some(task) = self.running.get_mut(&job) {
            task.await;
        }
    }

    /// The job of which a message tells the end is not under way any more.
    pub(crate) fn note(&mut self, message: &Message) {
        let job = match message {
            Message::Signal(_) | Message::Build(_) | Message::Agent(_) => return,
            Message::StartEnded(_) => Job::StartWorkspace,
            Message::DialEnded { .. } => Job::Dial,
            Message::NetworkClosed => Job::CloseNetwork,
            Message::AppStarted(_) => Job::StartApp,
            Message::AppClosed(_) => Job::CloseApp,
            Message::AppLost(_) => Job::AppLoss,
            Message::NetworkLost(_) => Job::NetworkLoss,
        };
        self.running.remove(&job);
    }

    /// What a tunnel that ends still waits for, in words.
    pub(crate) fn waited_for(&self) -> String {
        let names: Vec<&str> = self.running.keys().filter(|job| job.is_waited_for()).map(|job| job.name()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }

    /// Asks for a start of a workspace.
    pub(crate) fn start_workspace(&mut self, starter: Arc<dyn WorkspaceStarter>, workspace: WorkspaceId, after: u32) {
        let host = self.host.clone();
        self.begin_with_message(Job::StartWorkspace, async move {
            let answer = host.timeout(START_TIMEOUT, starter.start_workspace(workspace, after)).await;
            Message::StartEnded(answer.unwrap_or_else(|Elapsed| {
                Err(Status::deadline_exceeded(format!("the start was not answered within {START_TIMEOUT:?}")))
            }))
        });
    }

    /// Dials an agent, until [`cancel_dial`](Self::cancel_dial).
    pub(crate) fn dial(&mut self, dialer: Dialer, agent: AgentId) {
        let cancel = CancellationToken::new();
        self.dial = cancel.clone();
        self.begin_with_message(Job::Dial, async move {
            let result = tokio::select! {
                // The connection first: one that is there is closed as it should be, not dropped.
                biased;
                result = dialer.dial(agent) => result.map_err(NoConnection::Failed),
                () = cancel.cancelled() => Err(NoConnection::Canceled),
            };
            Message::DialEnded { agent, result }
        });
    }

    /// Gives the dial up, if there is one; its end is told like any other (T5).
    pub(crate) fn cancel_dial(&self) {
        self.dial.cancel();
    }

    /// Starts an application.
    pub(crate) fn start_app(&mut self, application: Arc<dyn Application>, connection: AgentConnection) {
        let host = self.host.clone();
        self.begin_with_message(Job::StartApp, async move {
            let started = match host.timeout(APP_START_TIMEOUT, application.start(connection)).await {
                Ok(started) => started.map_err(|error| error.to_string()),
                Err(Elapsed) => Err(format!("it took longer than {APP_START_TIMEOUT:?}")),
            };
            if started.is_err() {
                application.abandon();
            }
            Message::AppStarted(started)
        });
    }

    /// Closes an application.
    pub(crate) fn close_app(&mut self, application: Arc<dyn Application>) {
        let host = self.host.clone();
        self.begin_with_message(Job::CloseApp, async move {
            let closed = match host.timeout(APP_CLOSE_TIMEOUT, application.close()).await {
                Ok(closed) => closed.map_err(|error| error.to_string()),
                Err(Elapsed) => {
                    application.abandon();
                    Err(format!("its close took longer than {APP_CLOSE_TIMEOUT:?}"))
                }
            };
            Message::AppClosed(closed)
        });
    }

    /// Closes a connection.
    pub(crate) fn close_network(&mut self, connection: AgentConnection) {
        let host = self.host.clone();
        self.begin_with_message(Job::CloseNetwork, async move {
            // One that takes longer is dropped, which closes it too.
            let _ = host.timeout(NETWORK_CLOSE_TIMEOUT, connection.close()).await;
            Message::NetworkClosed
        });
    }

    /// Waits until an application is lost.
    pub(crate) fn watch_app(&mut self, application: Arc<dyn Application>) {
        self.begin_with_message(Job::AppLoss, async move { Message::AppLost(application.lost().await) });
    }

    /// Waits until a connection is lost.
    pub(crate) fn watch_network(&mut self, connection: AgentConnection) {
        self.begin_with_message(Job::NetworkLoss, async move { Message::NetworkLost(connection.lost().await) });
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.give_up_all();
    }
}
