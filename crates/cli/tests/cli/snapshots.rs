//! `--log`, and `--bless`, which stores a log to compare later ones with.

use super::support::{Folder, PASSES, assert_has, fails, log};

const SNAPSHOT: &str = "snapshots/deep__one.snap";

fn folder(scenario: &str) -> Folder {
    Folder::new().with("scenarios/deep/one.toml", scenario)
}

#[test]
fn what_is_blessed_is_the_log_and_the_next_run_agrees() {
    let folder = folder(PASSES);
    let out = folder.run(&["run"]).with_status(0).quiet();
    assert_has(&out, "no snapshot yet");
    assert!(!folder.path("snapshots").exists(), "only --bless stores anything");

    let out = folder.run(&["run", "--bless"]).with_status(0).quiet();
    assert_has(&out, "snapshot stored");
    let stored = folder.read(SNAPSHOT);
    assert_has(&stored, "\nscenario: deep/one\nseed: 0\n");
    assert_has(&stored, "\noutcome: passed\n");

    let ran = folder.run(&["run", "--log"]).with_status(0);
    assert!(!ran.out.contains("snapshot"), "there is nothing to say of it: {}", ran.out);
    assert!(ran.log().len() > 5, "{}", ran.out);
    assert_eq!(ran.log(), log(&stored));
}

#[test]
fn a_log_that_has_changed_fails_with_the_difference_until_it_is_blessed() {
    let folder = folder(PASSES);
    folder.run(&["run", "--bless"]).with_status(0);
    let old = folder.read(SNAPSHOT);
    folder.write("scenarios/deep/one.toml", &PASSES.replace("\"2s\"", "\"30s\""));

    let ran = folder.run(&["run"]).with_status(1);
    assert_has(&ran.out, "snapshot: the log differs from snapshots/deep__one.snap; --bless accepts it");
    let new = folder.run(&["run", "--log"]).with_status(1);
    // Each line of the difference is of the old log or of the new one, by its sign.
    let signed = |sign: &str| -> Vec<String> {
        let lines = ran.out.lines().filter_map(|line| line.trim_start().strip_prefix(sign));
        lines.filter(|line| line.contains("job.completed")).map(str::to_owned).collect()
    };
    let completed = |lines: Vec<&str>| -> Vec<String> {
        lines.iter().filter(|line| line.contains("job.completed")).map(|line| (*line).to_owned()).collect()
    };
    let (before, after) = (completed(log(&old)), completed(new.log()));
    assert_eq!(before.len(), 1);
    assert_ne!(before, after);
    assert_eq!(signed("-+"), before.iter().map(|line| line[1..].to_owned()).collect::<Vec<_>>());
    assert_eq!(signed("++"), after.iter().map(|line| line[1..].to_owned()).collect::<Vec<_>>());
    assert_eq!(folder.read(SNAPSHOT), old, "a run that is not blessed stores nothing");
    let run = &folder.json(1, &["run"])[0];
    assert_eq!(run["violations"][0]["rule"], "snapshot");

    // A snapshot is of the scenario's own seed.
    folder.run(&["run", "--seed", "1"]).with_status(0);
    folder.run(&["run", "--seed", "0"]).with_status(1);

    folder.run(&["run", "--bless"]).with_status(0);
    assert_ne!(folder.read(SNAPSHOT), old);
    folder.run(&["run"]).with_status(0);
}

#[test]
fn a_run_that_fails_is_not_blessed() {
    let folder = folder(&fails());
    let out = folder.run(&["run", "--bless"]).with_status(1).quiet();
    assert_has(&out, "expectation: ");
    assert!(!folder.path("snapshots").exists(), "nothing is stored");

    // Nor does it take the place of one that did not fail.
    folder.write("scenarios/deep/one.toml", PASSES);
    folder.run(&["run", "--bless"]).with_status(0);
    let stored = folder.read(SNAPSHOT);
    folder.write("scenarios/deep/one.toml", &fails());
    folder.run(&["run", "--bless"]).with_status(1);
    assert_eq!(folder.read(SNAPSHOT), stored);
}

#[test]
fn a_scenario_outside_the_folder_has_no_snapshot() {
    let folder = Folder::new().with("loose.toml", PASSES);
    folder.run(&["run", "loose.toml", "--bless"]).with_status(0);
    assert!(!folder.path("snapshots").exists(), "there is no place for one");
}

#[test]
fn a_snapshot_that_can_not_be_stored_or_read_fails_the_run() {
    // Where the folder should be is a file; where the file should be is a folder.
    let folder = folder(PASSES).with("snapshots", "in the way");
    let out = folder.run(&["run", "--bless"]).with_status(1).quiet();
    assert_has(&out, "snapshots/deep__one.snap can not be written: ");
    let folder = self::folder(PASSES).with("snapshots/deep__one.snap/file", "in the way");
    let out = folder.run(&["run"]).with_status(1).quiet();
    assert_has(&out, "snapshots/deep__one.snap can not be read: ");
}
