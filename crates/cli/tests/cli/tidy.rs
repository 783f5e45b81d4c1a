//! Keeps the tree honest: what the documents promise is there, and nothing is left lying about.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use groundhog_stage::{catalogue, invariants, snapshot::file_stem, suite};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All files below `folder` with this ending, but for what is built.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in fs::read_dir(folder).expect("the folder can be read") {
        let path = item.expect("the folder can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|found| found == ending) {
            found.push(path);
        }
    }
    found
}

#[test]
fn no_source_file_is_a_novel_and_none_is_unfinished() {
    // Written apart, so that this file is not its own finding.
    let unfinished =
        [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["todo", "!("].concat(), ["#[ign", "ore"].concat()];
    for path in files(&root(), "rs") {
        let text = fs::read_to_string(&path).expect("source is text");
        assert!(text.lines().count() <= 600, "{} has over 600 lines: it is more than one idea", path.display());
        for mark in &unfinished {
            assert!(!text.contains(mark.as_str()), "{} has a {mark}", path.display());
        }
    }
}

#[test]
fn every_scenario_has_a_snapshot_and_every_snapshot_a_scenario() {
    let scenarios = suite::find(&root().join(suite::FOLDER)).expect("the folder can be read");
    let expected: BTreeSet<String> = scenarios.iter().map(|entry| file_stem(&entry.name)).collect();
    assert_eq!(expected.len(), scenarios.len(), "two scenarios share a snapshot");
    let stored: BTreeSet<String> = files(&root().join("snapshots"), "snap")
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    assert_eq!(stored, expected);
}

#[test]
fn every_invariant_has_a_file_of_its_name() {
    let folder = root().join("crates/stage/src/invariants");
    for invariant in invariants::all(&invariants::Bounds::default()) {
        let file = folder.join(invariant.id().replace('-', "_") + ".rs");
        assert!(file.is_file(), "{} has no file {}", invariant.id(), file.display());
    }
}

#[test]
fn every_event_that_the_readme_shows_exists() {
    let readme = fs::read_to_string(root().join("README.md")).expect("there is one");
    let lines = readme.lines().filter(|line| line.starts_with("+00:"));
    let events: Vec<_> = lines.filter_map(|line| line.split_whitespace().nth(2)).collect();
    assert!(!events.is_empty(), "the README shows a log");
    for event in events {
        assert!(catalogue::lists().into_iter().flatten().any(|spec| spec.name == event), "{event} is no event");
    }
}
