//! `run --engine`: one engine, or several side by side.

use serde_json::json;

use super::support::{Folder, NEVER_MET, PASSES, assert_has, fails, keys};

/// A scenario that only leap plays: on turmoil no clock can drift.
fn only_leap() -> String {
    PASSES.to_owned() + "\n[[fault]]\nat = \"1m\"\nfor = \"5s\"\ndrift = { host = \"prov-1\", ppm = 100 }\n"
}

/// One that fails, one that passes, and one that is for leap alone.
fn folder() -> Folder {
    Folder::new()
        .with("scenarios/bad.toml", &fails())
        .with("scenarios/good.toml", PASSES)
        .with("scenarios/leap.toml", &only_leap())
}

#[test]
fn engines_that_make_no_sense_together_are_refused() {
    let folder = folder();
    let cases: &[(&[&str], &[&str])] = &[
        (&["--engine", "quick"], &["there is no engine \"quick\"", "leap, turmoil or live"]),
        (&["--engine", "leap,quick"], &["there is no engine \"quick\""]),
        (&["--engine", ""], &["there is no engine \"\""]),
        (&["--engine", "turmoil", "--bless"], &["--bless", "leap"]),
        (&["--engine", "leap,turmoil", "--bless"], &["--bless", "leap"]),
        (&["--engine", "leap", "--engine", "turmoil", "--log"], &["--log", "--orders"]),
        (&["--orders"], &["--orders", "--engine leap,turmoil"]),
        (&["--orders", "--engine", "turmoil"], &["--orders", "--engine leap,turmoil"]),
    ];
    for (arguments, says) in cases {
        let err = folder.run(&[&["run", "scenarios/good.toml"], *arguments].concat()).refused();
        for part in *says {
            assert_has(&err, part);
        }
    }
}

#[test]
fn leap_is_what_is_meant_unless_another_engine_is_named() {
    let folder = folder();
    let usual = folder.run(&["run", "--log"]).with_status(1).out;
    for named in [&["--engine", "leap"][..], &["--engine", "leap,leap"], &["--engine", "leap", "--engine", "leap"]] {
        assert_eq!(folder.run(&[&["run", "--log"], named].concat()).with_status(1).out, usual);
    }
}

#[test]
fn on_another_engine_a_scenario_is_judged_as_ever() {
    let folder = folder();
    let out = folder.run(&["run", "--engine", "turmoil"]).with_status(1).quiet();
    assert_has(&out, "PASS  good                                 turmoil, seed 0, ");
    assert_has(&out, "FAIL  bad ");
    assert_has(&out, "expectation: line ");
    assert_has(&out, "replay: groundhog run scenarios/bad.toml --engine turmoil --seed 0 --log\n");
    assert_has(&out, "SKIP  leap                                 not for this engine: ");
    assert_has(&out, "\n2 runs, 1 failed (4m virtual), 1 not for this engine\n");

    let runs = folder.json(1, &["run", "--engine", "turmoil"]);
    let told: Vec<_> = runs.iter().map(|run| (&run["scenario"], &run["engine"], &run["outcome"])).collect();
    let turmoil = json!("turmoil");
    assert_eq!(
        told,
        [
            (&json!("bad"), &turmoil, &json!("failed")),
            (&json!("good"), &turmoil, &json!("passed")),
            (&json!("leap"), &turmoil, &json!("not_for_this_engine")),
        ]
    );
    assert_eq!(keys(&runs[2]), ["engine", "outcome", "replay", "scenario", "seed", "why"]);
    assert_has(runs[2]["why"].as_str().expect("a sentence"), "turmoil");
}

#[test]
fn the_same_seed_on_turmoil_is_the_same_log() {
    let folder = folder();
    let log = |seed: &str| {
        folder.run(&["run", "scenarios/good.toml", "--engine", "turmoil", "--seed", seed, "--log"]).with_status(0).out
    };
    assert_eq!(log("3"), log("3"));
    assert_ne!(log("3"), log("4"));
}

#[test]
fn nothing_to_play_is_no_success() {
    let folder = folder();
    let ran = folder.run(&["run", "scenarios/leap.toml", "--engine", "turmoil"]).with_status(2);
    assert_has(&ran.err, "none of these scenarios is for the engine turmoil");
    let ran = folder.run(&["run", "--engine", "live"]).with_status(2);
    assert_has(&ran.err, "none of these scenarios is for the engine live");
    assert_has(&ran.err, "`live = true`");
    for engines in ["leap,live", "leap,turmoil,live"] {
        let ran = folder.run(&["run", "--engine", engines]).with_status(2);
        assert_has(&ran.err, "none of these scenarios is for the engine live");
        assert_has(&ran.out, "3 not marked `live = true`");
    }
}

