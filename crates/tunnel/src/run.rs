//! A tunnel's life: it takes what comes, asks the machine, and does what that says.

use std::{sync::Arc, time::Duration};

use groundhog_host::{Host, event::Id};
use groundhog_wire::{Channel, id::AgentId};
use tokio::sync::mpsc;

use crate::{
    applications::Application,
    config::TunnelConfig,
    connection::{AgentConnection, Dialer},
    ending::Ending,
    events,
    jobs::{Job, Jobs},
    machine::{Effect, JobStatus, Machine, Outcome, Phase, State, told},
    message::{Message, NoConnection},
    news,
    progress::{Follower, Progress},
    starter::WorkspaceStarter,
    tunnel::Shared,
    watch::{self, Watch},
};

/// How long a tunnel that has ended waits for the last lines of a build that has failed: they are there, and a call or two
/// away.
const LAST_LINES_TIMEOUT: Duration = Duration::from_secs(2);

/// A tunnel that runs.
pub(crate) struct Run {
    host: Host,
    tunnel: Id,
    config: TunnelConfig,
    application: Arc<dyn Application>,
    starter: Arc<dyn WorkspaceStarter>,
    dialer: Dialer,
    channel: Channel,
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Message>,
    jobs: Jobs,
    progress: Progress,
    machine: Machine,
    /// The connection that is up or is being closed.
    connection: Option<AgentConnection>,
    /// The application came up, and is not down yet.
    app_is_up: bool,
    /// What was told of the workspace last.
    build: Option<news::Build>,
    /// Whose logs are shown, or were.
    shown_job: Option<String>,
    shown_agent: Option<AgentId>,
    /// What the person was told last: the same news again are none.
    told_last: Option<String>,
    /// Why the tunnel ends, once it does.
    ending: Option<Ending>,
}

/// What a tunnel is made of, beside its configuration.
pub(crate) struct Parts {
    pub(crate) application: Arc<dyn Application>,
    pub(crate) starter: Arc<dyn WorkspaceStarter>,
    pub(crate) channel: Channel,
    pub(crate) shared: Arc<Shared>,
    pub(crate) sender: mpsc::Sender<Message>,
    pub(crate) queue: mpsc::Receiver<Message>,
}

impl Run {
    pub(crate) fn new(host: &Host, config: TunnelConfig, parts: Parts) -> Self {
        let Parts { application, starter, channel, shared, sender, queue } = parts;
        let tunnel = events::tunnel(host.new_id("tunnel"));
        let dialer = Dialer::new(host, config.control.clone(), config.token.clone(), config.channel.clone());
        let mut jobs = Jobs::new(host, sender.clone());
        events::opened(tunnel, &config.workspace.to_string(), &config.agent_name);
        let watch = Watch {
            host: host.clone(),
            tunnel,
            channel: channel.clone(),
            request: watch::request(&config),
            queue: sender,
            is_lost: false,
        };
        jobs.begin(Job::Watch, watch.run());
        Self {
            host: host.clone(),
            tunnel,
            application,
            starter,
            dialer,
            channel,
            shared,
            queue,
            jobs,
            progress: Progress::new(tunnel, config.log.clone()),
            config,
            machine: Machine::new(),
            connection: None,
            app_is_up: false,
            build: None,
            shown_job: None,
            shown_agent: None,
            told_last: None,
            ending: None,
        }
    }

    /// Its life.
    pub(crate) async fn run(mut self) {
        while self.machine.state() != State::Exit {
            let message = tokio::select! {
                // Whoever forces it has waited long enough.
                biased;
                () = self.shared.force.cancelled() => {
                    self.force();
                    break;
                }
                message = self.queue.recv() => message,
            };
            // The jobs hold the other end: there is always a next message.
            let Some(message) = message else { break };
            self.take(message);
        }
        self.show_last_lines().await;
        self.jobs.give_up_all();
        let ending = self.ending.take().unwrap_or(Ending::Forced);
        events::ended(self.tunnel, &ending.to_string());
        self.shared.end(ending);
    }

