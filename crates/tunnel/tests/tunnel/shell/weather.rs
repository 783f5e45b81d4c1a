//! Random stories: people build the workspace, everything breaks, and in the end the tunnel is told to end.

use std::collections::BTreeMap;

use groundhog_host::Random;
use groundhog_sim::{Fault, SuspendedClock, Ways};
use groundhog_tunnel::machine::Options;
use groundhog_wire::v1::{AgentLifecycle, JobStatus, Transition, watch_end};

use super::{
    control::State,
    play::{Play, play_seeded},
    probe::{Manner, Probe},
};

/// How many stories are told. They take a few seconds together.
const STORIES: u64 = 300;

/// How many things happen in each at most, before the tunnel is told to end.
const STEPS_MAX: u64 = 40;

/// The workspace goes on by a step, or somebody builds it.
fn build(state: &mut State, random: &mut Random) {
    let (number, transition, status, _) = state.build;
    match status {
        JobStatus::Pending => state.tell_build(number, transition, JobStatus::Running),
        JobStatus::Running if random.chance(0.03) => state.tell_build(number, transition, JobStatus::Failed),
        JobStatus::Running => {
            state.tell_build(number, transition, JobStatus::Succeeded);
            if transition == Transition::Start {
                state.tell_agent(number.into(), AgentLifecycle::Created);
            }
        }
        _ if transition == Transition::Start && status == JobStatus::Succeeded && random.chance(0.8) => {
            let next = match state.agent.1 {
                AgentLifecycle::Created => AgentLifecycle::Starting,
                AgentLifecycle::Starting if random.chance(0.2) => AgentLifecycle::StartError,
                _ => AgentLifecycle::Ready,
            };
            if next != state.agent.1 {
                state.tell_agent(number.into(), next);
            }
        }
        _ if transition == Transition::Destroy => {}
        _ => {
            let next = match random.below(20) {
                0 => Transition::Destroy,
                1..8 => Transition::Start,
                _ => Transition::Stop,
            };
            state.tell_build(number + 1, next, JobStatus::Pending);
        }
    }
}

/// Something breaks, for a while.
fn break_something(play: &mut Play<'_>, random: &mut Random) {
    let host = |name: &str| name.to_owned();
    let between = |to: &str| (host("laptop"), host(to));
    let fault = match random.below(8) {
        0 | 1 => Fault::Kill { host: host("control") },
        2 => Fault::Kill { host: host("agent") },
        3 => Fault::Suspend { host: host("laptop"), clock: SuspendedClock::Runs },
        4 => {
            let (from, to) = between("control");
            Fault::Cut { from, to, ways: Ways::Both }
        }
        5 => {
            let (from, to) = between("agent");
            Fault::Cut { from, to, ways: Ways::Both }
        }
        6 => {
            let (from, to) = between("agent");
            Fault::Reset { from, to }
        }
        _ => {
            let (from, to) = between("control");
            Fault::Reset { from, to }
        }
    };
    play.fault(&fault, random.between(0, 20));
}

fn step(play: &mut Play<'_>, random: &mut Random) {
    match random.below(12) {
        0 => break_something(play, random),
        1 => {
            let mut state = play.control.state();
            state.end_watches(watch_end::Kind::Shutdown, "the control plane is stopping", true);
        }
        2 => {
            let mut state = play.control.state();
            state.loses_answers = 1;
            state.holds_answers = !state.holds_answers;
        }
        _ => build(&mut play.control.state(), random),
    }
    play.run_ms(random.between(0, 800));
}

/// Whether what a tunnel told makes sense.
fn check(play: &Play<'_>) -> Result<(), String> {
    let (mut network, mut app, mut asked, mut ended) = (false, false, 0, false);
    for record in play.world.records() {
        let Some(name) = record.event.strip_prefix("tunnel.") else { continue };
        if ended && !["path", "network_lost"].contains(&name) {
            return Err(format!("{name} after the end"));
        }
        match name {
            "network_up" => network = true,
            "network_down" => network = false,
            "app_up" => app = true,
            "app_down" => app = false,
            "start_asked" => asked += 1,
            "start_answered" => asked -= 1,
            "ended" => ended = true,
            _ => {}
        }
        if app && !network {
            return Err(format!("the application is up without a network since {name}"));
        }
        if !(0..=1).contains(&asked) {
            return Err(format!("{asked} starts at once"));
        }
    }
    match (network, app, ended) {
        (false, false, true) => Ok(()),
        left => Err(format!("at the end the network, the application, the end: {left:?}")),
    }
}

#[test]
fn whatever_happens_a_tunnel_makes_sense_and_ends() {
    let mut endings: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..STORIES {
        let mut random = Random::from_seed(std::array::from_fn(|at| seed.to_le_bytes()[at % 8]));
        let options = Options { no_autostart: random.chance(0.1), no_wait_for_scripts: random.chance(0.3) };
        let probe = match random.below(10) {
            0 => Probe::closes(Manner::Hangs),
            1 => Probe::starts(Manner::Fails),
            _ => Probe::default(),
        };
        let ending = play_seeded(seed, probe, |play| {
            {
                let mut state = play.control.state();
                let transition = if random.chance(0.6) { Transition::Stop } else { Transition::Start };
                let status = if random.chance(0.7) { JobStatus::Succeeded } else { JobStatus::Pending };
                state.build = (1, transition, status, "");
                state.holds_answers = random.chance(0.5);
            }
            play.open(options, 0);
            for _ in 0..random.between(1, STEPS_MAX) {
                step(play, &mut random);
            }
            // A minute, as people give it, and what is dropped then takes no time.
            play.shut_down(60, 62);
            check(play).unwrap_or_else(|wrong| panic!("{wrong} with seed {seed}:\n{:#?}", play.story()));
            assert!(play.handle().shutdown.is_some(), "seed {seed}");
            let calls = play.probe.calls();
            for call in ["start", "close"] {
                assert!(calls.iter().filter(|have| **have == call).count() <= 1, "seed {seed}: {calls:?}");
            }
            play.ended()
        });
        let kind = ending.split(['(', ':']).next().unwrap_or_default().trim_end_matches(|c: char| !c.is_alphabetic());
        let kind: String = kind.chars().filter(|c| !c.is_ascii_digit()).collect();
        *endings.entry(kind).or_default() += 1;
    }
    // The stories are worth something: tunnels end in many ways.
    assert!(endings.len() >= 7 && endings.get("interrupted") >= Some(&20), "{endings:#?}");
}
