//! What links and connections do when faults begin and end.

use super::{
    connection,
    link::{LinkConfig, Nature},
    link_between,
};
use crate::{
    hosts::HostId,
    kernel::{self, Kernel},
};

/// One more fault cuts the path.
pub(crate) fn cut(kernel: &Kernel, from: HostId, to: HostId) {
    let link = link_between(kernel, from, to);
    kernel.network.borrow_mut().link_mut(link).trouble_mut().cuts += 1;
}

/// One fault fewer cuts the path. What was lost is sent again when its sender next tries.
pub(crate) fn heal(kernel: &Kernel, from: HostId, to: HostId) {
    let link = link_between(kernel, from, to);
    let mut network = kernel.network.borrow_mut();
    let trouble = network.link_mut(link).trouble_mut();
    trouble.cuts = trouble.cuts.saturating_sub(1);
}

/// One more fault holds the path: what arrives waits.
pub(crate) fn hold(kernel: &Kernel, from: HostId, to: HostId) {
    let link = link_between(kernel, from, to);
    kernel.network.borrow_mut().link_mut(link).trouble_mut().holds += 1;
}

/// One fault fewer holds the path: with the last, all that waited arrives, in order.
pub(crate) fn release(kernel: &Kernel, from: HostId, to: HostId) {
    let link = link_between(kernel, from, to);
    let held = {
        let mut network = kernel.network.borrow_mut();
        let trouble = network.link_mut(link).trouble_mut();
        trouble.holds = trouble.holds.saturating_sub(1);
        if trouble.holds > 0 {
            return;
        }
        std::mem::take(&mut trouble.held)
    };
    for event in held {
        kernel.schedule(kernel.now.get(), kernel::Event::Network(event));
    }
}

/// One more fault slows the path by `factor`. Of several, the latest counts.
pub(crate) fn slow(kernel: &Kernel, from: HostId, to: HostId, factor: f64) {
    let link = link_between(kernel, from, to);
    kernel.network.borrow_mut().link_mut(link).trouble_mut().slowed.push(factor);
}

/// A fault that slowed the path by `factor` ends.
pub(crate) fn unslow(kernel: &Kernel, from: HostId, to: HostId, factor: f64) {
    let link = link_between(kernel, from, to);
    remove_last(&mut kernel.network.borrow_mut().link_mut(link).trouble_mut().slowed, factor);
}

/// One more fault makes the path lose packets. Of several, the latest counts.
pub(crate) fn lose(kernel: &Kernel, from: HostId, to: HostId, probability: f64) {
    let link = link_between(kernel, from, to);
    kernel.network.borrow_mut().link_mut(link).trouble_mut().lossy.push(probability);
}

/// A fault that made the path lose packets ends.
pub(crate) fn unlose(kernel: &Kernel, from: HostId, to: HostId, probability: f64) {
    let link = link_between(kernel, from, to);
    remove_last(&mut kernel.network.borrow_mut().link_mut(link).trouble_mut().lossy, probability);
}

fn remove_last(values: &mut Vec<f64>, value: f64) {
    if let Some(index) = values.iter().rposition(|other| other.total_cmp(&value).is_eq()) {
        values.remove(index);
    }
}

/// Resets every connection between two hosts. Tells how many.
pub(crate) fn reset(kernel: &Kernel, a: HostId, b: HostId) -> usize {
    let mut network = kernel.network.borrow_mut();
    let between: Vec<_> = network
        .connections
        .iter()
        .filter(|(_, connection)| {
            let hosts = connection.hosts();
            hosts == (a, b) || hosts == (b, a)
        })
        .map(|(key, _)| key)
        .collect();
    for key in &between {
        connection::reset(&mut network, *key);
    }
    between.len()
}

/// A host's software is gone: killed, whereupon its machine resets all connections, or without power, silently.
pub(crate) fn host_gone(kernel: &Kernel, host: HostId, resets: bool) {
    let mut network = kernel.network.borrow_mut();
    network.listening.retain(|(owner, _), _| *owner != host);
    network.datagrams.host_gone(host);
    connection::host_gone(kernel, &mut network, host, resets);
}

/// Changes how the path behaves from now on.
pub(crate) fn configure(kernel: &Kernel, from: HostId, to: HostId, config: &LinkConfig) {
    let link = link_between(kernel, from, to);
    kernel.network.borrow_mut().link_mut(link).change(&Nature::new(config));
}
