//! Every scenario that says that it can be played on a real machine is, beside what the stage refuses to play there.
//!
//! All of them at once: they mostly wait. Each ends as soon as nothing is expected any more.

use std::path::{Path, PathBuf};

use groundhog_engines::{Kind, play};
use groundhog_sim::Violation;
use groundhog_stage::{
    catalogue,
    run::{self, Report, UNSUPPORTED},
    scenario::{Fault, Scenario},
    snapshot,
};

/// Fewer would not be one of each component.
const STORIES_MIN: usize = 6;

fn live(scenario: &Scenario) -> Report {
    let report =
        play(Kind::Live, run::config(scenario, scenario.seed), |engine| run::perform(scenario, scenario.seed, engine));
    report.expect("this machine has room for a run")
}

/// All scenarios of the repository that say that they can be played live.
fn stories() -> Vec<(PathBuf, Scenario)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let folders = std::fs::read_dir(root).expect("the scenarios are there").map(|entry| entry.expect("it can be read"));
    let folders = folders.filter(|entry| entry.path().is_dir());
    let mut files: Vec<PathBuf> = folders
        .flat_map(|folder| std::fs::read_dir(folder.path()).expect("it can be read"))
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    let load = |path: PathBuf| {
        let scenario = Scenario::load(&path, &catalogue::lists());
        let scenario = scenario.unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(false)));
        (path, scenario)
    };
    files.into_iter().map(load).filter(|(_, scenario)| scenario.live).collect()
}

#[test]
fn the_live_stories_pass_on_a_real_machine() {
    let stories = stories();
    assert!(stories.len() >= STORIES_MIN, "{} stories are live", stories.len());
    #[allow(clippy::disallowed_methods, reason = "these runs are real, and each waits for its own clock")]
    let reports: Vec<(String, Report)> = std::thread::scope(|scope| {
        let runs: Vec<_> = stories.iter().map(|(path, scenario)| (path, scope.spawn(|| live(scenario)))).collect();
        let name = |path: &Path| path.display().to_string();
        runs.into_iter().map(|(path, run)| (name(path), run.join().expect("a run does not panic"))).collect()
    });
    let failed = reports.iter().filter(|(_, report)| !report.passed());
    let failed: Vec<String> = failed.map(|(name, report)| snapshot::render(name, report)).collect();
    assert!(failed.is_empty(), "{} failed:\n\n{}", failed.len(), failed.join("\n\n"));
}

fn parse(text: &str) -> Result<Scenario, String> {
    Scenario::parse("story.toml", text, &catalogue::lists()).map_err(|diagnostics| diagnostics.render(false))
}

fn rules(violations: &[Violation]) -> Vec<&str> {
    violations.iter().map(|violation| violation.rule.as_str()).collect()
}

#[test]
fn a_story_that_does_not_say_so_is_not_played_live() {
    let scenario = parse("about = \"x\"\nduration = \"1s\"").expect("it is right");
    let report = live(&scenario);
    assert_eq!(rules(&report.violations), [UNSUPPORTED]);
    assert!(report.violations[0].message.contains("`live = true`"), "{}", report.violations[0].message);
    assert_eq!(report.records.len(), 0, "something was played");
}

#[test]
fn what_is_refused_in_a_file_is_what_a_real_machine_refuses() {
    let path = "[\"control\", \"users\"]";
    let faults = [
        (format!("cut = {path}"), true),
        (format!("cut_one_way = {path}"), true),
        (format!("hold = {path}"), true),
        (format!("reset = {path}"), true),
        ("kill = \"control\"".to_owned(), true),
        ("step_clock = { host = \"control\", by = \"5m\" }".to_owned(), true),
        ("database = \"unavailable\"".to_owned(), true),
        (format!("slow = {{ between = {path}, factor = 2 }}"), false),
        (format!("lossy = {{ between = {path}, probability = 0.5 }}"), false),
        ("power_loss = \"control\"".to_owned(), false),
        ("for = \"1s\"\nsuspend = { host = \"control\", clock = \"runs\" }".to_owned(), false),
        ("drift = { host = \"control\", ppm = 10 }".to_owned(), false),
    ];
    for (fault, is_possible) in faults {
        let text = |live: &str| format!("about = \"x\"\nduration = \"1s\"\n{live}\n[[fault]]\nat = \"1ms\"\n{fault}");
        assert_eq!(parse(&text("live = true")).is_ok(), is_possible, "{fault}");
        let scenario = Scenario { live: true, ..parse(&text("")).expect("it is right") };
        let refused = live(&scenario).violations.iter().any(|violation| violation.rule == UNSUPPORTED);
        assert_eq!(refused, !is_possible, "{fault}");
        let [Fault { .. }] = &scenario.faults[..] else { panic!("one fault") };
    }
}
