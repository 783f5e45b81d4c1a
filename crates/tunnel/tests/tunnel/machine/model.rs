//! A machine among all that can happen to it.
//!
//! There is a workspace that people build again and again; a watch that tells of it, leaves out what passes quickly, and
//! begins anew when it likes; the jobs that the machine has started, which end in any order, well or badly; signals and
//! losses. The shell is a few lines: it does what the machine says, and complains if that makes no sense.

use groundhog_tunnel::machine::{
    Effect, Event, JobStatus, Lifecycle, Machine, Options, Outcome, Started, State, Transition, told,
};
use groundhog_wire::id::AgentId;
use uuid::Uuid;

/// A build of the workspace: its latest one, or one that was told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Build {
    pub(super) number: u32,
    pub(super) transition: Transition,
    pub(super) status: JobStatus,
}

/// The agent of a build that started the workspace, which has the build's number, and how far its life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Agent {
    pub(super) number: u32,
    pub(super) lifecycle: Lifecycle,
}

/// What the watch tells at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum News {
    Build(Build),
    Agent(Agent),
}

/// A request for a start that has not been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StartJob {
    pub(super) after: u32,
    /// The control plane has seen it; its answer is on the way.
    seen: bool,
}

/// How the connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Network {
    None,
    Dialling,
    Up,
    Closing,
}

/// How the application stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum App {
    None,
    Starting,
    Up,
    Closing,
}

/// Whether somebody has noticed a loss, and whether the machine has heard of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Loss {
    None,
    /// The machine's queue has it.
    Noticed,
    Told,
}

/// How fine the steps of the world are. The machine does not tell apart what a coarse world leaves out; that it does not,
/// the table shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grain {
    Coarse,
    Fine,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Model {
    pub(super) machine: Machine,
    pub(super) build: Build,
    pub(super) agent: Option<Agent>,
    /// What the watch has told last.
    told_build: Option<Build>,
    told_agent: Option<Agent>,
    /// What it has told and the machine has not taken yet.
    queue: Vec<News>,
    pub(super) start: Option<StartJob>,
    pub(super) network: Network,
    pub(super) app: App,
    network_loss: Loss,
    app_loss: Loss,
}

/// Something that can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Somebody queues a build.
    Queue(Transition),
    /// The latest build comes to this.
    Status(JobStatus),
    /// The agent comes to this.
    Lifecycle(Lifecycle),
    /// The watch looks, and tells one thing.
    Look,
    /// The watch begins anew.
    Resync,
    /// The machine takes what the watch has told.
    Take,
    Signal,
    /// The control plane sees the request for a start.
    StartSeen,
    StartEnds(Started),
    NetworkEnds {
        up: bool,
    },
    AppEnds {
        up: bool,
    },
    /// Somebody notices that the application is gone.
    AppGone,
    AppLost,
    NetworkGone,
    NetworkLost,
}

fn agent_id(number: u32) -> AgentId {
    AgentId(Uuid::from_u128(number.into()))
}

fn over(status: JobStatus) -> bool {
    matches!(status, JobStatus::Succeeded | JobStatus::Canceled | JobStatus::Failed)
}

/// How far a tunnel that is to end has to go. Each job that ends makes it less.
fn distance(model: &Model) -> u32 {
    match (model.machine.state(), model.app) {
        (State::ShutdownApplication, App::Starting) => 3,
        (State::ShutdownApplication, _) => 2,
        (State::ShutdownTailnet, _) if model.network == Network::Dialling => 2,
        (State::ShutdownTailnet, _) => 1,
        _ => 0,
    }
}

impl Model {
    /// A tunnel that was just opened to a workspace whose first build is this one.
    pub(super) fn new(transition: Transition, status: JobStatus) -> Self {
        let build = Build { number: 1, transition, status };
        let mut model = Self {
            machine: Machine::new(),
            build,
            agent: None,
            told_build: None,
            told_agent: None,
            queue: Vec::new(),
            start: None,
            network: Network::None,
            app: App::None,
            network_loss: Loss::None,
            app_loss: Loss::None,
        };
        model.set_build(build);
        model
    }

    fn set_build(&mut self, build: Build) {
        let started = build.transition == Transition::Start && build.status == JobStatus::Succeeded;
        self.build = build;
        self.agent = started.then_some(Agent { number: build.number, lifecycle: Lifecycle::Created });
    }

    /// What the watch would tell next: a build before an agent, and nothing twice in a row.
    fn news(&self) -> Option<News> {
        if self.told_build != Some(self.build) {
            return Some(News::Build(self.build));
        }
        self.agent.filter(|agent| self.told_agent != Some(*agent)).map(News::Agent)
    }

