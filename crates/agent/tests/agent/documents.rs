//! What the crate's documents promise.

use std::{fs, path::Path};

/// The names of the platform's tests, but for those of what is left out altogether and of what is served to people.
const NAMES: &[&str] = &[
    "ImmediateClose",
    "Reconnect",
    "ReconnectNoLifecycleReemit",
    "FlushFlightRecorderOnDisconnect",
    "UpdatedDERP",
    "Dial",
    "Speedtest",
    "Metrics_SSH",
    "TestReportConnectionEmpty",
    "TestCheckpoint",
    "Lifecycle/StartTimeout",
    "Lifecycle/StartError",
    "Lifecycle/Ready",
    "Lifecycle/ShuttingDown",
    "Lifecycle/ShutdownTimeout",
    "Lifecycle/ShutdownError",
    "Lifecycle/ShutdownScriptOnce",
    "Startup/EmptyDirectory",
    "Startup/HomeDirectory",
    "Startup/NotAbsoluteDirectory",
    "Startup/HomeEnvironmentVariable",
    "StartupScript_SecretInjection",
    "ScriptLogging",
    "WriteVSCodeConfigs",
    "ExecuteBasic",
    "Env",
    "Timeout",
    "ScriptReportsTiming",
    "CronClose",
    "ExecuteOptions",
    "OrdersScripts",
    "Requirements",
    "PropagatesSkippedOutcomes",
    "WaitsForEveryPrerequisite",
    "CancellationDoesNotSkipWaitingScripts",
    "WaitingLogsAreCombinedAndSorted",
    "RejectsInvalidDependenciesBeforeRunning",
    "TestScriptOutcome",
    "Metadata/Once",
    "Metadata/Many",
    "TestAgentMetadata_Timing",
    "Stats_SSH",
    "Stats_Magic",
    "Stats_ReconnectingPTY",
    "StatsCallbackRace",
    "TestStatsReporter",
    "TestAppHealth",
    "TestLogSender_Mainline",
    "TestLogSender_LogLimitExceeded",
    "TestLogSender_SkipHugeLog",
    "TestLogSender_InvalidUTF8",
    "TestLogSender_Batch",
    "TestLogSender_MaxQueuedLogs",
    "TestLogSender_SendError",
    "TestLogSender_WaitUntilEmpty",
    "TestStartupLogsWriter_Write",
    "TestStartupLogsSender",
];

const TABLE: &str = include_str!("../../CONFORMANCE.md");

#[test]
fn each_test_that_the_conformance_table_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    // Every second piece between back quotes is quoted.
    for (file, function) in TABLE.split('`').skip(1).step_by(2).filter_map(|quoted| quoted.split_once("::")) {
        assert!(is_test(&read(file), function), "{file} has no test {function}");
    }
}

/// Whether `function` stands in `source` with nothing but attributes and comments between it and its `#[test]`.
fn is_test(source: &str, function: &str) -> bool {
    let Some(at) = source.find(&format!("fn {function}(")) else { return false };
    let before = source[..at].lines().rev().map(str::trim);
    let above = |line: &&str| line.is_empty() || line.starts_with('#') || line.starts_with("//");
    before.take_while(above).any(|line| line == "#[test]")
}

#[test]
fn the_conformance_table_has_a_row_for_each_test_of_the_platform() {
    for name in NAMES {
        let names = |line: &&str| {
            line.starts_with("| `") && line.split('|').nth(1).is_some_and(|cell| cell.contains(&format!("`{name}`")))
        };
        let row = TABLE.lines().find(names).unwrap_or_else(|| panic!("no row for {name}"));
        assert!(["::", "does not apply: ", "left out: "].iter().any(|word| row.contains(word)), "{row}");
    }
}
