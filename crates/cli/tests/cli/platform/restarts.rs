//! The control plane is started again over its database.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use super::place::{Place, repository};

fn hello() -> String {
    fs::read_to_string(repository().join("examples/hello.toml")).expect("there is one")
}

/// What does not change by itself of a workspace.
fn lasting(workspace: &Value) -> [&Value; 6] {
    ["id", "name", "owner", "template", "state", "latest_build"].map(|key| &workspace[key])
}

#[test]
fn a_control_plane_that_is_started_again_has_lost_nothing() {
    let place = Place::new();
    let (control, daemon) = (place.control(), place.provisioner());
    place.push("hello", &hello());
    place.user(&["workspace", "create", "dev", "--template", "hello", "--follow"]).with_status(0);
    let before = place.ready("dev");
    let (log, agents) = (place.log("dev"), place.agents());
    assert!(log.iter().any(|line| line["output"] == "making it, step 1"), "{log:?}");
    let greeting = place.json(&["agent-logs", "dev"], "line");

    control.signal(Signal::TERM);
    control.ends_with(0);
    place.user(&["workspace", "list"]).with_status(3);
    let control = place.control();

    let after = place.ready("dev");
    assert_eq!(lasting(&after), lasting(&before));
    assert_eq!(after["agents"][0]["id"], before["agents"][0]["id"]);
    assert_eq!(place.log("dev"), log, "line for line");
    let greeted = place.json(&["agent-logs", "dev"], "line");
    assert!(greeted.starts_with(&greeting), "{greeted:?} begins with {greeting:?}");
    assert_eq!(place.agents(), agents, "the agent has come back, and was not started anew");

    // The daemon, which has been there all the while, takes the next job.
    place.user(&["workspace", "create", "other", "--template", "hello", "--follow"]).with_status(0);
    place.ready("other");
    place.user(&["workspace", "delete", "dev", "--follow"]).with_status(0);
    let names: Vec<Value> =
        place.json(&["workspace", "list"], "workspace").iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["other"]);

    for running in [daemon, control] {
        running.signal(Signal::TERM);
        running.ends_with(0);
    }
}
