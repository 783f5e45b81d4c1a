//! The file as it is written, each value with its place. What it means is decided in `check`.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

pub(super) use super::scalars::{DurationText, FieldText, Number, Times};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Network {
    pub(super) latency: Option<Spanned<DurationText>>,
    pub(super) loss: Option<Spanned<Number>>,
    pub(super) bandwidth: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Link {
    pub(super) between: Spanned<Vec<Spanned<String>>>,
    pub(super) latency: Option<Spanned<DurationText>>,
    pub(super) loss: Option<Spanned<Number>>,
    pub(super) bandwidth: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Control {
    pub(super) connections: Option<Spanned<i64>>,
    pub(super) statement_latency: Option<Spanned<DurationText>>,
    pub(super) log_bytes_max: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) name: Spanned<String>,
    pub(super) budget: Spanned<i64>,
    pub(super) members: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    pub(super) name: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Template {
    pub(super) name: Spanned<String>,
    pub(super) plan: Option<Phase>,
    pub(super) apply: Option<Phase>,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Phase {
    pub(super) takes: Option<Spanned<DurationText>>,
    pub(super) on_cancel: Option<OnCancel>,
    pub(super) cancel_takes: Option<Spanned<DurationText>>,
    pub(super) logs: Option<Logs>,
    pub(super) fails: Option<Spanned<String>>,
    pub(super) hangs: Option<bool>,
    pub(super) daily_cost: Option<Spanned<i64>>,
    pub(super) state: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnCancel {
    Obey,
    Ignore,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Logs {
    pub(super) every: Spanned<DurationText>,
    pub(super) line: Option<String>,
    pub(super) count: Option<Spanned<i64>>,
    pub(super) level: Option<LogLevel>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Provisioner {
    pub(super) name: Spanned<String>,
    pub(super) count: Option<Spanned<Times>>,
    pub(super) start: Option<Spanned<DurationText>>,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
    pub(super) update_interval: Option<Spanned<DurationText>>,
    pub(super) force_cancel_interval: Option<Spanned<DurationText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub(super) at: Spanned<DurationText>,
    pub(super) create_workspace: Option<Spanned<CreateWorkspace>>,
    pub(super) build_workspace: Option<Spanned<BuildWorkspace>>,
    pub(super) cancel_build: Option<Spanned<CancelBuild>>,
    pub(super) shutdown_provisioner: Option<Spanned<ShutdownProvisioner>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateWorkspace {
    pub(super) name: Spanned<String>,
    pub(super) owner: Spanned<String>,
    pub(super) template: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BuildWorkspace {
    pub(super) workspace: Spanned<String>,
    pub(super) owner: Option<Spanned<String>>,
    pub(super) transition: Transition,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Transition {
    Start,
    Stop,
    Destroy,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CancelBuild {
    pub(super) workspace: Spanned<String>,
    pub(super) owner: Option<Spanned<String>>,
    pub(super) by: Option<Spanned<String>>,
    pub(super) expect_status: Option<ExpectStatus>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ExpectStatus {
    Pending,
    Running,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShutdownProvisioner {
    pub(super) name: Spanned<String>,
    pub(super) job: Option<JobAtShutdown>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum JobAtShutdown {
    Finishes,
    IsCanceled,
    IsDropped,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    pub(super) at: Spanned<DurationText>,
    #[serde(rename = "for")]
    pub(super) lasts: Option<Spanned<DurationText>>,
    pub(super) cut: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) cut_one_way: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) hold: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) slow: Option<Spanned<Slow>>,
    pub(super) lossy: Option<Spanned<Lossy>>,
    pub(super) reset: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) kill: Option<Spanned<String>>,
    pub(super) power_loss: Option<Spanned<String>>,
    pub(super) suspend: Option<Spanned<Suspend>>,
    pub(super) step_clock: Option<Spanned<StepClock>>,
    pub(super) drift: Option<Spanned<Drift>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slow {
    pub(super) between: Spanned<Vec<Spanned<String>>>,
    pub(super) factor: Spanned<Number>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lossy {
    pub(super) between: Spanned<Vec<Spanned<String>>>,
    pub(super) probability: Spanned<Number>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Suspend {
    pub(super) host: Spanned<String>,
    pub(super) clock: SuspendedClock,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SuspendedClock {
    Stops,
    Runs,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepClock {
    pub(super) host: Spanned<String>,
    pub(super) by: Spanned<DurationText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Drift {
    pub(super) host: Spanned<String>,
    pub(super) ppm: Spanned<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    pub(super) event: Spanned<String>,
    #[serde(default)]
    pub(super) with: BTreeMap<Spanned<String>, FieldText>,
    pub(super) host: Option<Spanned<String>>,
    pub(super) between: Option<Spanned<Vec<Spanned<DurationText>>>>,
    pub(super) times: Option<Spanned<Times>>,
    pub(super) never: Option<Spanned<bool>>,
    pub(super) always: Option<bool>,
    pub(super) before: Option<Pattern>,
    pub(super) after: Option<Pattern>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pattern {
    pub(super) event: Spanned<String>,
    #[serde(default)]
    pub(super) with: BTreeMap<Spanned<String>, FieldText>,
    pub(super) host: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Swarm {
    pub(super) faults: Option<Spanned<Times>>,
    pub(super) kinds: Option<Spanned<BTreeMap<Spanned<String>, Spanned<Number>>>>,
    pub(super) lasts: Option<Spanned<DurationText>>,
    pub(super) within: Option<Spanned<DurationText>>,
    pub(super) settings: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Workload {
    pub(super) workspaces: Option<Spanned<Times>>,
    pub(super) builds: Option<Spanned<Times>>,
    pub(super) cancels: Option<Spanned<Times>>,
    pub(super) shutdowns: Option<Spanned<Times>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) signature: String,
    pub(super) message: String,
    pub(super) version: String,
    pub(super) log_digest: String,
    pub(super) trace_digest: String,
    pub(super) found: Option<String>,
}
