//! The tables of field bugs: what they name is there, and says the same.

use std::{fs, path::PathBuf};

use groundhog_stage::{catalogue, scenario::Scenario};

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The cells of each row of the file's tables.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    rows.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// What stands in backquotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn each_field_bug_has_a_story_that_names_its_reports() {
    let text = read("scenarios/README.md");
    let bugs: Vec<_> = rows(&text).into_iter().filter(|row| row[0].starts_with("coder/coder#")).collect();
    assert!(bugs.len() >= 25, "{} rows", bugs.len());
    for row in bugs {
        let [reports, _, story, _] = row[..] else { panic!("expected four cells: {row:?}") };
        let path = format!("scenarios/{}.toml", quoted(story)[0]);
        let scenario = Scenario::load(&root().join(&path), &catalogue::lists()).expect("a sound scenario");
        let named = scenario.issue.unwrap_or_default();
        for report in reports.split(", ") {
            assert!(named.split(", ").any(|name| name == report), "{path} does not name {report}: {named:?}");
        }
    }
}

#[test]
fn each_planted_bug_of_the_tables_fails_the_story_it_stands_with() {
    let (text, planted) = (read("scenarios/README.md"), read("ci/planted/README.md"));
    let mut seen = 0;
    for row in rows(&text).into_iter().filter(|row| row.len() >= 3) {
        let (story, bug) = (quoted(row[row.len() - 2]), quoted(row[row.len() - 1]));
        let ([story], [bug]) = (&story[..], &bug[..]) else { continue };
        assert!(root().join(format!("ci/planted/{bug}.patch")).is_file(), "{bug}");
        let entry = rows(&planted).into_iter().find(|row| row[0] == format!("[{bug}]({bug}.patch)"));
        let entry = entry.unwrap_or_else(|| panic!("ci/planted/README.md does not list {bug}"));
        assert!(quoted(entry[2]).contains(story), "ci/planted/README.md does not name {story} with {bug}");
        seen += 1;
    }
    assert!(seen >= 35, "{seen} rows");
}
