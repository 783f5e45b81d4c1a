//! The people. They all act from one host, each with a session of their own.
//!
//! - `request`: a call that is made once it is answered.
//! - `follow`: a log that is read as it grows.
//! - `agents`: what is asked about a workspace's agents, and who takes a workspace over.
//! - `wish`: what is wanted of a workspace that is called by its id. `figures`: what is read of presets and counters.
//! - `terminal`: a terminal on an agent's machine. `screen`: what is seen there.
//!
//! A person whose call gets no answer tries again, as people do; what an earlier try did is then no surprise to
//! them. A refusal is an answer: it is told, and that is that.

mod agents;
mod figures;
mod follow;
mod request;
mod screen;
mod terminal;
mod wish;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use groundhog_host::{Host, event::Id};
use groundhog_sim::Engine;
use groundhog_wire::{
    Channel, ChannelConfig, Endpoints, Identity, Limited, Secret,
    id::{ChatId, WorkspaceId},
    retryable,
    v1::{
        UpdateTemplateRequest, administration_client::AdministrationClient, chats_client::ChatsClient,
        jobs_client::JobsClient, templates_client::TemplatesClient, workspace_agents_client::WorkspaceAgentsClient,
        workspaces_client::WorkspacesClient,
    },
};

pub(super) use self::screen::{Screen, WINDOW, session_id};
use self::{
    agents::{Asked, Circle, Question},
    figures::Reading,
    follow::Follow,
    request::{Request, whole_millis},
    terminal::Terminal,
    wish::Wish,
};
use super::{CastError, Secrets, assistants::Chats, control};
use crate::scenario::{Action, Chat, Scenario, Template, USERS as HOST};

groundhog_host::events! {
    /// What people tell.
    pub EVENTS;

    /// A person has a chat with an assistant.
    log chat = "user.chat" {
        /// Whose it is.
        by: &str,
        /// The chat.
        chat: Id,
        /// What the story calls it.
        name: &str,
    }

    /// The control plane refused what a person asked for.
    log refused = "user.refused" {
        /// Who asked.
        by: &str,
        /// What was called, by the name of its step: create_workspace, build_workspace, cancel_build, and so on.
        call: &str,
        /// The gRPC code of the refusal.
        code: &str,
        /// The reason that was given.
        error: &str,
    }

    /// A person got no answer for so long that they stopped asking.
    log gave_up = "user.gave_up" {
        /// Who asked.
        by: &str,
        /// What was called.
        call: &str,
        /// What the last try met.
        error: &str,
    }

    /// A person has read a job's log to its end.
    log followed_logs = "user.followed_logs" {
        /// Who read it.
        by: &str,
        /// The job.
        job: Id,
        /// How many lines they saw.
        lines: u64,
        /// Whether each line came after those before it, and none twice.
        ordered: bool,
    }

    /// A person has looked at a workspace's agents.
    log saw_agents = "user.saw_agents" {
        /// Who looked.
        by: &str,
        /// The workspace's name.
        workspace: &str,
        /// Each agent's name, status and step of its life, such as `main=connected/ready, other=connecting/created`.
        agents: &str,
    }

    /// A person has left a terminal.
    log terminal_seen = "user.terminal_seen" {
        /// Who was there.
        by: &str,
        /// What the session is called.
        session: &str,
        /// How many bytes they saw, those that were shown again included.
        bytes: u64,
        /// The last hundred characters of them; lines are joined by `|`.
        tail: &str,
        /// The session had ended, or dropped them, before they left.
        sent_away: bool,
    }

    /// A person has read one of the figures that the control plane counts.
    log saw_metric = "user.metric" {
        /// Who read it.
        by: &str,
        /// Its name.
        metric: &str,
        /// What tells it from others of the name, such as `organization=default,template=vm`.
        labels: &str,
        /// The figure; of a histogram, how many values there are.
        value: &str,
    }

    /// A person has looked at a preset.
    log saw_preset = "user.preset" {
        /// Who looked.
        by: &str,
        /// Its template and its name: TEMPLATE/PRESET.
        preset: &str,
        /// healthy, hard_limited or validation_failed.
        status: &str,
        /// What was built ahead for it was once to be made anew.
        invalidated: bool,
    }

    /// A call of a person's was answered.
    quiet answered = "user.answered" {
        /// Who asked.
        by: &str,
        /// What was called.
        call: &str,
    }
}

/// How long a person waits for one answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a person waits before asking again.
const RETRY_WAIT: Duration = Duration::from_secs(5);

/// How long a person goes on asking: longer than the faults of any story that is meant to be survived.
const PATIENCE: Duration = Duration::from_mins(30);

/// Everybody who can act. Cheap to clone; every clone is the same.
#[derive(Clone)]
pub(crate) struct People {
    shared: Arc<Shared>,
}

/// What people know, each of themselves and together.
struct Shared {
    people: BTreeMap<String, Person>,
    chats: Chats,
    /// By template of the file: what a version of it is made from.
    sources: BTreeMap<String, control::Source>,
    /// By template of the file that an import has to bring: how long its workspaces live, if that is said.
    lifetimes: BTreeMap<String, UpdateTemplateRequest>,
    /// By template: the job of its latest dry run.
    dry_runs: Mutex<BTreeMap<String, String>>,
    /// Workspaces, by owner and name, whose creation was asked for and not answered yet.
    unborn: Mutex<BTreeSet<(String, String)>>,
}

struct Person {
    token: Secret,
    control: Endpoints,
}

