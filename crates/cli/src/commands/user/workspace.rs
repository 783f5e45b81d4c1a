//! `groundhog user workspace` and `groundhog user build`.

use groundhog_wire::{
    Limited,
    v1::{
        self, AgentView, Build, BuildSelector, ParameterValue, Transition, Workspace, build_selector,
        list_agents_request, workspace_agents_client::WorkspaceAgentsClient, workspaces_client::WorkspacesClient,
    },
};

use super::{
    arguments::{CancelArguments, CreateArguments, ListArguments, ShowArguments, TransitionArguments},
    caller::Caller,
    failure::Failure,
    follow,
    name::WorkspaceName,
    show, tell, words,
};
use crate::{arguments::Format, exit::Exit};

/// Makes a workspace.
pub(super) async fn create(caller: &Caller, arguments: &CreateArguments) -> Result<Exit, Failure> {
    let value = |(name, value): &(String, String)| ParameterValue { name: name.clone(), value: value.clone() };
    let request = v1::CreateWorkspaceRequest {
        name: arguments.name.clone(),
        template: arguments.template.clone(),
        version: arguments.version.clone().unwrap_or_default(),
        preset: arguments.preset.clone().unwrap_or_default(),
        parameters: arguments.parameter.iter().map(value).collect(),
        ..v1::CreateWorkspaceRequest::default()
    };
    let build = caller
        .ask(request, |channel, request| async move {
            WorkspacesClient::new(channel).limited().create_workspace(request).await
        })
        .await?;
    queued(caller, &build, arguments.follow).await
}

/// Has a workspace started, stopped or deleted; with `update`, as its template's active version has it.
pub(super) async fn change(
    caller: &Caller,
    arguments: &TransitionArguments,
    transition: Transition,
    update: bool,
) -> Result<Exit, Failure> {
    let found = look_up(caller, &arguments.workspace).await?;
    let request = v1::CreateBuildRequest {
        workspace_id: found.workspace_id.clone(),
        transition: transition.into(),
        update,
        // Somebody else may have had it built since it was looked up.
        after_build: latest_build(&found)?.number,
        ..v1::CreateBuildRequest::default()
    };
    let build = caller
        .ask(
            request,
            |channel, request| async move { WorkspacesClient::new(channel).limited().create_build(request).await },
        )
        .await?;
    queued(caller, &build, arguments.follow).await
}

/// Cancels a workspace's latest build.
pub(super) async fn cancel(caller: &Caller, arguments: &CancelArguments) -> Result<Exit, Failure> {
    let found = look_up(caller, &arguments.workspace).await?;
    let kind = Some(build_selector::Kind::BuildId(latest_build(&found)?.build_id.clone()));
    let request = v1::CancelBuildRequest { build: Some(BuildSelector { kind }), ..v1::CancelBuildRequest::default() };
    let build = caller
        .ask(
            request,
            |channel, request| async move { WorkspacesClient::new(channel).limited().cancel_build(request).await },
        )
        .await?;
    tell_build(caller, &build)?;
    if !arguments.follow {
        return Ok(Exit::Good);
    }
    // Whoever waits for a cancelled build wants its end, and that it was no success is what they asked for.
    match follow::job(caller, &build.job_id).await? {
        Exit::Failed | Exit::Good => Ok(Exit::Good),
        other => Ok(other),
    }
}

/// Lists workspaces.
pub(super) async fn list(caller: &Caller, arguments: &ListArguments) -> Result<Exit, Failure> {
    let workspaces = of_owner(caller, arguments.owner.clone().unwrap_or_default()).await?;
    match caller.format {
        Format::Text => show::workspaces(&workspaces)?,
        Format::Json => {
            for workspace in &workspaces {
                tell::line("workspace", tell::workspace(workspace))?;
            }
        }
    }
    Ok(Exit::Good)
}

/// Shows a workspace with its agents.
pub(super) async fn show(caller: &Caller, arguments: &ShowArguments) -> Result<Exit, Failure> {
    let found = look_up(caller, &arguments.workspace).await?;
    let agents = agents(caller, &found).await?;
    match caller.format {
        Format::Text => show::workspace(&found, &agents)?,
        Format::Json => {
            let mut value = tell::workspace(&found);
            value["agents"] = agents.iter().map(tell::agent).collect();
            tell::line("workspace", value)?;
        }
    }
    Ok(Exit::Good)
}

/// The workspace that is called so. The control plane knows others' by their ids only, so those are looked for among all
/// of their owner's.
pub(super) async fn look_up(caller: &Caller, name: &WorkspaceName) -> Result<Workspace, Failure> {
    let Some(owner) = &name.owner else {
        let request = v1::GetWorkspaceRequest { workspace: name.name.clone(), ..v1::GetWorkspaceRequest::default() };
        return caller
            .ask(request, |channel, request| async move {
                WorkspacesClient::new(channel).limited().get_workspace(request).await
            })
            .await;
    };
    let all = of_owner(caller, owner.clone()).await?;
    let found = all.into_iter().find(|workspace| workspace.name.eq_ignore_ascii_case(&name.name));
    found.ok_or_else(|| Failure::Missing(format!("{owner} has no workspace {}", name.name)))
}

async fn of_owner(caller: &Caller, owner: String) -> Result<Vec<Workspace>, Failure> {
    let request = v1::ListWorkspacesRequest { owner };
    let listed = caller.ask(request, |channel, request| async move {
        WorkspacesClient::new(channel).limited().list_workspaces(request).await
    });
    Ok(listed.await?.workspaces)
}

/// The latest build of a workspace, which every workspace has.
pub(super) fn latest_build(workspace: &Workspace) -> Result<&Build, Failure> {
    let build = workspace.latest_build.as_ref();
    build.ok_or_else(|| Failure::Missing(format!("the control plane told of no build of {}", workspace.name)))
}

/// The agents of a workspace's latest build.
pub(super) async fn agents(caller: &Caller, workspace: &Workspace) -> Result<Vec<AgentView>, Failure> {
    let id = list_agents_request::Workspace::WorkspaceId(workspace.workspace_id.clone());
    let request = v1::ListAgentsRequest { workspace: Some(id) };
    let listed = caller.ask(request, |channel, request| async move {
        WorkspaceAgentsClient::new(channel).limited().list_agents(request).await
    });
    Ok(listed.await?.agents)
}

/// Tells that a build was queued, and follows it if that is wanted.
async fn queued(caller: &Caller, build: &Build, follows: bool) -> Result<Exit, Failure> {
    tell_build(caller, build)?;
    if follows {
        return follow::job(caller, &build.job_id).await;
    }
    Ok(Exit::Good)
}

fn tell_build(caller: &Caller, build: &Build) -> Result<(), Failure> {
    if caller.format == Format::Json {
        return Ok(tell::line("build", tell::build(build))?);
    }
    let (name, number) = (&build.workspace_name, build.number);
    let (transition, status) = (words::transition(build.transition()), words::job_status(build.status()));
    Ok(show::say(&format!("{name}: build {number}, {transition}, {status}; job {}", build.job_id))?)
}
