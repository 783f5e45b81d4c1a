//! A difference as told to programs: one JSON object.
//!
//! | key | what |
//! | --- | --- |
//! | `a`, `b` | the two sides, as they were named |
//! | `outcome` | `equal`; `lines` if lines of the log differ; `quiet` if only quiet records do; `steps` if only steps of the runs do; `unsteady` if the runs did, but not when they were made again |
//! | `index` | how many lines both have before the first that differs; null if none does |
//! | `shared` | the last of them |
//! | `lines` | the lines that differ, null where a log has ended |
//! | `last` | for each side, an object from each host to its last line before, quiet records too |
//! | `divergence` | where the steps part: see the simulator's `Divergence::to_json`; or null |

use std::io::{self, Write};

use serde_json::json;

use super::Finding;

pub(super) fn tell(out: &mut impl Write, [a, b]: [&str; 2], finding: &Finding) -> io::Result<()> {
    let outcome = match finding {
        Finding::Equal => "equal",
        Finding::Lines(difference) if difference.quiet => "quiet",
        Finding::Lines(_) => "lines",
        Finding::Steps(_) => "steps",
        Finding::Unsteady => "unsteady",
    };
    let difference = if let Finding::Lines(difference) = finding { Some(difference) } else { None };
    let divergence = if let Finding::Steps(divergence) = finding { Some(divergence.to_json()) } else { None };
    let line = json!({
        "a": a,
        "b": b,
        "outcome": outcome,
        "index": difference.map(|difference| difference.index),
        "shared": difference.map(|difference| &difference.shared),
        "lines": difference.map(|difference| &difference.lines),
        "last": difference.map(|difference| &difference.last),
        "divergence": divergence,
    });
    writeln!(out, "{line}")
}
