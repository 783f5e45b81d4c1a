//! What goes wrong.

use std::time::Duration;

use groundhog_control::Database;
use groundhog_sim::{Engine, EngineError, Fault, Outage, Ways};

use crate::scenario::{ClockStep, FaultKind, Scenario};

/// What the log calls the database.
pub(crate) const DATABASE: &str = "database";

pub(crate) fn cast(scenario: &Scenario, world: &mut dyn Engine, database: Database) -> Result<(), EngineError> {
    let outage = Outage::new(DATABASE, move |available| database.set_available(available));
    scenario.faults.iter().try_for_each(|fault| match simulated(&fault.kind) {
        Some(simulated) => world.plan(fault.at, fault.lasts, &simulated),
        None => {
            world.plan_outage(fault.at, fault.lasts, &outage);
            Ok(())
        }
    })
}

/// A scenario's fault as the simulator knows it; none for one that is on the database.
fn simulated(kind: &FaultKind) -> Option<Fault> {
    let fault = match kind {
        FaultKind::Database => return None,
        FaultKind::Cut { between } => {
            let (from, to) = between.clone();
            Fault::Cut { from, to, ways: Ways::Both }
        }
        FaultKind::CutOneWay { from, to } => Fault::Cut { from: from.clone(), to: to.clone(), ways: Ways::One },
        FaultKind::Hold { between } => {
            let (from, to) = between.clone();
            Fault::Hold { from, to, ways: Ways::Both }
        }
        FaultKind::Slow { between, factor } => {
            let (from, to) = between.clone();
            Fault::Slow { from, to, factor: *factor }
        }
        FaultKind::Lossy { between, probability } => {
            let (from, to) = between.clone();
            Fault::Lossy { from, to, probability: *probability }
        }
        FaultKind::Reset { between } => {
            let (from, to) = between.clone();
            Fault::Reset { from, to }
        }
        FaultKind::Kill { host } => Fault::Kill { host: host.clone() },
        FaultKind::PowerLoss { host } => Fault::PowerLoss { host: host.clone() },
        FaultKind::Suspend { host, clock } => Fault::Suspend { host: host.clone(), clock: *clock },
        FaultKind::StepClock { host, by } => {
            let micros = |by: Duration| i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
            let micros = match by {
                ClockStep::Ahead(by) => micros(*by),
                ClockStep::Back(by) => -micros(*by),
            };
            Fault::StepClock { host: host.clone(), micros }
        }
        FaultKind::Drift { host, ppm } => Fault::Drift { host: host.clone(), ppm: i64::from(*ppm) },
    };
    Some(fault)
}
