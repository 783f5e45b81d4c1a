//! Agents and their logs, as people see them. To anyone who may not see the workspace they do not exist.

use groundhog_wire::{
    id::{AgentId, WorkspaceId},
    v1::{self, list_agents_request},
};
use prost::Message;

use super::logs;
use crate::{
    agent_report,
    agent_status::{self, status},
    config::AgentsConfig,
    lifecycle, limits, outdated,
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

/// The agent with this id, if `user` may see its workspace.
pub fn visible(tx: &Tx<'_>, user: &User, id: &str) -> Result<Agent, CallError> {
    let id: AgentId = id.parse().map_err(|error| Refusal::Invalid(format!("{error}")))?;
    let agent = match agents::by_id(tx, id)? {
        Some(agent) if user.role == Role::Admin => Some(agent),
        Some(agent) if workspaces::owner(tx, agent.workspace)? == Some(user.id) => Some(agent),
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
    let (found, shown) = match &request.workspace {
        Some(list_agents_request::Workspace::Name(name)) => {
            (workspaces::live_by_name(tx, user.id, name)?, format!("{:?}", limits::shown(name)))
        }
        Some(list_agents_request::Workspace::WorkspaceId(id)) => {
            let id: WorkspaceId = id.parse().map_err(|error| Refusal::Invalid(format!("{error}")))?;
            let owner = workspaces::owner(tx, id)?;
            let may_see = owner.is_some() && (user.role == Role::Admin || owner == Some(user.id));
            (may_see.then_some(id), id.to_string())
        }
        None => return Err(Refusal::Invalid("expected a workspace: its name, or its id".to_owned()).into()),
    };
    let unknown = || Refusal::NotFound(format!("there is no workspace {shown}"));
    let build = builds::latest(tx, found.ok_or_else(unknown)?)?.ok_or_else(unknown)?;
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
    let agent = visible(tx, user, &request.agent_id)?;
    let page = logs::page(tx, agent.number, request.after_id, &config.logs)?;
    Ok((page, outdated::is_outdated(agent.build_number, agent.build_done)))
}
