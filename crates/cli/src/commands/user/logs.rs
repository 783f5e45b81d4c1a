//! `groundhog user logs` and `groundhog user agent-logs`.

use groundhog_wire::{
    Limited,
    v1::{
        self, BuildSelector, build_selector, workspace_agents_client::WorkspaceAgentsClient,
        workspaces_client::WorkspacesClient,
    },
};

use super::{
    arguments::{AgentLogsArguments, LogsArguments},
    caller::Caller,
    failure::Failure,
    follow,
    log::Log,
    name::{AgentName, LogsOf},
    words, workspace,
};
use crate::{arguments::Format, exit::Exit};

/// Shows the log of a job or a build.
pub(super) async fn show(caller: &Caller, arguments: &LogsArguments) -> Result<Exit, Failure> {
    match &arguments.of {
        LogsOf::Job(job) => of_job(caller, &job.to_string(), arguments.follow).await,
        LogsOf::Workspace(name) => {
            let found = workspace::look_up(caller, name).await?;
            let build = workspace::latest_build(&found)?;
            if arguments.follow { follow::job(caller, &build.job_id).await } else { so_far(caller, build).await }
        }
    }
}

/// There is no telling where the log of a job that runs ends so far: it is shown to its end, or not at all.
async fn of_job(caller: &Caller, job_id: &str, follows: bool) -> Result<Exit, Failure> {
    if !follows {
        let job = follow::get_job(caller, job_id).await?;
        if !words::has_ended(job.status()) {
            let status = words::job_status(job.status());
            return Err(Failure::Missing(format!(
                "the job is {status} and has no whole log yet: `--follow` shows it as it grows"
            )));
        }
    }
    follow::job(caller, job_id).await
}

/// Shows what a build has written so far.
async fn so_far(caller: &Caller, build: &v1::Build) -> Result<Exit, Failure> {
    let mut log = Log::new(caller.format);
    let mut after_id = 0;
    loop {
        let kind = Some(build_selector::Kind::BuildId(build.build_id.clone()));
        let request = v1::ListBuildLogsRequest { build: Some(BuildSelector { kind }), after_id, limit: 0 };
        let page = caller
            .ask(request, |channel, request| async move {
                WorkspacesClient::new(channel).limited().list_build_logs(request).await
            })
            .await?;
        let Some(last) = page.lines.last() else { break };
        after_id = last.id;
        for line in &page.lines {
            log.job(line)?;
        }
    }
    let job = follow::get_job(caller, &build.job_id).await?;
    if words::has_ended(job.status()) {
        return follow::ended(caller, &job);
    }
    if caller.format == Format::Text {
        anstream::eprintln!("job {} is {}", job.job_id, words::job_status(job.status()));
    }
    Ok(Exit::Good)
}

/// Shows an agent's log.
pub(super) async fn show_agent(caller: &Caller, arguments: &AgentLogsArguments) -> Result<Exit, Failure> {
    let agent = find_agent(caller, &arguments.agent).await?;
    if arguments.follow {
        return follow::agent(caller, &agent.agent_id).await;
    }
    let mut log = Log::new(caller.format);
    let mut after_id = 0;
    loop {
        let request = v1::ListAgentLogsRequest { agent_id: agent.agent_id.clone(), after_id };
        let page = caller
            .ask(request, |channel, request| async move {
                WorkspaceAgentsClient::new(channel).limited().list_agent_logs(request).await
            })
            .await?;
        let Some(last) = page.lines.last() else { return Ok(Exit::Good) };
        after_id = last.id;
        for line in &page.lines {
            log.agent(line)?;
        }
    }
}

async fn find_agent(caller: &Caller, name: &AgentName) -> Result<v1::AgentView, Failure> {
    let found = workspace::look_up(caller, &name.workspace).await?;
    let mut agents = workspace::agents(caller, &found).await?;
    let names: Vec<&str> = agents.iter().map(|agent| agent.name.as_str()).collect();
    let all = names.join(", ");
    let position = match &name.agent {
        Some(wanted) => names.iter().position(|name| name == wanted),
        None if agents.len() == 1 => Some(0),
        None => None,
    };
    let workspace = &name.workspace;
    match (position, &name.agent) {
        (Some(position), _) => Ok(agents.swap_remove(position)),
        (None, _) if agents.is_empty() => Err(Failure::Missing(format!("{workspace} has no agent: is it started?"))),
        (None, Some(wanted)) => Err(Failure::Missing(format!("{workspace} has no agent {wanted}, but {all}"))),
        (None, None) => Err(Failure::Missing(format!("{workspace} has several agents: name one of {all}"))),
    }
}
