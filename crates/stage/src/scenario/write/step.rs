//! What people do, as a file says it.

use std::collections::BTreeMap;

use toml_edit::{InlineTable, Table, Value, value};

use super::chats;
use super::lifecycle::lifecycle;
use super::template::level_text;
use super::{text_of, texts, time};
use crate::scenario::{Action, ExpectStatus, JobAtShutdown, Step, Transition, Tunnel, TunnelApplication};

pub(super) fn step(step: &Step) -> Table {
    let mut table = Table::new();
    table["at"] = time(step.at);
    let (key, fields): (_, Vec<(&str, Value)>) = match &step.action {
        Action::CreateWorkspace { name, owner, template, parameters, log_level, preset, version, autostart, ttl } => {
            let mut fields = vec![("name", name.into()), ("owner", owner.into()), ("template", template.into())];
            fields.extend(some_texts("parameters", parameters));
            fields.extend(log_level.map(|level| ("log_level", level_text(level).into())));
            for (key, text) in [("preset", preset), ("version", version), ("autostart", autostart)] {
                fields.extend((!text.is_empty()).then(|| (key, text.into())));
            }
            fields.extend(ttl.map(|ttl| ("ttl", text_of(ttl))));
            ("create_workspace", fields)
        }
        Action::BuildWorkspace { workspace, owner, by, transition, update, orphan } => {
            let transition = match transition {
                Transition::Start => "start",
                Transition::Stop => "stop",
                Transition::Destroy => "destroy",
            };
            let mut fields = of_workspace(workspace, owner, by);
            fields.push(("transition", transition.into()));
            fields.extend(update.then(|| ("update", true.into())));
            fields.extend(orphan.then(|| ("orphan", true.into())));
            ("build_workspace", fields)
        }
        Action::CancelBuild { workspace, owner, by, expect_status } => {
            let mut fields = of_workspace(workspace, owner, by);
            let status = expect_status.map(|status| match status {
                ExpectStatus::Pending => "pending",
                ExpectStatus::Running => "running",
            });
            fields.extend(status.map(|status| ("expect_status", status.into())));
            ("cancel_build", fields)
        }
        Action::ShutdownProvisioner { name, job } => {
            let job = match job {
                JobAtShutdown::Finishes => None,
                JobAtShutdown::IsCanceled => Some(("job", "is_canceled".into())),
                JobAtShutdown::IsDropped => Some(("job", "is_dropped".into())),
            };
            ("shutdown_provisioner", [("name", name.into())].into_iter().chain(job).collect())
        }
        Action::ImportTemplate { template, version, by, like, variables, activate } => {
            let mut fields = vec![("template", template.into()), ("version", version.into()), ("by", by.into())];
            if like != template {
                fields.push(("like", like.into()));
            }
            fields.extend(some_texts("variables", variables));
            if !activate {
                fields.push(("activate", false.into()));
            }
            ("import_template", fields)
        }
        Action::CancelImport { template, version, by } => {
            ("cancel_import", vec![("template", template.into()), ("version", version.into()), ("by", by.into())])
        }
        Action::DryRun { template, by, parameters } => {
            let mut fields = vec![("template", template.into()), ("by", by.into())];
            fields.extend(some_texts("parameters", parameters));
            ("dry_run", fields)
        }
        Action::CancelDryRun { template, by } => {
            ("cancel_dry_run", vec![("template", template.into()), ("by", by.into())])
        }
        Action::FollowLogs { workspace, owner, by } => ("follow_logs", of_workspace(workspace, owner, by)),
        Action::OpenTerminal { workspace, owner, agent, by, session, command, sends, stays, reads, in_pieces } => {
            let mut fields = of_workspace(workspace, owner, by);
            fields.push(("agent", agent.into()));
            fields.push(("session", session.into()));
            if !command.is_empty() {
                fields.push(("command", command.into()));
            }
            if !sends.is_empty() {
                fields.push(("sends", Value::Array(sends.iter().collect())));
            }
            fields.push(("stays", text_of(*stays)));
            if !reads {
                fields.push(("reads", false.into()));
            }
            if *in_pieces {
                fields.push(("in_pieces", true.into()));
            }
            ("open_terminal", fields)
        }
        Action::AppOutage { workspace, agent, app, lasts, how } => {
            let fields = vec![("workspace", workspace.into()), ("agent", agent.into()), ("app", app.into())];
            ("app_outage", [fields, vec![("for", text_of(*lasts)), ("how", how.as_str().into())]].concat())
        }
        Action::ClaimWorkspace { workspace, owner, by, person } => {
            let mut fields = of_workspace(workspace, owner, by);
            fields.push(("for", person.into()));
            ("claim_workspace", fields)
        }
        Action::ListAgents { workspace, owner, by } => ("list_agents", of_workspace(workspace, owner, by)),
        Action::CallTool(call) => ("call_tool", chats::call(call)),
        Action::AttachWorkspace { chat, workspace, owner, by } => {
            let of_workspace = of_workspace(workspace, owner, by);
            ("attach_workspace", [("chat", chat.into())].into_iter().chain(of_workspace).collect())
        }
        Action::SetChatTtl { ttl, by } => ("set_chat_ttl", vec![("ttl", ttl.into()), ("by", by.into())]),
        Action::OpenTunnel(opened) => ("open_tunnel", tunnel(opened)),
        Action::InterruptTunnel { name } => ("interrupt_tunnel", vec![("name", name.into())]),
        Action::ActivateVersion { template, version, by } => {
            ("activate_version", vec![("template", template.into()), ("version", version.into()), ("by", by.into())])
        }
        Action::DeprecateTemplate { template, message, by } => {
            ("deprecate_template", vec![("template", template.into()), ("message", message.into()), ("by", by.into())])
        }
        Action::DeleteTemplate { template, by } => {
            ("delete_template", vec![("template", template.into()), ("by", by.into())])
        }
        Action::InvalidatePrebuilds { template, by } => {
            ("invalidate_prebuilds", vec![("template", template.into()), ("by", by.into())])
        }
        Action::PausePrebuilds { by, paused } => {
            (if *paused { "pause_prebuilds" } else { "resume_prebuilds" }, vec![("by", by.into())])
        }
        Action::SetLifecycle { workspace, owner, by, lifecycle: said } => {
            ("set_lifecycle", [of_workspace(workspace, owner, by), lifecycle(said)].concat())
        }
        Action::ReadMetrics { by, prefix } => {
            let prefix = (!prefix.is_empty()).then(|| ("prefix", prefix.into()));
            ("read_metrics", [("by", by.into())].into_iter().chain(prefix).collect())
        }
        Action::ListPresets { template, version, by } => {
            let version = (!version.is_empty()).then(|| ("version", version.into()));
            let fields = [("template", template.into()), ("by", by.into())];
            ("list_presets", fields.into_iter().chain(version).collect())
        }
        Action::DeleteKey { key, by } => ("delete_key", vec![("key", key.into()), ("by", by.into())]),
    };
    table[key] = value(fields.into_iter().collect::<InlineTable>());
    table
}

