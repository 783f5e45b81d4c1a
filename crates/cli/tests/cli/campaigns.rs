//! Campaigns: what is found, written, joined, run again and made small.

use std::{
    io::{BufRead, BufReader},
    os::unix::fs::symlink,
    process::Stdio,
};

use serde_json::Value;

use super::support::{Folder, PASSES, assert_has, fails};

/// A family of which some runs fail: in all in which a connection breaks.
fn family() -> String {
    PASSES.to_owned()
        + "\n[[expect]]\nevent = \"daemon.disconnected\"\ntimes = \"0..1\"\nalways = true\n\
           \n[swarm]\nkinds = { kill = 1, reset = 1 }\nlasts = \"1s..1m\"\n"
}

fn folder() -> Folder {
    Folder::new().with("scenarios/family.toml", &family())
}

fn fuzz<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["fuzz", "--shrink-runs", "60"], more].concat()
}

fn of_kind<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["kind"] == kind).collect()
}

/// The last line, which has all that is known.
fn end(lines: &[Value]) -> &Value {
    let last = lines.last().expect("there is output");
    assert_eq!(last["kind"], "end");
    last
}

#[test]
fn a_campaign_is_the_same_however_many_threads_run_it() {
    let folder = folder();
    let on = |jobs| folder.json(1, &fuzz(&["--seeds", "24", "--jobs", jobs]));
    let one = on("1");
    assert_eq!(one, on("3"));
    let tally = &end(&one)["tally"];
    assert_eq!((tally["runs"].as_u64(), end(&one)["complete"].as_bool()), (Some(24), Some(true)));
    assert!(tally["failed"].as_u64() < Some(24), "some pass: {tally}");
    assert_eq!(folder.read("findings/campaign-1-shard-0-of-1.jsonl").lines().count(), one.len());
    // Another campaign has other seeds.
    let other = folder.json(1, &fuzz(&["--seeds", "24", "--campaign", "nightly 7"]));
    assert_ne!(of_kind(&one, "finding")[0]["seed"], of_kind(&other, "finding")[0]["seed"]);
    assert!(folder.path("findings/campaign-nightly_7-shard-0-of-1.jsonl").is_file());
}

#[test]
fn shards_joined_are_the_whole_campaign() {
    let folder = folder();
    let whole = folder.json(1, &fuzz(&["--seeds", "26", "--out", "whole"]));
    let mut files = Vec::new();
    for shard in ["0/4", "1/4", "2/4", "3/4"] {
        folder.run(&fuzz(&["--seeds", "26", "--out", "parts", "--shard", shard]));
        files.push(format!("parts/campaign-1-shard-{}.jsonl", shard.replace('/', "-of-")));
    }
    for order in [[0, 1, 2, 3], [2, 3, 1, 0]] {
        let files = order.map(|index: usize| files[index].as_str());
        let joined = folder.json(1, &[&["merge"], &files[..]].concat());
        assert_eq!(joined, whole);
    }
    let text = folder.run(&["merge", &files[0], &files[1], &files[3]]).with_status(1);
    assert_has(&text.err, "of 4 shards, missing: 2");
    let whole = folder.run(&["merge", "whole/campaign-1-shard-0-of-1.jsonl"]).with_status(1).out;
    assert_has(&whole, "campaign 1, shard 0/1: 26 runs of 1 scenarios");

    for (wrong, why) in [
        (vec![files[0].as_str(), files[0].as_str()], "shard 0/4 stands there twice"),
        (vec![files[0].as_str(), "whole/campaign-1-shard-0-of-1.jsonl"], "its number of shards is \"1\", not \"4\""),
        (vec!["scenarios/family.toml"], "line 1: this is no line of a campaign's results"),
        (vec!["nowhere"], "nowhere: "),
    ] {
        assert_has(&folder.run(&[&["merge"], &wrong[..]].concat()).refused(), why);
    }
}

#[test]
fn a_finding_is_a_case_that_is_small_and_can_be_had_again() {
    let folder = folder();
    let lines = folder.json(1, &["fuzz", "--seeds", "100", "--stop-after", "1"]);
    let [finding] = of_kind(&lines, "finding")[..] else { panic!("{lines:#?}") };
    let [shrunk] = of_kind(&lines, "shrunk")[..] else { panic!("{lines:#?}") };
    let size = |key: &str| ["parts", "faults", "steps"].map(|part| shrunk[key][part].as_u64().expect("a number"));
    assert!(size("after")[1] <= 2 && size("after")[2] == 0, "{shrunk}");
    assert!(size("before")[0] > size("after")[0] && shrunk["is_minimal"] == true, "{shrunk}");

    let case = format!("findings/{}", finding["case"].as_str().expect("a text"));
    let replayed = folder.run(&["replay", &case]).with_status(1);
    assert_has(&replayed.out, "still fails: ");
    assert_has(&replayed.out, ", step by step as it was found");
    let [json] = &folder.json(1, &["replay", &case])[..] else { panic!("one case, one line") };
    assert_eq!((&json["verdict"], &json["same_run"]), (&"still_fails".into(), &true.into()));
    assert_eq!(json["expected"], finding["signature"]);
    // It is a scenario like any other, and fails as one.
    folder.run(&["run", &case]).with_status(1);

    folder.write(
        "mended.toml",
        &folder.read(&case).replace("\"0..1\"", "\"0..99\"").replace("times = 0", "times = \"0..99\""),
    );
    assert_has(&folder.run(&["replay", "mended.toml"]).with_status(0).quiet(), "no longer fails: mended.toml");
    folder.write("other.toml", &(folder.read(&case) + "\n[[expect]]\nevent = \"workspace.created\"\n"));
    folder.write("other.toml", &folder.read("other.toml").replace("\"0..1\"", "\"0..99\""));
    assert_has(&folder.run(&["replay", "other.toml"]).with_status(1).out, "fails otherwise: other.toml");
    assert_has(&folder.run(&["replay", "scenarios/family.toml"]).refused(), "no case");
}

