//! A check as told to programs: one JSON object a line.
//!
//! For each run:
//!
//! | key | what |
//! | --- | --- |
//! | `scenario`, `path`, `seed` | which run |
//! | `outcome` | `equal` or `differs` |
//! | `digests` | `{log_digest, trace_digest}` of each time it was made: twice here, elsewhere, and, for a scenario's first seed, here while it was recorded |
//! | `divergence` | where it parts: see the simulator's `Divergence::to_json`; null if it does not, or was not looked into |
//! | `tries` | how often it was made again, recorded, to find that; null if it was not |
//!
//! Then, for each kind and culprit of what went past the seam:
//!
//! | key | what |
//! | --- | --- |
//! | `past_the_seam` | `monotonic-clock`, `wall-clock`, `entropy` or `thread` |
//! | `verdict` | `failure`; `excused` if a component may, for the given `reason`; `note` if it was a library's, and answered from the simulation |
//! | `reason` | why it is excused, or null |
//! | `culprit` | `{crate_name, function, file, line, library}` |
//! | `count`, `scenarios` | how often, and in which scenarios |
//! | `first` | the first call in the first of them: `{at_us, host, task, stack}` |

use std::io::{self, Write};

use serde_json::json;

use super::{All, seam::Verdict};

pub(super) fn tell(out: &mut impl Write, all: &All) -> io::Result<()> {
    for checked in &all.runs {
        let divergence = checked.mismatch.as_ref().and_then(|mismatch| mismatch.divergence.as_ref());
        let line = json!({
            "scenario": checked.scenario,
            "path": checked.path,
            "seed": checked.seed,
            "outcome": if checked.equal() { "equal" } else { "differs" },
            "digests": checked.digests,
            "divergence": divergence.map(groundhog_sim::Divergence::to_json),
            "tries": checked.mismatch.as_ref().map(|mismatch| mismatch.tries),
        });
        writeln!(out, "{line}")?;
    }
    for one in &all.past_the_seam {
        let verdict = one.verdict();
        let line = json!({
            "past_the_seam": one.first.kind.name(),
            "verdict": verdict.name(),
            "reason": if let Verdict::Excused(reason) = verdict { Some(reason) } else { None },
            "culprit": one.first.culprit,
            "count": one.count,
            "scenarios": one.scenarios,
            "first": {
                "at_us": u64::try_from(one.first.at.as_micros()).unwrap_or(u64::MAX),
                "host": one.first.host,
                "task": one.first.task,
                "stack": one.first.stack,
            },
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}
