//! What a connection to an agent of a workspace has to know of is read.

use groundhog_wire::{id::WorkspaceId, v1};

use super::view;
use crate::{
    connection_watch::{Facts, has_started},
    refusal::{CallError, Refusal},
    store::{
        Tx,
        agents::{self, Life},
        builds, jobs,
        users::User,
    },
};

/// What there is of `workspace` for `user`. A refusal other than of who calls can only come of a damaged database.
pub fn facts(tx: &Tx<'_>, user: &User, workspace: WorkspaceId) -> Result<Facts, CallError> {
    if view::visible(tx, user, workspace)?.is_none() {
        return Ok(Facts::NotFound);
    }
    let without = || Refusal::NotFound(format!("the workspace {workspace} has no build: the database is damaged"));
    let build = builds::latest(tx, workspace)?.ok_or_else(without)?;
    let job = jobs::by_id(tx, build.job)?.ok_or_else(|| view::no_job(&build))?;
    let news = v1::BuildNews {
        workspace_id: workspace.to_string(),
        workspace_name: build.workspace_name,
        build_id: build.id.to_string(),
        number: build.number,
        transition: build.transition.to_wire().into(),
        status: job.status().to_wire().into(),
        job_id: job.id.to_string(),
        error: job.error,
    };
    let agents = if has_started(&news) {
        agents::lives_of_build(tx, build.id)?.into_iter().map(agent_news).collect()
    } else {
        Vec::new()
    };
    Ok(Facts::Found { build: news, agents })
}

fn agent_news(life: Life) -> v1::AgentNews {
    let Life { agent, name, last } = life;
    let lifecycle = last.unwrap_or(v1::AgentLifecycle::Created).into();
    v1::AgentNews { agent_id: agent.to_string(), name, lifecycle }
}