#[test]
fn any_failing_scenario_can_be_made_small() {
    let folder = Folder::new().with(
        "bug.toml",
        &(fails() + "\n[[provisioner]]\nname = \"prov-2\"\nstart = \"1m\"\n[[user]]\nname = \"eve\"\n"),
    );
    let [line] = &folder.json(0, &["shrink", "bug.toml", "--seed", "9"])[..] else { panic!("one line") };
    assert!(line["after"]["parts"].as_u64() < line["before"]["parts"].as_u64(), "{line}");
    let case = line["case"].as_str().expect("a text");
    assert_has(&folder.run(&["replay", case]).with_status(1).out, "still fails");
    assert_has(&folder.read(case), "seed = 9");
    // Once more, in place: nothing more can go.
    let [again] = &folder.json(0, &["shrink", case])[..] else { panic!("one line") };
    assert_eq!((&again["before"], &again["case"]), (&again["after"], &line["case"]));

    folder.write("good.toml", PASSES);
    assert_has(
        &folder.run(&["shrink", "good.toml"]).refused(),
        "good.toml passes with seed 0: there is nothing to shrink",
    );
    assert_has(&folder.run(&["shrink", "."]).refused(), "name one of them");
}

#[test]
fn what_was_found_survives_the_end_of_the_program() {
    let folder = folder();
    let mut program = folder
        .command(&["fuzz", "--time", "1h", "--shrink-runs", "0"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let told = BufReader::new(program.stderr.take().expect("it is piped")).lines();
    let found =
        told.map(|line| line.expect("text")).find(|line| line.starts_with("found: ")).expect("it finds something");
    program.kill().expect("it runs");
    program.wait().expect("it was killed");

    let results = "findings/campaign-1-shard-0-of-1.jsonl";
    let lines: Vec<Value> = folder.read(results).lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let finding = of_kind(&lines, "finding")[0];
    assert_has(&found, finding["case"].as_str().expect("a text"));
    let case = format!("findings/{}", finding["case"].as_str().expect("a text"));
    assert_has(&folder.run(&["replay", &case]).with_status(1).out, "still fails");
    let joined = folder.run(&["merge", results]);
    assert_has(&joined.err, "shard 0/1 was cut short");
    assert_eq!(joined.status, Some(1), "it knows of the finding: {}", joined.out);
    assert_has(&joined.out, finding["message"].as_str().expect("a text"));

    // A last line that is half written is none.
    folder.write(results, &(folder.read(results) + "{\"kind\":\"progr"));
    assert_has(&folder.run(&["merge", results]).err, "shard 0/1 was cut short");
}

#[test]
fn where_nothing_can_be_written_nothing_is_run() {
    let folder = folder().with("file", "");
    let ran = folder.run(&["fuzz", "--time", "1h", "--out", "file/findings"]).with_status(3);
    assert_has(&ran.err, "file/findings/campaign-1-shard-0-of-1.jsonl can not be written: ");
    assert_has(&ran.err, "--out names another folder");

    folder.write("full/a-file", "");
    symlink("/dev/full", folder.path("full/campaign-1-shard-0-of-1.jsonl")).expect("a link can be made");
    let ran = folder.run(&["fuzz", "--time", "1h", "--out", "full"]).with_status(3);
    assert_has(&ran.err, "can not be written: No space left on device");
}

#[test]
fn a_shard_is_named_by_an_option_or_by_the_surroundings() {
    let folder = folder();
    let shard = |variables: &[(&str, &str)], more: &[&str]| {
        let mut command = folder.command(&[&["fuzz", "--seeds", "2", "--format", "json"], more].concat());
        let output = command.envs(variables.iter().copied()).output().expect("it starts");
        let first = String::from_utf8(output.stdout).expect("text");
        let header: Option<Value> = first.lines().next().map(|line| serde_json::from_str(line).expect("JSON"));
        (output.status.code(), header.map(|header| header["shard"].to_string()))
    };
    assert_eq!(shard(&[("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "3")], &[]).1, Some("\"1/3\"".to_owned()));
    assert_eq!(shard(&[("GROUNDHOG_SHARD", "1/3")], &["--shard", "0/2"]).1, Some("\"0/2\"".to_owned()));
    assert_eq!(shard(&[("JOB_COMPLETION_INDEX", "2")], &[]), (Some(2), None));
    assert_has(&folder.run(&["fuzz", "--shard", "4/4"]).refused(), "the last one is 3");
    assert_has(&folder.run(&["fuzz", "--time", "soon"]).refused(), "such as 60s, 10m or 1h30m");
    // The last word counts: a script has defaults.
    assert_eq!(shard(&[], &["--shard", "0/3", "--shard", "1/2"]).1, Some("\"1/2\"".to_owned()));
}
