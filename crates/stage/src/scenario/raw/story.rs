//! What happens, as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{
    ActivateVersion, AppFailure, AttachWorkspace, CallTool, DeprecateTemplate, DurationText, FieldText,
    InterruptTunnel, ListPresets, LogLevel, Number, OfTemplate, OpenTunnel, ReadMetrics, SetChatTtl, SetLifecycle,
    Somebody,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Step {
    pub(in crate::scenario) at: Spanned<DurationText>,
    pub(in crate::scenario) create_workspace: Option<Spanned<CreateWorkspace>>,
    pub(in crate::scenario) build_workspace: Option<Spanned<BuildWorkspace>>,
    pub(in crate::scenario) cancel_build: Option<Spanned<CancelBuild>>,
    pub(in crate::scenario) shutdown_provisioner: Option<Spanned<ShutdownProvisioner>>,
    pub(in crate::scenario) import_template: Option<Spanned<ImportTemplate>>,
    pub(in crate::scenario) cancel_import: Option<Spanned<CancelImport>>,
    pub(in crate::scenario) dry_run: Option<Spanned<DryRun>>,
    pub(in crate::scenario) cancel_dry_run: Option<Spanned<CancelDryRun>>,
    pub(in crate::scenario) follow_logs: Option<Spanned<FollowLogs>>,
    pub(in crate::scenario) delete_key: Option<Spanned<DeleteKey>>,
    pub(in crate::scenario) open_terminal: Option<Spanned<OpenTerminal>>,
    pub(in crate::scenario) app_outage: Option<Spanned<AppOutage>>,
    pub(in crate::scenario) claim_workspace: Option<Spanned<ClaimWorkspace>>,
    pub(in crate::scenario) list_agents: Option<Spanned<ListAgents>>,
    pub(in crate::scenario) open_tunnel: Option<Spanned<OpenTunnel>>,
    pub(in crate::scenario) interrupt_tunnel: Option<Spanned<InterruptTunnel>>,
    pub(in crate::scenario) activate_version: Option<Spanned<ActivateVersion>>,
    pub(in crate::scenario) deprecate_template: Option<Spanned<DeprecateTemplate>>,
    pub(in crate::scenario) delete_template: Option<Spanned<OfTemplate>>,
    pub(in crate::scenario) invalidate_prebuilds: Option<Spanned<OfTemplate>>,
    pub(in crate::scenario) pause_prebuilds: Option<Spanned<Somebody>>,
    pub(in crate::scenario) resume_prebuilds: Option<Spanned<Somebody>>,
    pub(in crate::scenario) set_lifecycle: Option<Spanned<SetLifecycle>>,
    pub(in crate::scenario) read_metrics: Option<Spanned<ReadMetrics>>,
    pub(in crate::scenario) list_presets: Option<Spanned<ListPresets>>,
    pub(in crate::scenario) call_tool: Option<Spanned<CallTool>>,
    pub(in crate::scenario) attach_workspace: Option<Spanned<AttachWorkspace>>,
    pub(in crate::scenario) set_chat_ttl: Option<Spanned<SetChatTtl>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct CreateWorkspace {
    pub(in crate::scenario) name: Spanned<String>,
    pub(in crate::scenario) owner: Spanned<String>,
    pub(in crate::scenario) template: Spanned<String>,
    #[serde(default)]
    pub(in crate::scenario) parameters: BTreeMap<String, FieldText>,
    pub(in crate::scenario) log_level: Option<LogLevel>,
    pub(in crate::scenario) preset: Option<Spanned<String>>,
    pub(in crate::scenario) version: Option<Spanned<String>>,
    pub(in crate::scenario) autostart: Option<Spanned<String>>,
    pub(in crate::scenario) ttl: Option<Spanned<DurationText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct BuildWorkspace {
    pub(in crate::scenario) workspace: Spanned<String>,
    pub(in crate::scenario) owner: Option<Spanned<String>>,
    pub(in crate::scenario) transition: Transition,
    pub(in crate::scenario) update: Option<bool>,
    pub(in crate::scenario) by: Option<Spanned<String>>,
    pub(in crate::scenario) orphan: Option<bool>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum Transition {
    Start,
    Stop,
    Destroy,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct CancelBuild {
    pub(in crate::scenario) workspace: Spanned<String>,
    pub(in crate::scenario) owner: Option<Spanned<String>>,
    pub(in crate::scenario) by: Option<Spanned<String>>,
    pub(in crate::scenario) expect_status: Option<ExpectStatus>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum ExpectStatus {
    Pending,
    Running,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct ShutdownProvisioner {
    pub(in crate::scenario) name: Spanned<String>,
    pub(in crate::scenario) job: Option<JobAtShutdown>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum JobAtShutdown {
    Finishes,
    IsCanceled,
    IsDropped,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct ImportTemplate {
    pub(in crate::scenario) template: Spanned<String>,
    pub(in crate::scenario) version: Spanned<String>,
    pub(in crate::scenario) by: Option<Spanned<String>>,
    pub(in crate::scenario) like: Option<Spanned<String>>,
    #[serde(default)]
    pub(in crate::scenario) variables: BTreeMap<String, FieldText>,
    pub(in crate::scenario) activate: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct CancelImport {
    pub(in crate::scenario) template: Spanned<String>,
    pub(in crate::scenario) version: Spanned<String>,
    pub(in crate::scenario) by: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct DryRun {
    pub(in crate::scenario) template: Spanned<String>,
    pub(in crate::scenario) by: Option<Spanned<String>>,
    #[serde(default)]
    pub(in crate::scenario) parameters: BTreeMap<String, FieldText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct CancelDryRun {
    pub(in crate::scenario) template: Spanned<String>,
    pub(in crate::scenario) by: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct FollowLogs {
    pub(in crate::scenario) workspace: Spanned<String>,
    pub(in crate::scenario) owner: Option<Spanned<String>>,
    pub(in crate::scenario) by: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct DeleteKey {
    pub(in crate::scenario) key: Spanned<String>,
    pub(in crate::scenario) by: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct OpenTerminal {
    pub(in crate::scenario) workspace: Spanned<String>,
    pub(in crate::scenario) owner: Option<Spanned<String>>,
    pub(in crate::scenario) agent: Option<Spanned<String>>,
    pub(in crate::scenario) by: Option<Spanned<String>>,
    pub(in crate::scenario) session: Option<String>,
    pub(in crate::scenario) command: Option<Spanned<String>>,
    #[serde(default)]
    pub(in crate::scenario) sends: Vec<String>,
    pub(in crate::scenario) stays: Option<Spanned<DurationText>>,
    pub(in crate::scenario) reads: Option<bool>,
    pub(in crate::scenario) in_pieces: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct AppOutage {
    pub(in crate::scenario) workspace: Spanned<String>,
    pub(in crate::scenario) agent: Option<Spanned<String>>,
    pub(in crate::scenario) app: Spanned<String>,
    #[serde(rename = "for")]
    pub(in crate::scenario) lasts: Spanned<DurationText>,
    pub(in crate::scenario) how: Option<AppFailure>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct ClaimWorkspace {
    pub(in crate::scenario) workspace: Spanned<String>,
    pub(in crate::scenario) owner: Option<Spanned<String>>,
    pub(in crate::scenario) by: Option<Spanned<String>>,
    #[serde(rename = "for")]
    pub(in crate::scenario) person: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct ListAgents {
    pub(in crate::scenario) workspace: Spanned<String>,
    pub(in crate::scenario) owner: Option<Spanned<String>>,
    pub(in crate::scenario) by: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Fault {
    pub(in crate::scenario) at: Spanned<DurationText>,
    #[serde(rename = "for")]
    pub(in crate::scenario) lasts: Option<Spanned<DurationText>>,
    pub(in crate::scenario) cut: Option<Spanned<Vec<Spanned<String>>>>,
    pub(in crate::scenario) cut_one_way: Option<Spanned<Vec<Spanned<String>>>>,
    pub(in crate::scenario) hold: Option<Spanned<Vec<Spanned<String>>>>,
    pub(in crate::scenario) slow: Option<Spanned<Slow>>,
    pub(in crate::scenario) lossy: Option<Spanned<Lossy>>,
    pub(in crate::scenario) reset: Option<Spanned<Vec<Spanned<String>>>>,
    pub(in crate::scenario) kill: Option<Spanned<String>>,
    pub(in crate::scenario) power_loss: Option<Spanned<String>>,
    pub(in crate::scenario) suspend: Option<Spanned<Suspend>>,
    pub(in crate::scenario) step_clock: Option<Spanned<StepClock>>,
    pub(in crate::scenario) drift: Option<Spanned<Drift>>,
    pub(in crate::scenario) database: Option<Spanned<DatabaseFault>>,
}

/// What is wrong with the database.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum DatabaseFault {
    Unavailable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Slow {
    pub(in crate::scenario) between: Spanned<Vec<Spanned<String>>>,
    pub(in crate::scenario) factor: Spanned<Number>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Lossy {
    pub(in crate::scenario) between: Spanned<Vec<Spanned<String>>>,
    pub(in crate::scenario) probability: Spanned<Number>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Suspend {
    pub(in crate::scenario) host: Spanned<String>,
    pub(in crate::scenario) clock: SuspendedClock,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum SuspendedClock {
    Stops,
    Runs,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct StepClock {
    pub(in crate::scenario) host: Spanned<String>,
    pub(in crate::scenario) by: Spanned<DurationText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Drift {
    pub(in crate::scenario) host: Spanned<String>,
    pub(in crate::scenario) ppm: Spanned<i64>,
}
