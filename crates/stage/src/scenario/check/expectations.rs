//! What is expected.

use std::collections::BTreeMap;

use toml::Spanned;

use super::values::{count_range, duration};
use super::{Check, names};
use crate::diagnostic::Diagnostic;
use crate::expect::{Count, Expectation, Pattern, Window};
use crate::scenario::raw;
use crate::scenario::units::show_duration;

pub(super) fn expectations(check: &mut Check<'_>, raw: Vec<Spanned<raw::Expect>>) -> Vec<Expectation> {
    raw.into_iter().map(|raw| expectation(check, raw)).collect()
}

fn expectation(check: &mut Check<'_>, raw: Spanned<raw::Expect>) -> Expectation {
    let line = check.lines.line(raw.span().start);
    let raw = raw.into_inner();
    let count = count(check, raw.times.as_ref(), raw.never.as_ref());
    Expectation {
        line,
        pattern: pattern(check, raw::Pattern { event: raw.event, with: raw.with, host: raw.host }),
        between: raw.between.as_ref().and_then(|raw| window(check, raw)),
        count,
        before: raw.before.map(|raw| pattern(check, raw)),
        after: raw.after.map(|raw| pattern(check, raw)),
        always: raw.always.unwrap_or_default(),
    }
}

fn pattern(check: &mut Check<'_>, raw: raw::Pattern) -> Pattern {
    let event = raw.event.get_ref();
    match check.events.get(event.as_str()).copied() {
        None => {
            let diagnostic = Diagnostic::new("unknown-event", format!("there is no event `{event}`"))
                .at(raw.event.span())
                .help_with_names(event, check.events.keys().copied());
            check.report(diagnostic);
        }
        Some(spec) => {
            for field in raw.with.keys().filter(|key| spec.fields.iter().all(|field| field.name != *key.get_ref())) {
                let diagnostic =
                    Diagnostic::new("unknown-field", format!("`{event}` has no field `{}`", field.get_ref()))
                        .at(field.span());
                let diagnostic = if spec.fields.is_empty() {
                    diagnostic.help("it has no fields")
                } else {
                    diagnostic.help_with_names(field.get_ref(), spec.fields.iter().map(|field| field.name))
                };
                check.report(diagnostic);
            }
        }
    }
    let with: BTreeMap<String, String> =
        raw.with.into_iter().map(|(field, value)| (field.into_inner(), value.0)).collect();
    let host = raw.host.as_ref().map(|host| names::host_or_world(check, host));
    Pattern { event: raw.event.into_inner(), with, host }
}

fn window(check: &mut Check<'_>, raw: &Spanned<Vec<Spanned<raw::DurationText>>>) -> Option<Window> {
    let [start, end] = raw.get_ref().as_slice() else {
        check.report(
            Diagnostic::new("not-a-pair", format!("this names {} times", raw.get_ref().len()))
                .at(raw.span())
                .help("expected the first and the last, such as [\"11m\", \"13m\"]"),
        );
        return None;
    };
    let window = Window { start: duration(check, start)?, end: duration(check, end)? };
    if window.start > window.end {
        check.report(
            Diagnostic::new("bad-range", "this ends before it begins")
                .at(raw.span())
                .help("expected the earlier time first"),
        );
    } else if window.end > check.duration {
        let beyond = if window.start > check.duration { start.span() } else { end.span() };
        let run_end = show_duration(check.duration);
        check.report(
            Diagnostic::new("unreachable-window", format!("the run ends at {run_end}, before this"))
                .at(beyond)
                .help(format!("expected times from \"0s\" to \"{run_end}\", or a longer `duration`")),
        );
    }
    Some(window)
}

fn count(check: &mut Check<'_>, times: Option<&Spanned<raw::Times>>, never: Option<&Spanned<bool>>) -> Count {
    match (times, never) {
        (Some(times), Some(_)) => {
            check.report(
                Diagnostic::new("contradiction", "`never` already says how often")
                    .at(times.span())
                    .help("leave out `times` or `never`"),
            );
            Count::Never
        }
        (None, Some(never)) if *never.get_ref() => Count::Never,
        (None, Some(never)) => {
            check.report(
                Diagnostic::new("contradiction", "`never = false` says nothing")
                    .at(never.span())
                    .help("leave it out; at least once is what is meant without it"),
            );
            Count::AtLeastOnce
        }
        (Some(times), None) => count_range(check, times, u64::MAX)
            .map_or(Count::AtLeastOnce, |range| Count::Times { min: range.min, max: range.max }),
        (None, None) => Count::AtLeastOnce,
    }
}
