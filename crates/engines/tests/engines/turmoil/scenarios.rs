//! Scenarios of every component pass on turmoil, as they do on the simulator.

use std::{collections::BTreeSet, path::PathBuf};

use groundhog_engines::turmoil::simulate;
use groundhog_stage::{catalogue, run, scenario::Scenario};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The scenario `folder/name`.
pub(super) fn scenario(name: &str) -> Scenario {
    let file = root().join("scenarios").join(name).with_extension("toml");
    Scenario::load(&file, &catalogue::lists()).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

/// What went wrong with `name` on turmoil.
fn problems(name: &str) -> Vec<String> {
    let (scenario, seed) = (scenario(name), 3);
    let report = simulate(run::config(&scenario, seed), |engine| run::perform(&scenario, seed, engine));
    report.violations.into_iter().map(|one| format!("{name}: {} at {:?}: {}", one.rule, one.at, one.message)).collect()
}

/// Plays them one after the other. They are short ones: the list that is longer is `ci/turmoil`.
#[track_caller]
fn pass(names: &[&str]) {
    let problems: Vec<String> = names.iter().flat_map(|name| problems(name)).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn stories_of_builds_pass() {
    pass(&["build/happy", "cancel/graceful", "import/parse-fails", "dry-run/happy", "session/closes-mid-plan"]);
}

#[test]
fn stories_of_the_control_plane_and_its_daemons_pass() {
    pass(&[
        "queue/job-too-large",
        "heartbeat/asked-again-at-once",
        "shutdown/right-away",
        "replicas/followed-late",
        "regressions/paused-as-the-control-plane-comes-back",
    ]);
}

#[test]
fn stories_of_agents_and_tunnels_pass() {
    pass(&["agents/scripts-in-order", "agents/many-values", "tunnel/several-agents", "tunnel/start-fails"]);
}

#[test]
fn stories_of_prebuilds_and_chats_pass() {
    pass(&["prebuilds/picked-up-at-once", "chat/double-create", "chat/agent-by-order"]);
}

/// The scenarios that are run on turmoil in CI, as `folder/name`.
fn listed() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("ci/turmoil")).expect("the list is there");
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let name = |line: &str| line.strip_prefix("scenarios/")?.strip_suffix(".toml").map(str::to_owned);
    lines.map(|line| name(line).unwrap_or_else(|| panic!("no path of a scenario: {line}"))).collect()
}

#[test]
fn the_list_for_ci_has_stories_of_every_component() {
    let listed = listed();
    assert!(listed.len() >= 10, "{} are too few", listed.len());
    // All of them are scenarios, and a story is told once.
    listed.iter().for_each(|name| drop(scenario(name)));
    assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), listed.len());
    let folders: BTreeSet<_> = listed.iter().filter_map(|name| name.split('/').next()).collect();
    for folder in ["agents", "build", "cancel", "chat", "heartbeat", "prebuilds", "queue", "replicas", "tunnel"] {
        assert!(folders.contains(folder), "no story of scenarios/{folder} is on the list");
    }
}
