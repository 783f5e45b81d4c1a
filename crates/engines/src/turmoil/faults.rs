//! What can go wrong on turmoil, and what can't.

use groundhog_sim::{Engine, EngineError, Fault, LinkConfig, Ways};

use super::engine::Turmoil;

fn unsupported(what: &str, why: &str) -> EngineError {
    EngineError::Unsupported(format!("the engine turmoil can't {what}: {why}; run this on leap"))
}

/// Refuses a path that turmoil can't have. `whose` says which path it is.
pub(crate) fn unsupported_link(config: &LinkConfig, whose: &str) -> Result<(), EngineError> {
    if config.bandwidth.is_some() {
        return Err(unsupported(&format!("limit the bandwidth of {whose}"), "its links know no bandwidth"));
    }
    if config.loss > 0.0 {
        let why = "it sends nothing again, so a stream would end with its first loss";
        return Err(unsupported(&format!("lose packets of {whose}"), why));
    }
    if config.duplication > 0.0 {
        return Err(unsupported(&format!("deliver datagrams of {whose} twice"), "its links deliver once or never"));
    }
    Ok(())
}

/// Refuses a path that behaves one way there and another way back.
pub(crate) fn lopsided(from: &str, to: &str) -> EngineError {
    unsupported(
        &format!("give the link from {from} to {to} another behaviour than the way back"),
        "its links are the same both ways",
    )
}

/// Refuses a fault that turmoil can't cause.
pub(crate) fn refuse(fault: &Fault) -> Result<(), EngineError> {
    let (what, why) = match fault {
        Fault::Cut { from, to, ways: Ways::One } => (
            format!("cut the path from {from} to {to} one way"),
            "it sends nothing again, so every stream on that path would be dead for ever, and would say so to nobody",
        ),
        Fault::Hold { from, to, ways: Ways::One } => {
            (format!("hold the path from {from} to {to} one way"), "it holds both ways of a link, or none")
        }
        Fault::Lossy { from, to, .. } => (
            format!("make the path between {from} and {to} lossy"),
            "it sends nothing again, so a stream would end with its first loss",
        ),
        Fault::Drift { host, .. } => {
            (format!("let the clocks of the host {host} drift"), "it has one clock for all of its hosts")
        }
        Fault::Cut { ways: Ways::Both, .. }
        | Fault::Hold { ways: Ways::Both, .. }
        | Fault::Slow { .. }
        | Fault::Reset { .. }
        | Fault::Kill { .. }
        | Fault::PowerLoss { .. }
        | Fault::Suspend { .. }
        | Fault::StepClock { .. } => return Ok(()),
    };
    Err(unsupported(&what, why))
}

impl Turmoil {
    /// Begins or ends a fault.
    pub(super) fn apply(&mut self, fault: &Fault, begins: bool) {
        // Told first: what follows from it comes after it in the log.
        if let Some((event, fields)) = fault.told(begins) {
            self.journal().world(event, fields);
        }
        let network = self.network.clone();
        match fault {
            Fault::Cut { from, to, .. } | Fault::Hold { from, to, .. } => {
                self.paths.hold(&self.sim, from, to, begins, |host| network.reach(host));
            }
            Fault::Slow { from, to, factor } => self.paths.slow(&self.sim, from, to, *factor, begins),
            Fault::Reset { from, to } if begins => {
                let streams = network.reset(self.sim.lookup(from.as_str()), self.sim.lookup(to.as_str()));
                let fields = vec![("from", from.clone()), ("to", to.clone()), ("streams", streams.to_string())];
                self.journal().world("fault.reset", fields);
            }
            Fault::Kill { host } if begins => self.kill(host),
            Fault::PowerLoss { host } if begins => self.lose_power(host),
            Fault::Kill { host } | Fault::PowerLoss { host } => self.come_back(host),
            Fault::Suspend { host, clock } if begins => self.suspend(host, *clock),
            Fault::Suspend { host, .. } => self.resume(host),
            Fault::StepClock { host, micros } => {
                let by = if begins { *micros } else { micros.saturating_neg() };
                if let Some(host) = self.hosts.get(host) {
                    host.station.step_clock(by);
                }
            }
            // Refused when they were planned, or over as they begin.
            Fault::Reset { .. } | Fault::Lossy { .. } | Fault::Drift { .. } => {}
        }
    }
}
