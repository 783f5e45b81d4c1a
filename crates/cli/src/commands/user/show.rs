//! How workspaces and templates are shown to people.

use std::io::{self, Write};

use groundhog_wire::v1::{AgentView, Build, Chat, Daemon, Template, Workspace};

use super::{tell, words};
use crate::commands::table;

/// A line.
pub(super) fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// A table of workspaces.
pub(super) fn workspaces(workspaces: &[Workspace]) -> io::Result<()> {
    let row = |workspace: &Workspace| {
        let build = workspace.latest_build.clone().unwrap_or_default();
        let (name, state) = (workspace.name.clone(), tell::state(workspace).to_owned());
        vec![name, workspace.owner.clone(), workspace.template.clone(), state, build.number.to_string(), build.job_id]
    };
    let headings = ["WORKSPACE", "OWNER", "TEMPLATE", "STATE", "BUILD", "JOB"];
    write!(io::stdout().lock(), "{}", table::render(&headings, workspaces.iter().map(row)))
}

/// A workspace with its agents.
pub(super) fn workspace(workspace: &Workspace, agents: &[AgentView]) -> io::Result<()> {
    let mut rows = vec![
        ("workspace", workspace.name.clone()),
        ("owner", workspace.owner.clone()),
        ("template", workspace.template.clone()),
        ("preset", workspace.preset.clone()),
        ("state", tell::state(workspace).to_owned()),
    ];
    if let Some(latest) = &workspace.latest_build {
        rows.push(("build", build(latest)));
        rows.push(("job", latest.job_id.clone()));
        rows.push(("error", latest.error.clone()));
        rows.push(("stops at", latest.deadline_at_ms.map(words::time).unwrap_or_default()));
    }
    rows.push(("autostart", workspace.autostart.clone()));
    rows.push(("dormant since", workspace.dormant_at_ms.map(words::time).unwrap_or_default()));
    facts(&rows)?;
    let mut out = io::stdout().lock();
    if agents.is_empty() {
        return Ok(());
    }
    let row = |agent: &AgentView| {
        let apps = agent.apps.iter().map(|app| format!("{} {}", app.slug, words::app_health(app.health())));
        let (status, lifecycle) = (words::agent_status(agent.status()), words::lifecycle(agent.lifecycle()));
        let apps = apps.collect::<Vec<_>>().join(", ");
        vec![agent.name.clone(), status.to_owned(), lifecycle.to_owned(), agent.expanded_directory.clone(), apps]
    };
    let headings = ["AGENT", "STATUS", "LIFECYCLE", "DIRECTORY", "APPS"];
    write!(out, "\n{}", table::render(&headings, agents.iter().map(row)))
}

/// What there is to say about one thing, a line each.
fn facts(rows: &[(&str, String)]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (what, is) in rows.iter().filter(|(_, is)| !is.is_empty()) {
        writeln!(out, "{what:<14}{is}")?;
    }
    Ok(())
}

fn build(build: &Build) -> String {
    let (transition, status) = (words::transition(build.transition()), words::job_status(build.status()));
    let canceled = build.canceled_at_ms.map(|at| format!(", canceled at {}", words::time(at))).unwrap_or_default();
    format!("{}, {transition}, {status}, asked for by {} ({}){canceled}", build.number, build.initiator, build.reason)
}

/// A table of templates.
pub(super) fn templates(templates: &[Template]) -> io::Result<()> {
    let row =
        |template: &Template| vec![template.name.clone(), template.organization.clone(), template.deprecated.clone()];
    let headings = ["TEMPLATE", "ORGANIZATION", "DEPRECATED"];
    write!(io::stdout().lock(), "{}", table::render(&headings, templates.iter().map(row)))
}

/// A chat.
pub(super) fn chat(chat: &Chat) -> io::Result<()> {
    facts(&[
        ("chat", chat.chat_id.clone()),
        ("owner", chat.owner.clone()),
        ("organization", chat.organization.clone()),
        ("workspace", chat.workspace_id.clone()),
        ("build", chat.build_id.clone()),
        ("agent", chat.agent_id.clone()),
    ])
}

/// A table of daemons.
pub(super) fn daemons(daemons: &[Daemon]) -> io::Result<()> {
    let row = |daemon: &Daemon| {
        let (status, seen) = (words::daemon_status(daemon.status()), words::time(daemon.last_seen_at_ms));
        vec![daemon.name.clone(), daemon.key.clone(), status.to_owned(), seen, daemon.job_ids.join(", ")]
    };
    let headings = ["DAEMON", "KEY", "STATUS", "SEEN", "JOBS"];
    write!(io::stdout().lock(), "{}", table::render(&headings, daemons.iter().map(row)))
}
