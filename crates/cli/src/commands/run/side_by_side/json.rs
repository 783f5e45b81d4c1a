//! A scenario on several engines, as told to programs: one JSON object a scenario and seed, on a line of its own.
//!
//! | key | what |
//! | --- | --- |
//! | `scenario`, `seed` | which one |
//! | `outcome` | `passed` if it did wherever it was played, `failed` if it did not anywhere, `not_for_this_engine` if none played it |
//! | `disagree` | whether it passed on one engine and failed on another |
//! | `engines` | an object from each engine's name to `{outcome, why, violations, events, virtual_seconds, wall_seconds, log_digest}`, of which `why` is there if the engine did not play it, and the others if it did; see the runs on one engine |
//! | `orders` | a list of `{engines, differences}`: the two engines that were compared, and in what they differ |
//! | `replay` | the command line that makes this again |
//!
//! A difference has `about`, what it is about; `text`, a sentence; and `kind`:
//!
//! | `kind` | what the logs do not have in common |
//! | --- | --- |
//! | `missing` | `host` tells `what`, on the engine `on` only; or once more than on the other, if `again` |
//! | `otherwise` | `host` tells `what`, a list of what each has |
//! | `elsewhere` | `hosts`, one of each, tells `what` |
//! | `order` | `what` are two things that `hosts` tell; the first of them comes first on the first engine, and last on the other |

use std::io::{self, Write};

use groundhog_stage::orders::Difference;
use serde_json::{Map, Value, json};

use super::{Compared, Orders};
use crate::commands::run::{
    json::{NOT_FOR_THIS_ENGINE, violations},
    outcome::Outcome,
};

pub(super) struct Teller;

impl super::Tell for Teller {
    fn tell(&mut self, compared: &Compared) -> io::Result<()> {
        let engines: Map<_, _> =
            compared.outcomes.iter().map(|outcome| (outcome.engine.name().to_owned(), engine(outcome))).collect();
        let outcome = match compared {
            compared if compared.is_skipped() => NOT_FOR_THIS_ENGINE,
            compared if compared.failed() => "failed",
            _ => "passed",
        };
        let line = json!({
            "scenario": compared.scenario,
            "seed": compared.seed,
            "outcome": outcome,
            "disagree": compared.disagrees(),
            "engines": engines,
            "orders": compared.orders.iter().map(orders).collect::<Vec<_>>(),
            "replay": compared.replay(),
        });
        writeln!(io::stdout(), "{line}")
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn engine(outcome: &Outcome) -> Value {
    if let Some(why) = &outcome.refused {
        return json!({ "outcome": NOT_FOR_THIS_ENGINE, "why": why });
    }
    json!({
        "outcome": if outcome.passed() { "passed" } else { "failed" },
        "violations": violations(&outcome.violations),
        "events": outcome.events,
        "virtual_seconds": outcome.virtual_time.as_secs_f64(),
        "wall_seconds": outcome.wall_time.as_secs_f64(),
        "log_digest": outcome.log_digest,
    })
}

fn orders(orders: &Orders) -> Value {
    let names = orders.engines.map(groundhog_engines::Kind::name);
    let differences: Vec<_> = orders.differences.iter().map(|one| difference(one, names)).collect();
    json!({ "engines": names, "differences": differences })
}

fn difference(difference: &Difference, names: [&str; 2]) -> Value {
    let mut told = match difference {
        Difference::Missing { told, from, again, .. } => {
            json!({ "host": told.host, "what": told.what, "on": names[1 - from], "again": again })
        }
        Difference::Otherwise { told: [ours, theirs], .. } => {
            json!({ "host": ours.host, "what": [ours.what, theirs.what] })
        }
        Difference::Elsewhere { told: [ours, theirs], .. } => {
            json!({ "hosts": [ours.host, theirs.host], "what": ours.what })
        }
        Difference::Order { first, then, .. } => {
            json!({ "hosts": [first.host, then.host], "what": [first.what, then.what] })
        }
    };
    told["about"] = json!(difference.about());
    told["kind"] = json!(difference.kind());
    told["text"] = json!(difference.text(names));
    told
}
