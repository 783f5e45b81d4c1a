//! Scenarios of every component pass on turmoil, as they do on the simulator.

use std::path::PathBuf;

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

/// Short ones, at least one of each component. The list that is longer is `ci/turmoil`.
const SHORT: &[&str] = &["build/happy", "agents/happy"];

#[test]
fn short_stories_of_every_component_pass() {
    let problems: Vec<String> = SHORT.iter().flat_map(|name| problems(name)).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
