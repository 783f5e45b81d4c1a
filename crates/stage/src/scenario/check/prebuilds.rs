//! What the platform does by itself: workspaces that are built ahead, and those that start, stop and go by the clock.

use groundhog_control::{AutobuildConfig, PrebuildsConfig};
use toml::Spanned;

use super::values::{count_range, duration_above_zero, whole_u32};
use super::{Check, defaults, names};
use crate::diagnostic::Diagnostic;
use crate::scenario::{Control, Template, raw};

/// After how many failures in a row a preset is given up, at most: more than any run has builds.
const FAILURES_MAX: u64 = 1_000;

/// Presets that are worked on at once, at most: more than any database has connections for.
const CONCURRENCY_MAX: u64 = 10_000;

/// Workspaces built ahead that there are machines for, at most. A machine costs memory even while it is off.
const MACHINES_MAX: u32 = 20_000;

/// Whether a file has workspaces be built ahead: as it says or, if it says nothing, if there is something to be built.
pub(super) fn is_on(control: Option<&raw::Control>, templates: &[Spanned<raw::Template>]) -> bool {
    let said = match control.and_then(|control| control.prebuilds.as_ref()) {
        Some(raw::Switch::Is(on)) => Some(*on),
        Some(raw::Switch::As(raw)) => raw.enabled,
        None => None,
    };
    let ahead = |template: &raw::Template| template.presets.iter().any(|preset| preset.prebuilds.is_some());
    said.unwrap_or_else(|| templates.iter().any(|template| ahead(template.get_ref())))
}

/// For how many workspaces that are built ahead there are machines. One that makes no sense is reported where the
/// control plane is checked.
pub(super) fn machines(control: Option<&raw::Control>) -> u32 {
    let said = match control.and_then(|control| control.prebuilds.as_ref()) {
        Some(raw::Switch::As(raw)) => raw.machines.as_ref(),
        _ => None,
    };
    let said = said.and_then(|raw| u32::try_from(*raw.get_ref()).ok());
    said.map_or(defaults::AHEAD_MACHINES, |machines| machines.min(MACHINES_MAX))
}

/// What is said of building ahead, beside whether it is done.
pub(super) fn prebuilds(check: &mut Check<'_>, raw: Option<&raw::Switch<raw::BuildsAhead>>) -> (PrebuildsConfig, u32) {
    let default = PrebuildsConfig { enabled: check.builds_ahead, ..PrebuildsConfig::default() };
    let Some(raw::Switch::As(raw)) = raw else { return (default, defaults::AHEAD_MACHINES) };
    let mut span = |raw: &Option<Spanned<raw::DurationText>>, usual| {
        raw.as_ref().and_then(|raw| duration_above_zero(check, raw)).unwrap_or(usual)
    };
    let config = PrebuildsConfig {
        interval: span(&raw.interval, default.interval),
        backoff_interval: span(&raw.backoff_interval, default.backoff_interval),
        backoff_lookback: span(&raw.backoff_lookback, default.backoff_lookback),
        lingering_kept: span(&raw.lingering_kept, default.lingering_kept),
        lease: span(&raw.lease, default.lease),
        ..default
    };
    let failure_hard_limit = raw
        .failure_hard_limit
        .as_ref()
        .map_or(default.failure_hard_limit, |raw| chosen(check, raw, FAILURES_MAX, default.failure_hard_limit));
    let concurrency_max = raw
        .concurrency_max
        .as_ref()
        .map_or(default.concurrency_max, |raw| names::at_least_one(check, raw, CONCURRENCY_MAX));
    let machines =
        raw.machines.as_ref().map_or(defaults::AHEAD_MACHINES, |raw| whole_u32(check, raw, 1..=MACHINES_MAX));
    (PrebuildsConfig { failure_hard_limit, concurrency_max, ..config }, machines)
}

/// A number, chosen if it is a range; `usual` if it is reported as wrong.
pub(super) fn chosen(check: &mut Check<'_>, raw: &Spanned<raw::Times>, max: u64, usual: u32) -> u32 {
    let Some(range) = count_range(check, raw, max) else { return usual };
    u32::try_from(check.choice.number(raw.span().start, range.min, range.max)).unwrap_or(usual)
}

/// What is said of workspaces that go by the clock; whether they do, if the file says so.
pub(super) fn autobuild(
    check: &mut Check<'_>,
    raw: Option<&raw::Switch<raw::Autobuild>>,
) -> (AutobuildConfig, Option<bool>) {
    let default = AutobuildConfig { enabled: false, ..AutobuildConfig::default() };
    match raw {
        None => (default, None),
        Some(raw::Switch::Is(on)) => (default, Some(*on)),
        Some(raw::Switch::As(raw)) => {
            let interval = raw.interval.as_ref().and_then(|raw| duration_above_zero(check, raw));
            (AutobuildConfig { interval: interval.unwrap_or(default.interval), ..default }, raw.enabled)
        }
    }
}

/// Whether every workspace that is to be built ahead can have its machines at once.
pub(super) fn enough_machines(
    check: &mut Check<'_>,
    control: &Control,
    templates: &[Template],
    raw: &[std::ops::Range<usize>],
) {
    if !control.prebuilds.enabled {
        return;
    }
    let mut wanted = 0_u64;
    for (template, place) in templates.iter().zip(raw).filter(|(template, _)| !template.agents.is_empty()) {
        let ahead = template.presets.iter().filter_map(|preset| preset.prebuilds.as_ref());
        let most = ahead.map(|ahead| ahead.schedules.iter().map(|one| one.instances).fold(ahead.instances, u32::max));
        wanted += most.map(u64::from).sum::<u64>();
        if wanted > u64::from(control.ahead_machines) {
            let there = control.ahead_machines;
            let message = format!("{wanted} workspaces are to be built ahead, and there are machines for {there}");
            let help =
                "say `prebuilds = { machines = N }` in `[control]`, with some to spare for those that come and go";
            check.report(Diagnostic::new("too-few-machines", message).at(place.clone()).help(help));
            return;
        }
    }
}
