//! What is wrong with a file or a command line, and how that is told. Nothing is run then.

use serde_json::json;

use super::support::{Folder, NEVER_MET, PASSES, assert_has, keys, malformed, position};

#[test]
fn a_mistake_in_a_file_is_told_with_its_place() {
    let folder = Folder::new().with("bad.toml", &malformed());
    let (line, column) = position(&malformed(), "\"2 parsecs\"");
    for command in ["run", "list"] {
        let err = folder.run(&[command, "bad.toml"]).refused();
        assert_has(&err, &format!("bad.toml:{line}:{column}"));
        assert_has(&err, "error[bad-duration]");
        assert_has(&err, "\"2 parsecs\"");
    }
}

#[test]
fn a_mistake_in_a_file_is_told_to_programs_too() {
    let folder = Folder::new().with("bad.toml", &malformed());
    let (line, column) = position(&malformed(), "\"2 parsecs\"");
    for command in ["run", "list"] {
        let ran = folder.run(&[command, "bad.toml", "--format", "json"]).with_status(2);
        assert_has(&ran.err, &format!("bad.toml:{line}:{column}"));
        let told = ran.json();
        let [told] = &told[..] else { panic!("one line: {}", ran.out) };
        let [mistake] = &told.as_array().expect("it is an array")[..] else { panic!("one mistake: {told}") };
        assert_eq!(keys(mistake), ["code", "column", "file", "help", "line", "message"]);
        assert_eq!(mistake["file"], "bad.toml");
        assert_eq!((&mistake["line"], &mistake["column"]), (&json!(line), &json!(column)));
        assert_eq!(mistake["code"], "bad-duration");
    }
}

#[test]
fn what_is_no_toml_or_means_nothing_is_told_with_its_place() {
    let cases = [
        ("= broken", "[[provisioner", "[[provisioner"),
        ("an unknown event", "event = \"job.completed\"", "event = \"job.compleet\""),
        ("an unknown key", "times = 1", "tmies = 1"),
        ("an unknown host", "name = \"prov-1\"", "name = \"prov-1\"\n[[fault]]\nat = \"1s\"\nkill = \"prov-9\""),
    ];
    for (case, old, new) in cases {
        let text = if case == "= broken" { format!("{PASSES}= broken\n") } else { PASSES.replace(old, new) };
        let folder = Folder::new().with("bad.toml", &text);
        let wrong = ["= broken", "\"job.compleet\"", "tmies", "\"prov-9\""];
        let wrong = wrong.iter().find(|part| text.contains(**part)).expect("each case has its mistake");
        let (line, column) = position(&text, wrong);
        let err = folder.run(&["run", "bad.toml"]).refused();
        assert_has(&err, &format!("bad.toml:{line}:{column}"));
    }
}

#[test]
fn every_mistaken_file_is_told_and_no_other_is_run() {
    let folder = Folder::new()
        .with("scenarios/one.toml", &malformed())
        .with("scenarios/two.toml", &malformed())
        .with("scenarios/good.toml", PASSES);
    let err = folder.run(&["run", "scenarios"]).refused();
    assert_has(&err, "scenarios/one.toml:");
    assert_has(&err, "scenarios/two.toml:");
    assert!(!err.contains("good.toml"), "{err}");
    let told = folder.run(&["run", "--format", "json"]).with_status(2).json();
    let files: Vec<_> = told.iter().map(|mistakes| &mistakes[0]["file"]).collect();
    assert_eq!(files, ["scenarios/one.toml", "scenarios/two.toml"]);
}

