//! What a real machine is not made to do.

use groundhog_sim::{EngineError, Fault, LinkConfig};

/// Fails for a fault that this engine can't cause.
pub(super) fn check_fault(fault: &Fault) -> Result<(), EngineError> {
    let (what, why) = match fault {
        Fault::Cut { .. } | Fault::Hold { .. } | Fault::Reset { .. } | Fault::Kill { .. } | Fault::StepClock { .. } => {
            return Ok(());
        }
        Fault::Slow { from, to, .. } => {
            (format!("slow the path between {from} and {to} down"), "a loopback has next to no latency to multiply")
        }
        Fault::Lossy { from, to, .. } => {
            (format!("lose packets between {from} and {to}"), "its proxy hands on streams, which have none")
        }
        Fault::PowerLoss { host } => (format!("take the power from {host}"), "the disk is the real machine's"),
        Fault::Suspend { host, .. } => (format!("suspend {host}"), "all hosts run in this process"),
        Fault::Drift { host, .. } => (format!("make the clocks of {host} drift"), "they are the real machine's"),
    };
    Err(unsupported(&what, why, "use `cut`, `hold`, `reset`, `kill`, `step_clock` or `database` instead"))
}

/// Fails for a path that is not as the loopback is.
///
/// That the usual network has a latency is no reason: a story that counts on one is not for a real machine, and says so
/// by not being `live`. Nothing is delayed.
pub(super) fn check_network(config: &LinkConfig) -> Result<(), EngineError> {
    let why = "a loopback loses nothing and is as quick as it is";
    if config.loss > 0.0 || config.duplication > 0.0 {
        return Err(unsupported("lose or double packets on the usual path", why, "leave that out"));
    }
    if config.bandwidth.is_some() {
        return Err(unsupported("make the usual path narrow", why, "leave the bandwidth out"));
    }
    Ok(())
}

/// The refusal of a path with a behaviour of its own.
pub(super) fn link(from: &str, to: &str) -> EngineError {
    let what = format!("give the path from {from} to {to} a behaviour of its own");
    unsupported(&what, "all paths are the same loopback", "leave the link out")
}

fn unsupported(what: &str, why: &str, advice: &str) -> EngineError {
    EngineError::Unsupported(format!("the live engine can't {what}, because {why}: {advice}, or run on another engine"))
}
