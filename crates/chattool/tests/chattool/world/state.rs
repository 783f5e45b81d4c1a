//! What the test's control plane knows, and what it does unlike itself.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use groundhog_wire::v1::{self, AgentLifecycle, AgentStatus, JobStatus, Transition};
use tonic::Status;
use uuid::Uuid;

/// The id of this number, as text.
pub(crate) fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

/// The chat of this number, which runs from 1.
pub(crate) fn chat_id(number: u128) -> String {
    id(0xc000 + number)
}

/// The template of this number, which runs from 1.
pub(crate) fn template_id(number: u128) -> String {
    id(0xd000 + number)
}

/// What comes of a build, and when.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// How long it takes.
    pub(crate) takes: Duration,
    pub(crate) ends: JobStatus,
    pub(crate) error: &'static str,
    pub(crate) error_code: &'static str,
    /// Its agents, if it is a start that succeeds.
    pub(crate) agents: Vec<AgentPlan>,
}

/// What becomes of an agent, and when.
#[derive(Clone, Debug)]
pub(crate) struct AgentPlan {
    pub(crate) name: &'static str,
    pub(crate) display_order: i32,
    pub(crate) external: bool,
    /// How long after the build's end it connects; never without one.
    pub(crate) connects: Option<Duration>,
    /// How long its start scripts take then.
    pub(crate) scripts: Duration,
    /// How they end.
    pub(crate) ends: AgentLifecycle,
}

impl Default for AgentPlan {
    fn default() -> Self {
        Self {
            name: "main",
            display_order: 0,
            external: false,
            connects: Some(Duration::from_secs(1)),
            scripts: Duration::from_secs(3),
            ends: AgentLifecycle::Ready,
        }
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            takes: Duration::from_secs(5),
            ends: JobStatus::Succeeded,
            error: "",
            error_code: "",
            agents: vec![AgentPlan::default()],
        }
    }
}

impl AgentPlan {
    /// One of this name.
    pub(crate) fn named(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }
}

impl Plan {
    /// A build that fails.
    pub(crate) fn fails(error: &'static str, error_code: &'static str) -> Self {
        Self { ends: JobStatus::Failed, error, error_code, ..Self::default() }
    }

    /// A build that succeeds, with these agents.
    pub(crate) fn with(agents: Vec<AgentPlan>) -> Self {
        Self { agents, ..Self::default() }
    }
}

/// Something that happens to a workspace by itself.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// The latest build.
    Build(JobStatus, &'static str, &'static str),
    /// The agents appear.
    Agents(Vec<v1::AgentView>),
    Agent(String, AgentStatus, AgentLifecycle),
}

/// A workspace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) name: String,
    pub(crate) latest: v1::Build,
    pub(crate) agents: Vec<v1::AgentView>,
    /// What happens to it, and when.
    agenda: Vec<(i64, Change)>,
}

impl Workspace {
    pub(crate) fn is_deleted(&self) -> bool {
        self.latest.transition() == Transition::Destroy && self.latest.status() == JobStatus::Succeeded
    }

    /// Whether nothing is left of it to a chat; or, without an agent's id, whether it is so whatever its agents do.
    pub(crate) fn is_dead(&self, agent: &str) -> bool {
        match (self.latest.transition(), self.latest.status()) {
            (_, JobStatus::Failed | JobStatus::Canceled | JobStatus::Canceling) => true,
            (Transition::Destroy, JobStatus::Succeeded) => true,
            (Transition::Start, JobStatus::Succeeded) if agent.is_empty() => self.agents.is_empty(),
            (Transition::Start, JobStatus::Succeeded) => {
                let gone = |view: &v1::AgentView| {
                    matches!(view.status(), AgentStatus::Disconnected | AgentStatus::TimedOut) && view.agent_id == agent
                };
                self.agents.iter().any(gone)
            }
            _ => false,
        }
    }

    fn advance(&mut self, now_ms: i64) {
        let (due, later): (Vec<_>, Vec<_>) = self.agenda.drain(..).partition(|(at_ms, _)| *at_ms <= now_ms);
        self.agenda = later;
        for (_, change) in due {
            match change {
                Change::Build(status, error, error_code) => {
                    self.latest.set_status(status);
                    self.latest.error = error.to_owned();
                    self.latest.error_code = error_code.to_owned();
                }
                Change::Agents(agents) => self.agents = agents,
                Change::Agent(id, status, lifecycle) => {
                    for agent in self.agents.iter_mut().filter(|agent| agent.agent_id == id) {
                        agent.set_status(status);
                        agent.set_lifecycle(lifecycle);
                    }
                }
            }
        }
    }
}