fn tunnel(tunnel: &Tunnel) -> Vec<(&'static str, Value)> {
    let mut fields = vec![("name", tunnel.name.as_str().into())];
    fields.extend(of_workspace(&tunnel.workspace, &tunnel.owner, &tunnel.by));
    if !tunnel.agent.is_empty() {
        fields.push(("agent", tunnel.agent.as_str().into()));
    }
    match &tunnel.application {
        TunnelApplication::Forward { port, every } => {
            fields.extend([("port", i64::from(*port).into()), ("every", text_of(*every))]);
        }
        TunnelApplication::Terminal { session, sends } => {
            fields.extend([("app", "terminal".into()), ("session", session.as_str().into())]);
            if !sends.is_empty() {
                fields.push(("sends", Value::Array(sends.iter().collect())));
            }
        }
    }
    for (key, is_so) in [("autostart", tunnel.autostart), ("wait_for_scripts", tunnel.wait_for_scripts)] {
        if !is_so {
            fields.push((key, false.into()));
        }
    }
    fields.extend(tunnel.stays.map(|stays| ("stays", text_of(stays))));
    fields
}

/// Which workspace, and who does something with it.
fn of_workspace(workspace: &str, owner: &str, by: &str) -> Vec<(&'static str, Value)> {
    let by = (by != owner).then(|| ("by", by.into()));
    [("workspace", workspace.into()), ("owner", owner.into())].into_iter().chain(by).collect()
}

/// Values by name, if there are any.
pub(super) fn some_texts(key: &'static str, values: &BTreeMap<String, String>) -> Option<(&'static str, Value)> {
    (!values.is_empty()).then(|| (key, Value::InlineTable(texts(values))))
}
