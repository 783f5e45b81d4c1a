//! People's chats with assistants: made, looked at, and what they go on with.

use groundhog_wire::{
    id::{AgentId, BuildId, ChatId, WorkspaceId},
    v1,
};

use super::{chat_workspace, organization, view};
use crate::{
    chat_standing::Death,
    events, limits, permission,
    refusal::{CallError, Refusal},
    store::{
        Tx, agents,
        builds::{self, Build},
        chats::{self, Bound, Chat, NewChat},
        templates,
        users::{Role, User},
        workspaces,
    },
};

/// The longest time that administrators set for chats' workspaces, as text, in bytes.
pub const TTL_BYTES_MAX: usize = 64;

/// Makes a chat of `user`'s; or answers with theirs that has this id already.
pub fn create(tx: &Tx<'_>, user: &User, request: &v1::CreateChatRequest) -> Result<v1::Chat, CallError> {
    let organization = organization::named(tx, &request.organization)?;
    let id = match request.chat_id.as_str() {
        "" => ChatId(tx.new_id("chat")),
        id => parse(id)?,
    };
    if let Some(chat) = chats::by_id(tx, id)? {
        if chat.owner != user.id || chat.organization != organization {
            let text = format!("There is another chat with the id {id}: choose another id.");
            return Err(Refusal::Exists(text).into());
        }
        return Ok(shown(&chat));
    }
    if !permission::uses_template(user.role, user.organizations.contains(&organization)) {
        let name = limits::shown(&request.organization);
        let text = format!("You are no member of the organization {name:?}: ask for membership.");
        return Err(Refusal::Denied(text).into());
    }
    chats::insert(tx, NewChat { id, owner: user.id, organization })?;
    let owner = user.name.clone();
    tx.after_commit(move || events::chat_created(id.event(), &owner));
    get_by_id(tx, user, id)
}

/// A chat as it stands, for whose it is and for administrators.
pub fn get(tx: &Tx<'_>, user: &User, request: &v1::GetChatRequest) -> Result<v1::Chat, CallError> {
    get_by_id(tx, user, parse(&request.chat_id)?)
}

fn get_by_id(tx: &Tx<'_>, user: &User, id: ChatId) -> Result<v1::Chat, CallError> {
    Ok(shown(&visible(tx, user, id)?))
}

/// Says with which build and agent of its workspace `user`'s chat goes on; or, if that is asked for, gives it a workspace
/// of theirs, if it has none or its own was destroyed.
pub fn bind(tx: &Tx<'_>, user: &User, request: &v1::BindChatRequest) -> Result<v1::Chat, CallError> {
    let chat = own(tx, user, &request.chat_id)?;
    let workspace: WorkspaceId = request.workspace_id.parse().map_err(|error| Refusal::Invalid(format!("{error}")))?;
    let build = build_of(tx, workspace, &request.build_id)?;
    let build = build.filter(|build| build.owner == user.id);
    let build = build.ok_or_else(|| match request.build_id.as_str() {
        "" => view::no_workspace(&workspace.to_string()),
        build => Refusal::NotFound(format!("the workspace {workspace} has no build {:?}", limits::shown(build))),
    })?;
    let agent = agent_of(tx, &build, &request.agent_id)?;
    match chat.bound {
        Some(bound) if bound.workspace == workspace => go_on(tx, &chat, bound, &build, agent)?,
        _ if !request.attach => return Err(chat_workspace::overtaken(chat.id).into()),
        bound => attach(tx, &chat, bound, &build, agent)?,
    }
    get_by_id(tx, user, chat.id)
}

fn go_on(tx: &Tx<'_>, chat: &Chat, bound: Bound, build: &Build, agent: Option<AgentId>) -> Result<(), CallError> {
    let before = bound.build.map(|build| builds::by_id(tx, build)).transpose()?.flatten();
    // It is a request that was long on its way.
    if let Some(before) = before.filter(|before| before.number > build.number) {
        let (number, before) = (build.number, before.number);
        let text = format!("The chat goes on with build {before}, which is newer than build {number}.");
        return Err(Refusal::Overtaken(text).into());
    }
    if !chats::go_on_with(tx, chat.id, build.workspace, build.id, agent)? {
        return Err(chat_workspace::overtaken(chat.id).into());
    }
    let (id, next) = (chat.id.event(), build.id.event());
    if bound.build != Some(build.id) {
        tx.after_commit(move || events::chat_build(id, next));
    }
    if let Some(agent) = agent.filter(|agent| bound.agent != Some(*agent)) {
        tx.after_commit(move || events::chat_agent(id, agent.event()));
    }
    Ok(())
}

