//! `fsm`: the state machines as the code has them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::support::{Folder, assert_has, keys};

/// What `fsm` writes as JSON.
fn objects(folder: &Folder, machine: &str) -> Vec<Value> {
    let text = folder.run(&["fsm", machine, "--format", "json"]).with_status(0).quiet();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}:\n{text}"))
}

#[test]
fn a_jobs_status_is_a_table_of_sixteen_rows() {
    let folder = Folder::new();
    let rows = objects(&folder, "job-status");
    assert_eq!(rows.len(), 16);
    for row in &rows {
        assert_eq!(keys(row), ["canceled", "completed", "error", "started", "status"]);
        // An error outweighs everything else.
        assert_eq!(row["error"] == true, row["status"] == "failed", "{row}");
    }
    for row in [
        json!({ "started": false, "canceled": false, "completed": false, "error": false, "status": "pending" }),
        json!({ "started": true, "canceled": true, "completed": false, "error": false, "status": "canceling" }),
        json!({ "started": true, "canceled": true, "completed": true, "error": true, "status": "failed" }),
    ] {
        assert!(rows.contains(&row), "{row}");
    }
    let text = folder.run(&["fsm", "job-status"]).with_status(0).quiet();
    let lines: Vec<Vec<_>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["STARTED", "CANCELED", "COMPLETED", "ERROR", "STATUS"]);
    assert_eq!(lines.len(), 17);
    assert!(lines.contains(&vec!["yes", "no", "no", "no", "running"]));
}

#[test]
fn a_jobs_status_is_a_picture() {
    let picture = Folder::new().run(&["fsm", "job-status", "--format", "mermaid"]).with_status(0).quiet();
    assert!(picture.starts_with("stateDiagram-v2\n"), "{picture}");
    assert_has(&picture, "    pending --> running: started\n");
    assert_has(&picture, "    canceling --> canceled: completed\n");
    // What is over stays over.
    assert!(!picture.contains("succeeded -->") && !picture.contains("failed -->"), "{picture}");
}

#[test]
fn the_runner_is_a_table_of_every_state_and_event() {
    let folder = Folder::new();
    let rows = objects(&folder, "runner");
    let states = |key: &str| -> BTreeSet<&str> { rows.iter().filter_map(|row| row[key].as_str()).collect() };
    for row in &rows {
        assert_eq!(keys(row), ["effects", "event", "next_state", "state"]);
        assert!(row["effects"].is_array(), "{row}");
    }
    // Whatever is led to is told of, and what is led from is not said twice.
    assert!(states("next_state").is_subset(&states("state")), "{:?}", states("next_state"));
    let reactions: BTreeSet<_> = rows.iter().map(|row| (row["state"].as_str(), row["event"].as_str())).collect();
    assert_eq!(reactions.len(), rows.len());
    let text = folder.run(&["fsm", "runner"]).with_status(0).quiet();
    assert_eq!(text.lines().count(), rows.len() + 1);
    assert_eq!(
        text.lines().next().map(|line| line.split_whitespace().collect::<Vec<_>>()),
        Some(vec!["STATE", "EVENT", "NEXT", "STATE", "EFFECTS"])
    );
    let picture = folder.run(&["fsm", "runner", "--format", "mermaid"]).with_status(0).quiet();
    assert!(picture.starts_with("stateDiagram-v2\n") && picture.contains(" --> "), "{picture}");
}

#[test]
fn the_tunnel_is_a_table_of_every_state_event_and_configuration() {
    let folder = Folder::new();
    let rows = objects(&folder, "tunnel");
    let values = |key: &str| -> BTreeSet<String> { rows.iter().map(|row| row[key].to_string()).collect() };
    for row in &rows {
        assert_eq!(keys(row), ["config", "effects", "event", "next_state", "severity", "state"]);
    }
    let (states, events, configs) = (values("state"), values("event"), values("config"));
    assert_eq!((states.len(), configs.len()), (10, 4));
    assert_eq!(rows.len(), states.len() * events.len() * configs.len());
    let cells: BTreeSet<_> =
        rows.iter().map(|row| (row["state"].as_str(), row["event"].to_string(), row["config"].to_string())).collect();
    assert_eq!(cells.len(), rows.len());
    assert!(values("next_state").is_subset(&states));
    let count = |kind: &str| rows.iter().filter(|row| row["event"]["type"] == kind).count() / (10 * 4);
    assert_eq!(["shutdown_signal", "build_update", "agent_update"].map(count), [1, 21, 9]);
    assert_eq!(["app_update", "tailnet_update"].map(count), [2, 2]);
    // T3, the one cell that is not as it was.
    let row = json!({
        "state": "waitForWorkspaceStarted",
        "event": { "type": "build_update", "transition": "stop", "job_status": "succeeded" },
        "config": { "no_autostart": false, "no_wait_for_scripts": false },
        "next_state": "waitForWorkspaceStarted",
        "effects": ["spawn:startWorkspace"],
        "severity": null,
    });
    assert!(rows.contains(&row));
}

#[test]
fn the_tunnel_is_written_for_people_too() {
    let folder = Folder::new();
    let text = folder.run(&["fsm", "tunnel"]).with_status(0).quiet();
    let lines: Vec<String> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(lines[0], "STATE EVENT CONFIG NEXT STATE EFFECTS SEVERITY");
    // What is the same under every configuration is said once.
    let has = |line: &str| assert!(lines.iter().any(|one| one == line), "{line}");
    has("applicationUp app_lost any shutdownApplication spawn:closeApp");
    has("waitForAgent agent_update starting no_wait_for_scripts=yes establishTailnet spawn:connectTailnet");
    has("waitForAgent agent_update starting no_wait_for_scripts=no waitForAgent");
    has("applicationUp tailnet_update down any applicationUp critical");
    let picture = folder.run(&["fsm", "tunnel", "--format", "mermaid"]).with_status(0).quiet();
    assert_has(&picture, "    tailnetUp --> applicationUp: app_update up\n");
    assert_has(&picture, "    waitToStart --> exit: shutdown_signal, build of no use\n");
    assert!(!picture.contains("exit -->"), "{picture}");
}

#[test]
fn a_machine_that_is_not_there_is_answered_with_those_that_are() {
    let refusal = Folder::new().run(&["fsm", "jobstatus"]).with_status(2).refused();
    assert_has(&refusal, "job-status");
    assert_has(&refusal, "runner");
    assert_has(&refusal, "tunnel");
}
