//! Runs that pass and runs that fail.

use serde_json::{Value, json};

use super::support::{Folder, NEVER_MET, PASSES, assert_has, fails, keys, position};

fn folder() -> Folder {
    Folder::new().with("scenarios/good.toml", PASSES).with("scenarios/deep/bad.toml", &fails())
}

#[test]
fn a_run_that_passes_is_good_news_on_standard_output() {
    let out = folder().run(&["run", "scenarios/good.toml"]).with_status(0).quiet();
    let verdict = out.lines().next().expect("there is a line");
    assert!(verdict.starts_with("PASS  good "), "{verdict}");
    assert_has(verdict, "seed 0, ");
    assert_has(verdict, "2m virtual");
    assert_has(&out, "\n1 run, all passed (2m virtual)\n");
    assert!(!out.contains('\u{1b}'), "colours are for terminals: {out:?}");
}

#[test]
fn an_unmet_expectation_is_named_with_its_line_and_what_came_near() {
    let folder = folder();
    let out = folder.run(&["run", "scenarios/deep/bad.toml"]).with_status(1).quiet();
    assert!(out.starts_with("FAIL  deep/bad "), "{out}");
    let line = position(&fails(), NEVER_MET.trim_start()).0;
    assert_has(
        &out,
        &format!("\n  expectation: line {line}: expected `job.completed` with by=\"prov-2\" at least once"),
    );
    assert_has(&out, "\n1 run, 1 failed (2m virtual)\n");

    // The log around the nearest record: as the log has it, that record marked and in between.
    let log = folder.run(&["run", "scenarios/deep/bad.toml", "--log"]);
    let log = log.log();
    let shown: Vec<_> =
        out.lines().filter_map(|line| line.strip_prefix("    ")).filter(|line| line.contains('+')).collect();
    let lines: Vec<_> = shown.iter().map(|line| &line[2..]).collect();
    assert!(log.windows(lines.len()).any(|part| part == lines), "{lines:#?} is no part of {log:#?}");
    let marked: Vec<_> = shown.iter().enumerate().filter(|(_, line)| line.starts_with("> ")).collect();
    let [(index, line)] = marked[..] else { panic!("one line is marked: {shown:#?}") };
    assert_has(line, "job.completed");
    assert!(index > 0 && index + 1 < shown.len(), "{shown:#?}");
}

#[test]
fn the_replay_line_makes_the_same_run_again() {
    let folder = folder();
    // Not the scenario's own seed, which would be replayed without being named.
    let out = folder.run(&["run", "scenarios/deep/bad.toml", "--seed", "7"]).with_status(1).quiet();
    let told = out.lines().find(|line| line.contains("trace ")).expect("the digest is told");
    assert_has(told, "deep/bad  seed 7, trace ");
    let line = out.lines().find_map(|line| line.trim().strip_prefix("replay: groundhog ")).expect("a replay line");
    let again = folder.run(&line.split(' ').collect::<Vec<_>>()).with_status(1);
    assert_eq!(again.out.lines().find(|line| line.contains("trace ")), Some(told));
    assert!(!again.log().is_empty(), "a replay shows the log: {}", again.out);

    let run = &folder.json(1, &["run", "scenarios/deep/bad.toml", "--seed", "7"])[0];
    let replay = run["replay"].as_str().and_then(|line| line.strip_prefix("groundhog ")).expect("a replay line");
    let again = folder.json(1, &replay.split(' ').collect::<Vec<_>>());
    assert_eq!(again[0]["trace_digest"], run["trace_digest"]);
    assert_has(told, run["trace_digest"].as_str().expect("a digest is text"));
}

#[test]
fn one_run_that_fails_among_many_makes_the_whole_fail() {
    let folder = folder();
    let out = folder.run(&["run"]).with_status(1).quiet();
    assert_has(&out, "\nPASS  good ");
    assert_has(&out, "\n2 runs, 1 failed (");
    let runs = folder.json(1, &["run"]);
    let told: Vec<_> = runs.iter().map(|run| (&run["scenario"], &run["outcome"])).collect();
    assert_eq!(told, [(&json!("deep/bad"), &json!("failed")), (&json!("good"), &json!("passed"))]);
}

