//! What the crate's documents promise.

use std::{collections::BTreeSet, fs, path::Path};

const TABLE: &str = include_str!("../../CONFORMANCE.md");

/// The platform's tests of what is decided.
const NAMES: &[&str] = &[
    "TestNoPrebuilds",
    "TestOutdatedPrebuilds",
    "TestDeleteOutdatedPrebuilds",
    "TestCancelPendingPrebuilds",
    "TestInProgressActions",
    "TestExtraneous",
    "TestExpiredPrebuilds",
    "TestDeprecated",
    "TestLatestBuildFailed",
    "TestMultiplePresetsPerTemplateVersion",
    "TestPrebuildScheduling",
    "TestMatchesCron",
    "TestCalculateDesiredInstances",
    "TestCanSkipReconciliation",
    "TestFindMatchingPresetID",
    "TestCalculateReconciliationConcurrency",
    "TestGetPresetsAtFailureLimit",
    "TestGetPresetsBackoff",
    "TestIsWithinRange",
    "TestWorkspacePrebuildsView",
];

#[test]
fn each_test_that_the_conformance_table_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut named = 0;
    // Every second piece between back quotes is quoted.
    for (file, function) in TABLE.split('`').skip(1).step_by(2).filter_map(|quoted| quoted.split_once("::")) {
        // Another crate's begin with its name.
        let path = if file.starts_with("tests/") { root.join(file) } else { root.join("..").join(file) };
        let source = fs::read_to_string(path).unwrap_or_else(|error| panic!("{file}: {error}"));
        let at = source.find(&format!("fn {function}(")).unwrap_or_else(|| panic!("{file} has no {function}"));
        let mut above = source[..at].lines().rev().take_while(|line| !line.trim_start().starts_with('}'));
        assert!(above.any(|line| line.trim() == "#[test]"), "{function} in {file} is no test");
        named += 1;
    }
    assert!(named > 40, "the table's tests are found");
}

#[test]
fn the_conformance_table_has_a_row_for_each_test() {
    for name in NAMES {
        let row = TABLE.lines().find(|line| line.starts_with(&format!("| `{name}`")));
        assert!(row.is_some_and(|row| row.contains("::")), "no row for {name}");
    }
}

#[test]
fn each_row_of_data_is_of_a_test_that_the_table_names() {
    let rows: serde_json::Value = serde_json::from_str(include_str!("../cases/platform.json")).expect("it is JSON");
    let ids = rows["cases"].as_array().expect("it is a list").iter().filter_map(|case| case["id"].as_str());
    let tests: BTreeSet<&str> =
        ids.filter_map(|id| id.split('/').next()).filter(|test| test.starts_with("Test")).collect();
    assert_eq!(tests, NAMES.iter().copied().collect::<BTreeSet<_>>());
}
