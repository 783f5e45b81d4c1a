//! What a story must be like to be played on a real machine too.

use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use super::Check;
use crate::diagnostic::Diagnostic;
use crate::scenario::document::Document;
use crate::scenario::raw;
use crate::scenario::units::{parse_duration, show_duration};

/// How long a story may last that is played in real time: nobody waits longer for one that hangs. Most are over in ten
/// seconds, because they end once nothing is expected any more.
pub(super) const DURATION_MAX: Duration = Duration::from_mins(2);

/// Reports what a real machine is not made to do, if the story is to be played on one.
pub(super) fn live(check: &mut Check<'_>, document: &Document) {
    if document.live != Some(true) {
        return;
    }
    if let Some(raw) = &document.duration
        && parse_duration(&raw.get_ref().0).is_ok_and(|duration| duration > DURATION_MAX)
    {
        let text = format!("a live story lasts {} at most", show_duration(DURATION_MAX));
        report(check, text, raw.span(), "the time is real: make it shorter");
    }
    if let Some(raw) = &document.starts_at {
        let text = "a live story begins when it is played".to_owned();
        report(check, text, raw.span(), "the clocks are real: leave out `starts_at`");
    }
    let network = document.network.iter().flat_map(|raw| narrow(raw.loss.as_ref(), raw.bandwidth.as_ref()));
    let links = document.links.iter().map(Spanned::span);
    for span in network.chain(links) {
        let text = "a live story has the network that the machine has".to_owned();
        report(
            check,
            text,
            span,
            "only `latency` may be said, which simulators heed; leave out `loss`, `bandwidth` and `[[link]]`",
        );
    }
    for fault in &document.faults {
        if let Some((name, span)) = simulated(fault.get_ref()) {
            let text = format!("`{name}` can't happen in a live story");
            let help = "use one of `cut`, `cut_one_way`, `hold`, `reset`, `kill`, `step_clock`, `database`";
            report(check, text, span, help);
        }
    }
}

fn report(check: &mut Check<'_>, text: String, span: Range<usize>, help: &str) {
    check.report(Diagnostic::new("not-live", text).at(span).help(format!("{help}; or leave out `live`")));
}

/// What a loopback is not like.
fn narrow<'a>(
    loss: Option<&'a Spanned<raw::Number>>,
    bandwidth: Option<&'a Spanned<i64>>,
) -> impl Iterator<Item = Range<usize>> + use<'a> {
    loss.map(Spanned::span).into_iter().chain(bandwidth.map(Spanned::span))
}

/// The fault's name and place, if only a simulator can cause it.
fn simulated(fault: &raw::Fault) -> Option<(&'static str, Range<usize>)> {
    let slow = fault.slow.as_ref().map(|raw| ("slow", raw.span()));
    let lossy = fault.lossy.as_ref().map(|raw| ("lossy", raw.span()));
    let power_loss = fault.power_loss.as_ref().map(|raw| ("power_loss", raw.span()));
    let suspend = fault.suspend.as_ref().map(|raw| ("suspend", raw.span()));
    let drift = fault.drift.as_ref().map(|raw| ("drift", raw.span()));
    slow.or(lossy).or(power_loss).or(suspend).or(drift)
}