#[test]
fn many_seeds_are_told_together_and_run_each() {
    let folder = folder();
    let out = folder.run(&["run", "scenarios", "--seeds", "3..8"]).with_status(1).quiet();
    assert_has(&out, "\nPASS  good                                 5 seeds\n");
    assert_has(&out, "\nFAIL  deep/bad                             5 seeds, 5 failed\n");
    assert_has(&out, "\n10 runs, 5 failed (");
    // The rest is counted: a campaign that fails all over must not fill the screen.
    assert_eq!(out.matches("replay: ").count(), 3, "{out}");
    for seed in 3..6 {
        assert_has(&out, &format!("replay: groundhog run scenarios/deep/bad.toml --seed {seed} --log\n"));
    }

    let seeds: Vec<_> = folder.json(1, &["run", "scenarios", "--seeds", "3..8"]).iter().map(told).collect();
    let expected = ["deep/bad", "good"].map(|name| (3..8).map(move |seed| (json!(name), json!(seed))));
    assert_eq!(seeds, expected.into_iter().flatten().collect::<Vec<_>>());
}

fn told(run: &Value) -> (Value, Value) {
    (run["scenario"].clone(), run["seed"].clone())
}

#[test]
fn the_scenarios_own_seed_counts_unless_another_is_asked_for() {
    let folder = Folder::new().with("own.toml", &("seed = 41\n".to_owned() + PASSES));
    assert_eq!(folder.json(0, &["run", "own.toml"])[0]["seed"], 41);
    assert_eq!(folder.json(0, &["run", "own.toml", "--seed", "5"])[0]["seed"], 5);
}

#[test]
fn a_run_as_json_has_the_documented_keys() {
    let folder = folder();
    let runs = folder.json(1, &["run", "scenarios"]);
    assert_eq!(runs.len(), 2);
    for run in &runs {
        let expected = [
            "events",
            "log_digest",
            "outcome",
            "replay",
            "scenario",
            "seed",
            "trace_digest",
            "violations",
            "virtual_seconds",
            "wall_seconds",
        ];
        assert_eq!(keys(run), expected);
        assert_eq!(run["virtual_seconds"], 120.0);
        assert!(run["wall_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{run}");
    }
    let [failed, passed] = &runs[..] else { unreachable!("two runs, as counted") };
    assert_eq!(passed["violations"], json!([]));
    let log = folder.run(&["run", "scenarios/good.toml", "--log"]);
    assert_eq!(passed["events"], log.log().len());

    let violation = &failed["violations"][0];
    assert_eq!(keys(violation), ["at_us", "message", "record", "rule"]);
    assert_eq!(violation["rule"], "expectation");
    // The record that it points at is in the log, by its ordinal and with its time.
    let lines = folder.json(1, &["run", "scenarios/deep/bad.toml", "--log"]);
    let near = lines.iter().find(|line| line["event"] == "job.completed").expect("the log has the event");
    assert_eq!((&violation["record"], &violation["at_us"]), (&near["ordinal"], &near["at_us"]));
}

#[test]
fn standard_output_is_the_same_byte_for_byte_and_real_time_is_told_beside() {
    let folder = folder();
    let run = || folder.run(&["run", "scenarios/good.toml", "--seed", "7", "--log"]).with_status(0);
    let first = run();
    assert_eq!(first.out, run().out);
    assert!(first.took.is_some(), "how long it took is on standard error: {}", first.err);
}

#[test]
fn the_last_seed_that_there_is_can_be_run() {
    let out = folder().run(&["run", "scenarios/good.toml", "--seed", &u64::MAX.to_string()]).with_status(0).quiet();
    assert_has(&out, &format!("seed {}, ", u64::MAX));
    assert_has(&out, "\n1 run, all passed");
}

#[test]
fn two_scenarios_of_one_name_are_two() {
    let folder = Folder::new().with("a/bug.toml", PASSES).with("b/bug.toml", &fails());
    let out = folder.run(&["run", "a", "b", "--seeds", "0..3"]).with_status(1).quiet();
    assert_has(&out, "PASS  bug ");
    assert_has(&out, "FAIL  bug ");
    assert_has(&out, "3 seeds, 3 failed");
}

#[test]
fn a_replay_line_can_be_pasted_whatever_the_path() {
    let folder = Folder::new().with("my bugs/it.toml", &fails());
    let out = folder.run(&["run", "my bugs/it.toml"]).with_status(1).quiet();
    assert_has(&out, "replay: groundhog run 'my bugs/it.toml' --seed 0 --log");
}

#[test]
fn any_number_of_jobs_can_be_asked_for() {
    let folder = folder();
    folder.run(&["run", "scenarios/good.toml", "--jobs", &usize::MAX.to_string()]).with_status(0);
    let err = folder.run(&["run", "--jobs", "0"]).refused();
    assert_has(&err, "expected a number above zero");
}
