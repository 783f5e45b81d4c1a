//! The assistants: runtimes of the tools that are used in people's chats, each on a host of its own.
//!
//! An assistant does what a step says as a model would that was told so in the chat: it knows templates and presets by
//! their names, and finds out their ids by the tools that are there for it, or from the person if the tools leave a
//! template out. It calls tools as any runtime does, by a line of JSON. What a killed assistant was doing is gone with it;
//! the next one knows nothing of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use groundhog_chattool::{AgentDialer, Toolbox, ToolboxConfig};
use groundhog_host::Host;
use groundhog_sim::Engine;
use groundhog_tunnel::connection::Dialer;
use groundhog_wire::{
    Channel, ChannelConfig, Endpoints, Identity, Limited, Secret, call,
    id::{AgentId, ChatId, TemplateId},
    v1::{ListTemplatesRequest, Template, templates_client::TemplatesClient},
};
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use super::{Secrets, control, unnamed::Unnamed};
use crate::scenario::{Assistant, ChatTool, Role, Said, Scenario, ToolArguments, ToolCall};

/// How often an assistant asks for what it has to know before the call that it was told to make.
const TRIES: u32 = 3;

/// The wait between two of them.
const RETRY_WAIT: Duration = Duration::from_secs(5);

/// How long whoever sets an assistant up waits for one answer of the control plane's.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The ids of the chats, by name.
pub(crate) type Chats = BTreeMap<String, ChatId>;

/// Draws the chats' ids. A world without chats draws nothing.
pub(crate) fn chats(scenario: &Scenario, world: &dyn Engine) -> Chats {
    if scenario.chats.is_empty() {
        return Chats::new();
    }
    let mut random = world.random("chats");
    scenario.chats.iter().map(|chat| (chat.name.clone(), ChatId(random.uuid()))).collect()
}

/// The assistants. Cheap to clone; every clone is the same.
#[derive(Clone)]
pub(crate) struct Assistants {
    shared: Arc<Shared>,
}

struct Shared {
    chats: BTreeMap<String, Chat>,
    desks: BTreeMap<String, Arc<Desk>>,
    unnamed: Unnamed,
    /// By chat and name: the ids of templates of which the chat has heard.
    templates: Mutex<BTreeMap<(String, String), String>>,
}

/// A chat, as an assistant knows it.
struct Chat {
    id: ChatId,
    token: Secret,
}

/// What an assistant is set up with.
struct Desk {
    control: Endpoints,
    dials: bool,
    /// The names of the templates that are allowed; empty for all.
    allowed: BTreeSet<String>,
    /// Who may know these templates' ids.
    informants: Vec<Secret>,
    /// The runtime that is up at present.
    runtime: Mutex<Option<Runtime>>,
}

/// A runtime, whose tools are there once somebody needs them.
type Runtime = Arc<OnceCell<Toolbox>>;

/// Puts the assistants into the world. A world without any is as it was.
pub(super) fn cast(
    scenario: &Scenario,
    world: &mut dyn Engine,
    secrets: &Secrets,
    chats: &Chats,
    unnamed: &Unnamed,
) -> Assistants {
    let known = scenario.chats.iter().filter_map(|chat| {
        let token = secrets.users.get(&chat.owner)?.clone();
        Some((chat.name.clone(), Chat { id: *chats.get(&chat.name)?, token }))
    });
    let mut desks = BTreeMap::new();
    for (number, assistant) in scenario.assistants.iter().enumerate() {
        let desk = Arc::new(desk(scenario, secrets, assistant, number));
        desks.insert(assistant.name.clone(), desk.clone());
        world.host(&assistant.name, move |_| {
            *desk.runtime() = Some(Runtime::default());
            std::future::pending()
        });
    }
    let shared = Shared { chats: known.collect(), desks, unnamed: unnamed.clone(), templates: Mutex::default() };
    Assistants { shared: Arc::new(shared) }
}

fn desk(scenario: &Scenario, secrets: &Secrets, assistant: &Assistant, number: usize) -> Desk {
    let admins = scenario.users.iter().filter(|(_, user)| user.role == Role::Admin).map(|(name, _)| name);
    let people: BTreeSet<&String> = admins.chain(scenario.chats.iter().map(|chat| &chat.owner)).collect();
    Desk {
        control: control::endpoints(scenario, assistant.control.as_deref(), number),
        dials: assistant.dials,
        allowed: assistant.allowed_templates.iter().cloned().collect(),
        informants: people.into_iter().filter_map(|name| secrets.users.get(name).cloned()).collect(),
        runtime: Mutex::default(),
    }
}

