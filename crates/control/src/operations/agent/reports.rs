//! What an agent finds out again and again: metadata, stats, its apps' healths, how its scripts went, who connects to
//! it.

use std::net::IpAddr;

use groundhog_wire::v1::{
    self,
    report_connection_request::Action,
    script_completed_request::{Stage, Status},
};
use uuid::Uuid;

use crate::{
    agent_report, events, limits,
    names::truncated,
    operations::clock,
    refusal::{CallError, Refusal},
    store::{
        Tx,
        agent_connections::{self, Reported},
        agent_reports,
        agents::Agent,
    },
};

/// The longest name of what a connection is for, in bytes.
const CONNECTION_TYPE_BYTES_MAX: usize = 64;

/// How much of the reason for a connection's end is kept, in bytes.
const REASON_BYTES_MAX: usize = 1 << 10;

fn invalid(text: String) -> CallError {
    Refusal::Invalid(text).into()
}

/// Keeps the newest value of each key.
pub fn metadata(tx: &Tx<'_>, agent: &Agent, request: v1::UpdateMetadataRequest) -> Result<(), CallError> {
    limits::check_metadata_values(&request)?;
    let (description, mut found) = agent_reports::metadata(tx, agent.number)?;
    let values = agent_report::merge_metadata(&mut found.values, request.values, &description.metadata);
    if values > 0 {
        agent_reports::set_metadata(tx, agent.number, &found)?;
        let id = agent.id.event();
        tx.after_commit(move || events::agent_metadata_stored(id, values));
    }
    Ok(())
}

/// Adds a report to those before.
pub fn stats(tx: &Tx<'_>, agent: &Agent, stats: &v1::AgentStats) -> Result<(), CallError> {
    limits::check_stats(stats)?;
    let (mut report, known) = agent_reports::report_and_use(tx, agent.number)?
        // Agents are never deleted, so only a damaged database gets here.
        .ok_or_else(|| Refusal::NotFound(format!("there is no agent {}", agent.id)))?;
    agent_report::add_stats(report.stats.get_or_insert_default(), stats);
    agent_reports::set_report(tx, agent.number, &report)?;
    clock::after_report(tx, agent.workspace, known, stats)?;
    let (id, connections, sent_bytes) = (agent.id.event(), stats.connection_count, stats.sent_bytes);
    tx.after_commit(move || events::agent_stats_stored(id, connections, sent_bytes));
    Ok(())
}

/// Keeps the healths of the agent's apps. Refused if one of them is none that it has.
pub fn app_healths(tx: &Tx<'_>, agent: &Agent, updates: &[v1::AppHealthUpdate]) -> Result<(), CallError> {
    let (description, mut report) = agent_reports::described(tx, agent.number)?;
    let before = agent_report::apps(&description.apps, &report.apps);
    let mut apps = before.clone();
    for update in updates {
        if matches!(v1::AppHealth::try_from(update.health), Err(_) | Ok(v1::AppHealth::Unspecified)) {
            return Err(invalid(format!("there is no app health {}", update.health)));
        }
        let app = apps.iter_mut().find(|app| app.slug == update.app);
        let unknown = || invalid(format!("the agent has no app {:?}", limits::shown(&update.app)));
        app.ok_or_else(unknown)?.health = update.health;
    }
    if apps == before {
        return Ok(());
    }
    for (now, _) in apps.iter().zip(&before).filter(|(now, before)| now != before) {
        let (id, slug, health) = (agent.id.event(), now.slug.clone(), agent_report::health_word(now.health()));
        tx.after_commit(move || events::agent_app_health(id, &slug, health));
    }
    report.apps = apps;
    agent_reports::set_report(tx, agent.number, &report)?;
    Ok(())
}

/// Keeps how one of the agent's scripts went: see [`agent_report::keep_timing`].
pub fn script(tx: &Tx<'_>, agent: &Agent, request: &v1::ScriptCompletedRequest) -> Result<(), CallError> {
    let (stage, status) = (request.stage(), request.status());
    if stage == Stage::Unspecified || status == Status::Unspecified {
        return Err(invalid("expected a stage and a status of the script's run".to_owned()));
    }
    let (description, mut report) = agent_reports::described(tx, agent.number)?;
    let script = description.scripts.into_iter().find(|script| script.script_id == request.script_id);
    let unknown = || invalid(format!("the agent has no script {:?}", limits::shown(&request.script_id)));
    let name = script.ok_or_else(unknown)?.display_name;
    if agent_report::keep_timing(&mut report.script_timings, request.clone()) {
        agent_reports::set_report(tx, agent.number, &report)?;
    }
    let (id, stage, status) = (agent.id.event(), agent_report::stage_word(stage), agent_report::status_word(status));
    tx.after_commit(move || events::agent_script_reported(id, &name, stage, status));
    Ok(())
}

/// Keeps that somebody has connected to the agent, or has gone. An address that is none is refused (F5).
pub fn connection(tx: &Tx<'_>, agent: &Agent, request: &v1::ReportConnectionRequest) -> Result<(), CallError> {
    let connection = Uuid::parse_str(&request.connection_id)
        .map_err(|_| invalid("the connection's id is not one: expected a UUID".to_owned()))?;
    if !request.ip.is_empty() && request.ip.parse::<IpAddr>().is_err() {
        return Err(invalid(format!("{:?} is not an IP address", limits::shown(&request.ip))));
    }
    if !(1..=CONNECTION_TYPE_BYTES_MAX).contains(&request.r#type.len()) {
        let text = format!("expected what the connection is for, in 1 to {CONNECTION_TYPE_BYTES_MAX} bytes");
        return Err(invalid(text));
    }
    let reported = Reported {
        connection,
        kind: &request.r#type,
        ip: &request.ip,
        at: request.at_ms,
        reason: truncated(&request.reason, REASON_BYTES_MAX),
        status_code: request.status_code,
    };
    let action = match request.action() {
        Action::Connect => {
            agent_connections::begin(tx, agent.number, &reported)?;
            "connect"
        }
        Action::Disconnect => {
            agent_connections::end(tx, agent.number, &reported)?;
            "disconnect"
        }
        Action::Unspecified => return Err(invalid("expected an action: connect or disconnect".to_owned())),
    };
    let (id, kind) = (agent.id.event(), request.r#type.clone());
    let connection = groundhog_host::event::Id { kind: "connection", uuid: connection };
    tx.after_commit(move || events::agent_connection_reported(id, connection, action, &kind));
    Ok(())
}
