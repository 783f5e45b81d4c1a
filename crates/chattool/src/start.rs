//! start_workspace.

use groundhog_host::Instant;
use groundhog_wire::{
    id::{BuildId, WorkspaceId},
    v1::{self, JobStatus, Transition},
};
use tonic::Code;

use crate::{
    Answer,
    answers::{self, FailedBuild, There},
    create,
    errand::{Errand, ROUNDS_MAX},
    existing::{Existing, Latest},
    look::{self, Found},
    refusal,
    standing::{self, Standing},
    texts,
    wait_agent::{self, Several},
    wait_build,
};

/// What came of a look and of what was done upon it, in one turn.
enum Step {
    /// Somebody was quicker: look anew.
    Anew,
    /// This build is to end first.
    After(BuildId),
    /// It runs, or is about to.
    Standing(Box<Standing>),
    /// It runs, and its agent is gone, or it has none.
    Deserted(Box<Found>),
    /// A start was queued.
    Started { chat: v1::Chat, build: Box<v1::Build> },
}

/// Carries it out.
pub(crate) async fn start_workspace(errand: &mut Errand<'_>) -> Answer {
    // Either is an answer; an error is one that ended the call early.
    start(errand).await.unwrap_or_else(|answer| answer)
}

async fn start(errand: &mut Errand<'_>) -> Result<Answer, Answer> {
    for _ in 0..ROUNDS_MAX {
        let turn = errand.turn().await?;
        let began = errand.host.now();
        let step = decide(errand).await;
        errand.spend_deciding(began);
        drop(turn);
        match step? {
            Step::Anew => {}
            Step::After(build) => wait_build::wait_for_end(errand, build).await?,
            Step::Standing(standing) => return standing::wait(errand, *standing, answers::already_running).await,
            Step::Deserted(found) => return deserted(errand, *found).await,
            Step::Started { chat, build } => return started(errand, chat, *build).await,
        }
    }
    Err(Answer::Error(texts::NO_DECISION.to_owned()))
}

async fn decide(errand: &Errand<'_>) -> Result<Step, Answer> {
    let until = errand.decide_until();
    let found = look::look(errand, until).await?;
    let running = |found, agent, there| Ok(Step::Standing(Box::new(Standing::Running { found, agent, there })));
    match found.existing.clone() {
        Existing::LookAnew | Existing::ReadWorkspace(_) | Existing::ReadAgents(_) => Ok(Step::Anew),
        Existing::Unknown(error) => Err(Answer::Error(error)),
        Existing::WaitForStart(build) => Ok(Step::Standing(Box::new(Standing::Building { found, build }))),
        Existing::WaitForEnd(build) => Ok(Step::After(build)),
        Existing::Connected(agent) => running(found, agent, There::RecentlyConnected),
        Existing::Connecting(agent) => running(found, agent, There::Connecting),
        Existing::Ping(agent) => running(found, agent, There::Reachable),
        Existing::Stopped => ask(errand, found, until).await,
        Existing::Create(_) => vacant(errand, found, until).await,
    }
}

/// There is nothing, or nothing is left of what there is.
async fn vacant(errand: &Errand<'_>, found: Found, until: Instant) -> Result<Step, Answer> {
    let latest = latest(&found)?;
    match (latest.status, latest.transition) {
        _ if latest.is_deleted() => Err(Answer::Error(texts::WORKSPACE_DELETED.to_owned())),
        // It is as good as cancelled, but a build that has not ended keeps others from being queued.
        (JobStatus::Canceling, _) => Ok(Step::After(latest.build)),
        (JobStatus::Succeeded, Transition::Start) => Ok(Step::Deserted(Box::new(found))),
        _ => ask(errand, found, until).await,
    }
}

fn latest(found: &Found) -> Result<Latest, Answer> {
    let workspace = found.workspace.as_ref().ok_or_else(|| Answer::Error(texts::NO_WORKSPACE.to_owned()))?;
    Latest::of(workspace).map_err(Answer::Error)
}

/// Asks for a start that follows the build that was seen.
async fn ask(errand: &Errand<'_>, found: Found, until: Instant) -> Result<Step, Answer> {
    let latest = latest(&found)?;
    match build(errand, &latest, Transition::Start, until).await? {
        Some(build) => Ok(Step::Started { chat: found.chat, build: Box::new(build) }),
        None => Ok(Step::Anew),
    }
}

/// Asks for a build that follows the latest one that was seen; none if there is a newer one already.
pub(crate) async fn build(
    errand: &Errand<'_>,
    latest: &Latest,
    transition: Transition,
    until: Instant,
) -> Result<Option<v1::Build>, Answer> {
    let request = v1::CreateBuildRequest {
        workspace_id: latest.workspace.to_string(),
        transition: transition.into(),
        after_build: latest.number,
        ..v1::CreateBuildRequest::default()
    };
    match errand.control.create_build(request, until).await {
        Ok(build) => Ok(Some(build)),
        Err(status) if refusal::is_refusal(&status) && status.code() == Code::Aborted => Ok(None),
        Err(status) => {
            let step = if transition == Transition::Stop { "stop workspace" } else { "start workspace" };
            Err(Answer::Error(refusal::read_failed(step, &status)))
        }
    }
}

/// It runs without an agent that could be used: perhaps that comes back.
async fn deserted(errand: &mut Errand<'_>, found: Found) -> Result<Answer, Answer> {
    let workspace = latest(&found)?.workspace;
    let name = found.name().to_owned();
    let mut chat = found.chat;
    let report = wait_agent::choose_and_wait(errand, &mut chat, workspace, Several::Borne).await;
    Ok(answers::already_running(&name, There::Deserted, None, &report))
}

async fn started(errand: &mut Errand<'_>, mut chat: v1::Chat, build: v1::Build) -> Result<Answer, Answer> {
    let wrong = |error: groundhog_wire::id::IdError| Answer::Error(format!("start workspace: {error}"));
    let id: BuildId = build.build_id.parse().map_err(wrong)?;
    let workspace: WorkspaceId = build.workspace_id.parse().map_err(wrong)?;
    create::bind_build(errand, &mut chat, id).await;
    if let Err(failure) = wait_build::wait(errand, id).await.success() {
        return Err(wait_build::failed(errand, &chat, FailedBuild::Start, id, &failure).await);
    }
    let report = wait_agent::choose_and_wait(errand, &mut chat, workspace, Several::Borne).await;
    Ok(answers::started(&build.workspace_name, id, &report))
}
