//! What the crate's documents promise.

use std::{collections::BTreeSet, fs, path::Path};

use groundhog_chattool::EVENTS;

/// The names of the platform's tests.
const NAMES: &[&str] = &[
    "TestCreateWorkspaceDescriptionDelaysWorkspaceCreation",
    "TestWaitForAgentReady/AgentConnectsAndLifecycleReady",
    "TestWaitForAgentReady/AgentConnectTimeout",
    "TestWaitForAgentReady/ExternalAgentTimeoutMessage",
    "TestWaitForAgentReady/ExternalAgentEventuallyConnects",
    "TestWaitForAgentReady/AgentConnectsButStartupFails",
    "TestWaitForAgentReady/NilAgentConnFn",
    "TestWaitForAgentReady/NilDB",
    "…_PrefersChatSuffixAgent",
    "…_ReturnsSelectionErrorImmediately",
    "…_PostCreationBuildFailure",
    "…_PostCreationQuotaFailure",
    "…_ExistingBuildQuotaFailure",
    "…_ResponderErrorPreservesStructuredFields",
    "TestCreateWorkspaceWithNameRetry/NameConflictRetries",
    "TestCreateWorkspaceWithNameRetry/OtherConflictDoesNotRetry",
    "…_GlobalTTL",
    "…_RejectsCrossOrgTemplate",
    "…_BlocksExternalTemplate",
    "TestCheckExistingWorkspace_ConnectedAgent",
    "TestCheckExistingWorkspace_InProgressBuildReturnsBuildID",
    "TestCheckExistingWorkspace_InProgressBuildFailureReturnsBuildID",
    "TestCheckExistingWorkspace_ConnectingAgentWaits",
    "TestCheckExistingWorkspace_DeadAgentAllowsCreation/Disconnected",
    "TestCheckExistingWorkspace_DeadAgentAllowsCreation/TimedOut",
    "TestCheckExistingWorkspace_StoppedWorkspace",
    "TestCheckExistingWorkspace_DeletedWorkspace",
    "TestWaitForBuild_CanceledJob",
    "…_OnChatUpdatedFiresAfterBuild",
    "…_WithPresetID",
    "…_InvalidPresetID",
    "…_WithPresetAndParams",
    "ExistingBuildQuotaFailureWithAuthz",
];

/// What the platform changed since, and what is decided otherwise here.
const CHANGES: &[&str] = &[
    "#22442", "#22498", "#22646", "#22997", "#23551", "#23707", "#23827", "#24297", "#24410", "#24694", "#24956",
    "#24969", "#24997", "#25668", "C1", "C2",
];

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
fn the_conformance_table_has_a_row_for_each_test_and_each_change() {
    let row = |first: &str| {
        let row = TABLE.lines().find(|line| line.starts_with(&format!("| {first} |")));
        assert!(row.is_some_and(|row| row.contains("::")), "no row for {first}");
    };
    for name in NAMES {
        row(&format!("`{name}`"));
    }
    for change in CHANGES {
        row(change);
    }
}

#[test]
fn every_event_is_named_once_and_documented() {
    let names: BTreeSet<&str> = EVENTS.iter().map(|event| event.name).collect();
    assert_eq!(names.len(), EVENTS.len());
    for event in EVENTS {
        assert!(event.name.starts_with("tool.") && !event.about.is_empty(), "{}", event.name);
        assert!(event.fields.iter().all(|field| !field.about.is_empty()), "{}", event.name);
    }
}
