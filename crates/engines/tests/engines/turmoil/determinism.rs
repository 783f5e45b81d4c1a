//! The same seed gives the same log, byte for byte: in one process and in another.

use std::process::Command;

use groundhog_engines::turmoil::simulate;
use groundhog_stage::run::{self, Report};

use super::scenarios::scenario;

/// A control plane that is killed and started again; the machines and scripts of agents.
const STORIES: [&str; 2] = ["regressions/paused-as-the-control-plane-comes-back", "agents/scripts-in-order"];

/// Set for the process that is to print its log.
const CHILD: &str = "GROUNDHOG_TEST_PRINTS_ITS_LOG";

fn log(story: &str, seed: u64) -> String {
    let scenario = scenario(story);
    let config = run::config(&scenario, seed);
    let report = simulate(config, |engine| run::perform(&scenario, seed, engine));
    let lines = |report: &Report| {
        report.records.iter().map(|record| groundhog_sim::text::line(record) + "\n").collect::<String>()
    };
    lines(&report)
}

#[test]
fn a_seed_gives_the_same_log_again() {
    for story in STORIES {
        let first = log(story, 3);
        assert!(first.lines().count() > 20, "{story} tells little: {first}");
        assert!(log(story, 3) == first, "{story} went otherwise the second time");
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the test itself runs beside the simulation")]
fn another_process_gives_the_same_log() {
    let story = STORIES[0];
    if std::env::var_os(CHILD).is_some() {
        print!("[{}]", log(story, 3));
        return;
    }
    let name = "turmoil::determinism::another_process_gives_the_same_log";
    let child = Command::new(std::env::current_exe().expect("a test is a program"))
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("a test can be run again");
    let printed = String::from_utf8(child.stdout).expect("a log is text");
    assert!(printed.contains(&format!("[{}]", log(story, 3))), "the other process printed {printed}");
}

#[test]
fn ids_are_those_of_the_simulator() {
    // So that a log of the one can be laid beside a log of the other.
    let drawn = |mut random: groundhog_host::Random| random.next_u64();
    let config = groundhog_sim::Config::new(3);
    let here = simulate(config.clone(), |engine| {
        engine.host("host", |_| std::future::pending());
        (drawn(engine.random("ids")), drawn(engine.handle("host").expect("just added").random("ids")))
    });
    let there = groundhog_sim::simulate(config, |world| {
        world.host("host", |_| std::future::pending());
        (drawn(world.random("ids")), drawn(world.handle("host").expect("just added").random("ids")))
    });
    assert_eq!(here, there);
}
