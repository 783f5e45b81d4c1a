//! The fields of each answer.

use groundhog_chattool::{
    Answer,
    answers::{self, CHOICES_MAX, FailedBuild, TEMPLATES_MAX, There},
    report::Report,
};
use groundhog_wire::{
    id::BuildId,
    v1::{Choices, ParameterValue, Preset, PresetView, Quota, Template, TemplateParameter},
};
use serde_json::{Value, json};

const BUILD: &str = "018f3c3e-0000-7c4e-8d52-000000000003";

fn build() -> BuildId {
    BUILD.parse().expect("an id")
}

#[track_caller]
fn check(answer: Answer, expected: &Value) {
    assert!(!answer.is_error(), "{answer:?}");
    let content: Value = serde_json::from_str(&answer.content()).expect("fields are told as JSON");
    assert_eq!(&content, expected);
}

#[test]
fn a_workspace_that_was_created() {
    let of = |report| answers::created("alice", "dev", build(), &report);
    let name = "alice/dev";
    check(of(Report::Ready), &json!({ "created": true, "workspace_name": name, "build_id": BUILD }));
    check(
        of(Report::NoAgent),
        &json!({ "created": true, "workspace_name": name, "build_id": BUILD, "agent_status": "no_agent" }),
    );
    check(
        of(Report::SelectionError("two".to_owned())),
        &json!({
            "created": true, "workspace_name": name, "build_id": BUILD, "agent_status": "selection_error",
            "agent_error": "two",
        }),
    );
    check(
        of(Report::NotReady("no answer".to_owned())),
        &json!({
            "created": true, "workspace_name": name, "build_id": BUILD, "agent_status": "not_ready",
            "agent_error": "no answer",
        }),
    );
    check(
        of(Report::ScriptsFailed("start_error")),
        &json!({
            "created": true, "workspace_name": name, "build_id": BUILD, "startup_scripts": "startup_scripts_failed",
            "lifecycle_state": "start_error",
        }),
    );
    for (report, scripts) in
        [(Report::ScriptsTimeout, "startup_scripts_timeout"), (Report::ScriptsUnknown, "startup_scripts_unknown")]
    {
        check(
            of(report),
            &json!({ "created": true, "workspace_name": name, "build_id": BUILD, "startup_scripts": scripts }),
        );
    }
}

#[test]
fn a_workspace_that_was_there() {
    check(
        answers::already_exists("dev", There::BuildCompleted, Some(build()), &Report::Ready),
        &json!({
            "created": false, "workspace_name": "dev", "status": "already_exists",
            "message": "workspace build completed", "build_id": BUILD,
        }),
    );
    for (there, message) in [
        (There::RecentlyConnected, "workspace is already running and recently connected"),
        (There::Reachable, "workspace is already running and reachable"),
        (There::Connecting, "workspace exists and the agent is still connecting"),
    ] {
        check(
            answers::already_exists("dev", there, None, &Report::ScriptsTimeout),
            &json!({
                "created": false, "workspace_name": "dev", "status": "already_exists", "message": message,
                "startup_scripts": "startup_scripts_timeout",
            }),
        );
    }
    check(
        answers::stopped("dev"),
        &json!({
            "created": false, "workspace_name": "dev", "status": "stopped",
            "message": "workspace is stopped; use start_workspace to start it",
        }),
    );
}

#[test]
fn a_build_that_nothing_came_of() {
    for (of, error) in [
        (FailedBuild::Own, "workspace build failed: no disk"),
        (FailedBuild::Existing, "existing workspace build failed: no disk"),
        (FailedBuild::Start, "workspace start failed: no disk"),
        (FailedBuild::Stop, "workspace stop failed: no disk"),
    ] {
        check(answers::build_failed(of, "no disk", build()), &json!({ "error": error, "build_id": BUILD }));
    }
}

#[test]
fn a_quota_that_is_used_up() {
    let of = |quota: Option<Quota>| answers::quota(FailedBuild::Own, "too dear", build(), quota.as_ref());
    let full = |used: &str, quota: Option<Value>| {
        let message = format!(
            "The user's quota does not allow another running workspace. {used} Ask the user to stop or delete a workspace, \
             or to have the quota raised, before you try again."
        );
        let mut fields = json!({
            "error_code": "INSUFFICIENT_QUOTA", "error": "workspace build failed: too dear",
            "title": "Workspace quota reached", "message": message, "build_id": BUILD,
        });
        if let Some(quota) = quota {
            fields["quota"] = quota;
        }
        fields
    };
    check(
        of(Some(Quota { credits_consumed: 40, budget: Some(40) })),
        &full("40 of 40 credits are used.", Some(json!({ "credits_consumed": 40, "budget": 40 }))),
    );
    check(
        of(Some(Quota { credits_consumed: 40, budget: None })),
        &full("40 credits are used.", Some(json!({ "credits_consumed": 40 }))),
    );
    check(of(None), &full("How much of it is used could not be read.", None));
}

