//! stop_workspace (#24997).

use groundhog_wire::{
    id::BuildId,
    v1::{self, JobStatus, Transition},
};

use crate::{
    Answer,
    answers::{self, FailedBuild},
    errand::{Errand, ROUNDS_MAX},
    look, start, texts, wait_build,
};

/// What came of a look and of what was done upon it, in one turn.
enum Step {
    /// Somebody was quicker: look anew.
    Anew,
    /// This build is to end first.
    After(BuildId),
    /// A stop was queued.
    Stopping { chat: v1::Chat, build: Box<v1::Build> },
}

/// Carries it out.
pub(crate) async fn stop_workspace(errand: &mut Errand<'_>) -> Answer {
    // Either is an answer; an error is one that ended the call early.
    stop(errand).await.unwrap_or_else(|answer| answer)
}

async fn stop(errand: &mut Errand<'_>) -> Result<Answer, Answer> {
    for _ in 0..ROUNDS_MAX {
        let turn = errand.turn().await?;
        let began = errand.host.now();
        let step = decide(errand).await;
        errand.spend_deciding(began);
        drop(turn);
        match step? {
            Step::Anew => {}
            Step::After(build) => wait_build::wait_for_end(errand, build).await?,
            Step::Stopping { chat, build } => return stopping(errand, &chat, &build).await,
        }
    }
    Err(Answer::Error(texts::NO_DECISION.to_owned()))
}

/// Whether its agents are there is nothing to a stop: they are not looked at.
async fn decide(errand: &Errand<'_>) -> Result<Step, Answer> {
    let until = errand.decide_until();
    let (chat, found) = look::look_at_build(errand, until).await?;
    let (workspace, latest) = found.ok_or_else(|| Answer::Error(texts::NO_WORKSPACE.to_owned()))?;
    match (latest.status, latest.transition) {
        _ if latest.is_deleted() => Err(Answer::Error(texts::WORKSPACE_DELETED.to_owned())),
        (JobStatus::Pending | JobStatus::Running | JobStatus::Canceling, _) => {
            look::tell(errand, Some("building"));
            Ok(Step::After(latest.build))
        }
        (JobStatus::Succeeded, Transition::Stop) => {
            look::tell(errand, Some("stopped"));
            Err(answers::already_stopped(&workspace.name))
        }
        // It runs, or nobody knows what its last build has left behind.
        _ => match start::build(errand, &latest, Transition::Stop, until).await? {
            Some(build) => Ok(Step::Stopping { chat, build: Box::new(build) }),
            None => Ok(Step::Anew),
        },
    }
}

async fn stopping(errand: &mut Errand<'_>, chat: &v1::Chat, build: &v1::Build) -> Result<Answer, Answer> {
    let wrong = |error: groundhog_wire::id::IdError| Answer::Error(format!("stop workspace: {error}"));
    let id: BuildId = build.build_id.parse().map_err(wrong)?;
    if let Err(failure) = wait_build::wait(errand, id).await.success() {
        return Err(wait_build::failed(errand, chat, FailedBuild::Stop, id, &failure).await);
    }
    Ok(answers::stop_done(&build.workspace_name, id))
}
