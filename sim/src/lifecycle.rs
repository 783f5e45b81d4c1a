//! How a host starts, ends, and is suspended; how a machine comes to be and is deleted.

use crate::{
    clock::SuspendedClock,
    hosts::{HostId, Status},
    kernel::Kernel,
    machine, network,
};

/// Asks anew for the events of a host's timers, after a change of its clock.
pub(crate) fn rearm(kernel: &Kernel, host: HostId) {
    let clock = kernel.hosts.borrow()[host].clock.clone();
    kernel.timers.borrow().rearm(kernel, host, &clock);
}

/// Records something about one host.
fn record(kernel: &Kernel, event: &'static str, host: HostId, more: Option<(&'static str, String)>) {
    let name = kernel.hosts.borrow()[host].name.to_string();
    kernel.journal.world(event, std::iter::once(("host", name)).chain(more).collect());
}

/// Starts a host's software: a new start, of which nothing from earlier ones knows.
pub(crate) fn start(kernel: &Kernel, host: HostId) {
    let boot = {
        let mut hosts = kernel.hosts.borrow_mut();
        let state = &mut hosts[host];
        if !matches!(state.status, Status::Stopped | Status::Off) {
            return;
        }
        state.status = Status::Running;
        state.start += 1;
        state.own.downs = 0;
        state.clock.reboot(kernel.now.get());
        state.own.streams_given.clear();
        state.own.boot.clone()
    };
    record(kernel, "host.started", host, None);
    if let Some(handle) = machine::handle(host) {
        let site = std::panic::Location::caller();
        let future = boot(handle);
        kernel.executor.spawn(host, "boot", site, future).detach();
    }
}

/// Ends a host's software: first it is dead to everybody, then its connections, then its tasks go.
pub(crate) fn stop(kernel: &Kernel, host: HostId, status: Status) {
    kernel.hosts.borrow_mut()[host].own.downs += 1;
    let event = if status == Status::Off { "host.power_lost" } else { "host.killed" };
    take_down(kernel, host, status, event);
}

/// Leaves `host` in `status`, and records it as `event` unless it was down that far already.
fn take_down(kernel: &Kernel, host: HostId, status: Status, event: &'static str) {
    let (was, stalled) = {
        let mut hosts = kernel.hosts.borrow_mut();
        let state = &mut hosts[host];
        let was = state.status;
        // Power that is lost while the software is down is lost all the same.
        if was != Status::Off {
            state.status = status;
        }
        if status == Status::Off {
            state.own.disk.lose_power();
        }
        let stalled = std::mem::take(&mut state.own.stalled);
        if matches!(was, Status::Suspended { .. }) {
            hosts.suspended -= 1;
        }
        (was, stalled)
    };
    if was == status || was == Status::Off {
        return;
    }
    record(kernel, event, host, None);
    network::faults::host_gone(kernel, host, status == Status::Stopped);
    kernel.executor.put_back(stalled);
    kernel.executor.kill(|other| other == host);
}

/// One fault fewer keeps the host down.
pub(crate) fn come_back(kernel: &Kernel, host: HostId) {
    let last = {
        let mut hosts = kernel.hosts.borrow_mut();
        let own = &mut hosts[host].own;
        own.downs = own.downs.saturating_sub(1);
        own.downs == 0 && own.exists
    };
    if last {
        start(kernel, host);
    }
}

/// Makes a machine that did not exist. It starts now, or when the last fault that would keep it down has ended.
pub(crate) fn create(kernel: &Kernel, host: HostId) {
    let starts = {
        let mut hosts = kernel.hosts.borrow_mut();
        let own = &mut hosts[host].own;
        own.exists = true;
        own.downs == 0
    };
    if starts {
        start(kernel, host);
    }
}

/// Deletes a machine: it loses power, and no fault's end starts it again.
pub(crate) fn remove(kernel: &Kernel, host: HostId) {
    let (existed, was) = {
        let mut hosts = kernel.hosts.borrow_mut();
        let state = &mut hosts[host];
        (std::mem::replace(&mut state.own.exists, false), state.status)
    };
    if existed && was == Status::Off {
        // A fault had it already: told all the same, because nothing brings it back now.
        record(kernel, "host.removed", host, None);
    } else if existed {
        take_down(kernel, host, Status::Off, "host.removed");
    }
}

/// A host stops where it is.
pub(crate) fn suspend(kernel: &Kernel, host: HostId, clock: SuspendedClock) {
    {
        let mut hosts = kernel.hosts.borrow_mut();
        if hosts[host].status != Status::Running {
            return;
        }
        let reading = hosts[host].clock.monotonic(kernel.now.get());
        hosts[host].status = Status::Suspended { reading, clock };
        hosts.suspended += 1;
    }
    let word = if clock == SuspendedClock::Stops { "stops" } else { "runs" }.to_owned();
    record(kernel, "host.suspended", host, Some(("clock", word)));
}

/// A suspended host goes on where it stopped.
pub(crate) fn resume(kernel: &Kernel, host: HostId) {
    let stalled = {
        let mut hosts = kernel.hosts.borrow_mut();
        let state = &mut hosts[host];
        let Status::Suspended { reading, clock } = state.status else { return };
        state.status = Status::Running;
        if clock == SuspendedClock::Stops {
            state.clock.stood_still_at(reading, kernel.now.get());
        }
        let stalled = std::mem::take(&mut state.own.stalled);
        hosts.suspended -= 1;
        stalled
    };
    record(kernel, "host.resumed", host, None);
    rearm(kernel, host);
    kernel.executor.put_back(stalled);
}
