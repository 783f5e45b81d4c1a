//! Agents and their logs, as people see them. To anyone who may not see the workspace they do not exist.

use groundhog_wire::{
    id::AgentId,
    v1::{self, list_agents_request},
};
use prost::Message;

use super::logs;
use crate::{
    agent_report,
    agent_status::{self, status},
    config::AgentsConfig,
    lifecycle,
    operations::view::{self, Named},
    outdated,
    refusal::{CallError, Refusal},
    store::{
        Tx,
        agents::{self, Agent, Listed},
        builds,
        users::{Role, User},
        workspaces,
    },
};

/// How large a list of agents is, in bytes, before what their metadata is is left out of it: the rest of a thousand
/// agents then still fits into a message.
const LIST_BYTES_MAX: usize = groundhog_wire::MESSAGE_BYTES_MAX / 2;

/// The agent that a request names, if `user` may see its workspace.
pub fn named(tx: &Tx<'_>, user: &User, id: &str) -> Result<Agent, CallError> {
    let id = id.parse().map_err(|error| Refusal::Invalid(format!("{error}")))?;
    visible(tx, user, id)
}

/// The agent with this id, if `user` may see its workspace.
pub fn visible(tx: &Tx<'_>, user: &User, id: AgentId) -> Result<Agent, CallError> {
    let agent = match agents::by_id(tx, id)? {
        Some(agent) if user.role == Role::Admin => Some(agent),
        Some(agent) if workspaces::owner(tx, agent.workspace)?.is_some_and(|owner| owner.id == user.id) => Some(agent),
        _ => None,
    };
    agent.ok_or_else(|| Refusal::NotFound(format!("there is no agent {id}")).into())
}

/// The agents of a workspace's latest build, by their names.
pub fn list(
    tx: &Tx<'_>,
    user: &User,
    request: &v1::ListAgentsRequest,
    config: &AgentsConfig,
) -> Result<v1::ListAgentsResponse, CallError> {
    let named = request.workspace.as_ref().map(|workspace| match workspace {
        list_agents_request::Workspace::Name(name) => Named::Name(name),
        list_agents_request::Workspace::WorkspaceId(id) => Named::Id(id),
    });
    let workspace = view::workspace(tx, user, named)?;
    let build = builds::latest(tx, workspace)?
        // A workspace is made with its first build, so only a damaged database gets here.
        .ok_or_else(|| view::no_workspace(&workspace.to_string()))?;
    let (mut bytes, now_ms) = (0, tx.now_ms());
    let agents = agents::of_build(tx, build.id)?.into_iter().map(|listed| {
        let mut view = view(listed, now_ms, config);
        bytes += view.encoded_len();
        if bytes > LIST_BYTES_MAX {
            view.metadata.clear();
        }
        view
    });
    Ok(v1::ListAgentsResponse { agents: agents.collect() })
}

/// An agent of whatever build, if `user` may see its workspace.
pub fn get(
    tx: &Tx<'_>,
    user: &User,
    request: &v1::GetAgentRequest,
    config: &AgentsConfig,
) -> Result<v1::AgentView, CallError> {
    let agent = named(tx, user, &request.agent_id)?;
    let gone = || Refusal::NotFound(format!("there is no agent {}", agent.id));
    Ok(view(agents::listed(tx, agent.number)?.ok_or_else(gone)?, tx.now_ms(), config))
}

fn view(listed: Listed, now_ms: i64, config: &AgentsConfig) -> v1::AgentView {
    let Listed { agent, description, report, metadata } = listed;
    let at = |states: &[v1::AgentLifecycle]| {
        report.lifecycles.iter().find(|step| states.contains(&step.state())).map(|step| step.changed_at_ms)
    };
    let last = report.lifecycles.last().map_or(v1::AgentLifecycle::Created, |step| step.state());
    let agent_status::Contact { first_connected_at, last_connected_at, disconnected_at, .. } = agent.contact;
    v1::AgentView {
        agent_id: agent.id.to_string(),
        name: agent.name,
        build_id: agent.build.to_string(),
        status: status(&agent.contact, now_ms, config.inactive_after).to_wire().into(),
        lifecycle: last.into(),
        first_connected_at_ms: first_connected_at,
        last_connected_at_ms: last_connected_at,
        disconnected_at_ms: disconnected_at,
        started_at_ms: at(&[v1::AgentLifecycle::Starting]),
        ready_at_ms: at(&lifecycle::STARTED),
        logs_overflowed: agent.log_use.overflowed,
        apps: agent_report::apps(&description.apps, &report.apps),
        metadata: metadata.values,
        display_order: description.display_order,
        external: description.external,
        ..report
    }
}

/// A page of an agent's logs, and whether there can be no more: its build is outdated.
pub fn log(
    tx: &Tx<'_>,
    user: &User,
    request: &v1::ListAgentLogsRequest,
    config: &AgentsConfig,
) -> Result<(v1::ListAgentLogsResponse, bool), CallError> {
    let agent = named(tx, user, &request.agent_id)?;
    let page = logs::page(tx, agent.number, request.after_id, &config.logs)?;
    Ok((page, outdated::is_outdated(agent.build_number, agent.build_done)))
}
