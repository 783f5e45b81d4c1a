//! create_workspace.

use groundhog_host::Instant;
use groundhog_wire::{
    id::{AgentId, BuildId, TemplateId, WorkspaceId},
    v1,
};
use tonic::{Code, Status};

use crate::{
    Answer,
    answers::{self, FailedBuild, There},
    arguments::CreateWorkspace,
    errand::{Bound, Errand, ROUNDS_MAX},
    events,
    existing::{Existing, Vacancy},
    look::{self, Found},
    name, refusal,
    report::Report,
    standing::{self, Standing},
    texts, timing, ttl,
    wait_agent::{self, Several},
    wait_build,
};

/// What came of a look and of what was done upon it, in one turn.
enum Step {
    /// Somebody was quicker: look anew.
    Anew,
    /// This build is to end first.
    After(BuildId),
    /// The chat has a workspace, to be waited for.
    Standing(Box<Standing>),
    /// A workspace was made, or claimed, for the chat.
    Made { chat: v1::Chat, build: Box<v1::Build> },
}

/// Carries it out.
pub(crate) async fn create_workspace(errand: &mut Errand<'_>, arguments: &CreateWorkspace) -> Answer {
    // Either is an answer; an error is one that ended the call early.
    create(errand, arguments).await.unwrap_or_else(|answer| answer)
}

async fn create(errand: &mut Errand<'_>, arguments: &CreateWorkspace) -> Result<Answer, Answer> {
    let template = arguments.template().map_err(|error| Answer::Error(error.to_string()))?;
    check_allowed(errand, template)?;
    // One for the whole call: however often it is sent, it makes one workspace.
    let request_id = errand.host.new_id("chat-request").to_string();
    for _ in 0..ROUNDS_MAX {
        let turn = errand.turn().await?;
        let began = errand.host.now();
        let step = decide(errand, arguments, template, &request_id).await;
        errand.spend_deciding(began);
        // Who waits does not keep others of the chat from finding out what it waits for.
        drop(turn);
        match step? {
            Step::Anew => {}
            Step::After(build) => wait_build::wait_for_end(errand, build).await?,
            Step::Standing(standing) => {
                return standing::wait(errand, *standing, answers::already_exists).await;
            }
            Step::Made { chat, build } => return made(errand, chat, *build).await,
        }
    }
    Err(Answer::Error(texts::NO_DECISION.to_owned()))
}

/// Refuses a template that chats may not use.
pub(crate) fn check_allowed(errand: &Errand<'_>, template: TemplateId) -> Result<(), Answer> {
    let allowed = &errand.config.allowed_templates;
    if allowed.is_empty() || allowed.contains(&template) {
        return Ok(());
    }
    Err(Answer::Error(texts::TEMPLATE_NOT_ALLOWED.to_owned()))
}

async fn decide(
    errand: &Errand<'_>,
    arguments: &CreateWorkspace,
    template: TemplateId,
    request_id: &str,
) -> Result<Step, Answer> {
    let until = errand.decide_until();
    let found = look::look(errand, until).await?;
    match found.existing.clone() {
        Existing::Create(vacancy) => ask(errand, arguments, template, request_id, &found, vacancy, until).await,
        Existing::WaitForEnd(build) => Ok(Step::After(build)),
        Existing::Stopped => Err(answers::stopped(found.name())),
        Existing::Unknown(error) => Err(Answer::Error(error)),
        // A read that was asked for twice contradicts itself.
        Existing::LookAnew | Existing::ReadWorkspace(_) | Existing::ReadAgents(_) => Ok(Step::Anew),
        Existing::WaitForStart(build) => Ok(Step::Standing(Box::new(Standing::Building { found, build }))),
        Existing::Connected(agent) => Ok(standing_agent(found, agent, There::RecentlyConnected)),
        Existing::Connecting(agent) => Ok(standing_agent(found, agent, There::Connecting)),
        Existing::Ping(agent) => Ok(standing_agent(found, agent, There::Reachable)),
    }
}

fn standing_agent(found: Found, agent: AgentId, there: There) -> Step {
    Step::Standing(Box::new(Standing::Running { found, agent, there }))
}