impl Assistants {
    /// Has the assistant on `host` do what a step says. One that is about to start does not hear of it.
    pub(crate) fn call(&self, host: &Host, call: &ToolCall) {
        let shared = self.shared.clone();
        let Some(desk) = shared.desks.get(&call.on).cloned() else { return };
        let Some(runtime) = desk.runtime().clone() else { return };
        let (asking, call) = (host.clone(), call.clone());
        host.spawn("chat", async move {
            let toolbox = runtime.get_or_init(|| desk.toolbox(&asking)).await;
            shared.make(&asking, toolbox, &call).await;
        })
        .detach();
    }
}

impl Desk {
    fn runtime(&self) -> MutexGuard<'_, Option<Runtime>> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tools of a runtime on `host`.
    async fn toolbox(&self, host: &Host) -> Toolbox {
        let dialer = Dials { host: host.clone(), control: self.control.clone() };
        let config = ToolboxConfig {
            control: Some(self.control.clone()),
            allowed_templates: self.allowed(host).await,
            dialer: self.dials.then(|| Arc::new(dialer) as Arc<dyn AgentDialer>),
            ..ToolboxConfig::default()
        };
        Toolbox::new(host, config)
    }

    /// The ids of the templates that are allowed. Whoever sets up an assistant knows them; here somebody has to be asked.
    async fn allowed(&self, host: &Host) -> BTreeSet<TemplateId> {
        let mut found = BTreeMap::new();
        if self.allowed.is_empty() {
            return BTreeSet::new();
        }
        for token in &self.informants {
            let wanted = |template: &Template| self.allowed.contains(&template.name);
            for template in self.templates_of(host, token).await.into_iter().filter(wanted) {
                found.extend(template.template_id.parse().ok().map(|id: TemplateId| (template.name, id)));
            }
            if found.len() == self.allowed.len() {
                break;
            }
        }
        // No list at all would allow everything: where nothing is found, what nobody has is allowed.
        let nothing = found.is_empty().then(|| TemplateId(uuid::Uuid::nil()));
        found.into_values().chain(nothing).collect()
    }

    /// The templates that somebody sees; none if nobody answers.
    async fn templates_of(&self, host: &Host, token: &Secret) -> Vec<Template> {
        let identity = Identity::user(token.clone());
        let channel = Channel::new(host, self.control.clone(), identity, ChannelConfig::default());
        let mut client = TemplatesClient::new(channel).limited();
        for _ in 0..TRIES {
            let listed = call(host, CALL_TIMEOUT, client.list_templates(ListTemplatesRequest::default())).await;
            if let Ok(listed) = listed {
                return listed.into_inner().templates;
            }
            host.sleep(RETRY_WAIT).await;
        }
        Vec::new()
    }
}

impl Shared {
    fn templates(&self) -> MutexGuard<'_, BTreeMap<(String, String), String>> {
        self.templates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what a step says.
    async fn make(&self, host: &Host, toolbox: &Toolbox, call: &ToolCall) {
        let Some(chat) = self.chats.get(&call.chat) else { return };
        let arguments = match &call.arguments {
            ToolArguments::Raw(text) => text.clone(),
            ToolArguments::Said(said) => self.arguments(host, toolbox, chat, call, said).await,
        };
        if call.tool == ChatTool::CreateWorkspace {
            let template = match &call.arguments {
                ToolArguments::Said(said) => said.template.as_str(),
                ToolArguments::Raw(_) => "",
            };
            self.unnamed.asked(&call.chat, template);
        }
        // What came of it is told by the tool.
        answer(toolbox, chat, call.tool, &arguments).await;
    }

