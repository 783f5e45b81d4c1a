//! A program is killed in the middle of a build, or an onlooker is sent away.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{child::Running, place::Place};
use crate::support::assert_has;

/// How many lines the build of [`SLOW`] writes.
const LINES: usize = 200;

/// A template whose builds take six seconds, and write on average a line every twenty-five milliseconds.
const SLOW: &str = r#"apply = { takes = "6s", logs = { every = "25ms", line = "step {n}", count = 200 } }"#;

/// The build of a workspace, and somebody who follows its log; it has come to the tenth line.
fn building(place: &Place) -> Running {
    place.push("slow", SLOW);
    place.user(&["workspace", "create", "dev", "--template", "slow"]).with_status(0);
    let onlooker = place.watcher(&["logs", "dev", "--follow", "--format", "json"]);
    onlooker.says(|line| line.contains("\"step 10\""));
    onlooker
}

/// Lines of JSON, and what is told in them about `key`.
fn told(lines: &[String], key: &str) -> Vec<Value> {
    let parse = |line: &String| serde_json::from_str::<Value>(line).expect("every line is JSON");
    lines.iter().map(parse).filter_map(|mut line| Some(line.get_mut(key)?.take())).collect()
}

/// What the build itself wrote.
fn steps(lines: &[Value]) -> Vec<String> {
    let output = |line: &Value| line["output"].as_str().expect("a line has text").to_owned();
    lines.iter().map(output).filter(|text| text.starts_with("step ")).collect()
}

/// The first so many lines of the build, each once.
fn first_steps(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("step {number}")).collect()
}

/// Lines are numbered by the daemon as they are written: whatever is lost or doubled shows there.
#[track_caller]
fn assert_numbered(lines: &[Value]) {
    let numbers: Vec<&Value> = lines.iter().map(|line| &line["sequence"]).collect();
    let expected: Vec<Value> = (1..=lines.len()).map(|number| json!(number)).collect();
    assert_eq!(numbers, expected.iter().collect::<Vec<_>>());
}

#[test]
fn a_build_goes_on_when_the_control_plane_is_killed_and_its_log_has_no_gap() {
    let place = Place::new();
    let (control, daemon) = (place.control(), place.provisioner());
    let onlooker = building(&place);
    control.kill();
    onlooker.warns("reading on as soon as that is possible");
    let control = place.control();

    // J17, J9: it is the same worker, which goes on, and tells the end until it is heard.
    let seen = onlooker.ends_with(0);
    assert_eq!(told(&seen, "job")[0]["status"], "succeeded");
    let lines = told(&seen, "line");
    assert_numbered(&lines);
    assert_eq!(steps(&lines), first_steps(LINES));
    assert_eq!(place.log("dev"), lines, "what is stored is what was seen");

    for running in [daemon, control] {
        running.signal(Signal::TERM);
        running.ends_with(0);
    }
}

#[test]
fn a_build_whose_daemon_is_killed_is_given_up_as_hung() {
    let place = Place::new();
    // Longer than the five seconds between two heartbeats, and as long as a test can wait.
    let settings = ["--job-hung-after", "15s", "--reaper-interval", "1s"];
    let (control, daemon) = (place.control_with(&settings), place.provisioner());
    let onlooker = building(&place);
    daemon.kill();
    // A daemon of the same name knows nothing of the job.
    let daemon = place.provisioner();

    let seen = onlooker.ends_with(1);
    let job = told(&seen, "job").remove(0);
    assert_eq!(job["status"], "failed");
    assert_has(job["error"].as_str().expect("a job that failed says why"), "hung");
    let lines = told(&seen, "line");
    let steps = steps(&lines);
    assert!((10..LINES).contains(&steps.len()), "{} lines", steps.len());
    assert_eq!(steps, first_steps(steps.len()));
    let shown = place.workspace("dev", "a workspace whose build failed", |_| true);
    assert_eq!((shown["state"].as_str(), &shown["latest_build"]["error"]), (Some("failed"), &job["error"]));
    // The log is read again as it was followed, and says so by its status, too.
    assert_eq!(told(&stored(&place), "line"), lines);

    // The daemon that came back takes the next job.
    place.user(&["workspace", "start", "dev", "--follow"]).with_status(0);
    for running in [daemon, control] {
        running.signal(Signal::TERM);
        running.ends_with(0);
    }
}

/// The log of a build that failed.
fn stored(place: &Place) -> Vec<String> {
    let ran = place.user(&["logs", "dev", "--format", "json"]).with_status(1);
    ran.out.lines().map(str::to_owned).collect()
}

#[test]
fn who_stops_looking_on_leaves_the_build_alone() {
    let place = Place::new();
    let (control, daemon) = (place.control(), place.provisioner());
    let onlooker = building(&place);
    onlooker.signal(Signal::INT);
    onlooker.warns("what the platform was asked for goes on");
    let seen = told(&onlooker.ends_with(130), "line");
    assert!(steps(&seen).len() < LINES, "the build was not over");

    let rest = place.watcher(&["logs", "dev", "--follow", "--format", "json"]);
    let all = rest.ends_with(0);
    assert_eq!(told(&all, "job")[0], place.json(&["logs", "dev"], "job")[0]);
    assert_eq!(
        (&told(&all, "job")[0]["status"], &told(&all, "job")[0]["canceled_at"]),
        (&json!("succeeded"), &json!(null))
    );
    let lines = told(&all, "line");
    assert_numbered(&lines);
    assert_eq!(steps(&lines), first_steps(LINES));
    assert!(lines.starts_with(&seen), "it was the same build");
    for running in [daemon, control] {
        running.signal(Signal::TERM);
        running.ends_with(0);
    }
}
