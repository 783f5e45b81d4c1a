//! The same again, whoever runs it and on however many threads.

use serde_json::Value;

use super::support::{Folder, PASSES, fails};

/// Something for the seed to decide: a log, a cut in the middle of it, and a path whose latency varies.
fn eventful() -> String {
    PASSES.replace("\"2s\"", "\"20s\", logs = { every = \"300ms\", line = \"part {n}\" }")
        + "\n[[fault]]\nat = \"8s\"\nfor = \"5s\"\ncut = [\"prov-1\", \"control\"]\n"
}

fn folder() -> Folder {
    Folder::new().with("scenarios/eventful.toml", &eventful()).with("scenarios/bad.toml", &fails())
}

/// All that is told of some runs, but for the real time that they took.
fn told(folder: &Folder, arguments: &[&str]) -> Vec<Value> {
    let mut lines = folder.json(1, arguments);
    for line in &mut lines {
        if let Some(line) = line.as_object_mut() {
            line.remove("wall_seconds");
        }
    }
    lines
}

#[test]
fn two_processes_tell_the_same() {
    let folder = folder();
    let arguments = ["run", "--seeds", "0..3", "--log"];
    let first = told(&folder, &arguments);
    assert_eq!(first, told(&folder, &arguments));
    // Every run is told, and its log.
    assert_eq!(first.iter().filter(|line| line.get("trace_digest").is_some()).count(), 6);
    assert!(first.iter().any(|line| line["event"] == "fault.cut"), "{first:#?}");

    let text = || folder.run(&["run", "--seeds", "0..3", "--log"]).with_status(1);
    assert_eq!(text().log(), text().log());
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let folder = folder();
    let on = |jobs| told(&folder, &["run", "--seeds", "0..8", "--jobs", jobs]);
    let one = on("1");
    assert_eq!(one.len(), 16);
    assert_eq!(one, on("2"));
    assert_eq!(one, on("64"), "there may be more threads than runs");
}

#[test]
fn the_seed_does_matter() {
    let runs = told(&folder(), &["run", "--seeds", "0..8"]);
    let digests = |key: &str| {
        let mut digests: Vec<_> =
            runs.iter().filter(|run| run["scenario"] == "eventful").map(|run| run[key].to_string()).collect();
        digests.sort();
        digests.dedup();
        digests.len()
    };
    assert_eq!((digests("log_digest"), digests("trace_digest")), (8, 8));
}

#[test]
fn where_a_scenario_lies_does_not_matter() {
    let folder = Folder::new().with("a.toml", &eventful()).with("other/place/b.toml", &eventful());
    let runs = folder.json(0, &["run", "a.toml", "other"]);
    assert_eq!(runs.len(), 2);
    for key in ["log_digest", "trace_digest"] {
        assert_eq!(runs[0][key], runs[1][key]);
    }
}
