//! A workspace that a chat has, and that is waited for instead of making or starting one.

use groundhog_wire::{
    id::{AgentId, BuildId, WorkspaceId},
    v1,
};

use crate::{
    Answer,
    answers::{FailedBuild, There},
    create,
    errand::Errand,
    look::{self, Found},
    report::Report,
    texts, timing,
    wait_agent::{self, Reach, Several},
    wait_build,
};

/// How it stands.
#[derive(Debug)]
pub(crate) enum Standing {
    /// A start is under way.
    Building { found: Found, build: BuildId },
    /// It runs, and this agent is connected, or is to connect; or nobody knows, and it is asked itself
    /// ([`There::Reachable`]).
    Running { found: Found, agent: AgentId, there: There },
}

/// How the tool that was called says that the workspace is there: by its name, how it is there, the build that was waited
/// for, and what is known of its agent.
type Say = fn(&str, There, Option<BuildId>, &Report) -> Answer;

/// Waits until it can be used.
pub(crate) async fn wait(errand: &mut Errand<'_>, standing: Standing, say: Say) -> Result<Answer, Answer> {
    match standing {
        Standing::Building { found, build } => building(errand, found, build, say).await,
        Standing::Running { found, agent, there } => running(errand, found, agent, there, say).await,
    }
}

async fn building(errand: &mut Errand<'_>, found: Found, build: BuildId, say: Say) -> Result<Answer, Answer> {
    let name = found.name().to_owned();
    let mut chat = found.chat;
    let workspace: WorkspaceId =
        chat.workspace_id.parse().map_err(|error| Answer::Error(format!("load chat: {error}")))?;
    create::bind_build(errand, &mut chat, build).await;
    if let Err(failure) = wait_build::wait(errand, build).await.success() {
        return Err(wait_build::failed(errand, &chat, FailedBuild::Existing, build, &failure).await);
    }
    let report = wait_agent::choose_and_wait(errand, &mut chat, workspace, Several::Borne).await;
    Ok(say(&name, There::BuildCompleted, Some(build), &report))
}

async fn running(
    errand: &mut Errand<'_>,
    found: Found,
    agent: AgentId,
    there: There,
    say: Say,
) -> Result<Answer, Answer> {
    if there == There::Reachable {
        ping(errand, agent).await?;
    }
    let name = found.name().to_owned();
    let view = found.agents.iter().find(|view| view.agent_id.parse() == Ok(agent)).cloned();
    // If the agents could not be read, the chat knows it of the same build.
    let view = view.unwrap_or_else(|| v1::AgentView {
        agent_id: agent.to_string(),
        build_id: found.chat.build_id.clone(),
        ..v1::AgentView::default()
    });
    let reach = if there == There::Connecting { Reach::Dial } else { Reach::Known };
    let mut chat = found.chat;
    let report = wait_agent::go_on(errand, &mut chat, &view, reach).await;
    Ok(say(&name, there, None, &report))
}

/// Asks an agent itself whether it is there. If it does not answer that proves nothing (C1).
async fn ping(errand: &Errand<'_>, agent: AgentId) -> Result<(), Answer> {
    let unknown = || Answer::Error(texts::STATUS_UNKNOWN.to_owned());
    let dialer = errand.config.dialer.as_ref().ok_or_else(unknown)?;
    let reached = wait_agent::attempt(errand, &**dialer, agent, timing::AGENT_PING_TIMEOUT).await;
    reached.map_err(|_| unknown())?;
    look::tell(errand, Some("reachable"));
    Ok(())
}
