//! The network, the machines, the people and the templates.

use std::collections::BTreeSet;
use std::time::Duration;

use toml::Spanned;

use groundhog_provisioner::RunnerConfig;

use super::values::{duration, duration_above_zero, duration_or, duration_range, instant, number, whole, whole_u32};
use super::{Check, defaults, names};
use crate::diagnostic::Diagnostic;
use crate::scenario::{
    CONTROL, Control, Group, Link, LogLevel, Logs, NetworkPath, OnCancel, Phase, Provisioner, REAPER, Template, USERS,
    raw,
};

/// Connections to the database at most: no database takes more from one client.
const CONNECTIONS_MAX: u32 = 10_000;

/// Bytes of log that may be kept of one job, at most. They stand in memory, in a campaign of one world per core.
const LOG_BYTES_MAX_MAX: i64 = 1 << 30;

/// Lines closer than this would make a phase of an hour write more than a run can hold.
const LOG_EVERY_MIN: Duration = Duration::from_millis(1);

/// What a provisioner may not be called: the hosts that are always there, and who else ends jobs in a log.
const RESERVED: [&str; 3] = [CONTROL, USERS, REAPER];

/// The dearest budget and cost: what the protocol carries.
const CREDITS_MAX: u32 = i32::MAX.unsigned_abs();

pub(super) fn network(check: &mut Check<'_>, raw: Option<raw::Network>) -> NetworkPath {
    match raw {
        None => defaults::NETWORK,
        Some(raw) => path(check, raw.latency.as_ref(), raw.loss.as_ref(), raw.bandwidth.as_ref(), defaults::NETWORK),
    }
}

fn path(
    check: &mut Check<'_>,
    latency: Option<&Spanned<raw::DurationText>>,
    loss: Option<&Spanned<raw::Number>>,
    bandwidth: Option<&Spanned<i64>>,
    default: NetworkPath,
) -> NetworkPath {
    NetworkPath {
        latency: duration_range(check, latency, default.latency),
        loss: loss.map_or(default.loss, |raw| number(check, raw, 0.0..=1.0)),
        bandwidth: bandwidth.map(|raw| whole(check, raw, 1..=i64::MAX).unsigned_abs()).or(default.bandwidth),
    }
}

pub(super) fn links(check: &mut Check<'_>, raw: Vec<Spanned<raw::Link>>, network: NetworkPath) -> Vec<Link> {
    let mut seen = BTreeSet::new();
    let mut links = Vec::new();
    for raw in raw {
        let raw = raw.into_inner();
        let (a, b) = names::two_hosts(check, &raw.between);
        let unordered = if a < b { (a.clone(), b.clone()) } else { (b.clone(), a.clone()) };
        if !seen.insert(unordered) {
            check.report(
                Diagnostic::new("duplicate-link", format!("there is already a link between `{a}` and `{b}`"))
                    .at(raw.between.span())
                    .help("a link counts in both directions"),
            );
        }
        let path = path(check, raw.latency.as_ref(), raw.loss.as_ref(), raw.bandwidth.as_ref(), network);
        links.push(Link { between: (a, b), path });
    }
    links
}

pub(super) fn control(check: &mut Check<'_>, raw: Option<raw::Control>) -> Control {
    let default = defaults::CONTROL;
    let Some(raw) = raw else { return default };
    Control {
        connections: raw
            .connections
            .as_ref()
            .map_or(default.connections, |raw| whole_u32(check, raw, 1..=CONNECTIONS_MAX)),
        statement_latency: duration_range(check, raw.statement_latency.as_ref(), default.statement_latency),
        log_bytes_max: raw
            .log_bytes_max
            .as_ref()
            .map_or(default.log_bytes_max, |raw| whole(check, raw, 0..=LOG_BYTES_MAX_MAX).unsigned_abs()),
    }
}

pub(super) fn groups(check: &mut Check<'_>, raw: Vec<Spanned<raw::Group>>) -> Vec<Group> {
    let mut seen = BTreeSet::new();
    let mut groups = Vec::new();
    for raw in raw {
        let raw = raw.into_inner();
        names::well_formed(check, &raw.name);
        names::unique(check, &mut seen, "group", &raw.name);
        let mut members_seen = BTreeSet::new();
        let mut members = Vec::new();
        for member in &raw.members {
            names::unique(check, &mut members_seen, "member", member);
            members.push(names::user(check, member));
        }
        let budget = whole_u32(check, &raw.budget, 0..=CREDITS_MAX);
        groups.push(Group { name: raw.name.into_inner(), budget, members });
    }
    groups
}

pub(super) fn users(check: &mut Check<'_>, raw: Vec<Spanned<raw::User>>) {
    let mut seen = BTreeSet::new();
    for raw in raw {
        let raw = raw.into_inner();
        names::unique(check, &mut seen, "user", &raw.name);
        names::user(check, &raw.name);
    }
}

