//! Finding out what a chat has, and what it can have.

use groundhog_host::Instant;
use groundhog_wire::{
    id::{TemplateId, WorkspaceId},
    v1,
};
use tonic::Status;

use crate::{
    Answer,
    errand::Errand,
    events,
    existing::{self, Existing, Latest, Seen},
    refusal, texts,
};

/// What a chat has, as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) chat: v1::Chat,
    /// Its workspace; none if it has none.
    pub(crate) workspace: Option<v1::Workspace>,
    /// The agents of its latest build; none if they were not read, or could not be.
    pub(crate) agents: Vec<v1::AgentView>,
    /// What is to be done.
    pub(crate) existing: Existing,
}

impl Found {
    /// The workspace's name, as its owner knows it; empty without one.
    pub(crate) fn name(&self) -> &str {
        self.workspace.as_ref().map_or("", |workspace| &workspace.name)
    }
}

/// Reads a chat.
pub(crate) async fn chat(errand: &Errand<'_>, until: Instant) -> Result<v1::Chat, Answer> {
    let read = errand.control.chat(errand.session.chat, until).await;
    read.map_err(|status| unread("load chat", &status))
}

/// Finds out what the chat has, as far as it takes to decide.
pub(crate) async fn look(errand: &Errand<'_>, until: Instant) -> Result<Found, Answer> {
    let chat = chat(errand, until).await?;
    let mut workspace = None;
    let mut agents: Option<Result<Vec<v1::AgentView>, Status>> = None;
    let existing = loop {
        let seen = Seen {
            chat: &chat,
            workspace: workspace.as_ref(),
            agents: agents.as_ref().map(|read| read.as_ref().map(Vec::as_slice)),
        };
        // Each is read once: what asks for it again would do so for ever.
        match existing::decide(seen) {
            Existing::ReadWorkspace(id) if workspace.is_none() => {
                let read = errand.control.workspace(id, until).await;
                workspace = Some(read.map_err(|status| unread("load workspace", &status))?);
            }
            Existing::ReadAgents(id) if agents.is_none() => {
                agents = Some(errand.control.agents(id, until).await);
            }
            existing => break existing,
        }
    };
    tell(errand, existing.state());
    if let Existing::Unknown(error) = existing {
        return Err(Answer::Error(error));
    }
    Ok(Found { chat, workspace, agents: agents.and_then(Result::ok).unwrap_or_default(), existing })
}

/// The chat, and the latest build of its workspace if it has one: enough for whoever builds it.
pub(crate) async fn look_at_build(
    errand: &Errand<'_>,
    until: Instant,
) -> Result<(v1::Chat, Option<(v1::Workspace, Latest)>), Answer> {
    let chat = chat(errand, until).await?;
    if chat.workspace_id.is_empty() {
        tell(errand, Some("none"));
        return Ok((chat, None));
    }
    let id: WorkspaceId = chat.workspace_id.parse().map_err(|error| Answer::Error(format!("load chat: {error}")))?;
    let workspace = errand.control.workspace(id, until).await.map_err(|status| unread("load workspace", &status))?;
    let latest = Latest::of(&workspace).map_err(Answer::Error)?;
    Ok((chat, Some((workspace, latest))))
}

/// A template of the chat's organisation, and what can be chosen of it.
pub(crate) async fn template(
    errand: &Errand<'_>,
    chat: &v1::Chat,
    id: TemplateId,
    until: Instant,
) -> Result<(v1::Template, v1::Choices), Answer> {
    let template = errand.control.template(id, until).await;
    let template = template.map_err(|status| unread("look up template", &status))?;
    if template.organization != chat.organization {
        return Err(Answer::Error(texts::OTHER_ORGANIZATION.to_owned()));
    }
    let choices = errand.control.choices(id, until).await;
    Ok((template, choices.map_err(|status| unread("look up template version", &status))?))
}

/// Tells what was found.
pub(crate) fn tell(errand: &Errand<'_>, state: Option<&'static str>) {
    if let Some(state) = state {
        events::found(errand.number, errand.chat(), state);
    }
}

fn unread(step: &str, status: &Status) -> Answer {
    Answer::Error(refusal::read_failed(step, status))
}