pub(crate) fn cast(
    scenario: &Scenario,
    world: &mut dyn Engine,
    secrets: &Secrets,
    ids: &Chats,
) -> Result<People, CastError> {
    let chats = scenario.chats.iter().filter_map(|chat| Some((chat.clone(), *ids.get(&chat.name)?)));
    let (chats, chat_ids): (Vec<(Chat, ChatId)>, Chats) = (chats.collect(), ids.clone());
    world.host(HOST, move |_| {
        let chats = chats.clone();
        async move {
            for (one, id) in &chats {
                chat(&one.owner, id.event(), &one.name);
            }
            std::future::pending().await
        }
    });
    let person = |(number, (name, token)): (usize, (&String, &Secret))| {
        let control = control::endpoints(scenario, None, number);
        (name.clone(), Person { token: token.clone(), control })
    };
    let people = secrets.users.iter().enumerate().map(person).collect();
    let sources = scenario.templates.iter().map(|template| Ok((template.name.clone(), control::source(template)?)));
    let sources = sources.collect::<Result<_, CastError>>()?;
    let lifetimes = scenario.templates.iter().filter(|template| !template.set_up).filter_map(lifetimes);
    let lifetimes = lifetimes.map(|request| (request.template.clone(), request)).collect();
    let shared =
        Shared { people, chats: chat_ids, sources, lifetimes, dry_runs: Mutex::default(), unborn: Mutex::default() };
    Ok(People { shared: Arc::new(shared) })
}

/// How long the template's workspaces live, as it is said of a template that is there; none if the template doesn't say.
pub fn lifetimes(template: &Template) -> Option<UpdateTemplateRequest> {
    let request = UpdateTemplateRequest {
        template: template.name.clone(),
        default_ttl_ms: template.default_ttl.map(whole_millis),
        dormant_after_ms: template.dormant_after.map(whole_millis),
        deleted_after_ms: template.deleted_after.map(whole_millis),
    };
    template.goes_by_the_clock().then_some(request)
}

impl People {
    /// Has a person do what a step says, from the users' host. Steps that are none of theirs do nothing. `id` is that of the
    /// workspace that it is about, if that is known: what was built ahead nobody calls by its name.
    pub(crate) fn act(&self, host: &Host, action: &Action, id: Option<&String>) {
        let (people, asking) = (self.shared.clone(), host.clone());
        if let Some(terminal) = Terminal::of(action, id) {
            host.spawn("terminal", async move { terminal.visit(&asking, &people).await }).detach();
        } else if let Some(wish) = Wish::of(action, id, &people) {
            host.spawn("wish", async move { wish.fulfil(&asking, &people).await }).detach();
        } else if let Some(reading) = Reading::of(action) {
            host.spawn("reading", async move { reading.read(&asking, &people).await }).detach();
        } else if let Some(question) = Question::of(action, id) {
            host.spawn("question", async move { question.ask(&asking, &people).await }).detach();
        } else if let Some(follow) = Follow::of(action, id) {
            host.spawn("follow", async move { follow.read(&asking, &people).await }).detach();
        } else if let Some(request) = Request::of(action, &people) {
            host.spawn("step", async move { request.make(&asking, &people).await }).detach();
        }
    }

    /// The id of `owner`'s workspace, which others need who do not know it by its name; none once patience ends. Somebody
    /// who is at `host` asks.
    pub(super) async fn workspace_id(&self, host: &Host, owner: &str, workspace: &str) -> Option<WorkspaceId> {
        let asked = Asked { by: owner.to_owned(), owner: owner.to_owned(), workspace: workspace.to_owned(), id: None };
        let mut circle = Circle::of(host, &self.shared, &asked)?;
        let until = host.now() + PATIENCE;
        loop {
            match circle.workspace_id(host).await {
                Ok(id) => return id.parse().ok(),
                Err(status) if !retryable(&status) => {
                    refused(owner, "open_tunnel", &format!("{:?}", status.code()), status.message());
                    return None;
                }
                Err(status) if host.now() >= until => {
                    gave_up(owner, "open_tunnel", status.message());
                    return None;
                }
                Err(_) => host.sleep(RETRY_WAIT).await,
            }
        }
    }
}

impl Shared {
    /// What `name` calls the control plane by, over a connection of its own.
    fn clients(&self, host: &Host, name: &str) -> Option<Clients> {
        let Person { token, control } = self.people.get(name)?;
        let channel = Channel::new(host, control.clone(), Identity::user(token.clone()), ChannelConfig::default());
        Some(Clients {
            workspaces: WorkspacesClient::new(channel.clone()).limited(),
            templates: TemplatesClient::new(channel.clone()).limited(),
            jobs: JobsClient::new(channel.clone()).limited(),
            agents: WorkspaceAgentsClient::new(channel.clone()).limited(),
            administration: AdministrationClient::new(channel.clone()).limited(),
            chats: ChatsClient::new(channel).limited(),
        })
    }

    /// See the field.
    fn unborn(&self) -> MutexGuard<'_, BTreeSet<(String, String)>> {
        self.unborn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dry_runs(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.dry_runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a person calls the control plane by.
struct Clients {
    workspaces: WorkspacesClient<Channel>,
    templates: TemplatesClient<Channel>,
    jobs: JobsClient<Channel>,
    agents: WorkspaceAgentsClient<Channel>,
    administration: AdministrationClient<Channel>,
    chats: ChatsClient<Channel>,
}