/// What it knows, over its restarts.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) chats: BTreeMap<String, v1::Chat>,
    /// The request by which a chat has got its workspace.
    pub(crate) bound_by: BTreeMap<String, String>,
    pub(crate) workspaces: BTreeMap<String, Workspace>,
    pub(crate) templates: BTreeMap<String, (v1::Template, v1::Choices)>,
    pub(crate) settings: v1::ChatSettings,
    pub(crate) quota: v1::Quota,
    /// What comes of the next builds; of those beyond, what is usual.
    pub(crate) plans: VecDeque<Plan>,
    /// Calls that fail, always, with this.
    pub(crate) refuses: BTreeMap<&'static str, Status>,
    /// Calls that fail so many times, with these.
    pub(crate) fails: BTreeMap<&'static str, VecDeque<Status>>,
    /// Calls that are carried out so many times, and their answers are lost.
    pub(crate) loses_answers: BTreeMap<&'static str, u32>,
    /// Calls that are never answered.
    pub(crate) hangs: BTreeSet<&'static str>,
    /// Every call that has come.
    pub(crate) calls: Vec<&'static str>,
    pub(crate) creates: Vec<v1::CreateWorkspaceRequest>,
    pub(crate) builds: Vec<v1::CreateBuildRequest>,
    pub(crate) binds: Vec<v1::BindChatRequest>,
    /// Once, just before the next request for a workspace is looked at.
    pub(crate) meanwhile: Option<fn(&mut Self)>,
    /// What must not have happened.
    pub(crate) violations: Vec<String>,
    next: u128,
    now_ms: i64,
}

impl State {
    /// A control plane with a chat and a template.
    pub(crate) fn new() -> Self {
        let mut state = Self { quota: v1::Quota { credits_consumed: 40, budget: Some(40) }, ..Self::default() };
        state.add_chat(1);
        state.add_template(1, "docker", "default");
        state
    }

    pub(crate) fn add_chat(&mut self, number: u128) {
        let chat = v1::Chat {
            chat_id: chat_id(number),
            owner: "alice".to_owned(),
            organization: "default".to_owned(),
            ..v1::Chat::default()
        };
        self.chats.insert(chat_id(number), chat);
    }

    pub(crate) fn add_template(&mut self, number: u128, name: &str, organization: &str) {
        let template = v1::Template {
            template_id: template_id(number),
            name: name.to_owned(),
            organization: organization.to_owned(),
            ..v1::Template::default()
        };
        self.templates.insert(template_id(number), (template, v1::Choices::default()));
    }

    /// The first chat.
    pub(crate) fn chat(&mut self) -> &mut v1::Chat {
        self.chats.get_mut(&chat_id(1)).expect("the chat is there")
    }

    /// The workspace of the first chat.
    pub(crate) fn workspace(&mut self) -> &mut Workspace {
        let id = self.chat().workspace_id.clone();
        self.workspaces.get_mut(&id).expect("the chat has a workspace")
    }

    /// Gives the first chat a workspace, whose latest build stands like this.
    pub(crate) fn has(&mut self, transition: Transition, status: JobStatus) -> &mut Workspace {
        let workspace = self.add_workspace("dev", Plan::default());
        self.chat().workspace_id.clone_from(&workspace);
        let workspace = self.workspaces.get_mut(&workspace).expect("just added");
        workspace.agenda.clear();
        workspace.latest.set_transition(transition);
        workspace.latest.set_status(status);
        workspace
    }

    /// Gives the first chat a workspace that was started, with an agent of this status, ready otherwise.
    pub(crate) fn has_agent(&mut self, status: AgentStatus) -> &mut Workspace {
        let workspace = self.has(Transition::Start, JobStatus::Succeeded);
        let agent = v1::AgentView {
            agent_id: id(0xa000),
            name: "main".to_owned(),
            build_id: workspace.latest.build_id.clone(),
            status: status.into(),
            lifecycle: AgentLifecycle::Ready.into(),
            ..v1::AgentView::default()
        };
        workspace.agents = vec![agent];
        workspace
    }

    fn fresh(&mut self) -> String {
        self.next += 1;
        id(self.next)
    }

    fn add_workspace(&mut self, name: &str, plan: Plan) -> String {
        let workspace_id = self.fresh();
        self.workspaces.insert(workspace_id.clone(), Workspace { name: name.to_owned(), ..Workspace::default() });
        self.add_build(&workspace_id, Transition::Start, plan);
        workspace_id
    }

