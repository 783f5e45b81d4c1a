//! Draws what goes wrong.
//!
//! Swarm testing (Groce and others, 2012): each plan leaves some kinds of faults out altogether, and draws how
//! frequent the others are. A kind that happens in every run hides what only shows itself without it.

use std::time::Duration;

use groundhog_host::Random;
use groundhog_sim::campaign::Draws;

use super::{count, log_uniform, one_of, span, time_until, unit};
use crate::scenario::units::DurationRange;
use crate::scenario::{
    CONTROL, ClockStep, Fault, FaultKind, FaultName, Scenario, SuspendedClock, Swarm, Tunnel, USERS,
};

/// How often a kind is left out.
const LEFT_OUT: f64 = 0.5;

/// How often a fault begins soon after something that people do, where more is going on than at any other time.
const AIMED: f64 = 0.5;

/// How soon.
const AIMED_AFTER: DurationRange = DurationRange { min: Duration::from_millis(1), max: Duration::from_mins(2) };

/// How often a fault is on a daemon's side rather than on that of the people, who merely ask again.
const ON_A_DAEMON: f64 = 0.85;

/// Where workspaces have agents: how often a fault is on one of their machines instead.
const ON_A_MACHINE: f64 = 0.6;

/// Where there are tunnels: how often a fault is on the laptop of one instead, and how often that is on its path to the
/// control plane rather than to a machine.
const ON_A_LAPTOP: f64 = 0.5;
const AWAY_FROM_CONTROL: f64 = 0.35;

/// Where there are assistants: how often a fault is on one of them instead.
const ON_AN_ASSISTANT: f64 = 0.4;

/// How many machines of what is built ahead faults are on: those of the first ones, which every run has.
const AHEAD_MACHINES: usize = 8;

/// How often a fault on the path of a machine is between it and the people rather than the control plane.
const AWAY_FROM_PEOPLE: f64 = 0.15;

/// How often a host that breaks down is the control plane's; the rest of the time it is any host.
const ON_THE_CONTROL_PLANE: f64 = 0.35;

/// By what latency is multiplied.
const FACTORS: (f64, f64) = (2.0, 500.0);

/// Which share of packets is lost.
const LOSSES: (f64, f64) = (0.01, 0.5);

/// How far a clock jumps, either way.
const CLOCK_STEPS: DurationRange = DurationRange { min: Duration::from_millis(100), max: Duration::from_hours(1) };

/// How much too fast or slow a clock runs, in parts per million: from a good crystal to one that is defective.
const DRIFTS_PPM: (f64, f64) = (10.0, 20_000.0);

/// Adds faults that begin before `end`.
pub(super) fn draw(plan: &mut Scenario, swarm: &Swarm, end: Duration, draws: &Draws) {
    let kinds = strengths(swarm, draws);
    if kinds.is_empty() || plan.provisioners.is_empty() {
        return;
    }
    for number in 0..count(&mut draws.stream(&["faults"]), swarm.faults) {
        let mut random = draws.stream(&["fault", &number.to_string()]);
        let name = weighted(&mut random, &kinds);
        let kind = kind(&mut random, name, plan);
        let at = begin(&mut random, plan, end).max(latest_start(plan, &kind));
        let lasts = span(&mut random, swarm.lasts);
        let lasts = (name != FaultName::Reset).then_some(lasts);
        plan.faults.push(Fault { line: 0, at, lasts, kind });
    }
    plan.faults.sort_by_key(|fault| fault.at);
}

/// The kinds that this plan has, and how frequent each is.
fn strengths(swarm: &Swarm, draws: &Draws) -> Vec<(FaultName, f64)> {
    let strength = |(name, weight): (&FaultName, &f64)| {
        let mut random = draws.stream(&["swarm", name.as_str()]);
        let stays = !random.chance(LEFT_OUT);
        // Never zero: a kind that stays can happen.
        stays.then(|| (*name, weight * (unit(&mut random) + 0.01)))
    };
    swarm.kinds.iter().filter_map(strength).collect()
}

/// One of several kinds, by weight.
fn weighted(random: &mut Random, kinds: &[(FaultName, f64)]) -> FaultName {
    let total: f64 = kinds.iter().map(|(_, weight)| weight).sum();
    let mut left = unit(random) * total;
    for (name, weight) in kinds {
        left -= weight;
        if left < 0.0 {
            return *name;
        }
    }
    // Rounding may leave a hair's breadth behind the last.
    kinds[kinds.len() - 1].0
}

fn begin(random: &mut Random, plan: &Scenario, end: Duration) -> Duration {
    let aimed = random.chance(AIMED);
    let (step, after) = (one_of(random, &plan.steps).map(|step| step.at), span(random, AIMED_AFTER));
    let anywhere = time_until(random, end);
    if aimed { step.map_or(anywhere, |at| at + after) } else { anywhere }
}

/// When the last of the hosts that a fault is on has booted: before that there is nothing to break.
fn latest_start(plan: &Scenario, kind: &FaultKind) -> Duration {
    let hosts = kind.hosts();
    let starts = plan.provisioners.iter().filter(|one| hosts.contains(&one.name.as_str())).map(|one| one.start);
    starts.max().unwrap_or_default()
}

