//! `prebuilds plan`: decisions about workspaces that are built ahead.

use std::{io::Write, process::Stdio};

use serde_json::{Value, json};

use super::support::{Folder, Ran, assert_has};

/// Two cases, of which the second expects something else than what is decided.
const CASES: &str = r#"{
  "about": "a remark",
  "cases": [
    { "id": "morning", "kind": "desired_instances",
      "input": { "desired_instances": 1, "scheduling_timezone": "Europe/Berlin",
                 "schedules": [{ "cron": "* 9-18 * * 1-5", "instances": 3 }], "at": "2026-03-02T08:00:00Z" },
      "expect": { "desired": 3 } },
    { "id": "sunday", "kind": "matches_cron", "note": "there is no 7",
      "input": { "spec": "* 9-18 * * 7", "at": "2025-06-08T14:00:00Z" },
      "expect": { "matches": true } }
  ]
}"#;

const ONE: &str = r#"{
  "id": "one", "kind": "state_and_actions",
  "input": { "now": "2026-03-02T08:00:00Z",
             "preset": { "using_active_version": true, "desired_instances": 2, "ttl_s": 60 },
             "running": [{ "id": "w0", "created_at_offset_ms": -60001, "ready": true }] }
}"#;

#[test]
fn cases_are_answered_as_a_list() {
    let folder = Folder::new().with("cases.json", CASES).with("one.json", ONE);
    let out = folder.run(&["prebuilds", "plan", "cases.json", "--format", "json"]).with_status(0).quiet();
    let error = "error: end of range (7) above maximum (6): 7";
    assert_eq!(
        out,
        format!(
            "[\n{{\"id\":\"morning\",\"expect\":{{\"desired\":3}}}},\n\
             {{\"id\":\"sunday\",\"expect\":{{\"matches\":\"{error}\"}}}}\n]\n"
        )
    );
    let out = folder.run(&["prebuilds", "plan", "one.json", "--format", "json"]).with_status(0).quiet();
    // The keys stand in the order in which cases have them.
    assert_eq!(
        out,
        "[\n{\"id\":\"one\",\"expect\":{\"state\":{\"actual\":1,\"desired\":2,\"expired\":1,\"eligible\":0,\
         \"extraneous\":0,\"starting\":0,\"stopping\":0,\"deleting\":0},\"actions\":[{\"type\":\"delete\",\"ids\":[\"w0\"]},\
         {\"type\":\"create\",\"count\":2}],\"can_skip\":false,\"actions_all_noop\":false}}\n]\n"
    );
}

#[test]
fn decisions_are_explained_and_what_differs_is_no_failure() {
    let folder = Folder::new().with("cases.json", CASES).with("one.json", ONE);
    let text = folder.run(&["prebuilds", "plan", "cases.json"]).with_status(0).quiet();
    assert_eq!(
        text,
        "morning: as it expects\n  \
           3 wanted: schedule 1 (`* 9-18 * * 1-5`, Europe/Berlin) is the first that holds on Monday 2026-03-02 09:00:00\n\
         \n\
         sunday: NOT as it expects\n  \
           `* 9-18 * * 7` can't be read: end of range (7) above maximum (6): 7\n  \
           it expects {\"matches\":true}\n  \
           and gets   {\"matches\":\"error: end of range (7) above maximum (6): 7\"}\n"
    );
    let text = folder.run(&["prebuilds", "plan", "one.json"]).with_status(0).quiet();
    assert!(text.starts_with("one\n  2 wanted: "), "{text}");
    assert_has(&text, "  w0 is expired: it is 1m 1ms old, and is kept for 1m\n");
    assert_has(&text, "  delete w0: expired\n  create 2: 2 wanted by the preset itself, ");
    assert_has(&folder.run(&["prebuilds", "plan", "--help"]).with_status(0).out, "changes nothing of the exit status");
}

#[test]
fn a_case_that_is_not_understood_does_not_keep_others_from_being_answered() {
    let bad = CASES.replace("2026-03-02T08:00:00Z", "tomorrow");
    let folder = Folder::new().with("cases.json", &bad);
    let told = "groundhog: cases.json: case `morning`: `input.at`: expected a time such as 2025-06-02T09:00:00Z, found \
                \"tomorrow\"";
    let text = folder.run(&["prebuilds", "plan", "cases.json"]).with_status(2);
    assert!(text.err.starts_with(told) && text.out.starts_with("sunday: "), "{}{}", text.err, text.out);
    let ran = folder.run(&["prebuilds", "plan", "cases.json", "--format", "json"]).with_status(2);
    assert!(ran.err.starts_with(told), "{}", ran.err);
    let list: Value = serde_json::from_str(&ran.out).expect("it is JSON");
    assert_eq!(
        (&list[0]["id"], &list[0]["expect"], &list[1]["id"]),
        (&json!("morning"), &json!(null), &json!("sunday"))
    );
    assert!(list[0]["error"].as_str().is_some_and(|error| error.starts_with("`input.at`: ")), "{list}");
}

#[test]
fn a_file_that_is_none_is_refused() {
    let folder = Folder::new().with("no.json", "{").with("other.json", "{ \"name\": 1 }");
    for (file, told) in [("no.json", "no JSON"), ("other.json", "a list `cases`"), ("missing.json", "missing.json: ")] {
        for format in ["text", "json"] {
            assert_has(&folder.run(&["prebuilds", "plan", file, "--format", format]).refused(), told);
        }
    }
    assert_has(&folder.run(&["prebuilds", "plan"]).refused(), "<FILE>");
}

#[test]
fn cases_are_read_from_standard_input() {
    let folder = Folder::new();
    let mut command = folder.command(&["prebuilds", "plan", "-", "--format", "json"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let mut input = child.stdin.take().expect("it is piped");
    input.write_all(CASES.as_bytes()).expect("the program reads it");
    drop(input);
    let ran = Ran::of(child.wait_with_output().expect("it ends")).with_status(0);
    assert_has(&ran.quiet(), "\"id\":\"morning\"");
}
