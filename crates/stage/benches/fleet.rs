//! What a fleet of idle agents costs: N agents are connected for one virtual hour, beat every 15 s, find one value out
//! every ten seconds and report their traffic every five minutes, to a control plane with a database behind it.
//!
//! Everything that a scenario has is in place, invariants included. What it costs to bring the fleet up, one virtual
//! minute, is measured apart and taken off. An event is a beat, a batch of values or a report of traffic: a call that
//! is made, stored and answered. Prints a table, and a JSON line per row.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time and asks the system for its memory")]

use std::time::Duration;

use groundhog_measure::{memory_mib, used};
use groundhog_stage::{catalogue, run::run, scenario::Scenario};

/// What bringing the fleet up may take.
const BEGIN: Duration = Duration::from_mins(1);

/// How long it is watched.
const WATCHED: Duration = Duration::from_mins(60);

/// Records that stand for a call each.
const CALLS: [&str; 3] = ["agent.beat", "agent.metadata_stored", "agent.stats_stored"];

fn scenario(agents: u32, length: Duration) -> Scenario {
    let text = format!(
        r#"
        about = "A fleet of idle agents."
        duration = "{}s"

        [[template]]
        name = "fleet"
        agents = [{{ name = "main", count = {agents}, metadata = [{{ key = "load", runs = "echo 1", interval = "10s" }}] }}]

        [[provisioner]]
        name = "prov-1"

        [[step]]
        at = "1s"
        create_workspace = {{ name = "dev", owner = "alice", template = "fleet" }}
        "#,
        length.as_secs()
    );
    Scenario::parse("fleet.toml", &text, &catalogue::lists()).unwrap_or_else(|error| panic!("{error}"))
}

/// Calls made, and processor time used.
fn measure(agents: u32, length: Duration) -> (u64, Duration) {
    let scenario = scenario(agents, length);
    let (report, time) = used(|| run(&scenario, 1));
    assert!(report.passed(), "{:?}", report.violations);
    let calls = report.records.iter().filter(|record| CALLS.contains(&record.event.as_str())).count();
    (calls as u64, time)
}

fn main() {
    println!("| agents | processor time | calls   | us per call | memory  |");
    println!("| ------ | -------------- | ------- | ----------- | ------- |");
    for agents in [10, 100, 1_000] {
        let (calls_before, used_before) = measure(agents, BEGIN);
        let (calls, used) = measure(agents, BEGIN + WATCHED);
        let (calls, seconds) = (calls - calls_before, (used.saturating_sub(used_before)).as_secs_f64());
        let each = seconds * 1e6 / calls as f64;
        let memory = memory_mib().map_or_else(|| "?".to_owned(), |mib| format!("{mib} MiB"));
        println!("| {agents:>6} | {seconds:>12.2} s | {calls:>7} | {each:>11.1} | {memory:>7} |");
        println!("{{\"agents\":{agents},\"cpu_seconds\":{seconds:.3},\"calls\":{calls},\"us_per_call\":{each:.2}}}");
    }
}
