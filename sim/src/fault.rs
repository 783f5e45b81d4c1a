//! What can go wrong in a world, and how it ends.

use groundhog_host::event::{EventSpec, FieldSpec};

use crate::{
    clock::SuspendedClock,
    hosts::{HostId, Status},
    kernel::Kernel,
    lifecycle, network,
};

/// Which directions of a path a fault is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    /// There and back.
    Both,
    /// Only from the first host to the second.
    One,
}

/// Something that goes wrong. Hosts are named.
///
/// Faults may overlap: a path that two faults cut is whole again when both have ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Packets are lost. A stream does not fail by itself: it hangs until something times out.
    Cut {
        /// One end of the path.
        from: String,
        /// The other.
        to: String,
        /// Which directions.
        ways: Ways,
    },
    /// Packets wait, and arrive all at once at the end of the fault.
    Hold {
        /// One end of the path.
        from: String,
        /// The other.
        to: String,
        /// Which directions.
        ways: Ways,
    },
    /// Packets take longer, both ways.
    Slow {
        /// One end of the path.
        from: String,
        /// The other.
        to: String,
        /// What latency is multiplied by.
        factor: f64,
    },
    /// Packets are lost now and then, both ways.
    Lossy {
        /// One end of the path.
        from: String,
        /// The other.
        to: String,
        /// How likely each is lost, 0 to 1.
        probability: f64,
    },
    /// Every connection between two hosts is reset, as a firewall that restarts does. Over at once.
    Reset {
        /// One host.
        from: String,
        /// The other.
        to: String,
    },
    /// A host's software ends without a word of its own; its machine resets its connections. At the end of the
    /// fault it starts again, with its disk as it was.
    Kill {
        /// The host.
        host: String,
    },
    /// A host loses power: nothing is sent, and what was not synced to its disk is lost. At the end of the
    /// fault it starts again.
    PowerLoss {
        /// The host.
        host: String,
    },
    /// A host runs nothing, and packets for it are lost. At the end of the fault it goes on where it stopped.
    Suspend {
        /// The host.
        host: String,
        /// What its monotonic clock does meanwhile.
        clock: SuspendedClock,
    },
    /// A host's wall clock is set forwards or backwards; at the end of the fault it is set right again.
    StepClock {
        /// The host.
        host: String,
        /// By how many microseconds.
        micros: i64,
    },
    /// A host's clocks run too fast or too slow.
    Drift {
        /// The host.
        host: String,
        /// How much too fast, in parts per million, up to 100 000 either way.
        ppm: i64,
    },
}

/// The events that faults and hosts make in the log; the host column of these lines is `-`.
pub const FAULT_EVENTS: &[EventSpec] = &[
    spec("fault.cut", "A path began to lose every packet.", PATH),
    spec("fault.cut_healed", "A path is whole again.", PATH),
    spec("fault.held", "A path began to hold packets back.", PATH),
    spec("fault.released", "A path let go what it held.", PATH),
    spec("fault.slowed", "A path became slower.", &[FROM, TO, field("factor", "what latency is multiplied by")]),
    spec("fault.slow_healed", "A path has its usual speed again.", &[FROM, TO]),
    spec("fault.lossy", "A path began to lose packets.", &[FROM, TO, field("probability", "of each packet")]),
    spec("fault.lossy_healed", "A path loses no more packets.", &[FROM, TO]),
    spec(
        "fault.reset",
        "All connections between two hosts were reset.",
        &[FROM, TO, field("streams", "how many there were")],
    ),
    spec("fault.clock_stepped", "A host's wall clock was set.", &[HOST, field("by", "how far, in seconds")]),
    spec(
        "fault.clock_drifts",
        "A host's clocks changed their speed.",
        &[HOST, field("ppm", "how much too fast, in parts per million")],
    ),
    spec("fault.outage", "Something that is no host, such as a database, was taken away.", &[WHAT]),
    spec("fault.outage_healed", "It is back, unless another fault still keeps it away.", &[WHAT]),
    spec("host.started", "A host's software was started.", &[HOST]),
    spec("host.killed", "A host's software was killed.", &[HOST]),
    spec("host.power_lost", "A host lost power.", &[HOST]),
    spec("host.removed", "A machine was deleted.", &[HOST]),
    spec(
        "host.suspended",
        "A host stopped running anything.",
        &[HOST, field("clock", "what its monotonic clock does: stops or runs")],
    ),
    spec("host.resumed", "A suspended host goes on.", &[HOST]),
];

const HOST: FieldSpec = field("host", "which host");
const WHAT: FieldSpec = field("what", "what is away");
const FROM: FieldSpec = field("from", "one end of the path");
const TO: FieldSpec = field("to", "the other end");
const PATH: &[FieldSpec] = &[FROM, TO, field("ways", "both, or one: only from the first to the second")];

const fn field(name: &'static str, about: &'static str) -> FieldSpec {
    FieldSpec { name, about }
}

const fn spec(name: &'static str, about: &'static str, fields: &'static [FieldSpec]) -> EventSpec {
    EventSpec { name, about, quiet: false, fields }
}

/// A fault names a host that the world does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownHost(pub String);

impl std::fmt::Display for UnknownHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no host is called {:?}: add it to the world first", self.0)
    }
}

impl std::error::Error for UnknownHost {}

/// A fault's hosts, looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Targets {
    first: HostId,
    second: HostId,
}

impl Fault {
    /// The names of the hosts that it is on: one, or the two ends of a path.
    pub fn hosts(&self) -> (&str, &str) {
        match self {
            Self::Cut { from, to, .. }
            | Self::Hold { from, to, .. }
            | Self::Slow { from, to, .. }
            | Self::Lossy { from, to, .. }
            | Self::Reset { from, to } => (from, to),
            Self::Kill { host }
            | Self::PowerLoss { host }
            | Self::Suspend { host, .. }
            | Self::StepClock { host, .. }
            | Self::Drift { host, .. } => (host, host),
        }
    }

