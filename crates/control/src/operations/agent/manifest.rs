//! An agent is told who it is and what it is to do.

use groundhog_wire::v1;

use crate::{
    config::AgentsConfig,
    limits,
    refusal::{CallError, Refusal},
    store::{
        Tx, agent_reports,
        agents::{self, Agent, Names},
    },
};

/// The relays, as agents and clients are told of them.
pub fn relay_map(config: &AgentsConfig) -> v1::RelayMap {
    v1::RelayMap { relays: config.relays.clone() }
}

/// What `agent` is to do.
pub fn get(tx: &Tx<'_>, agent: &Agent, config: &AgentsConfig) -> Result<v1::AgentManifest, CallError> {
    let Names { workspace, owner, owner_name, description } = agents::names(tx, agent.number)?
        // Both are written with the agent, so only a damaged database gets here.
        .ok_or_else(|| Refusal::NotFound(format!("the agent {} has no workspace or description", agent.id)))?;
    Ok(v1::AgentManifest {
        agent_id: agent.id.to_string(),
        agent_name: agent.name.clone(),
        workspace_id: agent.workspace.to_string(),
        workspace_name: workspace,
        owner_id: owner.to_string(),
        owner_name,
        directory: description.directory,
        environment: description.environment,
        // Nobody has any here.
        secrets: [].into(),
        scripts: description.scripts,
        metadata: description.metadata,
        apps: description.apps,
        relay_map: Some(relay_map(config)),
        proxy_uri: config.proxy_uri.clone(),
        // No logins at other services are kept here.
        git_auth_configs: 0,
        disable_direct: config.disable_direct,
    })
}

/// Keeps what `agent` has found out about its machine.
pub fn startup(tx: &Tx<'_>, agent: &Agent, request: &v1::UpdateStartupRequest) -> Result<(), CallError> {
    limits::check_startup(request)?;
    let mut report = agent_reports::report(tx, agent.number)?;
    report.version.clone_from(&request.version);
    report.expanded_directory.clone_from(&request.expanded_directory);
    agent_reports::set_report(tx, agent.number, &report)?;
    Ok(())
}
