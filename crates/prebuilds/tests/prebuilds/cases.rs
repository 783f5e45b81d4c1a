//! Rows of data. They go the way that the program's command goes.

use std::collections::BTreeSet;

use groundhog_prebuilds::cases::{self, Case, FileError};
use serde_json::{Value, json};

/// Rows of the platform's own tests, restated.
const PLATFORM: &str = include_str!("../cases/platform.json");
/// What the decisions P7, P8, P11, P15 and P19 say, and where rules begin and end.
const DECISIONS: &str = include_str!("../cases/decisions.json");

fn cases(text: &str) -> Vec<Case> {
    let cases = cases::read(text).unwrap_or_else(|error| panic!("{error}"));
    cases.into_iter().map(|case| case.unwrap_or_else(|error| panic!("{error}"))).collect()
}

fn all_are_as_expected(text: &str, at_least: usize) {
    let cases = cases(text);
    let ids: BTreeSet<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(ids.len(), cases.len(), "each is called something else");
    assert!(cases.len() >= at_least, "{} are there", cases.len());
    for case in &cases {
        let ours = serde_json::to_string(&case.answer()).expect("an answer is plain data");
        let expected = case.expected().map(Value::to_string);
        assert_eq!(case.is_as_expected(), Some(true), "{}: {ours} is not {expected:?}", case.id);
        assert!(!case.explain().is_empty(), "{}", case.id);
    }
}

#[test]
fn the_platforms_rows_are_as_they_expect() {
    all_are_as_expected(PLATFORM, 69);
}

#[test]
fn our_own_rows_are_as_they_expect() {
    all_are_as_expected(DECISIONS, 109);
}

#[test]
fn answers_have_the_form_of_what_is_expected() {
    // As texts: the order of the keys is part of the form.
    let told: Value = serde_json::from_str(PLATFORM).expect("it is JSON");
    let told = told["cases"].as_array().expect("it is a list");
    let mut as_they_stand = 0;
    for (case, line) in cases(PLATFORM).iter().zip(PLATFORM.lines().skip(2)) {
        let answer = serde_json::to_string(&case.answer()).expect("an answer is plain data");
        let spaced = line.replace("\": ", "\":").replace(", ", ",");
        as_they_stand += usize::from(spaced.contains(&format!("\"expect\":{answer}}}")));
    }
    // All but one, which says nothing of its state.
    assert_eq!(as_they_stand, told.len() - 1);
}

fn pool() -> Value {
    json!({
        "now": "2026-03-02T12:00:00Z",
        "preset": { "using_active_version": true, "desired_instances": 1 },
    })
}

fn case(kind: &str, input: Value) -> Case {
    let text = json!({ "id": "one", "kind": kind, "input": input }).to_string();
    let [case] = <[Case; 1]>::try_from(cases(&text)).expect("there is one");
    case
}

#[test]
fn a_case_that_expects_nothing_is_told_all() {
    let case = case("state_and_actions", pool());
    assert_eq!(case.is_as_expected(), None);
    assert_eq!(
        serde_json::to_string(&case.answer()).expect("an answer is plain data"),
        "{\"state\":{\"actual\":0,\"desired\":1,\"expired\":0,\"eligible\":0,\"extraneous\":0,\"starting\":0,\
         \"stopping\":0,\"deleting\":0},\"actions\":[{\"type\":\"create\",\"count\":1}],\"can_skip\":false,\
         \"actions_all_noop\":false}"
    );
}

#[test]
fn what_is_expected_differently_is_seen() {
    let differs = [
        json!({ "state": null, "actions": [] }),
        json!({ "state": null, "actions": [{ "type": "create", "count": 2 }] }),
        json!({ "state": null, "actions": [{ "type": "delete", "ids": null, "count": 1 }] }),
        json!({ "can_skip": true }),
        json!({ "state": { "actual": 0 } }),
        json!({ "another": 1 }),
        json!(null),
    ];
    let same = [
        json!({ "state": null, "actions": [{ "type": "create", "count": 1 }] }),
        json!({ "can_skip": false, "actions_all_noop": false }),
    ];
    for (expect, is) in differs.iter().map(|expect| (expect, false)).chain(same.iter().map(|expect| (expect, true))) {
        let text = json!({ "id": "one", "kind": "can_skip", "input": pool(), "expect": expect }).to_string();
        assert_eq!(
            cases(&text.replace("can_skip\",\"", "state_and_actions\",\""))[0].is_as_expected(),
            Some(is),
            "{expect}"
        );
    }
}

