//! What the crate's documents promise.

use std::{collections::BTreeSet, fs, path::Path};

use groundhog_tunnel::EVENTS;

/// The names of the platform's tests.
const NAMES: &[&str] = &[
    "TestHandleBuildUpdate_Coverage",
    "TestBuildUpdatesStoppedWorkspace",
    "TestBuildUpdatesNewBuildWhileWaiting",
    "TestBuildUpdatesBadJobs",
    "TestBuildUpdatesNoAutostart",
    "TestAgentUpdate_Coverage",
    "TestAgentUpdateReady",
    "TestAgentUpdateNoWait",
    "TestAppUpdate/mainline_up",
    "TestAppUpdate/mainline_down",
    "TestAppUpdate/failed_app_start",
    "TestAppUpdate/graceful_shutdown_while_starting",
    "TestAppUpdate/graceful_shutdown_of_app",
    "TestTailnetUpdate/mainline_up",
    "TestTailnetUpdate/mainline_down",
    "TestTailnetUpdate/failed_tailnet_start",
    "TestTailnetUpdate/graceful_shutdown_while_starting",
    "TestTunneler_EventLoop_Signal",
    "TestTunneler_Integration",
];

/// How many faults were found in the platform's client, numbered from 1.
const FAULTS: u32 = 16;

const TABLE: &str = include_str!("../../CONFORMANCE.md");

#[test]
fn each_test_that_the_conformance_table_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    // Every second piece between back quotes is quoted.
    for (file, function) in TABLE.split('`').skip(1).step_by(2).filter_map(|quoted| quoted.split_once("::")) {
        let source = read(file);
        let at = source.find(&format!("fn {function}(")).unwrap_or_else(|| panic!("{file} has no {function}"));
        let mut above = source[..at].lines().rev().take_while(|line| !line.trim_start().starts_with('}'));
        assert!(above.any(|line| line.trim() == "#[test]"), "{function} in {file} is no test");
    }
}

#[test]
fn the_conformance_table_has_a_row_for_each_test_and_each_fault() {
    let row = |first: &str| {
        let row = TABLE.lines().find(|line| line.starts_with(&format!("| {first} |")));
        assert!(row.is_some_and(|row| row.contains("::")), "no row for {first}");
    };
    for name in NAMES {
        row(&format!("`{name}`"));
    }
    for number in 1..=FAULTS {
        row(&format!("D{number}"));
    }
}

#[test]
fn every_event_is_named_once_and_documented() {
    let names: BTreeSet<&str> = EVENTS.iter().map(|event| event.name).collect();
    assert_eq!(names.len(), EVENTS.len());
    for event in EVENTS {
        assert!(event.name.starts_with("tunnel.") && !event.about.is_empty(), "{}", event.name);
        assert!(event.fields.iter().all(|field| !field.about.is_empty()), "{}", event.name);
    }
}