#[test]
fn a_path_that_leads_nowhere_is_a_mistake() {
    let folder = Folder::new().with("good.toml", PASSES).with("notes/readme.md", "nothing to run");
    for command in ["run", "list"] {
        for (path, says) in [("missing.toml", "there is no such file"), ("missing", "there is no such file")] {
            let err = folder.run(&[command, "good.toml", path]).refused();
            assert_has(&err, path);
            assert_has(&err, says);
        }
        let err = folder.run(&[command, "notes"]).refused();
        assert_has(&err, "there is no scenario, a .toml file, in notes");
        // The default folder is none of this folder's.
        assert_has(&folder.run(&[command]).refused(), "scenarios");
    }
    let told = folder.run(&["run", "missing.toml", "--format", "json"]).with_status(2).json();
    assert_eq!(told[0][0]["file"], "missing.toml");
    assert_eq!(told[0][0]["code"], "not-found");
    assert_eq!(told[0][0]["line"], json!(null));
    let told = folder.run(&["run", "notes", "--format", "json"]).with_status(2).json();
    assert_eq!(told[0][0]["code"], "no-scenario");
}

#[test]
fn a_folder_gives_its_scenarios_however_deep_and_nothing_else() {
    let folder = Folder::new()
        .with("all/b.toml", PASSES)
        .with("all/a/deep/c.toml", PASSES)
        .with("all/a.toml.orig", "not for us")
        .with("all/readme.md", "not for us");
    let paths: Vec<_> = folder.json(0, &["list", "all"]).iter().map(|line| line["path"].clone()).collect();
    assert_eq!(paths, ["all/b.toml", "all/a/deep/c.toml"]);
    assert_eq!(folder.json(0, &["run", "all"]).len(), 2);
    assert_eq!(folder.json(0, &["run", "all", "all/b.toml", "all"]).len(), 2, "what is named twice is run once");
}

#[test]
fn a_command_line_that_makes_no_sense_is_refused() {
    // With a scenario that would run.
    let folder = Folder::new().with("scenarios/good.toml", PASSES);
    let cases: &[(&[&str], &[&str])] = &[
        (&["run", "--seeds", "5"], &["--seeds", "A..B", "0..200"]),
        (&["run", "--seeds", "9..5"], &["--seeds", "A..B", "0..200"]),
        (&["run", "--seeds", "5..5"], &["--seeds", "A..B", "0..200"]),
        (&["run", "--seeds", "a..b"], &["--seeds", "A..B", "0..200"]),
        (&["run", "--seed", "-1"], &["-1"]),
        (&["run", "--seed", "many"], &["--seed", "many"]),
        (&["run", "--seed", "1", "--seeds", "0..5"], &["--seed <N>", "--seeds <A..B>", "cannot be used with"]),
        (&["run", "--bless", "--seed", "1"], &["--bless", "--seed <N>", "cannot be used with"]),
        (&["run", "--bless", "--seeds", "0..5"], &["--bless", "--seeds <A..B>", "cannot be used with"]),
        (&["run", "--jobs", "0"], &["--jobs", "'0'"]),
        (&["run", "--jobs", "two"], &["--jobs", "two"]),
        (&["run", "--format", "xml"], &["--format", "text", "json"]),
        (&["run", "--sed", "1"], &["--sed", "--seed"]),
        (&["lst"], &["lst", "a similar subcommand exists: 'list'"]),
        (&["runn"], &["runn", "a similar subcommand exists: 'run'"]),
        (&["event"], &["event", "a similar subcommand exists: 'events'"]),
        (&[], &["Usage: groundhog <COMMAND>", "invariants"]),
    ];
    for (arguments, says) in cases {
        let err = folder.run(arguments).refused();
        for part in *says {
            assert_has(&err, part);
        }
    }
    assert!(!folder.path("snapshots").exists(), "nothing was run, so nothing was stored");
}

#[test]
fn a_value_may_be_mistaken_in_more_than_one_place() {
    let text = malformed() + &NEVER_MET.replace("\"job.completed\"", "\"job.compleet\"");
    let folder = Folder::new().with("bad.toml", &text);
    let told = folder.run(&["run", "bad.toml", "--format", "json"]).with_status(2).json();
    let lines: Vec<_> =
        told[0].as_array().expect("it is an array").iter().map(|mistake| mistake["line"].clone()).collect();
    assert_eq!(lines, [position(&text, "\"2 parsecs\"").0, position(&text, "\"job.compleet\"").0]);
}
