//! What the crate's documents promise.

use std::{fs, path::Path};

/// The names of the platform's tests.
const NAMES: [&str; 19] = [
    "InstantClose",
    "ConnectErrorClose",
    "CloseCancelsJob",
    "MaliciousTar",
    "LargePayloads",
    "RunningPeriodicUpdate",
    "TemplateImport",
    "TemplateDryRun",
    "WorkspaceBuild",
    "WorkspaceBuildQuotaExceeded",
    "WorkspaceBuildFailComplete",
    "ShutdownNoCoderd",
    "Shutdown",
    "ShutdownFromJob",
    "ReconnectAndFail",
    "ReconnectAndComplete",
    "UpdatesBeforeComplete",
    "TestFailedWorkspaceBuildfDoesNotInferQuotaErrorCode",
    "TestFailedJobfSetsInsufficientQuotaErrorCode",
];

#[test]
fn each_test_that_the_conformance_table_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let table = read("CONFORMANCE.md");
    // Every second piece between back quotes is quoted.
    for (file, function) in table.split('`').skip(1).step_by(2).filter_map(|quoted| quoted.split_once("::")) {
        assert!(is_test(&read(file), function), "{file} has no test {function}");
    }
}

/// Whether `function` stands in `source` with nothing but attributes between it and its `#[test]`.
fn is_test(source: &str, function: &str) -> bool {
    let Some(at) = source.find(&format!("fn {function}(")) else { return false };
    let before = source[..at].lines().rev().map(str::trim);
    before.take_while(|line| line.is_empty() || line.starts_with('#')).any(|line| line == "#[test]")
}

#[test]
fn the_conformance_table_has_a_row_for_each_test_of_the_platform() {
    let table = include_str!("../../CONFORMANCE.md");
    for name in NAMES {
        let row = table.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("no row for {name}"));
        assert!(row.contains("::") || row.contains("does not apply: "), "{row}");
    }
}
