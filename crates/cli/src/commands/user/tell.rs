//! How results are written. In JSON each line is an object with one key, which says what it is about.

use std::io::{self, Write};

use groundhog_wire::v1::{
    AgentView, Build, Chat, Daemon, JobView, StoredAgentLogLine, StoredLogLine, Template, Workspace,
};
use serde_json::{Value, json};

use super::words;

/// One line of JSON.
pub(super) fn line(kind: &str, value: Value) -> io::Result<()> {
    let mut object = serde_json::Map::new();
    object.insert(kind.to_owned(), value);
    writeln!(io::stdout().lock(), "{}", Value::Object(object))
}

/// As it is told of a job.
pub(super) fn job(job: &JobView) -> Value {
    json!({
        "id": job.job_id,
        "status": words::job_status(job.status()),
        "error": job.error,
        "error_code": job.error_code,
        "canceled_at": job.canceled_at_ms.map(words::time),
    })
}

pub(super) fn build(build: &Build) -> Value {
    json!({
        "id": build.build_id,
        "workspace_id": build.workspace_id,
        "workspace": build.workspace_name,
        "number": build.number,
        "transition": words::transition(build.transition()),
        "job_id": build.job_id,
        "status": words::job_status(build.status()),
        "error": build.error,
        "error_code": build.error_code,
        "canceled_at": build.canceled_at_ms.map(words::time),
        "daily_cost": build.daily_cost,
        "initiator": build.initiator,
        "reason": build.reason,
        "deadline_at": build.deadline_at_ms.map(words::time),
    })
}

pub(super) fn workspace(workspace: &Workspace) -> Value {
    json!({
        "id": workspace.workspace_id,
        "name": workspace.name,
        "owner": workspace.owner,
        "template": workspace.template,
        "preset": workspace.preset,
        "state": state(workspace),
        "created_at": words::time(workspace.created_at_ms),
        "last_used_at": words::time(workspace.last_used_at_ms),
        "autostart": workspace.autostart,
        "next_start_at": workspace.next_start_at_ms.map(words::time),
        "ttl_ms": workspace.ttl_ms,
        "dormant_at": workspace.dormant_at_ms.map(words::time),
        "deleting_at": workspace.deleting_at_ms.map(words::time),
        "latest_build": workspace.latest_build.as_ref().map(build),
    })
}

/// What a workspace is, in a word.
pub(super) fn state(workspace: &Workspace) -> &'static str {
    let build = workspace.latest_build.as_ref();
    build.map_or("unknown", |build| words::workspace_state(build.transition(), build.status()))
}

pub(super) fn agent(agent: &AgentView) -> Value {
    let apps = agent.apps.iter().map(|app| json!({ "slug": app.slug, "health": words::app_health(app.health()) }));
    let metadata = agent.metadata.iter().map(|one| {
        json!({ "key": one.key, "value": one.value, "error": one.error, "collected_at": words::time(one.collected_at_ms) })
    });
    json!({
        "id": agent.agent_id,
        "name": agent.name,
        "build_id": agent.build_id,
        "status": words::agent_status(agent.status()),
        "lifecycle": words::lifecycle(agent.lifecycle()),
        "first_connected_at": agent.first_connected_at_ms.map(words::time),
        "last_connected_at": agent.last_connected_at_ms.map(words::time),
        "disconnected_at": agent.disconnected_at_ms.map(words::time),
        "started_at": agent.started_at_ms.map(words::time),
        "ready_at": agent.ready_at_ms.map(words::time),
        "version": agent.version,
        "directory": agent.expanded_directory,
        "logs_overflowed": agent.logs_overflowed,
        "apps": apps.collect::<Vec<_>>(),
        "metadata": metadata.collect::<Vec<_>>(),
        "external": agent.external,
    })
}

pub(super) fn template(template: &Template) -> Value {
    json!({
        "id": template.template_id,
        "name": template.name,
        "organization": template.organization,
        "deprecated": template.deprecated,
        "default_ttl_ms": template.default_ttl_ms,
        "dormant_after_ms": template.dormant_after_ms,
        "deleted_after_ms": template.deleted_after_ms,
    })
}

pub(super) fn chat(chat: &Chat) -> Value {
    json!({
        "id": chat.chat_id,
        "owner": chat.owner,
        "organization": chat.organization,
        "created_at": words::time(chat.created_at_ms),
        "workspace_id": chat.workspace_id,
        "build_id": chat.build_id,
        "agent_id": chat.agent_id,
    })
}

pub(super) fn daemon(daemon: &Daemon) -> Value {
    json!({
        "id": daemon.daemon_id,
        "name": daemon.name,
        "key": daemon.key,
        "status": words::daemon_status(daemon.status()),
        "last_seen_at": words::time(daemon.last_seen_at_ms),
        "job_ids": daemon.job_ids,
    })
}

pub(super) fn log_line(stored: &StoredLogLine) -> Value {
    let line = stored.line.clone().unwrap_or_default();
    json!({
        "id": stored.id,
        "sequence": line.sequence,
        "at": words::time(line.created_at_ms),
        "level": words::log_level(line.level()),
        "stage": line.stage,
        "output": line.output,
    })
}

pub(super) fn agent_log_line(stored: &StoredAgentLogLine) -> Value {
    let line = stored.line.clone().unwrap_or_default();
    json!({
        "id": stored.id,
        "source_id": stored.source_id,
        "sequence": line.sequence,
        "at": words::time(line.created_at_ms),
        "level": words::log_level(line.level()),
        "output": line.output,
    })
}