fn attach(
    tx: &Tx<'_>,
    chat: &Chat,
    bound: Option<Bound>,
    build: &Build,
    agent: Option<AgentId>,
) -> Result<(), CallError> {
    let workspace = build.workspace;
    if workspaces::live_owner(tx, workspace)?.is_none() {
        return Err(view::no_workspace(&workspace.to_string()).into());
    }
    let version = templates::version(tx, build.version)?;
    if version.is_none_or(|version| version.organization != chat.organization) {
        let organization = limits::shown(&chat.organization_name);
        let text = format!("The workspace {workspace} is of no template of the chat's organization {organization:?}.");
        return Err(Refusal::Denied(text).into());
    }
    let released = match bound {
        Some(Bound { workspace, .. }) if workspaces::live_owner(tx, workspace)?.is_some() => {
            let text = format!("The chat has the workspace {workspace}: delete that before it is given another one.");
            return Err(Refusal::State(text).into());
        }
        Some(bound) => Some((bound.workspace, Death::Deleted)),
        None => None,
    };
    let bound = Bound { workspace, build: Some(build.id), agent, request: None };
    chat_workspace::bind(tx, chat.id, released, &bound, build.id, "attached")?;
    if let Some(agent) = agent {
        let id = chat.id.event();
        tx.after_commit(move || events::chat_agent(id, agent.event()));
    }
    Ok(())
}

/// The build of a workspace that a request names; its latest if it names none.
fn build_of(tx: &Tx<'_>, workspace: WorkspaceId, build: &str) -> Result<Option<Build>, CallError> {
    if build.is_empty() {
        return Ok(builds::latest(tx, workspace)?);
    }
    let id: BuildId = build.parse().map_err(|error| Refusal::Invalid(format!("{error}")))?;
    Ok(builds::by_id(tx, id)?.filter(|build| build.workspace == workspace))
}

/// The agent of a build that a request names; none if it names none.
fn agent_of(tx: &Tx<'_>, build: &Build, agent: &str) -> Result<Option<AgentId>, CallError> {
    if agent.is_empty() {
        return Ok(None);
    }
    let id: AgentId = agent.parse().map_err(|error| Refusal::Invalid(format!("{error}")))?;
    match agents::by_id(tx, id)? {
        Some(found) if found.build == build.id => Ok(Some(id)),
        Some(_) | None => Err(Refusal::NotFound(format!("the build {} has no agent {id}", build.id)).into()),
    }
}

/// What administrators have set for all chats.
pub fn settings(tx: &Tx<'_>) -> Result<v1::ChatSettings, CallError> {
    Ok(v1::ChatSettings { workspace_ttl: chats::workspace_ttl(tx)? })
}

/// Sets it.
pub fn set_settings(tx: &Tx<'_>, settings: &v1::ChatSettings) -> Result<v1::ChatSettings, CallError> {
    let bytes = settings.workspace_ttl.len();
    if bytes > TTL_BYTES_MAX {
        let text = format!("the time has {bytes} bytes, and at most {TTL_BYTES_MAX} fit: write it such as \"1h30m\"");
        return Err(Refusal::Invalid(text).into());
    }
    chats::set_workspace_ttl(tx, &settings.workspace_ttl)?;
    Ok(settings.clone())
}

/// The chat with this id, if it is `user`'s.
pub(super) fn own(tx: &Tx<'_>, user: &User, id: &str) -> Result<Chat, CallError> {
    let chat = visible(tx, user, parse(id)?)?;
    if chat.owner != user.id {
        let text = format!("the chat {} is another person's: only they have workspaces made for it", chat.id);
        return Err(Refusal::Denied(text).into());
    }
    Ok(chat)
}

fn visible(tx: &Tx<'_>, user: &User, id: ChatId) -> Result<Chat, CallError> {
    let chat = chats::by_id(tx, id)?.filter(|chat| chat.owner == user.id || user.role == Role::Admin);
    chat.ok_or_else(|| Refusal::NotFound(format!("there is no chat {id}")).into())
}

fn parse(id: &str) -> Result<ChatId, Refusal> {
    id.parse().map_err(|error| Refusal::Invalid(format!("{error}")))
}

fn shown(chat: &Chat) -> v1::Chat {
    let text = |id: Option<String>| id.unwrap_or_default();
    let bound = chat.bound;
    v1::Chat {
        chat_id: chat.id.to_string(),
        owner: chat.owner_name.clone(),
        organization: chat.organization_name.clone(),
        created_at_ms: chat.created_at,
        workspace_id: text(bound.map(|bound| bound.workspace.to_string())),
        build_id: text(bound.and_then(|bound| bound.build).map(|build| build.to_string())),
        agent_id: text(bound.and_then(|bound| bound.agent).map(|agent| agent.to_string())),
    }
}