    /// All is told and answered, and no job is under way.
    pub(super) fn is_quiet(&self) -> bool {
        let at_work = self.start.is_some()
            || matches!(self.network, Network::Dialling | Network::Closing)
            || matches!(self.app, App::Starting | App::Closing)
            || self.network_loss == Loss::Noticed
            || self.app_loss == Loss::Noticed;
        !at_work && self.queue.is_empty() && self.news().is_none()
    }

    /// All that can happen now.
    pub(super) fn steps(&self, grain: Grain) -> Vec<Step> {
        if self.machine.state() == State::Exit {
            return Vec::new();
        }
        let mut steps = self.world_steps(grain);
        // What waits to be taken grows old. In a coarse world one thing at a time: whatever is told, it may be that old.
        let waiting_max = if grain == Grain::Fine { 3 } else { 1 };
        if self.queue.len() < waiting_max && self.news().is_some() {
            steps.push(Step::Look);
        }
        if self.told_build.is_some() {
            steps.push(Step::Resync);
        }
        if !self.queue.is_empty() {
            steps.push(Step::Take);
        }
        steps.push(Step::Signal);
        if let Some(start) = self.start {
            if !start.seen {
                steps.push(Step::StartSeen);
            } else {
                steps.push(Step::StartEnds(Started::Underway));
            }
            // Seen or not: an answer may be lost, again and again.
            steps.push(Step::StartEnds(Started::Failed));
        }
        match self.network {
            Network::Dialling => steps.extend([true, false].map(|up| Step::NetworkEnds { up })),
            Network::Closing => steps.push(Step::NetworkEnds { up: false }),
            Network::Up if self.network_loss == Loss::None => steps.push(Step::NetworkGone),
            Network::None | Network::Up => {}
        }
        match self.app {
            App::Starting => steps.extend([true, false].map(|up| Step::AppEnds { up })),
            App::Closing => steps.push(Step::AppEnds { up: false }),
            // The shell looks for a loss while the machine says that it is up.
            App::Up if self.app_loss == Loss::None && self.machine.state() == State::ApplicationUp => {
                steps.push(Step::AppGone);
            }
            App::None | App::Up => {}
        }
        if self.app_loss == Loss::Noticed {
            steps.push(Step::AppLost);
        }
        if self.network_loss == Loss::Noticed {
            steps.push(Step::NetworkLost);
        }
        steps
    }

    /// What can happen to the workspace.
    fn world_steps(&self, grain: Grain) -> Vec<Step> {
        use JobStatus::{Canceled, Canceling, Failed, Pending, Running, Succeeded, Unknown};
        let fine = grain == Grain::Fine;
        let mut steps = Vec::new();
        let deleted = self.build.transition == Transition::Delete && self.build.status == Succeeded;
        if over(self.build.status) && !deleted {
            steps.extend(Transition::ALL.iter().map(|&transition| Step::Queue(transition)));
        }
        let next: &[JobStatus] = match (self.build.status, fine) {
            (Pending, true) => &[Running, Canceled],
            (Running, true) => &[Succeeded, Failed, Canceling],
            (Canceling, true) => &[Canceled, Failed, Succeeded],
            (Pending, false) => &[Succeeded, Failed],
            (Succeeded | Canceled | Failed | Unknown, _) | (Running | Canceling, false) => &[],
        };
        steps.extend(next.iter().map(|&status| Step::Status(status)));
        if let Some(agent) = self.agent {
            use Lifecycle::{
                Created, Off, Ready, ShutdownError, ShutdownTimeout, ShuttingDown, StartError, StartTimeout, Starting,
            };
            let next: &[Lifecycle] = match (agent.lifecycle, fine) {
                (Created, true) => &[Starting],
                (Starting, true) => &[StartTimeout, StartError, Ready],
                (StartTimeout, true) => &[StartError, Ready, ShuttingDown],
                (StartError | Ready, true) => &[ShuttingDown, Starting],
                (ShuttingDown, true) => &[ShutdownTimeout, ShutdownError, Off],
                (ShutdownTimeout, true) => &[ShutdownError, Off],
                // An agent that was started again tells of its steps again.
                (ShutdownError | Off, true) => &[Starting],
                (Created, false) => &[StartError, Ready],
                (StartError | Ready, false) => &[Off],
                (_, false) => &[],
            };
            steps.extend(next.iter().map(|&lifecycle| Step::Lifecycle(lifecycle)));
        }
        steps
    }