    /// What a step says of the arguments, as the JSON object that a tool takes.
    async fn arguments(&self, host: &Host, toolbox: &Toolbox, chat: &Chat, call: &ToolCall, said: &Said) -> String {
        let mut object = Map::new();
        let template_id = if said.template.is_empty() {
            said.template_id.clone()
        } else {
            self.template_id(host, toolbox, chat, call, &said.template).await
        };
        let preset_id = if said.preset.is_empty() {
            said.preset_id.clone()
        } else {
            preset_id(host, toolbox, chat, &template_id, &said.preset).await
        };
        for (key, text) in [("template_id", template_id), ("name", said.name.clone()), ("preset_id", preset_id)] {
            if !text.is_empty() {
                object.insert(key.to_owned(), Value::String(text));
            }
        }
        if !said.parameters.is_empty() {
            object.insert("parameters".to_owned(), json!(said.parameters));
        }
        Value::Object(object).to_string()
    }

    /// The id of a template, which a chat that has heard of it knows, or the person whose chat it is; the name itself if
    /// there is no such template.
    async fn template_id(&self, host: &Host, toolbox: &Toolbox, chat: &Chat, call: &ToolCall, name: &str) -> String {
        let heard_of = (call.chat.clone(), name.to_owned());
        if let Some(known) = self.templates().get(&heard_of) {
            return known.clone();
        }
        let listed = ask(host, toolbox, chat, ChatTool::ListTemplates, "{}").await;
        if let Some(id) = listed.and_then(|listed| id_of(&listed, "templates", "template_id", name)) {
            self.templates().insert(heard_of, id.clone());
            return id;
        }
        // The chat may not use it, but the person knows it.
        let Some(desk) = self.desks.get(&call.on) else { return name.to_owned() };
        let known = desk.templates_of(host, &chat.token).await;
        known.into_iter().find(|one| one.name == name).map_or_else(|| name.to_owned(), |one| one.template_id)
    }
}

/// The id of a preset; the name itself if the template has no such preset.
async fn preset_id(host: &Host, toolbox: &Toolbox, chat: &Chat, template_id: &str, name: &str) -> String {
    let arguments = json!({ "template_id": template_id }).to_string();
    let read = ask(host, toolbox, chat, ChatTool::ReadTemplate, &arguments).await;
    read.and_then(|read| id_of(&read, "presets", "preset_id", name)).unwrap_or_else(|| name.to_owned())
}

/// The id of what is called `name` in the list `list` of an answer.
fn id_of(answer: &Value, list: &str, id: &str, name: &str) -> Option<String> {
    let found =
        answer.get(list)?.as_array()?.iter().find(|one| one.get("name").and_then(Value::as_str) == Some(name))?;
    found.get(id)?.as_str().map(str::to_owned)
}

/// Calls a tool until it answers with an object, a few times.
async fn ask(host: &Host, toolbox: &Toolbox, chat: &Chat, tool: ChatTool, arguments: &str) -> Option<Value> {
    for _ in 0..TRIES {
        if let Some(answer) = answer(toolbox, chat, tool, arguments).await {
            return Some(answer);
        }
        host.sleep(RETRY_WAIT).await;
    }
    None
}

/// Calls a tool as runtimes do, and reads its answer: an object, or nothing if the call failed.
async fn answer(toolbox: &Toolbox, chat: &Chat, tool: ChatTool, arguments: &str) -> Option<Value> {
    // Put together by hand: arguments that are no JSON are sent as they are.
    let request = format!(r#"{{"chat_id":"{}","tool":"{}","arguments":{arguments}}}"#, chat.id, tool.name());
    let line = toolbox.call_json(&chat.token, &request).await;
    let answer: Value = match serde_json::from_str(&line) {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(%error, tool = tool.name(), "a tool's answer is no JSON");
            return None;
        }
    };
    let content = answer.get("content").and_then(Value::as_str);
    match (content, answer.get("is_error").and_then(Value::as_bool)) {
        (Some(content), Some(false)) => serde_json::from_str(content).ok(),
        (Some(_), Some(true)) => None,
        _ => {
            tracing::error!(tool = tool.name(), "a tool's answer lacks `content` or `is_error`");
            None
        }
    }
}

/// Reaches agents by connections of their own, which are let go of at once.
struct Dials {
    host: Host,
    control: Endpoints,
}

#[tonic::async_trait]
impl AgentDialer for Dials {
    async fn dial(&self, token: &Secret, agent: AgentId) -> Result<(), String> {
        let dialer = Dialer::new(&self.host, self.control.clone(), token.clone(), ChannelConfig::default());
        let connection = dialer.dial(agent).await.map_err(|error| error.to_string())?;
        connection.close().await;
        Ok(())
    }
}