#[test]
fn several_engines_are_told_side_by_side() {
    let folder = folder();
    let out = folder.run(&["run", "scenarios/good.toml", "scenarios/leap.toml", "--engine", "leap,turmoil"]);
    let out = out.with_status(0).quiet();
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["leap", "turmoil", "order"]);
    assert_eq!(lines[1], "PASS  good                                 pass      pass      the same");
    assert_eq!(lines[2], "PASS  leap                                 pass      not for   -");
    assert!(lines[3].starts_with("      not for turmoil: the engine turmoil can't "), "{out}");
    assert_eq!(
        lines[4..],
        [
            "",
            "leap     2 played, all passed",
            "turmoil  1 played, all passed",
            "0 verdicts differ, logs differ in order in 0 scenarios",
        ]
    );
    assert!(!out.contains('\u{1b}'), "colours are for terminals: {out:?}");
}

#[test]
fn what_fails_anywhere_fails_and_is_told_for_each_engine() {
    let folder = folder();
    let out = folder.run(&["run", "scenarios/bad.toml", "--engine", "turmoil,leap"]).with_status(1).quiet();
    assert_has(&out, "\nFAIL  bad                                  fail      fail      the same\n");
    assert_has(&out, "replay: groundhog run scenarios/bad.toml --seed 0 --log\n");
    assert_has(&out, "replay: groundhog run scenarios/bad.toml --engine turmoil --seed 0 --log\n");
    assert_has(&out, "\nleap     1 played, 1 failed\nturmoil  1 played, 1 failed\n0 verdicts differ");
}

#[test]
fn engines_that_disagree_are_a_failure_and_their_differences_are_told() {
    // That a daemon notices a short cut is leap's: a retransmission of its own comes too late for the keep-alive, and
    // turmoil's paths have none. So it is expected to be seen, and is not seen everywhere.
    let cut = "\n[[fault]]\nat = \"30s\"\nfor = \"30s\"\ncut = [\"prov-1\", \"control\"]\n";
    let seen = NEVER_MET.replace("job.completed", "daemon.disconnected").replace("with  = { by = \"prov-2\" }\n", "");
    let folder = Folder::new().with("cut.toml", &(PASSES.to_owned() + cut + &seen));
    let told = &folder.json(1, &["run", "cut.toml", "--engine", "leap,turmoil"])[0];
    assert_eq!((&told["disagree"], &told["outcome"]), (&json!(true), &json!("failed")));
    let out = folder.run(&["run", "cut.toml", "--engine", "leap,turmoil"]).with_status(1).quiet();
    assert_has(&out, "leap has `daemon.disconnected`, turmoil has not\n");
    assert_has(&out, "\n1 verdict differs, logs differ in order in 1 scenario (--orders tells how)\n");
}

#[test]
fn a_comparison_as_json_has_the_documented_keys() {
    let folder = folder();
    let told = folder.json(1, &["run", "--engine", "leap,turmoil", "--seed", "4"]);
    for one in &told {
        assert_eq!(keys(one), ["disagree", "engines", "orders", "outcome", "replay", "scenario", "seed"]);
        assert_eq!(keys(&one["engines"]), ["leap", "turmoil"]);
        assert_eq!((&one["seed"], &one["disagree"]), (&json!(4), &json!(false)));
    }
    let outcomes: Vec<_> = told.iter().map(|one| &one["outcome"]).collect();
    assert_eq!(outcomes, ["failed", "passed", "passed"]);
    let [_, good, leap] = &told[..] else { unreachable!("three, as counted") };
    let played = ["events", "log_digest", "outcome", "violations", "virtual_seconds", "wall_seconds"];
    assert_eq!(keys(&good["engines"]["turmoil"]), played);
    assert_eq!(good["orders"], json!([{ "engines": ["leap", "turmoil"], "differences": [] }]));
    assert_eq!(good["replay"], "groundhog run scenarios/good.toml --engine leap,turmoil --seed 4");
    assert_eq!(keys(&leap["engines"]["turmoil"]), ["outcome", "why"]);
    assert_eq!(leap["orders"], json!([]));
}

#[test]
fn several_seeds_are_a_line_each() {
    let folder = folder();
    let out = folder.run(&["run", "scenarios/good.toml", "--engine", "leap,turmoil", "--seeds", "3..5"]);
    let out = out.with_status(0).quiet();
    assert_has(&out, "\nPASS  good@3 ");
    assert_has(&out, "\nPASS  good@4 ");
    assert_has(&out, "\nturmoil  2 played, all passed\n");
}