    /// Lets a step happen. An error says what must not be.
    pub(super) fn take(&mut self, step: Step, options: Options) -> Result<(), String> {
        let far = distance(self);
        match step {
            Step::Queue(transition) => {
                let number = self.build.number + 1;
                self.set_build(Build { number, transition, status: JobStatus::Pending });
            }
            Step::Status(status) => self.set_build(Build { status, ..self.build }),
            Step::Lifecycle(lifecycle) => self.agent = self.agent.map(|agent| Agent { lifecycle, ..agent }),
            Step::Look => {
                let news = self.news();
                match news {
                    Some(News::Build(build)) => (self.told_build, self.told_agent) = (Some(build), None),
                    Some(News::Agent(agent)) => self.told_agent = Some(agent),
                    None => {}
                }
                self.queue.extend(news);
            }
            Step::Resync => (self.told_build, self.told_agent) = (None, None),
            Step::Take => match self.queue.remove(0) {
                News::Build(Build { number, transition, status: job_status }) => {
                    self.step(Event::BuildUpdate { number, transition, job_status }, options)?;
                }
                News::Agent(Agent { number, lifecycle }) => {
                    self.step(Event::AgentUpdate { agent: agent_id(number), lifecycle }, options)?;
                }
            },
            Step::Signal => self.step(Event::ShutdownSignal, options)?,
            Step::StartSeen => self.see_start(),
            Step::StartEnds(started) => {
                self.start = None;
                self.step(Event::StartWorkspaceEnded(started), options)?;
            }
            Step::NetworkEnds { up } => {
                // A connection becomes the tunnel's by an effect; one that is closed is gone.
                self.network = Network::None;
                self.step(Event::TailnetUpdate { up }, options)?;
                if up && self.network == Network::None {
                    return Err("a connection was dropped".to_owned());
                }
            }
            Step::AppEnds { up } => {
                self.app = if up { App::Up } else { App::None };
                self.step(Event::AppUpdate { up }, options)?;
            }
            Step::AppGone => self.app_loss = Loss::Noticed,
            Step::NetworkGone => self.network_loss = Loss::Noticed,
            Step::AppLost => {
                self.app_loss = Loss::Told;
                self.step(Event::AppLost, options)?;
            }
            Step::NetworkLost => {
                self.network_loss = Loss::Told;
                self.step(Event::TailnetLost, options)?;
            }
        }
        if far > 0 && matches!(step, Step::NetworkEnds { .. } | Step::AppEnds { .. }) && distance(self) >= far {
            return Err(format!("{step:?} brought the end no closer"));
        }
        self.check(options)
    }

    /// The control plane sees a request for a start: it queues a build, unless there is a newer one than the one that was
    /// asked about.
    fn see_start(&mut self) {
        let Some(start) = &mut self.start else { return };
        start.seen = true;
        if self.build.number == start.after {
            self.set_build(Build {
                number: self.build.number + 1,
                transition: Transition::Start,
                status: JobStatus::Pending,
            });
        }
    }

    /// The shell: the machine hears of an event, and what it says is done.
    fn step(&mut self, event: Event, options: Options) -> Result<(), String> {
        let before = self.machine;
        let (after, Outcome { effects, severity }) = before.step(&event, options);
        if let Some(severity) = severity {
            return Err(format!("{severity}: {event:?} in {}", before.state()));
        }
        let is_ending = |state| matches!(state, State::ShutdownApplication | State::ShutdownTailnet | State::Exit);
        if !is_ending(before.state())
            && is_ending(after.state())
            && event != Event::ShutdownSignal
            && told(&before, &event, options, &after).is_none()
        {
            return Err(format!("{event:?} ends a tunnel in {}, and nobody is told why", before.state()));
        }
        self.machine = after;
        for effect in effects {
            self.carry_out(effect, event)?;
        }
        Ok(())
    }

    fn carry_out(&mut self, effect: Effect, event: Event) -> Result<(), String> {
        let fits = match effect {
            Effect::Cancel => self.machine.state() == State::Exit,
            Effect::SetAgentConn => {
                let fits = event == Event::TailnetUpdate { up: true } && self.network == Network::None;
                self.network = Network::Up;
                fits
            }
            Effect::StartWorkspace { after } => {
                let alone = self.start.is_none();
                self.start = Some(StartJob { after, seen: false });
                alone
            }
            Effect::ConnectTailnet(_) => {
                let fits = self.network == Network::None && self.app == App::None;
                self.network = Network::Dialling;
                fits
            }
            Effect::StartApp => {
                let fits = self.network == Network::Up && self.app == App::None;
                self.app = App::Starting;
                fits
            }
            Effect::CloseApp => {
                let fits = self.network == Network::Up && self.app == App::Up;
                self.app = App::Closing;
                fits
            }
            Effect::ShutdownTailnet => {
                let fits = self.network == Network::Up && self.app == App::None;
                self.network = Network::Closing;
                fits
            }
        };
        if fits { Ok(()) } else { Err(format!("{effect} makes no sense upon {event:?}")) }
    }

