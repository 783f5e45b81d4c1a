//! What the world will do by itself, and when.

use std::time::Duration;

use crate::{
    clock::micros,
    fault::{self, Fault, Targets},
    hosts::HostId,
    kernel::{Event, Kernel},
    lifecycle,
    outage::Outage,
};

/// Something that the world will do.
pub(crate) enum Planned {
    Begin(Fault, Targets),
    End(Fault, Targets),
    BeginOutage(Outage),
    EndOutage(Outage),
    Start(HostId),
    Create(HostId),
    Remove(HostId),
}

/// Plans `planned` for `at` since the run began; at once if that has passed.
pub(crate) fn add(kernel: &Kernel, at: Duration, planned: Planned) {
    let index = {
        let mut list = kernel.planned.borrow_mut();
        list.push(Some(planned));
        list.len() - 1
    };
    kernel.schedule(micros(at).max(kernel.now.get()), Event::Planned(index));
}

/// Does what was planned.
pub(crate) fn carry_out(kernel: &Kernel, index: usize) {
    let planned = kernel.planned.borrow_mut().get_mut(index).and_then(Option::take);
    match planned {
        Some(Planned::Begin(fault, targets)) => fault::apply(kernel, &fault, targets, true),
        Some(Planned::End(fault, targets)) => fault::apply(kernel, &fault, targets, false),
        Some(Planned::BeginOutage(outage)) => outage.apply(&kernel.journal, true),
        Some(Planned::EndOutage(outage)) => outage.apply(&kernel.journal, false),
        Some(Planned::Start(host)) => lifecycle::start(kernel, host),
        Some(Planned::Create(host)) => lifecycle::create(kernel, host),
        Some(Planned::Remove(host)) => lifecycle::remove(kernel, host),
        None => {}
    }
}
