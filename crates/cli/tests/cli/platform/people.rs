//! What people ask, what they are refused, and what programs are told.

use rustix::process::Signal;
use serde_json::json;

use super::place::Place;
use crate::support::{assert_has, keys};

/// A template whose builds take as long as they are let.
const ENDLESS: &str = r#"
apply = { hangs = true, logs = { every = "10ms", line = "still at it" } }
stop  = { apply = {} }
destroy = { apply = {} }

[[parameters]]
name = "size"
default = "small"

[[presets]]
name = "large"
parameters = { size = "large" }
"#;

#[test]
fn without_a_token_nothing_is_asked() {
    let place = Place::new();
    let mut command = place.command(&["user", "workspace", "list"]);
    command.env_remove("GROUNDHOG_TOKEN");
    let ran = crate::support::Ran::of(command.output().expect("the program can be started"));
    assert_has(&ran.refused(), "GROUNDHOG_TOKEN is not set");

    place.folder.write("token", "two words\n");
    let refused = place.user(&["workspace", "list", "--token-file", "token"]).refused();
    assert_has(&refused, "the token file token: not a token");
    assert!(!refused.contains("two words"), "a token is never told: {refused}");
}

#[test]
fn a_mistake_in_a_template_is_told_with_its_place() {
    let place = Place::new();
    place.folder.write("bad.toml", "apply = { takes = \"2 parsecs\" }\n");
    let refused = place.user(&["template", "push", "hello", "bad.toml"]).refused();
    assert_has(&refused, "error[bad-duration]");
    assert_has(&refused, "--> bad.toml:1:19");

    place.folder.write("named.toml", "name = \"other\"\n");
    let refused = place.user(&["template", "push", "hello", "named.toml"]).refused();
    assert_has(&refused, "--> named.toml:1:8");
    assert_has(&refused, "leave it out, or say `name = \"hello\"`");
    assert_has(&place.user(&["template", "push", "hello", "none.toml"]).refused(), "there is no such file");
}

#[test]
fn where_nobody_listens_is_told() {
    let place = Place::new();
    let ran = place.user(&["workspace", "list"]).with_status(3);
    assert_has(&ran.err, "cannot connect to 127.");
    assert_has(&ran.err, "is the control plane running there?");
    assert_eq!(ran.out, "");
}

#[test]
fn what_is_refused_is_told_as_the_control_plane_says_it() {
    let place = Place::new();
    let (control, daemon) = (place.control(), place.provisioner());
    place.push("endless", ENDLESS);
    let asked = ["workspace", "create", "dev", "--template", "endless", "--preset", "large"];
    let build = place.json(&asked, "build").remove(0);
    assert_eq!(
        (&build["number"], &build["transition"], &build["status"]),
        (&json!(1), &json!("start"), &json!("pending"))
    );

    let daemons = place.json(&["daemon", "list"], "daemon");
    assert_eq!((&daemons[0]["name"], daemons.len()), (&json!("prov-1"), 1));
    let chat = place.json(&["chat", "create"], "chat").remove(0);
    assert_eq!(place.json(&["chat", "show", chat["id"].as_str().expect("an id")], "chat"), [chat]);

    let refused = |arguments: &[&str], text: &str| {
        let ran = place.user(arguments).with_status(1);
        assert_has(&ran.err, text);
        assert_eq!(ran.out, "", "{arguments:?}");
    };
    refused(&asked, "A workspace named \"dev\" already exists.\n  name: It is taken: choose another one.");
    refused(&["workspace", "create", "x", "--template", "none"], "none");
    refused(&["workspace", "show", "none"], "there is no workspace \"none\"");
    refused(&["workspace", "show", "admin/none"], "admin has no workspace none");
    refused(&["workspace", "list", "--owner", "nobody"], "nobody");
    refused(&["workspace", "start", "dev"], "");
    refused(&["agent-logs", "dev"], "dev has no agent");
    refused(&["template", "push", "endless", "template.toml", "--version", "v1"], "v1");
    let job = build["job_id"].as_str().expect("a build has a job");
    refused(&["logs", job], "`--follow` shows it as it grows");

    // A program is told what is wrong with which field.
    let told = place.user(&[&asked[..], &["--format", "json"]].concat()).with_status(1).json();
    let validation = json!({ "field": "name", "detail": "It is taken: choose another one." });
    assert_eq!(
        (&told[0]["error"]["code"], &told[0]["error"]["validations"]),
        (&json!("AlreadyExists"), &json!([validation]))
    );

    // By its owner's name it is the same workspace.
    let of = |name: &str| place.json(&["workspace", "show", name], "workspace").remove(0)["id"].clone();
    assert_eq!(of("dev"), of("admin/dev"));
    drop((control, daemon));
    let unreachable = place.user(&["workspace", "list", "--format", "json"]).with_status(3).json();
    assert_eq!(unreachable[0]["error"]["code"], "Unavailable");
}

#[test]
fn a_build_is_cancelled_and_programs_are_told_of_everything() {
    let place = Place::new();
    let (control, daemon) = (place.control(), place.provisioner());
    place.push("endless", ENDLESS);
    let templates = place.json(&["template", "list"], "template");
    assert_eq!(templates[0]["name"], "endless");
    place.user(&["workspace", "create", "dev", "--template", "endless", "--parameter", "size=huge"]).with_status(0);
    let onlooker = place.watcher(&["logs", "dev", "--follow"]);
    onlooker.says(|line| line.ends_with("  still at it"));
    place.user(&["build", "cancel", "dev", "--follow"]).with_status(0);
    let seen = onlooker.ends_with(1);
    assert!(seen.iter().any(|line| line == "==> Starting workspace"), "{seen:?}");

    let shown = place.json(&["workspace", "show", "dev"], "workspace").remove(0);
    assert_eq!(shown["latest_build"]["error"], "provisioning was canceled");
    assert_has(&shown["latest_build"]["canceled_at"].to_string(), "T");
    let told = place.user(&["logs", "dev", "--format", "json"]).with_status(1).json();
    let (line, job) = (&told[0]["line"], &told.last().expect("it is told how it ended")["job"]);
    assert_eq!(keys(line), ["at", "id", "level", "output", "sequence", "stage"]);
    assert_eq!(keys(job), ["canceled_at", "error", "error_code", "id", "status"]);
    assert_eq!(job["id"], shown["latest_build"]["job_id"]);
    let by_job = place.user(&["logs", job["id"].as_str().expect("an id"), "--format", "json"]).with_status(1).json();
    assert_eq!(by_job, told);

    // Whoever pushes again does not have to think of a name.
    let versions = place.json(&["template", "push", "endless", "template.toml"], "version");
    assert_eq!(versions[0]["name"], "v2");
    let shown = place.folder.json(2, &["user", "--token-file", "none", "workspace", "list"]);
    assert_eq!(keys(&shown[0]["error"]), ["code", "message"]);
    place.user(&["workspace", "delete", "dev", "--follow"]).with_status(0);
    assert_eq!(place.json(&["workspace", "list"], "workspace").len(), 0);
    for running in [daemon, control] {
        running.signal(Signal::TERM);
        running.ends_with(0);
    }
}