pub(super) fn templates(check: &mut Check<'_>, raw: Vec<Spanned<raw::Template>>) -> Vec<Template> {
    let mut seen = BTreeSet::new();
    let mut templates = Vec::new();
    for raw in raw {
        let raw = raw.into_inner();
        names::well_formed(check, &raw.name);
        names::unique(check, &mut seen, "template", &raw.name);
        let plan = phase(check, raw.plan.unwrap_or_default());
        let apply = phase(check, raw.apply.unwrap_or_default());
        templates.push(Template { name: raw.name.into_inner(), tags: raw.tags, plan, apply });
    }
    check.templates = seen;
    templates
}

fn phase(check: &mut Check<'_>, raw: raw::Phase) -> Phase {
    let hangs = raw.hangs.unwrap_or_default();
    if let (true, Some(fails)) = (hangs, &raw.fails) {
        check.report(
            Diagnostic::new("contradiction", "a phase that hangs never comes to fail")
                .at(fails.span())
                .help("leave out `hangs` or `fails`"),
        );
    }
    if let (true, Some(takes)) = (hangs, &raw.takes) {
        check.report(
            Diagnostic::new("contradiction", "a phase that hangs takes for ever")
                .at(takes.span())
                .help("leave out `hangs` or `takes`"),
        );
    }
    let on_cancel = match raw.on_cancel.unwrap_or(raw::OnCancel::Obey) {
        raw::OnCancel::Obey => OnCancel::Obey { takes: duration_or(check, raw.cancel_takes.as_ref(), Duration::ZERO) },
        raw::OnCancel::Ignore => {
            if let Some(takes) = &raw.cancel_takes {
                check.report(
                    Diagnostic::new("contradiction", "ignoring a cancel takes no time")
                        .at(takes.span())
                        .help("leave out `cancel_takes`, or let `on_cancel` be \"obey\""),
                );
            }
            OnCancel::Ignore
        }
    };
    Phase {
        takes: duration_or(check, raw.takes.as_ref(), Duration::ZERO),
        on_cancel,
        logs: raw.logs.map(|raw| logs(check, raw)),
        fails: raw.fails.map(|raw| fails(check, raw)),
        hangs,
        daily_cost: raw.daily_cost.as_ref().map_or(0, |raw| whole_u32(check, raw, 0..=CREDITS_MAX)),
        state: raw.state,
    }
}

fn fails(check: &mut Check<'_>, raw: Spanned<String>) -> String {
    if raw.get_ref().is_empty() {
        // A job's error is what tells a failed job from a good one.
        check.report(
            Diagnostic::new("empty-text", "a failure has an error text").at(raw.span()).help("say what went wrong"),
        );
    }
    raw.into_inner()
}

fn logs(check: &mut Check<'_>, raw: raw::Logs) -> Logs {
    let every = duration(check, &raw.every).unwrap_or(LOG_EVERY_MIN);
    if every < LOG_EVERY_MIN {
        check.report(
            Diagnostic::new("out-of-range", "these lines come too fast")
                .at(raw.every.span())
                .help("expected at least \"1ms\" between two lines"),
        );
    }
    Logs {
        every,
        line: raw.line.unwrap_or_else(|| "line {n}".to_owned()),
        count: raw.count.as_ref().map(|raw| whole(check, raw, 0..=i64::MAX).unsigned_abs()),
        level: match raw.level.unwrap_or(raw::LogLevel::Info) {
            raw::LogLevel::Trace => LogLevel::Trace,
            raw::LogLevel::Debug => LogLevel::Debug,
            raw::LogLevel::Info => LogLevel::Info,
            raw::LogLevel::Warn => LogLevel::Warn,
            raw::LogLevel::Error => LogLevel::Error,
        },
    }
}

pub(super) fn provisioners(check: &mut Check<'_>, raw: Vec<Spanned<raw::Provisioner>>) -> Vec<Provisioner> {
    let default = RunnerConfig::default();
    let mut seen = BTreeSet::new();
    let mut provisioners = Vec::new();
    for raw in raw {
        let raw = raw.into_inner();
        if RESERVED.contains(&raw.name.get_ref().as_str()) {
            check.report(
                Diagnostic::new("reserved-name", format!("`{}` means something else", raw.name.get_ref()))
                    .at(raw.name.span())
                    .help("give the provisioner another name"),
            );
        }
        names::well_formed(check, &raw.name);
        let above_zero = |check: &mut Check<'_>, raw: Option<&Spanned<raw::DurationText>>, default| {
            raw.and_then(|raw| duration_above_zero(check, raw)).unwrap_or(default)
        };
        let one = Provisioner {
            start: raw.start.as_ref().and_then(|raw| instant(check, raw)).unwrap_or_default(),
            update_interval: above_zero(check, raw.update_interval.as_ref(), default.update_interval),
            force_cancel_interval: above_zero(check, raw.force_cancel_interval.as_ref(), default.force_cancel_interval),
            name: raw.name.get_ref().clone(),
            tags: raw.tags.clone(),
        };
        for name in names::provisioner_names(check, &raw) {
            names::unique_as(check, &mut seen, "provisioner", &raw.name, &name);
            provisioners.push(Provisioner { name, ..one.clone() });
        }
    }
    provisioners
}