    /// Takes what has come.
    fn take(&mut self, message: Message) {
        self.jobs.note(&message);
        self.note(&message);
        let (event, options) = (message.event(), self.config.options);
        let before = self.machine;
        let (after, Outcome { effects, severity }) = before.step(&event, options);
        self.machine = after;
        if before.state() != after.state() {
            let (from, to) = (before.state().as_str(), after.state().as_str());
            events::state(self.tunnel, from, to, &message.because());
        }
        if let Some(severity) = severity {
            let because = message.because();
            tracing::error!(tunnel = %self.tunnel, %severity, state = %before.state(), because, "an unexpected event");
        }
        if let Some(told) = told(&before, &event, options, &after) {
            let ending = Ending::Told { told, detail: message.detail() };
            self.tell(ending.to_string());
            self.end_with(ending);
        }
        match message {
            Message::Signal(why) => self.end_with(why),
            Message::Build(build) => self.build = Some(build),
            // If it is not to be the tunnel's, it is dropped below, which closes it.
            Message::DialEnded { result: Ok(connection), .. } if effects.contains(&Effect::SetAgentConn) => {
                self.connection = Some(connection);
            }
            Message::Agent(agent) => self.show_agent(agent.agent),
            Message::NetworkClosed => self.connection = None,
            Message::StartEnded(_)
            | Message::DialEnded { .. }
            | Message::AppStarted(_)
            | Message::AppClosed(_)
            | Message::AppLost(_)
            | Message::NetworkLost(_) => {}
        }
        for effect in effects {
            self.carry_out(effect);
        }
        self.follow(before.state());
    }

    /// Tells what has come, where the machine's states don't.
    fn note(&mut self, message: &Message) {
        match message {
            Message::Signal(why) => {
                events::shutdown_asked(self.tunnel, &why.to_string());
                if let Ending::WatchOver(why) = why {
                    self.tell(format!("the control plane tells nothing more of the workspace: {why}"));
                }
            }
            Message::StartEnded(Ok(answer)) => events::start_answered(self.tunnel, &answer.to_string()),
            Message::StartEnded(Err(status)) => events::start_answered(self.tunnel, status.message()),
            Message::DialEnded { agent, result: Err(NoConnection::Failed(error)) } => {
                events::dial_failed(self.tunnel, agent.event(), &error.to_string());
            }
            Message::DialEnded { agent, result: Err(NoConnection::Canceled) } => {
                events::dial_canceled(self.tunnel, agent.event());
            }
            Message::NetworkClosed => events::network_down(self.tunnel),
            Message::AppStarted(Ok(())) => {
                self.app_is_up = true;
                events::app_up(self.tunnel);
            }
            Message::AppStarted(Err(error)) => events::app_failed(self.tunnel, error),
            Message::AppClosed(closed) => {
                if let Err(error) = closed {
                    events::app_failed(self.tunnel, error);
                }
                self.app_is_up = false;
                events::app_down(self.tunnel);
            }
            // One that is being closed may look as if it were lost.
            Message::AppLost(why) if self.machine.state() == State::ApplicationUp => events::app_lost(self.tunnel, why),
            // A connection tells of its loss itself.
            Message::NetworkLost(_)
            | Message::AppLost(_)
            | Message::Build(_)
            | Message::Agent(_)
            | Message::DialEnded { result: Ok(_), .. } => {}
        }
    }

    fn tell(&mut self, text: String) {
        if self.told_last.as_ref() != Some(&text) {
            self.progress.tell(&text);
        }
        self.told_last = Some(text);
    }

    /// Notes why the tunnel ends, if it does now.
    fn end_with(&mut self, why: Ending) {
        match self.machine.state().phase() {
            Phase::Ending => {
                self.ending.get_or_insert(why);
            }
            Phase::Waiting | Phase::Connected => {}
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Cancel => self.jobs.give_up_all_but(Job::BuildLog),
            Effect::SetAgentConn => {
                if let Some(connection) = &self.connection {
                    events::network_up(self.tunnel, connection.agent().event(), connection.path().as_str());
                    self.jobs.watch_network(connection.clone());
                }
            }
            Effect::StartWorkspace { after } => self.start_workspace(after),
            Effect::ConnectTailnet(agent) => self.jobs.dial(self.dialer.clone(), agent),
            Effect::StartApp => {
                if let Some(connection) = self.connection.clone() {
                    self.jobs.start_app(self.application.clone(), connection);
                }
            }
            Effect::CloseApp => {
                self.jobs.give_up(Job::AppLoss);
                self.jobs.close_app(self.application.clone());
            }
            Effect::ShutdownTailnet => {
                // What waits for a loss holds the connection too.
                self.jobs.give_up(Job::NetworkLoss);
                if let Some(connection) = self.connection.clone() {
                    self.jobs.close_network(connection);
                }
            }
        }
    }

