//! The file as it is written, each value with its place. What it means is decided in `check`.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

mod agents;
mod chats;
mod lifecycle;
mod story;
mod template;
mod tunnel;

pub(in crate::scenario) use self::agents::*;
pub(in crate::scenario) use self::chats::*;
pub(in crate::scenario) use self::lifecycle::*;
pub(in crate::scenario) use self::story::*;
pub(in crate::scenario) use self::template::*;
pub(in crate::scenario) use self::tunnel::*;
pub(in crate::scenario) use crate::scenario::scalars::{
    Bytes, DurationText, FieldText, Number, OnSignal, Switch, Times,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Network {
    pub(in crate::scenario) latency: Option<Spanned<DurationText>>,
    pub(in crate::scenario) loss: Option<Spanned<Number>>,
    pub(in crate::scenario) bandwidth: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Link {
    pub(in crate::scenario) between: Spanned<Vec<Spanned<String>>>,
    pub(in crate::scenario) latency: Option<Spanned<DurationText>>,
    pub(in crate::scenario) loss: Option<Spanned<Number>>,
    pub(in crate::scenario) bandwidth: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Control {
    pub(in crate::scenario) connections: Option<Spanned<Times>>,
    pub(in crate::scenario) statement_latency: Option<Spanned<DurationText>>,
    pub(in crate::scenario) log_bytes_max: Option<Spanned<i64>>,
    pub(in crate::scenario) job_bytes_max: Option<Spanned<i64>>,
    pub(in crate::scenario) replicas: Option<Spanned<Times>>,
    pub(in crate::scenario) notices: Option<Notices>,
    pub(in crate::scenario) external_auth: Option<Vec<Spanned<String>>>,
    pub(in crate::scenario) relays: Option<bool>,
    pub(in crate::scenario) beat_interval: Option<Spanned<DurationText>>,
    pub(in crate::scenario) hung_after: Option<Spanned<DurationText>>,
    pub(in crate::scenario) reaper_interval: Option<Spanned<DurationText>>,
    pub(in crate::scenario) prebuilds: Option<Switch<BuildsAhead>>,
    pub(in crate::scenario) autobuild: Option<Switch<Autobuild>>,
}

/// How workspaces are built ahead.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct BuildsAhead {
    pub(in crate::scenario) enabled: Option<bool>,
    pub(in crate::scenario) interval: Option<Spanned<DurationText>>,
    pub(in crate::scenario) backoff_interval: Option<Spanned<DurationText>>,
    pub(in crate::scenario) backoff_lookback: Option<Spanned<DurationText>>,
    pub(in crate::scenario) failure_hard_limit: Option<Spanned<Times>>,
    pub(in crate::scenario) concurrency_max: Option<Spanned<Times>>,
    pub(in crate::scenario) lingering_kept: Option<Spanned<DurationText>>,
    pub(in crate::scenario) lease: Option<Spanned<DurationText>>,
    pub(in crate::scenario) machines: Option<Spanned<i64>>,
}

/// How workspaces start, stop and go by the clock.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Autobuild {
    pub(in crate::scenario) enabled: Option<bool>,
    pub(in crate::scenario) interval: Option<Spanned<DurationText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Organization {
    pub(in crate::scenario) name: Spanned<String>,
    #[serde(default)]
    pub(in crate::scenario) members: Vec<Spanned<String>>,
    pub(in crate::scenario) closed: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Notices {
    pub(in crate::scenario) latency: Option<Spanned<DurationText>>,
    pub(in crate::scenario) loss: Option<Spanned<Number>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Group {
    pub(in crate::scenario) name: Spanned<String>,
    pub(in crate::scenario) budget: Spanned<i64>,
    pub(in crate::scenario) members: Vec<Spanned<String>>,
    pub(in crate::scenario) organization: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct User {
    pub(in crate::scenario) name: Spanned<String>,
    pub(in crate::scenario) role: Option<Role>,
    pub(in crate::scenario) token_expires: Option<Spanned<DurationText>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum Role {
    Member,
    TemplateAdmin,
    Admin,
    Prebuilds,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Provisioner {
    pub(in crate::scenario) name: Spanned<String>,
    pub(in crate::scenario) count: Option<Spanned<Times>>,
    pub(in crate::scenario) start: Option<Spanned<DurationText>>,
    #[serde(default)]
    pub(in crate::scenario) tags: BTreeMap<String, String>,
    pub(in crate::scenario) update_interval: Option<Spanned<DurationText>>,
    pub(in crate::scenario) force_cancel_interval: Option<Spanned<DurationText>>,
    pub(in crate::scenario) slots: Option<Spanned<Times>>,
    pub(in crate::scenario) control: Option<Spanned<String>>,
    pub(in crate::scenario) key: Option<Spanned<String>>,
    pub(in crate::scenario) refuses_sessions: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Expect {
    pub(in crate::scenario) event: Spanned<String>,
    #[serde(default)]
    pub(in crate::scenario) with: BTreeMap<Spanned<String>, FieldText>,
    pub(in crate::scenario) host: Option<Spanned<String>>,
    pub(in crate::scenario) between: Option<Spanned<Vec<Spanned<DurationText>>>>,
    pub(in crate::scenario) times: Option<Spanned<Times>>,
    pub(in crate::scenario) never: Option<Spanned<bool>>,
    pub(in crate::scenario) always: Option<bool>,
    pub(in crate::scenario) before: Option<Pattern>,
    pub(in crate::scenario) after: Option<Pattern>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Pattern {
    pub(in crate::scenario) event: Spanned<String>,
    #[serde(default)]
    pub(in crate::scenario) with: BTreeMap<Spanned<String>, FieldText>,
    pub(in crate::scenario) host: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Swarm {
    pub(in crate::scenario) faults: Option<Spanned<Times>>,
    pub(in crate::scenario) kinds: Option<Spanned<BTreeMap<Spanned<String>, Spanned<Number>>>>,
    pub(in crate::scenario) lasts: Option<Spanned<DurationText>>,
    pub(in crate::scenario) within: Option<Spanned<DurationText>>,
    pub(in crate::scenario) settings: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Workload {
    pub(in crate::scenario) workspaces: Option<Spanned<Times>>,
    pub(in crate::scenario) builds: Option<Spanned<Times>>,
    pub(in crate::scenario) cancels: Option<Spanned<Times>>,
    pub(in crate::scenario) shutdowns: Option<Spanned<Times>>,
    pub(in crate::scenario) imports: Option<Spanned<Times>>,
    pub(in crate::scenario) dry_runs: Option<Spanned<Times>>,
    pub(in crate::scenario) follows: Option<Spanned<Times>>,
    pub(in crate::scenario) terminals: Option<Spanned<Times>>,
    pub(in crate::scenario) outages: Option<Spanned<Times>>,
    pub(in crate::scenario) claims: Option<Spanned<Times>>,
    pub(in crate::scenario) tunnels: Option<Spanned<Times>>,
    pub(in crate::scenario) promotions: Option<Spanned<Times>>,
    pub(in crate::scenario) invalidations: Option<Spanned<Times>>,
    pub(in crate::scenario) pauses: Option<Spanned<Times>>,
    pub(in crate::scenario) retirements: Option<Spanned<Times>>,
    pub(in crate::scenario) lifecycles: Option<Spanned<Times>>,
    pub(in crate::scenario) tool_calls: Option<Spanned<Times>>,
    pub(in crate::scenario) attaches: Option<Spanned<Times>>,
    pub(in crate::scenario) interventions: Option<Spanned<Times>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Case {
    pub(in crate::scenario) signature: String,
    pub(in crate::scenario) message: String,
    pub(in crate::scenario) version: String,
    pub(in crate::scenario) log_digest: String,
    pub(in crate::scenario) trace_digest: String,
    pub(in crate::scenario) found: Option<String>,
}