    /// What has to hold at any moment.
    fn check(&self, options: Options) -> Result<(), String> {
        let Self { machine, network, app, .. } = self;
        let state = machine.state();
        // The machine knows what is there: nesting follows from it, and so does the end.
        let fits = match state {
            State::Init | State::WaitToStart | State::WaitForWorkspaceStarted | State::WaitForAgent | State::Exit => {
                (*network, *app) == (Network::None, App::None)
            }
            State::EstablishTailnet => (*network, *app) == (Network::Dialling, App::None),
            State::TailnetUp => (*network, *app) == (Network::Up, App::Starting),
            State::ApplicationUp => (*network, *app) == (Network::Up, App::Up),
            State::ShutdownApplication => *network == Network::Up && matches!(app, App::Starting | App::Closing),
            State::ShutdownTailnet => matches!(network, Network::Dialling | Network::Closing) && *app == App::None,
        };
        if !fits {
            return Err(format!("in {state} the network is {network:?} and the application {app:?}"));
        }
        if machine.start_underway().map(|start| start.after) != self.start.map(|start| start.after) {
            return Err(format!("the machine thinks of {:?}, and there is {:?}", machine.start_underway(), self.start));
        }
        if options.no_autostart && self.start.is_some() {
            return Err("the workspace is started, though it is to be left alone".to_owned());
        }
        if self.is_quiet() { self.check_quiet(options) } else { Ok(()) }
    }

    /// What has to hold once all is told and no job is under way: the tunnel is up, has ended, or waits for something that
    /// is really going on.
    fn check_quiet(&self, options: Options) -> Result<(), String> {
        let Build { transition, status, .. } = self.build;
        let underway = matches!(status, JobStatus::Pending | JobStatus::Running);
        let lifecycle = self.agent.map(|agent| agent.lifecycle);
        let fits = match self.machine.state() {
            State::Exit => true,
            State::ApplicationUp => {
                let agent = self.agent.map(|agent| agent_id(agent.number));
                agent.is_some() && self.machine.dialled() == agent
            }
            State::WaitToStart => transition == Transition::Stop && underway,
            State::WaitForWorkspaceStarted => transition == Transition::Start && underway,
            State::WaitForAgent => match lifecycle {
                None | Some(Lifecycle::Ready) => false,
                Some(Lifecycle::Starting | Lifecycle::StartError | Lifecycle::StartTimeout) => {
                    !options.no_wait_for_scripts
                }
                Some(_) => true,
            },
            State::Init
            | State::EstablishTailnet
            | State::TailnetUp
            | State::ShutdownApplication
            | State::ShutdownTailnet => false,
        };
        if fits {
            Ok(())
        } else {
            Err(format!("hangs in {} with {:?} and {lifecycle:?}", self.machine.state(), self.build))
        }
    }

    /// The same, with the numbers of builds replaced by their order: all that the machine and the control plane ask of
    /// them. So a workspace may be built for ever, and there are still only so many states.
    pub(super) fn renumbered(&self) -> Self {
        let mut model = self.clone();
        let mut numbers = Vec::new();
        model.numbers(&mut |number| numbers.push(*number));
        numbers.sort_unstable();
        numbers.dedup();
        model.numbers(&mut |number| {
            let rank = numbers.binary_search(number).expect("every number was collected");
            *number = u32::try_from(rank).expect("there are a few") + 1;
        });
        model
    }

    /// Every number of a build that is anywhere in it.
    fn numbers(&mut self, see: &mut dyn FnMut(&mut u32)) {
        see(&mut self.build.number);
        if let Some(build) = &mut self.told_build {
            see(&mut build.number);
        }
        for agent in [&mut self.agent, &mut self.told_agent].into_iter().flatten() {
            see(&mut agent.number);
        }
        for news in &mut self.queue {
            match news {
                News::Build(build) => see(&mut build.number),
                News::Agent(agent) => see(&mut agent.number),
            }
        }
        if let Some(start) = &mut self.start {
            see(&mut start.after);
        }
        let machine = self.machine;
        let start = machine.start_underway().map(|mut start| {
            see(&mut start.after);
            start.stopped_again.as_mut().map(&mut *see);
            start
        });
        let dialled = machine.dialled().map(|agent| {
            let mut number = u32::try_from(agent.0.as_u128()).expect("an agent here has its build's number");
            see(&mut number);
            agent_id(number)
        });
        self.machine = Machine::at(machine.state(), start, dialled);
    }

    /// What of it is the tunnel's own: the machine's state and what it has under way.
    pub(super) fn composite(&self) -> (State, Option<bool>, Network, App, bool, bool) {
        (
            self.machine.state(),
            self.machine.start_underway().map(|start| start.stopped_again.is_some()),
            self.network,
            self.app,
            self.network_loss == Loss::Noticed,
            self.app_loss == Loss::Noticed,
        )
    }
}