    fn start_workspace(&mut self, after: u32) {
        // A start follows news of a stop, which name the workspace.
        let Some(workspace) = self.build.as_ref().map(|build| build.workspace) else { return };
        events::start_asked(self.tunnel, after);
        self.jobs.start_workspace(self.starter.clone(), workspace, after);
    }

    /// What goes on beside the machine's jobs, as far as it depends on where the machine has come from `before`.
    fn follow(&mut self, before: State) {
        let state = self.machine.state();
        if before == State::EstablishTailnet && state != before {
            self.jobs.cancel_dial();
        }
        if before != state && state == State::ApplicationUp {
            self.jobs.watch_app(self.application.clone());
        }
        match state {
            State::WaitToStart | State::WaitForWorkspaceStarted => self.show_build_under_way(),
            // What is being shown is shown to its end: a start's last lines come with its success.
            State::Init | State::WaitForAgent | State::EstablishTailnet => {}
            // Nothing is written under an application's feet.
            State::TailnetUp | State::ApplicationUp | State::ShutdownApplication | State::ShutdownTailnet => {
                self.jobs.give_up(Job::BuildLog);
                self.jobs.give_up(Job::AgentLog);
            }
            State::Exit if self.has_seen_failure(before) => self.show_build(),
            State::Exit => self.jobs.give_up(Job::BuildLog),
        }
    }

    fn follower(&self) -> Follower {
        Follower { host: self.host.clone(), channel: self.channel.clone(), progress: self.progress.clone() }
    }

    /// Shows the log of the build that is waited for, if it has not ended.
    fn show_build_under_way(&mut self) {
        let status = self.build.as_ref().map(|build| build.status);
        if matches!(status, Some(JobStatus::Pending | JobStatus::Running)) {
            self.show_build();
        }
    }

    fn show_build(&mut self) {
        let Some(job) = self.build.as_ref().map(|build| build.job.clone()) else { return };
        if self.progress.is_read() && self.shown_job.as_ref() != Some(&job) {
            self.jobs.begin(Job::BuildLog, self.follower().build(job.clone()));
            self.shown_job = Some(job);
        }
    }

    /// Whether a build for which a tunnel waited in the state `before` has failed.
    fn has_seen_failure(&self, before: State) -> bool {
        let has_waited = matches!(before, State::WaitToStart | State::WaitForWorkspaceStarted);
        has_waited && self.build.as_ref().is_some_and(|build| build.status == JobStatus::Failed)
    }

    /// Lets the log of a build that has failed come to its end, if that is soon: it says why.
    async fn show_last_lines(&mut self) {
        tokio::select! {
            // Whoever forces it has waited long enough.
            biased;
            () = self.shared.force.cancelled() => {}
            _ = self.host.timeout(LAST_LINES_TIMEOUT, self.jobs.end_of(Job::BuildLog)) => {}
        }
    }

    /// Shows the log of the agent that is waited for.
    fn show_agent(&mut self, agent: AgentId) {
        if self.machine.state() == State::WaitForAgent && self.progress.is_read() && self.shown_agent != Some(agent) {
            self.jobs.begin(Job::AgentLog, self.follower().agent(agent));
            self.shown_agent = Some(agent);
        }
    }

    /// Drops what is under way.
    fn force(&mut self) {
        events::forced(self.tunnel, &self.jobs.waited_for());
        self.jobs.give_up_all();
        self.application.abandon();
        if std::mem::take(&mut self.app_is_up) {
            events::app_down(self.tunnel);
        }
        if self.connection.take().is_some() {
            events::network_down(self.tunnel);
        }
        self.ending = Some(Ending::Forced);
    }
}
