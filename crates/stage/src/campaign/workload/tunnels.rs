//! Draws tunnels into workspaces, and what their users do.

use std::time::Duration;

use groundhog_host::Random;
use groundhog_sim::campaign::Draws;

use super::super::{count, one_of, span, time_until};
use super::step;
use crate::scenario::units::DurationRange;
use crate::scenario::{Action, Scenario, Step, Tunnel, TunnelApplication, Workload};

/// How long after a workspace was asked for somebody wants a tunnel into it: before it is there, or later.
const OPENED_AFTER: DurationRange = DurationRange { min: Duration::from_millis(10), max: Duration::from_mins(3) };

/// How long somebody wants a tunnel for: less than it takes to come up, or as good as all day.
const STAYS: DurationRange = DurationRange { min: Duration::from_secs(1), max: Duration::from_mins(10) };

/// How often the user of a forwarded port asks for a page. A campaign's users are calm: each page costs time to simulate.
const EVERY: DurationRange = DurationRange { min: Duration::from_secs(5), max: Duration::from_secs(30) };

/// How often a tunnel is for a port rather than for a terminal, where there is an app.
const IS_FORWARD: f64 = 0.7;

/// How often a tunnel may start its workspace.
const AUTOSTARTS: f64 = 0.8;

/// How often a tunnel waits for the agent's start scripts.
const WAITS: f64 = 0.7;

/// How often it is known from the first for how long a tunnel is wanted.
const STAYS_FOR: f64 = 0.3;

/// How often the user ends a tunnel at a time of their own.
const INTERRUPTED: f64 = 0.4;

/// Where one tunnel could lead.
#[derive(Clone)]
struct Way {
    workspace: String,
    owner: String,
    agent: String,
    ports: Vec<u16>,
}

/// Adds tunnels, with what ends them, from the beginning to `end`.
pub(super) fn draw(plan: &mut Scenario, workload: &Workload, end: Duration, draws: &Draws) {
    for number in 0..count(&mut draws.stream(&["workload", "tunnels"]), workload.tunnels) {
        let mut random = draws.stream(&["tunnel", &number.to_string()]);
        let Some((at, tunnel)) = tunnel(plan, &mut random, number) else { break };
        let name = tunnel.name.clone();
        plan.steps.push(step(at, Action::OpenTunnel(tunnel)));
        if random.chance(INTERRUPTED) {
            let at = at + time_until(&mut random, end.saturating_sub(at));
            plan.steps.push(step(at, Action::InterruptTunnel { name }));
        }
    }
}

fn tunnel(plan: &Scenario, random: &mut Random, number: u64) -> Option<(Duration, Tunnel)> {
    let ways = plan.machines().into_values().map(|one| Way {
        workspace: one.workspace.to_owned(),
        owner: one.owner.to_owned(),
        agent: one.agent,
        ports: one.declared.apps.iter().map(|app| app.port).collect(),
    });
    let Way { workspace, owner, agent, ports } = one_of(random, &ways.collect::<Vec<_>>()).cloned()?;
    let made_at = |step: &Step| match &step.action {
        Action::CreateWorkspace { name, .. } if *name == workspace => Some(step.at),
        _ => None,
    };
    let at = plan.steps.iter().filter_map(made_at).min().unwrap_or_default() + span(random, OPENED_AFTER);
    // Everything is drawn whether it is used or not, so that a simpler template moves nothing else.
    let (every, port) = (span(random, EVERY), one_of(random, &ports).copied());
    let application = match port.filter(|_| random.chance(IS_FORWARD)) {
        Some(port) => TunnelApplication::Forward { port, every },
        None => TunnelApplication::Terminal { session: "terminal".to_owned(), sends: vec!["echo hello".to_owned()] },
    };
    let (autostart, wait_for_scripts) = (random.chance(AUTOSTARTS), random.chance(WAITS));
    let (has_limit, stays) = (random.chance(STAYS_FOR), span(random, STAYS));
    let tunnel = Tunnel {
        name: unused_name(plan, number),
        workspace,
        by: owner.clone(),
        owner,
        agent,
        application,
        autostart,
        wait_for_scripts,
        stays: has_limit.then_some(stays),
    };
    Some((at, tunnel))
}

/// A name that no host has.
fn unused_name(plan: &Scenario, number: u64) -> String {
    let mut name = format!("laptop-{}", number + 1);
    while plan.hosts().any(|host| host == name) {
        name.push_str("-x");
    }
    name
}
