//! Waiting for the agent that a chat goes on with, and for its start scripts.

use std::time::Duration;

use groundhog_host::{Elapsed, Instant};
use groundhog_wire::{
    id::{AgentId, WorkspaceId},
    v1,
};
use tonic::Code;

use crate::{
    AgentDialer,
    agents::{self, Choice},
    errand::{Bound, Errand},
    events, refusal,
    report::Report,
    scripts::{self, Scripts},
    timing,
};

/// What is done about a workspace that has several agents for chats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Several {
    /// It is told: whoever made the workspace may still choose another template.
    Told,
    /// The first agent of all is taken: the person has had the workspace for some time.
    Borne,
}

/// How an agent is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It is dialled until it answers.
    Dial,
    /// It is known to be there.
    Known,
}

/// Chooses the agent of a workspace whose start has just succeeded, says that the chat goes on with it, and waits for it.
pub(crate) async fn choose_and_wait(
    errand: &mut Errand<'_>,
    chat: &mut v1::Chat,
    workspace: WorkspaceId,
    several: Several,
) -> Report {
    let began = errand.host.now();
    let listed = errand.control.agents(workspace, errand.budgets.agent.until(began)).await;
    errand.budgets.agent.spend(began, errand.host.now());
    let listed = match listed {
        Ok(listed) => listed,
        Err(status) => return Report::SelectionError(refusal::read_failed("list agents", &status)),
    };
    let agent = match (agents::choose(&listed), several) {
        (Choice::None, _) => return Report::NoAgent,
        (Choice::Ambiguous(ambiguous), Several::Told) => return Report::SelectionError(ambiguous.text()),
        (Choice::Ambiguous(ambiguous), Several::Borne) => ambiguous.first,
        (Choice::One(agent), _) => agent,
    };
    go_on(errand, chat, agent, Reach::Dial).await
}

/// Says that the chat goes on with an agent, and waits for it.
pub(crate) async fn go_on(errand: &mut Errand<'_>, chat: &mut v1::Chat, agent: &v1::AgentView, reach: Reach) -> Report {
    let id: AgentId = match agent.agent_id.parse() {
        Ok(id) => id,
        Err(error) => return Report::SelectionError(format!("list agents: {error}")),
    };
    let bound = errand.bind(chat, &agent.build_id, &agent.agent_id).await;
    let dialled = match reach {
        Reach::Dial => dial(errand, chat, agent, id).await,
        Reach::Known => Ok(()),
    };
    let report = match dialled {
        Ok(()) => wait_for_scripts(errand, id).await,
        Err(error) => Report::NotReady(agents::not_reached(agent, &error)),
    };
    // After the wait: who hears of it may use the agent at once (#24410).
    if bound == Bound::Changed {
        errand.tell_updated(chat, "agent");
    }
    report
}

/// Dials an agent until it answers, as long as the call may still wait for agents. Without a dialer nobody finds out
/// whether it can be reached, and that is no error.
async fn dial(errand: &mut Errand<'_>, chat: &v1::Chat, agent: &v1::AgentView, id: AgentId) -> Result<(), String> {
    let Some(dialer) = errand.config.dialer.clone() else { return Ok(()) };
    events::waiting(errand.number, errand.chat(), "agent", id.event());
    let began = errand.host.now();
    let until = errand.budgets.agent.until(began);
    let mut error = "there was no time left to reach the agent".to_owned();
    let dialled = loop {
        let left = until.since(errand.host.now());
        if left == Duration::ZERO {
            break Err(error);
        }
        match attempt(errand, &*dialer, id, timing::AGENT_ATTEMPT_TIMEOUT.min(left)).await {
            Ok(()) => break Ok(()),
            Err(why) => error = why,
        }
        // Nobody waits for the agent of a workspace that is stopped meanwhile (#23707).
        if let Some(why) = overtaken(errand, chat, agent, until).await {
            break Err(why.to_owned());
        }
        errand.host.sleep_until(until.min(errand.host.now() + timing::AGENT_RETRY_INTERVAL)).await;
    };
    errand.budgets.agent.spend(began, errand.host.now());
    dialled
}

/// Why an agent that does not answer will not be there any more. What can't be read says nothing.
async fn overtaken(
    errand: &Errand<'_>,
    chat: &v1::Chat,
    agent: &v1::AgentView,
    until: Instant,
) -> Option<&'static str> {
    let workspace = errand.control.workspace_once(chat.workspace_id.parse().ok()?, until).await.ok()?;
    agents::overtaken(agent, workspace.latest_build.as_ref()?)
}

/// One try to reach an agent.
pub(crate) async fn attempt(
    errand: &Errand<'_>,
    dialer: &dyn AgentDialer,
    agent: AgentId,
    timeout: Duration,
) -> Result<(), String> {
    match errand.host.timeout(timeout, dialer.dial(&errand.session.token, agent)).await {
        Ok(dialled) => dialled,
        // Without a number: the last try is cut short, and that it was is nothing to the model.
        Err(Elapsed) => Err("the agent did not answer in time".to_owned()),
    }
}

/// Waits until an agent's start scripts have ended, as long as the call may still wait for scripts.
async fn wait_for_scripts(errand: &mut Errand<'_>, agent: AgentId) -> Report {
    events::waiting(errand.number, errand.chat(), "scripts", agent.event());
    let began = errand.host.now();
    let report = poll_scripts(errand, agent, errand.budgets.scripts.until(began)).await;
    errand.budgets.scripts.spend(began, errand.host.now());
    report
}

async fn poll_scripts(errand: &Errand<'_>, agent: AgentId, until: Instant) -> Report {
    let mut was_read = false;
    loop {
        match errand.control.agent_once(agent, until).await {
            Ok(view) => {
                was_read = true;
                match scripts::scripts(view.lifecycle) {
                    Scripts::Wait => {}
                    Scripts::Ready => return Report::Ready,
                    Scripts::Failed(state) => return Report::ScriptsFailed(state),
                }
            }
            // There is no such agent any more, or the person may not ask any more: nothing would be told later either.
            Err(status)
                if refusal::is_refusal(&status) && matches!(status.code(), Code::NotFound | Code::Unauthenticated) =>
            {
                return Report::ScriptsUnknown;
            }
            // A control plane that can't be read for some time is waited out.
            Err(_) => {}
        }
        errand.host.sleep_until(until.min(errand.host.now() + timing::SCRIPTS_POLL_INTERVAL)).await;
        if errand.host.now() >= until {
            return if was_read { Report::ScriptsTimeout } else { Report::ScriptsUnknown };
        }
    }
}
