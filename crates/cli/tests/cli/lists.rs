//! `list`, `invariants`, `events`, `tools` and the help.

use std::collections::BTreeSet;

use serde_json::json;

use super::support::{Folder, PASSES, assert_has, keys};

#[test]
fn scenarios_are_listed_by_name_with_what_they_show() {
    let other = PASSES.replace("about = \"A workspace is made.\"", "about = \"Another.\"\nissue = \"a/b#1\"\nseed = 9");
    let folder = Folder::new().with("scenarios/deep/other.toml", &other).with("scenarios/good.toml", PASSES);
    let text = folder.run(&["list"]).with_status(0).quiet();
    let rows: Vec<Vec<_>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["SCENARIO", "SHOWS"]);
    assert_eq!(rows[1], ["deep/other", "Another."]);
    assert_eq!(rows[2], ["good", "A", "workspace", "is", "made."]);
    assert_eq!(rows.len(), 3);

    let lines = folder.json(0, &["list"]);
    let expected = [
        json!({
            "scenario": "deep/other", "path": "scenarios/deep/other.toml", "about": "Another.", "issue": "a/b#1",
            "seed": 9, "virtual_seconds": 120.0,
        }),
        json!({
            "scenario": "good", "path": "scenarios/good.toml", "about": "A workspace is made.", "issue": null,
            "seed": 0, "virtual_seconds": 120.0,
        }),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn invariants_are_listed_alike_to_people_and_programs() {
    let folder = Folder::new();
    let lines = folder.json(0, &["invariants"]);
    let text = folder.run(&["invariants"]).with_status(0).quiet();
    // One row each, under a heading.
    assert_eq!(text.lines().count(), lines.len() + 1, "{text}");
    for (line, row) in lines.iter().zip(text.lines().skip(1)) {
        assert_eq!(keys(line), ["about", "id"]);
        let (id, about) = row.trim().split_once(' ').expect("a row has an id and a sentence");
        assert_eq!((&line["id"], &line["about"]), (&json!(id), &json!(about.trim())));
    }
    assert!(lines.iter().any(|line| line["id"] == "job-once"), "{text}");
}

#[test]
fn events_are_listed_alike_to_people_and_programs() {
    let folder = Folder::new();
    let lines = folder.json(0, &["events"]);
    let text = folder.run(&["events"]).with_status(0).quiet();
    for line in &lines {
        assert_eq!(keys(line), ["about", "event", "fields", "quiet", "teller"]);
        let (name, about) = (line["event"].as_str().expect("a name"), line["about"].as_str().expect("a sentence"));
        let quiet =
            if line["quiet"] == true { "  (quiet: seen by expectations and invariants, not in the log)" } else { "" };
        assert_has(&text, &format!("\n  {name}{quiet}\n      {about}\n"));
        for field in line["fields"].as_array().expect("a list") {
            assert_eq!(keys(field), ["about", "name"]);
            assert_has(&text, field["about"].as_str().expect("a sentence"));
        }
    }
    let named = text.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")).count();
    assert_eq!(named, lines.len(), "{text}");
}

#[test]
fn whatever_a_run_shows_is_listed() {
    let folder = Folder::new().with("good.toml", PASSES);
    let names = |value: &serde_json::Value| value["event"].as_str().map(str::to_owned);
    let shown: BTreeSet<_> = folder.json(0, &["run", "good.toml", "--log"]).iter().filter_map(names).collect();
    let listed: BTreeSet<_> = folder.json(0, &["events"]).iter().filter_map(names).collect();
    assert!(shown.contains("job.completed"), "{shown:?}");
    assert!(shown.is_subset(&listed), "not listed: {:?}", shown.difference(&listed));
}

#[test]
fn tools_are_listed_alike_to_people_and_programs() {
    let folder = Folder::new();
    let lines = folder.json(0, &["tools"]);
    let text = folder.run(&["tools"]).with_status(0).quiet();
    let names: Vec<_> = lines.iter().filter_map(|line| line["name"].as_str()).collect();
    assert_eq!(names, ["create_workspace", "start_workspace", "stop_workspace", "list_templates", "read_template"]);
    let headings: Vec<_> = text.lines().filter(|line| !line.is_empty() && !line.starts_with(' ')).collect();
    assert_eq!(headings, names);
    for line in &lines {
        assert_eq!(keys(line), ["description", "input_schema", "name"]);
        assert_has(&text, line["description"].as_str().expect("a description"));
        let schema = &line["input_schema"];
        assert_eq!((&schema["type"], &schema["additionalProperties"]), (&json!("object"), &json!(false)));
        let required: Vec<_> = schema["required"].as_array().into_iter().flatten().collect();
        for (argument, about) in schema["properties"].as_object().expect("an object") {
            let required = if required.contains(&&json!(argument)) { "required" } else { "optional" };
            assert_has(
                &text,
                &format!("\n      {argument:<12} {required}, {}", about["type"].as_str().expect("a type")),
            );
            assert_has(&text, about["description"].as_str().expect("a description"));
        }
    }
}

#[test]
fn help_and_version_are_answers() {
    let folder = Folder::new();
    let help = folder.run(&["--help"]).with_status(0).quiet();
    for part in [
        "run",
        "fuzz",
        "merge",
        "replay",
        "shrink",
        "check",
        "diff",
        "list",
        "invariants",
        "events",
        "fsm",
        "tools",
        "Exit status:",
        "0  ",
        "1  ",
        "2  ",
        "3  ",
    ] {
        assert_has(&help, part);
    }
    let help = folder.run(&["run", "--help"]).with_status(0).quiet();
    for part in ["--seed ", "--seeds ", "--jobs ", "--log", "--bless", "--format "] {
        assert_has(&help, part);
    }
    let version = folder.run(&["--version"]).with_status(0).quiet();
    // And, where it is known, the commit.
    assert!(version.starts_with(concat!("groundhog ", env!("CARGO_PKG_VERSION"))), "{version}");
}