#[test]
fn a_workspace_that_was_started_or_stopped() {
    check(
        answers::started("dev", build(), &Report::NoAgent),
        &json!({ "started": true, "workspace_name": "dev", "build_id": BUILD, "agent_status": "no_agent" }),
    );
    check(
        answers::already_running("dev", There::RecentlyConnected, None, &Report::Ready),
        &json!({
            "started": false, "workspace_name": "dev", "status": "already_running",
            "message": "workspace is already running and recently connected",
        }),
    );
    check(
        answers::already_running("dev", There::BuildCompleted, Some(build()), &Report::Ready),
        &json!({
            "started": false, "workspace_name": "dev", "status": "already_running",
            "message": "workspace build completed", "build_id": BUILD,
        }),
    );
    check(answers::stop_done("dev", build()), &json!({ "stopped": true, "workspace_name": "dev", "build_id": BUILD }));
    check(
        answers::already_stopped("dev"),
        &json!({
            "stopped": true, "workspace_name": "dev", "status": "already_stopped",
            "message": "workspace is already stopped",
        }),
    );
}

fn template(name: &str) -> Template {
    Template {
        template_id: format!("id of {name}"),
        name: name.to_owned(),
        organization: "main".to_owned(),
        ..Template::default()
    }
}

#[test]
fn templates_are_listed_with_their_ids() {
    let (docker, cloud) = (template("docker"), template("cloud"));
    check(
        answers::templates(&[&docker, &cloud]),
        &json!({ "templates": [
            { "template_id": "id of docker", "name": "docker", "organization": "main" },
            { "template_id": "id of cloud", "name": "cloud", "organization": "main" },
        ] }),
    );
    check(answers::templates(&[]), &json!({ "templates": [] }));
    let Answer::Fields(many) = answers::templates(&vec![&docker; TEMPLATES_MAX + 7]) else { panic!("fields") };
    assert_eq!(many["templates"].as_array().map(Vec::len), Some(TEMPLATES_MAX));
    assert_eq!(many["templates_left_out"], 7);
}

#[test]
fn what_can_be_chosen_of_a_template_is_shown() {
    let optional = TemplateParameter {
        name: "region".to_owned(),
        description: "Where it runs.".to_owned(),
        r#type: "string".to_owned(),
        default_value: "eu".to_owned(),
        ..TemplateParameter::default()
    };
    let required = TemplateParameter {
        name: "size".to_owned(),
        r#type: "number".to_owned(),
        required: true,
        ..TemplateParameter::default()
    };
    let preset = Preset {
        name: "big".to_owned(),
        parameters: vec![ParameterValue { name: "size".to_owned(), value: "9".to_owned() }],
        default: true,
        ..Preset::default()
    };
    let choices = Choices {
        version: "v2".to_owned(),
        parameters: vec![optional, required],
        presets: vec![PresetView { preset_id: "P".to_owned(), preset: Some(preset), ..PresetView::default() }],
        ..Choices::default()
    };
    let mut expected = json!({
        "template_id": "id of docker", "name": "docker", "organization": "main", "version": "v2",
        "parameters": [
            { "name": "region", "type": "string", "required": false, "default": "eu", "description": "Where it runs." },
            { "name": "size", "type": "number", "required": true },
        ],
        "presets": [{ "preset_id": "P", "name": "big", "default": true, "parameters": { "size": "9" } }],
    });
    check(answers::template(&template("docker"), &choices), &expected);
    expected["has_external_agents"] = json!(true);
    check(answers::template(&template("docker"), &Choices { has_external_agents: true, ..choices.clone() }), &expected);

    let mut long = choices.clone();
    long.parameters[0].description = "é".repeat(100_000);
    let Answer::Fields(long) = answers::template(&template("docker"), &long) else { panic!("fields") };
    assert!(long["parameters"][0]["description"].as_str().is_some_and(|about| about.chars().count() == 501));

    let many = Choices { parameters: vec![choices.parameters[0].clone(); CHOICES_MAX + 1], ..choices };
    let Answer::Fields(many) = answers::template(&template("docker"), &many) else { panic!("fields") };
    assert_eq!(many["parameters"].as_array().map(Vec::len), Some(CHOICES_MAX));
    assert_eq!((&many["parameters_left_out"], many.get("presets_left_out")), (&json!(1), None));
}
