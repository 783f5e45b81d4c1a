//! What a campaign may vary, and what a case says.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::Spanned;

use super::Check;
use super::values::{count_range, duration_above_zero, duration_range, number};
use crate::diagnostic::Diagnostic;
use crate::scenario::{Case, CountRange, FaultName, Swarm, Workload, raw};

/// The most of anything that a campaign adds to a story: more is no longer a story that anybody could follow.
const COUNT_MAX: u64 = 1_000;

/// The greatest weight of a kind of fault.
const WEIGHT_MAX: f64 = 1e6;

/// What a campaign may do wrong. Where there are chats, the database may be away too, unless the file says otherwise.
pub(super) fn swarm(check: &mut Check<'_>, raw: Option<raw::Swarm>, has_chats: bool) -> Swarm {
    let mut default = Swarm::default();
    if has_chats {
        default.kinds.insert(FaultName::Database, 1.0);
    }
    let Some(raw) = raw else { return default };
    let lasts = duration_range(check, raw.lasts.as_ref(), default.lasts);
    if let (true, Some(raw)) = (lasts.min == Duration::ZERO, &raw.lasts) {
        check.report(
            Diagnostic::new("out-of-range", "a fault that lasts for no time does nothing")
                .at(raw.span())
                .help("expected a range that begins above zero, such as \"100ms..10m\""),
        );
    }
    Swarm {
        faults: count(check, raw.faults.as_ref(), default.faults),
        kinds: raw.kinds.map_or(default.kinds, |raw| kinds(check, raw)),
        lasts,
        within: raw.within.as_ref().and_then(|raw| duration_above_zero(check, raw)),
        settings: raw.settings.unwrap_or(default.settings),
    }
}

fn kinds(
    check: &mut Check<'_>,
    raw: Spanned<BTreeMap<Spanned<String>, Spanned<raw::Number>>>,
) -> BTreeMap<FaultName, f64> {
    let mut kinds = BTreeMap::new();
    for (name, weight) in raw.into_inner() {
        let weight = number(check, &weight, 0.0..=WEIGHT_MAX);
        match FaultName::ALL.into_iter().find(|kind| kind.as_str() == name.get_ref()) {
            // What has no weight never happens.
            Some(_) if weight == 0.0 => {}
            Some(kind) => {
                kinds.insert(kind, weight);
            }
            None => {
                let diagnostic =
                    Diagnostic::new("unknown-fault", format!("there is no kind of fault `{}`", name.get_ref()))
                        .at(name.span())
                        .help_with_names(name.get_ref(), FaultName::ALL.map(FaultName::as_str));
                check.report(diagnostic);
            }
        }
    }
    kinds
}

pub(super) fn workload(check: &mut Check<'_>, raw: Option<raw::Workload>) -> Workload {
    let default = Workload::default();
    let Some(raw) = raw else { return default };
    Workload {
        workspaces: count(check, raw.workspaces.as_ref(), default.workspaces),
        builds: count(check, raw.builds.as_ref(), default.builds),
        cancels: count(check, raw.cancels.as_ref(), default.cancels),
        shutdowns: count(check, raw.shutdowns.as_ref(), default.shutdowns),
        imports: count(check, raw.imports.as_ref(), default.imports),
        dry_runs: count(check, raw.dry_runs.as_ref(), default.dry_runs),
        follows: count(check, raw.follows.as_ref(), default.follows),
        terminals: count(check, raw.terminals.as_ref(), default.terminals),
        outages: count(check, raw.outages.as_ref(), default.outages),
        claims: count(check, raw.claims.as_ref(), default.claims),
        tunnels: count(check, raw.tunnels.as_ref(), default.tunnels),
        promotions: count(check, raw.promotions.as_ref(), default.promotions),
        invalidations: count(check, raw.invalidations.as_ref(), default.invalidations),
        pauses: count(check, raw.pauses.as_ref(), default.pauses),
        retirements: count(check, raw.retirements.as_ref(), default.retirements),
        lifecycles: count(check, raw.lifecycles.as_ref(), default.lifecycles),
        tool_calls: count(check, raw.tool_calls.as_ref(), default.tool_calls),
        attaches: count(check, raw.attaches.as_ref(), default.attaches),
        interventions: count(check, raw.interventions.as_ref(), default.interventions),
    }
}

fn count(check: &mut Check<'_>, raw: Option<&Spanned<raw::Times>>, default: CountRange) -> CountRange {
    raw.and_then(|raw| count_range(check, raw, COUNT_MAX)).unwrap_or(default)
}

pub(super) fn case(raw: raw::Case) -> Case {
    Case {
        signature: raw.signature,
        message: raw.message,
        version: raw.version,
        log_digest: raw.log_digest,
        trace_digest: raw.trace_digest,
        found: raw.found,
    }
}