/// Asks for a workspace, in place of nothing or of what is dead.
async fn ask(
    errand: &Errand<'_>,
    arguments: &CreateWorkspace,
    template: TemplateId,
    request_id: &str,
    found: &Found,
    vacancy: Vacancy,
    until: Instant,
) -> Result<Step, Answer> {
    let (template, choices) = look::template(errand, &found.chat, template, until).await?;
    if choices.has_external_agents {
        return Err(Answer::Error(texts::EXTERNAL_AGENTS.to_owned()));
    }
    let ttl_ms = ttl_ms(errand, until).await;
    let preset = arguments.preset().map_err(|error| Answer::Error(error.to_string()))?;
    let mut names = errand.host.random("names");
    let (base, name) = match &arguments.name {
        Some(name) if name::is_valid(name) => (name, name.clone()),
        Some(name) => (name, name::from_base(name, &mut names)),
        None => (&template.name, name::from_base(&template.name, &mut names)),
    };
    let mut request = v1::CreateWorkspaceRequest {
        name,
        template_id: template.template_id.clone(),
        preset_id: preset.map(|preset| preset.to_string()).unwrap_or_default(),
        parameters: parameters(arguments),
        ttl_ms,
        chat: Some(v1::ForChat {
            chat_id: found.chat.chat_id.clone(),
            request_id: request_id.to_owned(),
            replaces: vacancy.replaces.clone(),
        }),
        ..v1::CreateWorkspaceRequest::default()
    };
    let mut asked = send(errand, found, &vacancy, &request, until).await;
    if asked.as_ref().is_err_and(refusal::is_name_conflict) {
        // Once: a name that was just drawn is taken by hardly anybody (#25668).
        request.name = name::from_base(base, &mut names);
        asked = send(errand, found, &vacancy, &request, until).await;
    }
    match asked {
        Ok(build) => Ok(Step::Made { chat: found.chat.clone(), build: Box::new(build) }),
        // What the chat has is not what was read.
        Err(status) if refusal::is_refusal(&status) && status.code() == Code::Aborted => Ok(Step::Anew),
        Err(status) => Err(refusal::create_failed(&status)),
    }
}

async fn send(
    errand: &Errand<'_>,
    found: &Found,
    vacancy: &Vacancy,
    request: &v1::CreateWorkspaceRequest,
    until: Instant,
) -> Result<v1::Build, Status> {
    let instead_of = match vacancy.replaces {
        None => String::new(),
        Some(_) => format!("{}: {}", found.name(), vacancy.state),
    };
    events::asked(errand.number, errand.chat(), &request.name, &instead_of);
    errand.control.create_workspace(request.clone(), until).await
}

/// What administrators have set. That it can't be read is no reason to refuse anybody a workspace, nor to wait for long.
async fn ttl_ms(errand: &Errand<'_>, until: Instant) -> Option<i64> {
    let until = until.min(errand.host.now() + timing::REQUEST_TIMEOUT);
    match errand.control.chat_settings(until).await {
        Ok(settings) => ttl::ttl_ms(&settings.workspace_ttl),
        Err(status) => {
            errand.pass_over("get chat settings", &status);
            None
        }
    }
}

/// In the order of their names.
fn parameters(arguments: &CreateWorkspace) -> Vec<v1::ParameterValue> {
    let value = |(name, value): (&String, &String)| v1::ParameterValue { name: name.clone(), value: value.clone() };
    arguments.parameters.iter().map(value).collect()
}

/// The chat has a workspace of its own now: waits until it can be used.
async fn made(errand: &mut Errand<'_>, mut chat: v1::Chat, build: v1::Build) -> Result<Answer, Answer> {
    let wrong = |error: groundhog_wire::id::IdError| Answer::Error(format!("create workspace: {error}"));
    let id: BuildId = build.build_id.parse().map_err(wrong)?;
    let workspace: WorkspaceId = build.workspace_id.parse().map_err(wrong)?;
    // The control plane has bound the chat in the very transaction that made the workspace.
    chat.workspace_id.clone_from(&build.workspace_id);
    chat.build_id.clone_from(&build.build_id);
    chat.agent_id.clear();
    errand.tell_updated(&chat, "created");
    if let Err(failure) = wait_build::wait(errand, id).await.success() {
        return Err(wait_build::failed(errand, &chat, FailedBuild::Own, id, &failure).await);
    }
    let report: Report = wait_agent::choose_and_wait(errand, &mut chat, workspace, Several::Told).await;
    Ok(answers::created(&chat.owner, &build.workspace_name, id, &report))
}

/// Says that the chat goes on with a build, whose agents are not known yet.
pub(crate) async fn bind_build(errand: &Errand<'_>, chat: &mut v1::Chat, build: BuildId) {
    if errand.bind(chat, &build.to_string(), "").await == Bound::Changed {
        errand.tell_updated(chat, "build");
    }
}
