//! What a day with a thousand workspaces ready costs: five versions with ten presets of a hundred workspaces each are
//! published within ten minutes, so that what waits of the older ones is withdrawn and what runs of them deleted; from
//! then on a thousand workspaces with an agent each are there for the rest of the day, looked at every minute.
//!
//! Everything that a scenario has is in place, invariants included. Prints a table, and a JSON line per row: with agents
//! that beat as often as they do unless told otherwise, every 15 s, and with agents that beat every minute, as one would
//! set it for so many that nobody uses.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

use groundhog_measure::{memory_mib, used};
use groundhog_stage::{catalogue, run::run, scenario::Scenario};

/// Workspaces that are ready, and presets that they are of.
const WORKSPACES: u32 = 1_000;
const PRESETS: u32 = 10;

/// Versions that are published, one every two minutes.
const VERSIONS: u32 = 5;

fn scenario(control: &str) -> Scenario {
    let instances = WORKSPACES / PRESETS;
    let mut text = format!(
        r#"
        about = "A day with many workspaces ready."
        duration = "1d"

        [control]
        prebuilds = {{ machines = 1200 }}
        {control}

        [[template]]
        name    = "vm"
        apply   = {{ takes = "5s" }}
        agents  = [{{ name = "main" }}]
        presets = [{{ name = "size-{{n}}", count = {PRESETS}, prebuilds = {{ instances = {instances} }} }}]

        [[provisioner]]
        name  = "prov"
        count = 4
        slots = 8

        [[user]]
        name = "root"
        role = "admin"
        "#
    );
    for version in 2..=VERSIONS {
        let at = (version - 1) * 2;
        text.push_str(&format!(
            "[[step]]\nat = \"{at}m\"\nimport_template = {{ template = \"vm\", version = \"v{version}\" }}\n"
        ));
    }
    Scenario::parse("flood.toml", &text, &catalogue::lists()).unwrap_or_else(|error| panic!("{error}"))
}

fn main() {
    println!("| beats     | processor time | built | withdrawn | deleted | memory   |");
    println!("| --------- | -------------- | ----- | --------- | ------- | -------- |");
    for (beats, control) in [("every minute", "beat_interval = \"1m\""), ("every 15 s", "")] {
        let scenario = scenario(control);
        let (report, time) = used(|| run(&scenario, 1));
        let seconds = time.as_secs_f64();
        assert!(report.passed(), "{:?}", report.violations);
        let count = |event: &str| report.records.iter().filter(|record| record.event.as_str() == event).count();
        let (built, withdrawn, deleted) =
            (count("prebuild.created"), count("prebuild.withdrawn"), count("prebuild.deleting"));
        let memory = memory_mib().map_or_else(|| "?".to_owned(), |mib| format!("{mib} MiB"));
        println!("| {beats:<9} | {seconds:>12.1} s | {built:>5} | {withdrawn:>9} | {deleted:>7} | {memory:>8} |");
        println!(
            "{{\"beats\":\"{beats}\",\"cpu_seconds\":{seconds:.1},\"built\":{built},\"withdrawn\":{withdrawn},\
             \"deleted\":{deleted}}}"
        );
    }
}