#[test]
fn of_a_deletion_the_number_may_be_all_that_is_expected() {
    let mut input = pool();
    input["preset"]["desired_instances"] = json!(0);
    input["running"] = json!([{ "id": "a" }, { "id": "b" }]);
    for (count, is) in [(2, true), (1, false)] {
        let expect = json!({ "actions": [{ "type": "delete", "ids": null, "count": count }] });
        let text = json!({ "id": "one", "kind": "state_and_actions", "input": input, "expect": expect }).to_string();
        assert_eq!(cases(&text)[0].is_as_expected(), Some(is));
    }
}

#[test]
fn a_mistake_is_told_with_its_case_and_its_key() {
    let with = |key: &str, value: Value| {
        let mut input = pool();
        let (outer, inner) = key.split_once('.').unwrap_or((key, ""));
        let at = if inner.is_empty() { &mut input[outer] } else { &mut input[outer][inner] };
        *at = value;
        ("can_skip", input)
    };
    let rows = [
        ("input.now", "a time such as", with("now", json!("yesterday"))),
        ("input.now", "missing", with("now", json!(null))),
        ("input.preset", "an object, found 5", with("preset", json!(5))),
        ("input.preset.ttl_s", "a whole number, found \"5\"", with("preset.ttl_s", json!("5"))),
        (
            "input.preset.desired_instances",
            "from 0 to 4294967295, found -1",
            with("preset.desired_instances", json!(-1)),
        ),
        ("input.preset.desired", "no such key", with("preset.desired", json!(1))),
        ("input.pending", "no such key", with("pending", json!(1))),
        ("input.running", "a list", with("running", json!({}))),
        ("input.running[1].id", "missing", with("running", json!([{ "id": "a" }, {}]))),
        ("input.running[0].age", "no such key", with("running", json!([{ "id": "a", "age": 1 }]))),
        ("input.schedules[0].instances", "missing", with("schedules", json!([{ "cron": "* * * * *" }]))),
        (
            "input.in_progress[0].transition",
            "start, stop or delete",
            with("in_progress", json!([{ "transition": "go" }])),
        ),
        ("input.backoff.last_build_at_offset_ms", "missing", with("backoff", json!({ "num_failed": 1 }))),
        ("input.is_hard_limited", "true or false", with("is_hard_limited", json!("no"))),
        ("kind", "state_and_actions, can_skip", ("plan", json!({}))),
        ("input.spec", "missing", ("matches_cron", json!({ "at": "2026-03-02T12:00:00Z" }))),
        (
            "input.builds_oldest_first[1]",
            "\"F\", \"S\" or \"C\"",
            ("hard_limit", json!({ "builds_oldest_first": ["F", "X"] })),
        ),
        ("input.builds[0].age_min", "missing", ("backoff_window", json!({ "builds": [{ "failed": true }] }))),
        ("input.presets.p.a", "a text, found 1", ("find_matching_preset", json!({ "presets": { "p": { "a": 1 } } }))),
        ("input.max_db_connections", "missing", ("reconciliation_concurrency", json!({}))),
    ];
    for (key, message, (kind, input)) in rows {
        let good = json!({ "id": "good", "kind": "ready", "input": {} });
        let text = json!({ "cases": [{ "id": "bad", "kind": kind, "input": input }, good] }).to_string();
        let read = cases::read(&text).expect("there are cases");
        let error = read[0].as_ref().expect_err(key);
        assert_eq!((error.id.as_str(), error.mistake.key.as_str()), ("bad", key), "{error}");
        let told = error.to_string();
        assert!(told.starts_with(&format!("case `bad`: `{key}`: ")) && told.contains(message), "{told}");
        assert!(read[1].is_ok(), "the other one is answered");
    }
}

#[test]
fn a_case_without_a_name_is_told_by_its_number() {
    let read = cases::read("{\"cases\": [5, {\"kind\": \"ready\"}]}").expect("there are cases");
    let told: Vec<String> = read.iter().map(|case| case.as_ref().expect_err("it is none").to_string()).collect();
    assert_eq!(told, ["case `1`: expected an object, found 5", "case `2`: `id`: this is missing"]);
}

#[test]
fn a_file_without_cases_is_refused() {
    assert!(matches!(cases::read("{"), Err(FileError::Json(_))));
    for none in ["5", "[]", "{}", "{\"cases\": {}}"] {
        assert!(matches!(cases::read(none), Err(FileError::NoCases)), "{none}");
    }
}
