//! A workspace is made for a chat.
//!
//! That it becomes the chat's is part of the transaction that makes it, or claims it: there is no moment at which a
//! workspace was made for a chat, and the chat does not know. The row that says so is written once for a chat, whichever
//! replica writes it (C2). Another one takes its place only if nothing is left of the workspace that it tells of (C1).
//! Whoever comes second is refused, and all of their transaction is taken back.

use std::time::Duration;

use groundhog_wire::{
    id::{AgentId, BuildId, ChatId, WorkspaceId},
    v1,
};
use uuid::Uuid;

use super::{chat, view};
use crate::{
    agent_status::status,
    chat_standing::{Agent, Death, Standing, death},
    events, limits,
    refusal::{CallError, Refusal},
    store::{
        Tx, agents, builds,
        chats::{self, Bound, Chat},
        templates::Version,
        users::User,
        workspaces,
    },
};

/// What comes of a request for a chat, as far as the chat is concerned.
pub(super) enum Admission {
    /// The chat's workspace came of this very request, and this is the build by which it did.
    Repeated(Box<v1::Build>),
    /// The chat can be given a workspace.
    Admitted(Box<Admitted>),
}

/// A chat that can be given a workspace.
pub(super) struct Admitted {
    chat: Chat,
    request: Uuid,
    /// What it had, of which nothing is left.
    released: Option<(WorkspaceId, Death)>,
}

/// Whether `user`'s chat can be given a workspace: it has none, or nothing is left of the one that it has. The caller
/// says what they know of it, and is refused if that is not so (any more): they decided on something old.
///
/// `inactive_after` is for how long an agent counts as there of which nothing is heard.
pub(super) fn admit(
    tx: &Tx<'_>,
    user: &User,
    asked: &v1::ForChat,
    inactive_after: Duration,
) -> Result<Admission, CallError> {
    let chat = chat::own(tx, user, &asked.chat_id)?;
    let request = Uuid::parse_str(&asked.request_id).map_err(|_| {
        let text = format!("{:?} is not a request id: expected a UUID", limits::shown(&asked.request_id));
        Refusal::Invalid(text)
    })?;
    let bound = match chat.bound {
        Some(bound) if bound.request == Some(request) => {
            let build = builds::first_of_owner(tx, bound.workspace)?
                // A workspace is made with its first build, so only a damaged database gets here.
                .ok_or_else(|| view::no_workspace(&bound.workspace.to_string()))?;
            return Ok(Admission::Repeated(Box::new(view::build(tx, &build)?)));
        }
        bound => bound,
    };
    let released = match (bound, &asked.replaces) {
        (None, None) => None,
        (Some(bound), Some(said)) => Some((bound.workspace, replaceable(tx, &chat, bound, said, inactive_after)?)),
        (Some(bound), None) => {
            let text = format!("The chat has the workspace {}: look at it first.", bound.workspace);
            return Err(Refusal::Overtaken(text).into());
        }
        (None, Some(_)) => return Err(overtaken(chat.id).into()),
    };
    Ok(Admission::Admitted(Box::new(Admitted { chat, request, released })))
}

/// Why nothing is left of the workspace that a chat has, if the caller `said` what is so.
fn replaceable(
    tx: &Tx<'_>,
    chat: &Chat,
    bound: Bound,
    said: &v1::DeadWorkspace,
    inactive_after: Duration,
) -> Result<Death, CallError> {
    let workspace: WorkspaceId = said.workspace_id.parse().map_err(|error| Refusal::Invalid(format!("{error}")))?;
    if bound.workspace != workspace {
        return Err(overtaken(chat.id).into());
    }
    let gone = || view::no_workspace(&workspace.to_string());
    let listed = workspaces::listed(tx, workspace)?.ok_or_else(gone)?;
    let (number, known) = (listed.latest.number, said.build_number);
    if number != known {
        let text =
            format!("The workspace {workspace} has a build {number}, and not {known} any more: look at it first.");
        return Err(Refusal::Overtaken(text).into());
    }
    let agent = named_agent(tx, listed.latest.id, &said.agent_id, inactive_after)?;
    let standing =
        Standing { deleted: listed.deleted, transition: listed.latest.transition, job: listed.job.status, agent };
    death(standing).ok_or_else(|| {
        let text = format!("The workspace {workspace} is not known to be dead: look at it first.");
        Refusal::Overtaken(text).into()
    })
}

/// What there is of the agent by which a workspace is said to be dead.
fn named_agent(tx: &Tx<'_>, build: BuildId, id: &str, inactive_after: Duration) -> Result<Agent, CallError> {
    if id.is_empty() {
        return Ok(if agents::are_made_by(tx, build)? { Agent::NotNamed } else { Agent::NoneMade });
    }
    let id: AgentId = id.parse().map_err(|error| Refusal::Invalid(format!("{error}")))?;
    Ok(match agents::by_id(tx, id)? {
        Some(agent) if agent.build == build => Agent::Known(status(&agent.contact, tx.now_ms(), inactive_after)),
        Some(_) | None => Agent::NotOfBuild,
    })
}

impl Admitted {
    /// The refusal of a version whose template is of another organisation than the chat.
    pub(super) fn check_organization(&self, version: &Version) -> Result<(), Refusal> {
        if version.organization == self.chat.organization {
            return Ok(());
        }
        let text = "template belongs to a different organization than this chat; use list_templates to find templates \
                    in the correct organization";
        Err(Refusal::Denied(text.to_owned()))
    }

    /// Has the workspace become the chat's with this build, by which it was made or claimed (`how`).
    pub(super) fn take(&self, tx: &Tx<'_>, build: &v1::Build, how: &'static str) -> Result<(), CallError> {
        let unreadable = |error| Refusal::State(format!("{error}"));
        let workspace: WorkspaceId = build.workspace_id.parse().map_err(unreadable)?;
        let build: BuildId = build.build_id.parse().map_err(unreadable)?;
        let bound = Bound { workspace, build: Some(build), agent: None, request: Some(self.request) };
        bind(tx, self.chat.id, self.released, &bound, build, how)
    }
}

/// Takes from a chat what it had, and gives it another workspace, of which it begins with `build`.
pub(super) fn bind(
    tx: &Tx<'_>,
    chat: ChatId,
    released: Option<(WorkspaceId, Death)>,
    bound: &Bound,
    build: BuildId,
    how: &'static str,
) -> Result<(), CallError> {
    if let Some((old, why)) = released {
        if !chats::release(tx, chat, old)? {
            return Err(overtaken(chat).into());
        }
        tx.after_commit(move || events::chat_released(chat.event(), old.event(), why.as_str()));
    }
    chats::bind(tx, chat, bound).map_err(|error| match error {
        error if error.is_taken() => CallError::Refused(overtaken(chat)),
        error => error.into(),
    })?;
    let workspace = bound.workspace;
    tx.after_commit(move || events::chat_bound(chat.event(), workspace.event(), build.event(), how));
    Ok(())
}

/// The refusal of whoever decided by a workspace that the chat has no more, or did not have yet.
pub(super) fn overtaken(chat: ChatId) -> Refusal {
    Refusal::Overtaken(format!("The chat {chat} has another workspace than before: look at it first."))
}