    /// Queues a build of a workspace, of which comes what `plan` says.
    pub(crate) fn add_build(&mut self, workspace_id: &str, transition: Transition, plan: Plan) -> v1::Build {
        let (build_id, now_ms) = (self.fresh(), self.now_ms);
        let agent_ids: Vec<_> = plan.agents.iter().map(|_| self.fresh()).collect();
        let workspace = self.workspaces.get_mut(workspace_id).expect("the workspace is there");
        workspace.latest = v1::Build {
            build_id: build_id.clone(),
            workspace_id: workspace_id.to_owned(),
            workspace_name: workspace.name.clone(),
            number: workspace.latest.number + 1,
            transition: transition.into(),
            status: JobStatus::Pending.into(),
            ..v1::Build::default()
        };
        workspace.agents.clear();
        let after = |wait: Duration| now_ms + i64::try_from(wait.as_millis()).expect("a test's time");
        workspace.agenda = vec![
            (after(plan.takes / 2), Change::Build(JobStatus::Running, "", "")),
            (after(plan.takes), Change::Build(plan.ends, plan.error, plan.error_code)),
        ];
        if (transition, plan.ends) == (Transition::Start, JobStatus::Succeeded) {
            let view = |(id, agent): (&String, &AgentPlan)| v1::AgentView {
                agent_id: id.clone(),
                name: agent.name.to_owned(),
                build_id: build_id.clone(),
                status: AgentStatus::Connecting.into(),
                lifecycle: AgentLifecycle::Created.into(),
                display_order: agent.display_order,
                external: agent.external,
                ..v1::AgentView::default()
            };
            let views = agent_ids.iter().zip(&plan.agents).map(view).collect();
            workspace.agenda.push((after(plan.takes), Change::Agents(views)));
            for (id, agent) in agent_ids.iter().zip(&plan.agents) {
                let change = |lifecycle| Change::Agent(id.clone(), AgentStatus::Connected, lifecycle);
                match agent.connects {
                    Some(wait) => workspace.agenda.extend([
                        (after(plan.takes + wait), change(AgentLifecycle::Starting)),
                        (after(plan.takes + wait + agent.scripts), change(agent.ends)),
                    ]),
                    None => {
                        let late = plan.takes + Duration::from_mins(2);
                        let given_up = Change::Agent(id.clone(), AgentStatus::TimedOut, AgentLifecycle::Created);
                        workspace.agenda.push((after(late), given_up));
                    }
                }
            }
        }
        workspace.latest.clone()
    }

    /// Lets happen what is due.
    pub(super) fn advance(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
        for workspace in self.workspaces.values_mut() {
            workspace.advance(now_ms);
        }
    }

    /// How often a call has come.
    pub(crate) fn count(&self, call: &str) -> usize {
        self.calls.iter().filter(|have| **have == call).count()
    }

    fn next_plan(&mut self) -> Plan {
        self.plans.pop_front().unwrap_or_default()
    }

    /// Carries out a request for a workspace.
    pub(super) fn create(&mut self, request: &v1::CreateWorkspaceRequest) -> Result<v1::Build, Status> {
        self.creates.push(request.clone());
        if let Some(meanwhile) = self.meanwhile.take() {
            meanwhile(self);
        }
        let wanted = request.chat.clone().expect("a tool asks for a chat only");
        let chat = self.chats.get(&wanted.chat_id).cloned().ok_or_else(|| Status::not_found("there is no chat"))?;
        let bound = self.workspaces.get(&chat.workspace_id);
        if self.bound_by.get(&wanted.chat_id) == Some(&wanted.request_id) {
            return Ok(bound.expect("it was bound").latest.clone());
        }
        let is_free = match (bound, &wanted.replaces) {
            (None, None) => true,
            (Some(bound), Some(dead)) => {
                dead.workspace_id == chat.workspace_id
                    && dead.build_number == bound.latest.number
                    && bound.is_dead(&dead.agent_id)
            }
            (_, _) => false,
        };
        if !is_free {
            return Err(Status::aborted("the chat has another workspace"));
        }
        if self.workspaces.values().any(|have| have.name == request.name && !have.is_deleted()) {
            return Err(refusal(
                tonic::Code::AlreadyExists,
                "there is a workspace of this name",
                "Choose another one.",
                &[("name", "is taken")],
            ));
        }
        let plan = self.next_plan();
        let workspace_id = self.add_workspace(&request.name, plan);
        let chat = self.chats.get_mut(&wanted.chat_id).expect("just found");
        chat.workspace_id.clone_from(&workspace_id);
        chat.build_id.clear();
        chat.agent_id.clear();
        self.bound_by.insert(wanted.chat_id, wanted.request_id);
        Ok(self.workspaces[&workspace_id].latest.clone())
    }

    /// Carries out a request for a build.
    pub(super) fn build(&mut self, request: &v1::CreateBuildRequest) -> Result<v1::Build, Status> {
        self.builds.push(request.clone());
        let workspace = self.workspaces.get(&request.workspace_id).ok_or_else(|| Status::not_found("no workspace"))?;
        let number = workspace.latest.number;
        if number != request.after_build {
            return Err(Status::aborted(format!("build {number} is newer")));
        }
        let plan = self.next_plan();
        Ok(self.add_build(&request.workspace_id, request.transition(), plan))
    }
}

/// A refusal as the control plane makes it.
pub(crate) fn refusal(code: tonic::Code, text: &str, detail: &str, validations: &[(&str, &str)]) -> Status {
    let violation = |(field, detail): &(&str, &str)| v1::FieldViolation {
        field: (*field).to_owned(),
        detail: (*detail).to_owned(),
    };
    let details =
        v1::RefusalDetails { detail: detail.to_owned(), validations: validations.iter().map(violation).collect() };
    details.status(code, text)
}