/// One of the control plane's replicas. Where there is one alone, nothing is drawn.
fn control(random: &mut Random, plan: &Scenario) -> String {
    if plan.control.replicas == 1 {
        return CONTROL.to_owned();
    }
    let replicas: Vec<String> = plan.replicas().collect();
    one_of(random, &replicas).cloned().unwrap_or_else(|| CONTROL.to_owned())
}

/// The two ends of a fault's path: those that were drawn or, where there are any, often a machine of a workspace and
/// whoever talks to it. Where there are none, nothing is drawn.
fn on_a_machine(random: &mut Random, plan: &Scenario, far: String, control: &str) -> (String, String) {
    let ahead = plan.ahead_machines().map(|(host, _)| host).take(AHEAD_MACHINES);
    let of_chats = plan.chat_machines().map(|(host, _, _)| host);
    let machines: Vec<String> = plan.machines().into_keys().chain(ahead).chain(of_chats).collect();
    if machines.is_empty() || !random.chance(ON_A_MACHINE) {
        return (far, control.to_owned());
    }
    let machine = one_of(random, &machines).cloned().unwrap_or(far);
    let near = if random.chance(AWAY_FROM_PEOPLE) { USERS } else { control };
    (machine, near.to_owned())
}

/// The same for laptops: one of them, and a machine of a workspace or the control plane.
fn on_a_laptop(random: &mut Random, plan: &Scenario, drawn: (String, String), control: &str) -> (String, String) {
    let tunnels: Vec<&Tunnel> = plan.tunnels().collect();
    if tunnels.is_empty() || !random.chance(ON_A_LAPTOP) {
        return drawn;
    }
    let Some(tunnel) = one_of(random, &tunnels) else { return drawn };
    let of_workspace = plan.machines().into_iter().filter(|(_, one)| one.workspace == tunnel.workspace);
    let machines: Vec<String> = of_workspace.map(|(name, _)| name).collect();
    let machine = one_of(random, &machines).filter(|_| !random.chance(AWAY_FROM_CONTROL));
    (tunnel.name.clone(), machine.cloned().unwrap_or_else(|| control.to_owned()))
}

/// The same for assistants: one of them, and the control plane.
fn on_an_assistant(random: &mut Random, plan: &Scenario, drawn: (String, String), control: &str) -> (String, String) {
    if plan.assistants.is_empty() || !random.chance(ON_AN_ASSISTANT) {
        return drawn;
    }
    match one_of(random, &plan.assistants) {
        Some(assistant) => (assistant.name.clone(), control.to_owned()),
        None => drawn,
    }
}

fn kind(random: &mut Random, name: FaultName, plan: &Scenario) -> FaultKind {
    let provisioner = one_of(random, &plan.provisioners).map(|one| one.name.clone()).unwrap_or_default();
    let far = if random.chance(ON_A_DAEMON) { provisioner.clone() } else { USERS.to_owned() };
    let on_control = random.chance(ON_THE_CONTROL_PLANE);
    let (size, sign) = (unit(random), random.chance(0.5));
    let control = control(random, plan);
    let (far, near) = on_a_machine(random, plan, far, &control);
    let (far, near) = on_a_laptop(random, plan, (far, near), &control);
    let (far, near) = on_an_assistant(random, plan, (far, near), &control);
    let host = if on_control { control } else { far.clone() };
    let between = (far, near);
    match name {
        FaultName::Cut => FaultKind::Cut { between },
        FaultName::CutOneWay if sign => FaultKind::CutOneWay { from: between.1, to: between.0 },
        FaultName::CutOneWay => FaultKind::CutOneWay { from: between.0, to: between.1 },
        FaultName::Hold => FaultKind::Hold { between },
        FaultName::Slow => FaultKind::Slow { between, factor: log_uniform(random, FACTORS.0, FACTORS.1).round() },
        FaultName::Lossy => {
            // Two digits are enough to read, and to shrink.
            let percent = (LOSSES.0 + size * (LOSSES.1 - LOSSES.0)) * 100.0;
            FaultKind::Lossy { between, probability: percent.round() / 100.0 }
        }
        FaultName::Reset => FaultKind::Reset { between },
        FaultName::Kill => FaultKind::Kill { host },
        FaultName::PowerLoss => FaultKind::PowerLoss { host },
        FaultName::Suspend => {
            FaultKind::Suspend { host, clock: if sign { SuspendedClock::Runs } else { SuspendedClock::Stops } }
        }
        FaultName::StepClock => {
            let by = span(random, CLOCK_STEPS);
            FaultKind::StepClock { host, by: if sign { ClockStep::Ahead(by) } else { ClockStep::Back(by) } }
        }
        FaultName::Drift => {
            let ppm = log_uniform(random, DRIFTS_PPM.0, DRIFTS_PPM.1) as i32;
            FaultKind::Drift { host, ppm: if sign { ppm } else { -ppm } }
        }
        FaultName::Database => FaultKind::Database,
    }
}
