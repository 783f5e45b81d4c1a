//! `check`: the same runs in two processes.

use serde_json::json;

use super::support::{Folder, PASSES, assert_has, fails, keys, malformed};

fn folder() -> Folder {
    Folder::new().with("scenarios/good.toml", PASSES).with("scenarios/deep/bad.toml", &fails())
}

#[test]
fn runs_are_equal_in_two_processes_whether_or_not_they_pass() {
    let ran = folder().run(&["check", "--seeds", "0..2", "--jobs", "2"]).with_status(0);
    assert!(ran.out.starts_with("SAME  deep/bad                             2 seeds\nSAME  good "), "{}", ran.out);
    assert_has(&ran.out, "\n4 runs, each made in two processes: all equal\n");
    assert!(ran.took.is_some(), "how long it took is on standard error: {}", ran.err);
}

#[test]
fn what_libraries_ask_past_the_seam_is_a_note() {
    let folder = folder();
    let out = folder.run(&["check", "--seeds", "3..4"]).with_status(0).out;
    for line in out.lines().filter(|line| line.contains("past the seam")) {
        assert!(line.starts_with("note: "), "{line}");
    }
    let lines = folder.json(0, &["check", "--seeds", "3..4"]);
    let notes: Vec<_> = lines.iter().filter(|line| line.get("past_the_seam").is_some()).collect();
    assert!(!notes.is_empty(), "HTTP/2 reads the clock");
    for note in notes {
        let expected = ["count", "culprit", "first", "past_the_seam", "reason", "scenarios", "verdict"];
        assert_eq!(keys(note), expected);
        assert_eq!(keys(&note["culprit"]), ["crate_name", "file", "function", "library", "line"]);
        assert_eq!(keys(&note["first"]), ["at_us", "host", "stack", "task"]);
        assert!(note["verdict"] == "note" || note["verdict"] == "excused", "{note}");
        assert!(note["first"]["stack"].as_array().is_some_and(|stack| !stack.is_empty()), "{note}");
        assert_has(&out, note["culprit"]["function"].as_str().expect("it has a name"));
    }
}

#[test]
fn a_run_as_json_has_the_documented_keys_and_its_digests() {
    let folder = folder();
    let lines = folder.json(0, &["check", "scenarios/good.toml", "--seeds", "5..7"]);
    let runs: Vec<_> = lines.iter().filter(|line| line.get("outcome").is_some()).collect();
    assert_eq!(runs.len(), 2);
    for (run, seed) in runs.iter().zip(5..) {
        assert_eq!(keys(run), ["digests", "divergence", "outcome", "path", "scenario", "seed", "tries"]);
        assert_eq!((&run["outcome"], &run["seed"], &run["divergence"]), (&json!("equal"), &json!(seed), &json!(null)));
        let ran = &folder.json(0, &["run", "scenarios/good.toml", "--seed", &seed.to_string()])[0];
        let digests = run["digests"].as_array().expect("a list");
        // The first was recorded, too.
        assert_eq!(digests.len(), if seed == 5 { 4 } else { 3 });
        for digest in digests {
            assert_eq!(digest["trace_digest"], ran["trace_digest"]);
            assert_eq!(digest["log_digest"], ran["log_digest"]);
        }
    }
}

#[test]
fn standard_output_is_the_same_each_time_on_any_number_of_threads() {
    let folder = folder();
    let on = |jobs| folder.run(&["check", "--seeds", "0..2", "--jobs", jobs]).with_status(0).out;
    assert_eq!(on("1"), on("3"));
}

#[test]
fn what_can_not_be_checked_is_refused() {
    let folder = folder().with("bad.toml", &malformed());
    assert_has(&folder.run(&["check", "bad.toml"]).refused(), "bad.toml:");
    assert_has(&folder.run(&["check", "--seeds", "3..3"]).refused(), "0..200");
    assert_has(&folder.run(&["check", "scenarios", "--seeds", "0..99999999999"]).refused(), "at most 1000000 runs");
}

/// A scenario that only the first process can read: the other one finds its own standard input there.
#[cfg(target_os = "linux")]
#[test]
fn another_process_that_fails_is_trouble() {
    let folder = folder();
    let file = std::fs::File::open(folder.path("scenarios/good.toml")).expect("the file is there");
    let ran = folder.command(&["check", "/dev/stdin"]).stdin(file).output().expect("the program can be run");
    let ran = super::support::Ran::of(ran).with_status(3);
    assert_eq!(ran.out, "");
    assert_has(&ran.err, "groundhog: the other process of `check`: it ended before its work was done");
}

#[test]
fn help_tells_what_is_checked_and_not_of_the_other_process() {
    let folder = folder();
    let help = folder.run(&["check", "--help"]).with_status(0).quiet();
    for part in ["--seeds ", "--jobs ", "--format ", "in another process", "thread"] {
        assert_has(&help, part);
    }
    let help = folder.run(&["--help"]).with_status(0).quiet();
    assert!(!help.contains("elsewhere"), "{help}");
}
