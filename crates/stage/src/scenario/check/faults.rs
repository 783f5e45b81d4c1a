//! What goes wrong.

use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use super::steps::{before_start, exactly_one};
use super::values::{duration_above_zero, duration_error, instant, number, whole};
use super::{Check, names};
use crate::diagnostic::Diagnostic;
use crate::scenario::units::parse_duration;
use crate::scenario::{ClockStep, Fault, FaultKind, SuspendedClock, raw};

/// The slowest link. Beyond it nothing arrives within any run, and `cut` says so.
const FACTOR_MAX: f64 = 1e6;

/// The fastest and slowest clock, in parts per million: what the simulator takes, far worse than any that is sold.
const PPM_MAX: i64 = 100_000;

/// The least share of packets that is a fault at all.
const PROBABILITY_MIN: f64 = 1e-9;

/// What a fault can be, in the words of the file.
const KINDS: &str = "`cut`, `cut_one_way`, `hold`, `slow`, `lossy`, `reset`, `kill`, `power_loss`, `suspend`, \
                     `step_clock`, `drift`, `database`";

pub(super) fn faults(check: &mut Check<'_>, raw: Vec<Spanned<raw::Fault>>) -> Vec<Fault> {
    let mut faults: Vec<Fault> = raw.into_iter().filter_map(|raw| fault(check, raw)).collect();
    // Stable: at one instant the file's order stands.
    faults.sort_by_key(|fault| fault.at);
    faults
}

fn fault(check: &mut Check<'_>, raw: Spanned<raw::Fault>) -> Option<Fault> {
    let line = check.lines.line(raw.span().start);
    let raw = raw.into_inner();
    // A time that cannot be read makes nothing else look wrong: every host is up by then.
    let at = instant(check, &raw.at).unwrap_or(Duration::MAX);
    let at_span = raw.at.span();
    let lasts = raw.lasts.as_ref().and_then(|raw| duration_above_zero(check, raw));
    let lasts_span = raw.lasts.as_ref().map(Spanned::span);
    let kinds = kinds(check, raw, at);
    let kind = exactly_one(check, kinds, at_span.clone(), "fault", KINDS)?;
    match (&kind, lasts_span) {
        (FaultKind::Reset { .. }, Some(span)) => check.report(
            Diagnostic::new("instant-fault", "this fault happens in an instant and lasts for no time")
                .at(span)
                .help("leave out `for`"),
        ),
        (FaultKind::Suspend { .. }, None) => check.report(
            Diagnostic::new("missing-key", "the key `for` is missing")
                .at(at_span)
                .help("say how long the host is suspended, such as `for = \"30s\"`; `power_loss` is for ever"),
        ),
        _ => {}
    }
    Some(Fault { line, at, lasts, kind })
}

/// Every kind that the entry names, with its place.
fn kinds(check: &mut Check<'_>, raw: raw::Fault, at: Duration) -> Vec<(Range<usize>, FaultKind)> {
    let mut found = Vec::new();
    if let Some(raw) = raw.cut {
        found.push((raw.span(), FaultKind::Cut { between: names::two_hosts(check, &raw) }));
    }
    if let Some(raw) = raw.cut_one_way {
        let (from, to) = names::two_hosts(check, &raw);
        found.push((raw.span(), FaultKind::CutOneWay { from, to }));
    }
    if let Some(raw) = raw.hold {
        found.push((raw.span(), FaultKind::Hold { between: names::two_hosts(check, &raw) }));
    }
    if let Some(raw) = raw.slow {
        let between = names::two_hosts(check, &raw.get_ref().between);
        let factor = number(check, &raw.get_ref().factor, 1.0..=FACTOR_MAX);
        found.push((raw.span(), FaultKind::Slow { between, factor }));
    }
    if let Some(raw) = raw.lossy {
        let between = names::two_hosts(check, &raw.get_ref().between);
        let probability = number(check, &raw.get_ref().probability, PROBABILITY_MIN..=1.0);
        found.push((raw.span(), FaultKind::Lossy { between, probability }));
    }
    if let Some(raw) = raw.reset {
        found.push((raw.span(), FaultKind::Reset { between: names::two_hosts(check, &raw) }));
    }
    if let Some(raw) = raw.kill {
        found.push((raw.span(), FaultKind::Kill { host: running_host(check, &raw, at) }));
    }
    if let Some(raw) = raw.power_loss {
        found.push((raw.span(), FaultKind::PowerLoss { host: running_host(check, &raw, at) }));
    }
    if let Some(raw) = raw.suspend {
        let host = running_host(check, &raw.get_ref().host, at);
        let clock = match raw.get_ref().clock {
            raw::SuspendedClock::Stops => SuspendedClock::Stops,
            raw::SuspendedClock::Runs => SuspendedClock::Runs,
        };
        found.push((raw.span(), FaultKind::Suspend { host, clock }));
    }
    if let Some(raw) = raw.step_clock {
        let host = running_host(check, &raw.get_ref().host, at);
        let by = clock_step(check, &raw.get_ref().by);
        found.push((raw.span(), FaultKind::StepClock { host, by }));
    }
    if let Some(raw) = raw.drift {
        let host = running_host(check, &raw.get_ref().host, at);
        let ppm = whole(check, &raw.get_ref().ppm, -PPM_MAX..=PPM_MAX);
        let ppm = i32::try_from(ppm).unwrap_or_default();
        found.push((raw.span(), FaultKind::Drift { host, ppm }));
    }
    if let Some(raw) = raw.database {
        let raw::DatabaseFault::Unavailable = *raw.get_ref();
        found.push((raw.span(), FaultKind::Database));
    }
    found
}

/// A host that exists and has booted by then. A path between hosts may be out of order before they boot; a machine
/// that is off cannot break down.
fn running_host(check: &mut Check<'_>, name: &Spanned<String>, at: Duration) -> String {
    let host = names::host(check, name);
    match check.hosts.get(&host) {
        Some(start) if at < *start => {
            let diagnostic = before_start(&host, at, *start, name.span());
            check.report(diagnostic);
        }
        _ => {}
    }
    host
}

fn clock_step(check: &mut Check<'_>, raw: &Spanned<raw::DurationText>) -> ClockStep {
    let text = raw.get_ref().0.as_str();
    let (size, back) = match text.strip_prefix('-') {
        Some(size) => (size, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    };
    match parse_duration(size) {
        Ok(by) if back => ClockStep::Back(by),
        Ok(by) => ClockStep::Ahead(by),
        Err(error) => {
            check.report(
                duration_error(&error, raw.span()).help("expected a jump such as \"5m\" or, backwards, \"-5m\""),
            );
            ClockStep::Ahead(Duration::ZERO)
        }
    }
}
