//! `diff`: where two logs or two runs part.

use serde_json::json;

use super::support::{Folder, PASSES, assert_has, keys, malformed};

fn folder() -> Folder {
    Folder::new().with("good.toml", PASSES).with("slow.toml", &PASSES.replace("\"2s\"", "\"20s\""))
}

/// Writes the log of a run to a file.
fn log(folder: &Folder, name: &str, arguments: &[&str]) {
    let out = folder.run(&[&["run"], arguments, &["--log"]].concat()).with_status(0).out;
    folder.write(name, &out);
}

#[test]
fn equal_runs_and_their_logs_are_equal_in_either_form() {
    let folder = folder();
    log(&folder, "text.log", &["good.toml", "--seed", "4"]);
    log(&folder, "json.log", &["good.toml", "--seed", "4", "--format", "json"]);
    for (a, b) in [
        ("good.toml@4", "good.toml@4"),
        ("good.toml", "good.toml@0"),
        ("good.toml@4", "text.log"),
        ("json.log", "good.toml@4"),
        ("text.log", "json.log"),
    ] {
        assert_eq!(folder.run(&["diff", a, b]).with_status(0).quiet(), "equal\n", "{a} {b}");
    }
    assert_eq!(folder.json(0, &["diff", "text.log", "json.log"])[0]["outcome"], "equal");
}

#[test]
fn the_first_line_that_differs_is_shown_with_what_was_before() {
    let folder = folder();
    let out = folder.run(&["diff", "good.toml", "slow.toml"]).with_status(1).quiet();
    assert!(out.starts_with("the logs differ after "), "{out}");
    let lines: Vec<_> = out.lines().collect();
    let minus = lines.iter().position(|line| line.starts_with("  - +")).expect("a line of one");
    assert!(lines[minus + 1].starts_with("  + +"), "{out}");
    assert!(lines[minus - 1].starts_with("    +"), "{out}");
    assert_has(&out, "- is good.toml, + is slow.toml\n");
    assert_has(&out, "what each host did last before");

    let found = &folder.json(1, &["diff", "good.toml", "slow.toml"])[0];
    assert_eq!(keys(found), ["a", "b", "divergence", "index", "last", "lines", "outcome", "shared"]);
    assert_eq!((&found["outcome"], &found["a"]), (&json!("lines"), &json!("good.toml")));
    assert_eq!(lines[minus], format!("  - {}", found["lines"][0].as_str().expect("a line")));
    let shared = found["shared"].as_array().and_then(|shared| shared.last()).and_then(|line| line.as_str());
    assert_eq!(lines[minus - 1], format!("    {}", shared.expect("a line")));
    assert!(found["last"][0]["control"].is_string(), "{found}");
}

#[test]
fn a_log_that_was_cut_off_differs_where_it_ends() {
    let folder = folder();
    log(&folder, "whole.log", &["good.toml"]);
    let whole = folder.read("whole.log");
    let kept: Vec<_> = whole.lines().filter(|line| line.starts_with('+')).collect();
    folder.write("cut.log", &kept[..kept.len() - 1].join("\n"));
    let out = folder.run(&["diff", "whole.log", "cut.log"]).with_status(1).quiet();
    assert_has(&out, &format!("  - {}\n  + (the log has ended)\n", kept[kept.len() - 1]));
}

#[test]
fn what_can_not_be_compared_is_refused() {
    let folder = folder().with("bad.toml", &malformed()).with("no.log", "hello\n");
    for (operand, part) in [
        ("bad.toml", "bad.toml:"),
        ("no.log", "this is no log"),
        ("missing.log", "can not be read"),
        ("missing.toml", "missing.toml"),
        ("good.toml@x", "expected a number after the `@`"),
    ] {
        assert_has(&folder.run(&["diff", operand, "good.toml"]).refused(), part);
        let told = folder.run(&["diff", "good.toml", operand, "--format", "json"]).with_status(2);
        assert_eq!(told.json().len(), 1, "{}", told.out);
    }
}