    pub(crate) fn targets(&self, kernel: &Kernel) -> Result<Targets, UnknownHost> {
        let hosts = kernel.hosts.borrow();
        let find = |name: &str| hosts.find(name).ok_or_else(|| UnknownHost(name.to_owned()));
        let (first, second) = self.hosts();
        Ok(Targets { first: find(first)?, second: find(second)? })
    }

    /// The event by which a log tells that this begins or ends, as `(name, fields)`; none for what the hosts that it is on
    /// tell themselves, and for a reset, of which one tells how much it was.
    pub fn told(&self, begins: bool) -> Option<(&'static str, Vec<(&'static str, String)>)> {
        let word = |ways: &Ways| if *ways == Ways::Both { "both" } else { "one" }.to_owned();
        let (name, more) = match (self, begins) {
            (Self::Cut { ways, .. }, true) => ("fault.cut", vec![("ways", word(ways))]),
            (Self::Cut { ways, .. }, false) => ("fault.cut_healed", vec![("ways", word(ways))]),
            (Self::Hold { ways, .. }, true) => ("fault.held", vec![("ways", word(ways))]),
            (Self::Hold { ways, .. }, false) => ("fault.released", vec![("ways", word(ways))]),
            (Self::Slow { factor, .. }, true) => ("fault.slowed", vec![("factor", factor.to_string())]),
            (Self::Slow { .. }, false) => ("fault.slow_healed", vec![]),
            (Self::Lossy { probability, .. }, true) => ("fault.lossy", vec![("probability", probability.to_string())]),
            (Self::Lossy { .. }, false) => ("fault.lossy_healed", vec![]),
            (Self::StepClock { host, micros }, _) => {
                let by = if begins { *micros } else { micros.saturating_neg() };
                let fields = vec![("host", host.clone()), ("by", (by as f64 / 1e6).to_string())];
                return Some(("fault.clock_stepped", fields));
            }
            (Self::Drift { host, ppm }, _) => {
                let ppm = if begins { *ppm } else { 0 };
                return Some(("fault.clock_drifts", vec![("host", host.clone()), ("ppm", ppm.to_string())]));
            }
            (Self::Reset { .. } | Self::Kill { .. } | Self::PowerLoss { .. } | Self::Suspend { .. }, _) => return None,
        };
        let (from, to) = self.hosts();
        Some((name, [("from", from.to_owned()), ("to", to.to_owned())].into_iter().chain(more).collect()))
    }

    fn ways(&self, targets: Targets) -> impl Iterator<Item = (HostId, HostId)> + use<> {
        let there = (targets.first, targets.second);
        let one_way = matches!(self, Self::Cut { ways: Ways::One, .. } | Self::Hold { ways: Ways::One, .. });
        let back = (!one_way).then_some((targets.second, targets.first));
        std::iter::once(there).chain(back)
    }
}

/// Begins or ends `fault`.
pub(crate) fn apply(kernel: &Kernel, fault: &Fault, targets: Targets, begins: bool) {
    // Told first: what follows from it comes after it in the log.
    if let Some((event, fields)) = fault.told(begins) {
        kernel.journal.world(event, fields);
    }
    let host = targets.first;
    let each_way = |change: &dyn Fn(HostId, HostId)| fault.ways(targets).for_each(|(from, to)| change(from, to));
    match fault {
        Fault::Cut { .. } => each_way(&|from, to| match begins {
            true => network::faults::cut(kernel, from, to),
            false => network::faults::heal(kernel, from, to),
        }),
        Fault::Hold { .. } => each_way(&|from, to| match begins {
            true => network::faults::hold(kernel, from, to),
            false => network::faults::release(kernel, from, to),
        }),
        Fault::Slow { factor, .. } => each_way(&|from, to| match begins {
            true => network::faults::slow(kernel, from, to, *factor),
            false => network::faults::unslow(kernel, from, to, *factor),
        }),
        Fault::Lossy { probability, .. } => each_way(&|from, to| match begins {
            true => network::faults::lose(kernel, from, to, *probability),
            false => network::faults::unlose(kernel, from, to, *probability),
        }),
        Fault::Reset { from, to } if begins => {
            let streams = network::faults::reset(kernel, targets.first, targets.second).to_string();
            let fields = vec![("from", from.clone()), ("to", to.clone()), ("streams", streams)];
            kernel.journal.world("fault.reset", fields);
        }
        Fault::Reset { .. } => {}
        Fault::Kill { .. } if begins => lifecycle::stop(kernel, host, Status::Stopped),
        Fault::PowerLoss { .. } if begins => lifecycle::stop(kernel, host, Status::Off),
        Fault::Kill { .. } | Fault::PowerLoss { .. } => lifecycle::come_back(kernel, host),
        Fault::Suspend { clock, .. } if begins => lifecycle::suspend(kernel, host, *clock),
        Fault::Suspend { .. } => lifecycle::resume(kernel, host),
        Fault::StepClock { micros, .. } => {
            let by = if begins { *micros } else { micros.saturating_neg() };
            kernel.hosts.borrow_mut()[host].clock.step(by);
        }
        Fault::Drift { ppm, .. } => {
            let ppm = if begins { *ppm } else { 0 };
            {
                let mut hosts = kernel.hosts.borrow_mut();
                hosts[host].clock.set_drift(kernel.now.get(), ppm);
            }
            lifecycle::rearm(kernel, host);
        }
    }
}
