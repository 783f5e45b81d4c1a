//! create_workspace makes a workspace, or says why it does not.

use std::time::Duration;

use groundhog_chattool::{Answer, ToolboxConfig, name, texts};
use groundhog_wire::v1::{JobStatus, Transition};
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::world::{Plan, Play, create_arguments, fields, id, play, refusal, template_id};

fn error(answer: Answer) -> String {
    match answer {
        Answer::Error(error) => error,
        Answer::Fields(fields) => panic!("no error: {fields:?}"),
    }
}

/// The name of each request for a workspace.
fn names(play: &Play<'_>) -> Vec<String> {
    play.control.state().creates.iter().map(|request| request.name.clone()).collect()
}

/// The whole way: what is asked for, told and answered.
#[test]
fn a_chat_gets_a_workspace() {
    play(|play| {
        let answer = play.created(r#""name": "dev", "parameters": {"size": "big", "cpu": "4"}"#);
        let build = play.control.state().workspace().latest.build_id.clone();
        assert_eq!(answer, json!({ "created": true, "workspace_name": "alice/dev", "build_id": build }));
        let story =
            ["called", "found", "asked", "chat_updated", "waiting", "waiting", "waiting", "chat_updated", "answered"];
        assert_eq!(play.story(), story);
        assert_eq!(play.fields("tool.found", "state"), ["none"]);
        assert_eq!(play.fields("tool.asked", "instead_of"), [""]);
        assert_eq!(play.fields("tool.waiting", "on"), ["build", "agent", "scripts"]);
        assert_eq!(play.fields("tool.answered", "answer"), ["created=true workspace_name=alice/dev"]);
        assert_eq!(play.fields("tool.answered", "outcome"), ["created"]);
        let request = play.control.state().creates[0].clone();
        assert_eq!(request.template_id, template_id(1));
        let parameters: Vec<_> =
            request.parameters.iter().map(|value| (value.name.as_str(), value.value.as_str())).collect();
        assert_eq!(parameters, [("cpu", "4"), ("size", "big")]);
        assert_eq!(request.chat.expect("it is for a chat").replaces, None);
    });
}

#[test]
fn creator_not_configured() {
    play(|play| {
        play.equip("runtime", ToolboxConfig::default());
        assert_eq!(error(play.create("")), texts::NOT_CONFIGURED);
    });
}

/// What is wrong with the arguments is told before anybody is asked.
#[test]
fn arguments_are_checked_first() {
    play(|play| {
        for (arguments, text) in [
            ("{}", texts::TEMPLATE_REQUIRED),
            (r#"{"template_id": " "}"#, texts::TEMPLATE_REQUIRED),
            (r#"{"template_id": "docker"}"#, "invalid template_id: "),
            (r#"{"template": "docker"}"#, "invalid arguments of create_workspace: "),
        ] {
            let answer = error(play.call("create_workspace", arguments));
            assert!(answer.starts_with(text), "{answer}");
        }
        assert!(error(play.call("make_coffee", "{}")).starts_with("there is no tool \"make_coffee\""));
        assert_eq!(play.control.state().calls, [] as [&str; 0]);
        assert_eq!(play.fields("tool.answered", "outcome"), ["error"; 5]);
    });
}

#[test]
fn a_template_that_chats_may_not_use_is_refused() {
    play(|play| {
        let mut config = play.config();
        config.allowed_templates = [id(7).parse().expect("an id")].into();
        play.equip("runtime", config);
        assert_eq!(error(play.create("")), texts::TEMPLATE_NOT_ALLOWED);
        assert_eq!(play.control.state().calls, [] as [&str; 0]);
        let mut config = play.config();
        config.allowed_templates = [template_id(1).parse().expect("an id")].into();
        play.equip("runtime", config);
        assert_eq!(play.created("")["created"], true);
    });
}

#[test]
fn rejects_cross_org_template() {
    play(|play| {
        play.control.state().add_template(1, "docker", "another");
        assert_eq!(error(play.create("")), texts::OTHER_ORGANIZATION);
        assert_eq!(play.control.state().creates, []);
    });
}

#[test]
fn blocks_external_template() {
    play(|play| {
        play.control.state().templates.get_mut(&template_id(1)).expect("it is there").1.has_external_agents = true;
        assert_eq!(error(play.create("")), texts::EXTERNAL_AGENTS);
        assert_eq!(play.control.state().creates, []);
    });
}

/// Each read that fails is an answer (C1), with the step's name.
#[test]
fn reads_that_fail_are_told() {
    for (call, step) in
        [("get_chat", "load chat"), ("get_template", "look up template"), ("get_choices", "look up template version")]
    {
        for status in [Status::unavailable("no database"), Status::not_found("no database")] {
            play(|play| {
                play.control.state().refuses.insert(call, status);
                assert_eq!(error(play.create("")), format!("{step}: no database"));
                assert_eq!(play.control.state().creates, []);
            });
        }
        play(|play| {
            play.control.state().refuses.insert(call, Status::unauthenticated("no such session"));
            assert_eq!(error(play.create("")), "load user authorization: no such session");
        });
    }
}

#[test]
fn global_ttl() {
    let asked = |prepare: fn(&mut Play<'_>)| {
        play(|play| {
            prepare(play);
            assert_eq!(play.created("")["created"], true);
            play.control.state().creates[0].ttl_ms
        })
    };
    let set = |play: &mut Play<'_>, ttl: &str| ttl.clone_into(&mut play.control.state().settings.workspace_ttl);
    assert_eq!(asked(|_| {}), None);
    assert_eq!(asked(|play| "2h".clone_into(&mut play.control.state().settings.workspace_ttl)), Some(7_200_000));
    assert_eq!(asked(|play| "0s".clone_into(&mut play.control.state().settings.workspace_ttl)), None);
    assert_eq!(asked(|play| "soon".clone_into(&mut play.control.state().settings.workspace_ttl)), None);
    let unread = |play: &mut Play<'_>| {
        play.control.state().refuses.insert("get_chat_settings", Status::unavailable("no database"));
    };
    assert_eq!(asked(unread), None);
    play(|play| {
        set(play, "2h");
        unread(play);
        play.created("");
        assert_eq!(play.fields("tool.passed_over", "error"), ["get chat settings: no database"]);
    });
}

#[test]
fn with_preset_id() {
    play(|play| {
        play.created(&format!(r#""preset_id": "{}""#, id(9)));
        assert_eq!(play.control.state().creates[0].preset_id, id(9));
    });
}

#[test]
fn invalid_preset_id() {
    play(|play| {
        let answer = error(play.create(r#""preset_id": "small""#));
        assert!(answer.starts_with("invalid preset_id: "), "{answer}");
        assert_eq!(play.control.state().creates, []);
        // A chat that has a workspace learns of that first.
        play.control.state().has(Transition::Stop, JobStatus::Succeeded);
        assert_eq!(play.created(r#""preset_id": "small""#)["status"], "stopped");
    });
}

#[test]
fn with_preset_and_params() {
    play(|play| {
        play.created(&format!(r#""preset_id": "{}", "parameters": {{"cpu": "4"}}"#, id(9)));
        let request = play.control.state().creates[0].clone();
        assert_eq!((request.preset_id, request.parameters.len()), (id(9), 1));
    });
}

/// Without a name, or with one that can't be, the workspace gets one that begins as the template's, or as that one.
#[test]
fn names_are_generated() {
    play(|play| {
        for (arguments, prefix) in [("", "docker-"), (r#""name": "My  Dev!""#, "my-dev-"), (r#""name": "new""#, "new-")]
        {
            play.created(arguments);
            let named = names(play).pop().expect("it was asked for");
            assert!(named.starts_with(prefix) && named.len() == prefix.len() + 4 && name::is_valid(&named), "{named}");
            play.control.state().chat().workspace_id.clear();
            play.control.state().bound_by.clear();
        }
    });
}

#[test]
fn name_conflict_retries() {
    play(|play| {
        play.control.state().has(Transition::Start, JobStatus::Succeeded);
        play.control.state().chat().workspace_id.clear();
        let answer = play.created(r#""name": "dev""#);
        assert_eq!(answer["created"], true);
        let names = names(play);
        assert_eq!((names.len(), names[0].as_str()), (2, "dev"));
        assert!(names[1].starts_with("dev-"), "{names:?}");
        let requests: Vec<_> = play.control.state().creates.iter().map(|request| request.chat.clone()).collect();
        assert_eq!(requests[0], requests[1], "the same request by another name");
    });
}

/// Another conflict, and a second one of the name, is answered as it is.
#[test]
fn other_conflict_does_not_retry() {
    let conflict = |field| refusal(Code::AlreadyExists, "there is one already", "", &[(field, "is taken")]);
    for (field, requests) in [("preset", 1), ("name", 2)] {
        play(|play| {
            play.control.state().refuses.insert("create_workspace", conflict(field));
            let expected =
                json!({ "error": "there is one already", "validations": [{ "field": field, "detail": "is taken" }] });
            assert_eq!(play.created(r#""name": "dev""#), expected);
            assert_eq!(play.control.state().count("create_workspace"), requests);
        });
    }
}

#[test]
fn responder_error_preserves_structured_fields() {
    play(|play| {
        let status = refusal(Code::InvalidArgument, "the request is wrong", "look here", &[("cpu", "is no number")]);
        play.control.state().refuses.insert("create_workspace", status);
        let answer = play.create("");
        assert!(!answer.is_error());
        let expected = json!({
            "error": "the request is wrong",
            "detail": "look here",
            "validations": [{ "field": "cpu", "detail": "is no number" }],
        });
        assert_eq!(fields(answer), expected);
        assert_eq!(play.fields("tool.answered", "outcome"), ["failed"]);
    });
}

/// Nobody knows what became of it: that is an error, and the next call finds out.
#[test]
fn a_request_without_an_answer_is_an_error() {
    play(|play| {
        play.control.state().loses_answers.insert("create_workspace", 100);
        assert_eq!(error(play.create("")), "the answer is lost");
        assert!(play.control.state().count("create_workspace") > 5);
        let answer = play.created("");
        assert_eq!((&answer["created"], &answer["status"]), (&json!(false), &json!("already_exists")));
        assert_eq!(play.control.state().workspaces.len(), 1);
    });
}

#[test]
fn post_creation_build_failure() {
    play(|play| {
        play.control.state().plans.push_back(Plan::fails("out of disk", ""));
        let answer = play.create("");
        assert!(!answer.is_error());
        let build = play.control.state().workspace().latest.build_id.clone();
        let expected = json!({ "error": "workspace build failed: out of disk", "build_id": build });
        assert_eq!(fields(answer), expected);
        assert_eq!(play.seen().dialled, []);
    });
}

fn quota(of: &str, build: &str) -> Value {
    json!({
        "error_code": "INSUFFICIENT_QUOTA",
        "error": format!("{of}: no credits"),
        "title": "Workspace quota reached",
        "build_id": build,
        "quota": { "credits_consumed": 40, "budget": 40 },
    })
}

/// The answer without its message, which has to be there.
fn without_message(mut answer: Value) -> Value {
    let message = answer.as_object_mut().expect("an object").remove("message");
    assert!(message.is_some_and(|message| message.as_str().is_some_and(|text| text.contains("40 of 40"))));
    answer
}

#[test]
fn post_creation_quota_failure() {
    play(|play| {
        play.control.state().plans.push_back(Plan::fails("no credits", "INSUFFICIENT_QUOTA"));
        let answer = play.created("");
        let build = play.control.state().workspace().latest.build_id.clone();
        assert_eq!(without_message(answer), quota("workspace build failed", &build));
    });
}

#[test]
fn existing_build_quota_failure() {
    play(|play| {
        {
            let mut state = play.control.state();
            state.has(Transition::Start, JobStatus::Succeeded);
            let id = state.chat().workspace_id.clone();
            state.add_build(&id, Transition::Start, Plan::fails("no credits", "INSUFFICIENT_QUOTA"));
        }
        let answer = play.created("");
        let build = play.control.state().workspace().latest.build_id.clone();
        assert_eq!(without_message(answer), quota("existing workspace build failed", &build));
        assert_eq!(play.control.state().creates, []);
    });
}

/// Without the numbers, there are none, and the rest is as it is.
#[test]
fn a_quota_that_can_not_be_read_is_left_out() {
    play(|play| {
        play.control.state().plans.push_back(Plan::fails("no credits", "INSUFFICIENT_QUOTA"));
        play.control.state().refuses.insert("get_quota", Status::unavailable("no database"));
        let answer = play.created("");
        assert_eq!((&answer["error_code"], answer.get("quota")), (&json!("INSUFFICIENT_QUOTA"), None));
        assert_eq!(play.fields("tool.passed_over", "error"), ["get quota: no database"]);
    });
}

#[test]
fn canceled_job() {
    play(|play| {
        play.control.state().plans.push_back(Plan { ends: JobStatus::Canceled, ..Plan::default() });
        assert_eq!(play.created("")["error"], "workspace build failed: build was canceled");
    });
}

#[test]
fn a_build_that_does_not_end_is_given_up() {
    play(|play| {
        play.control.state().plans.push_back(Plan { takes: Duration::from_mins(60), ..Plan::default() });
        let answer = play.created("");
        let error = answer["error"].as_str().expect("an error");
        assert!(error.starts_with("workspace build failed: timed out waiting for workspace build: "), "{error}");
        let took: u64 = play.fields("tool.answered", "took_ms")[0].parse().expect("a number");
        assert!((600_000..602_000).contains(&took), "{took}");
    });
}

/// Those who listen hear of the workspace at once, and of the agent when it is ready.
#[test]
fn on_chat_updated_fires_after_build() {
    play(|play| {
        play.dials(&crate::world::FAILS_TWICE);
        play.created("");
        let (build, agent) = {
            let mut state = play.control.state();
            let workspace = state.workspace();
            (workspace.latest.build_id.clone(), workspace.agents[0].agent_id.clone())
        };
        let updates: Vec<_> = play.seen().updates.clone();
        let told: Vec<_> =
            updates.iter().map(|(chat, dials)| (chat.build_id.as_str(), chat.agent_id.as_str(), *dials)).collect();
        assert_eq!(told, [(build.as_str(), "", 0), (build.as_str(), agent.as_str(), 3)]);
        assert_eq!(play.fields("tool.chat_updated", "what"), ["created", "agent"]);
    });
}

/// A bind that fails is noted, and nothing else comes of it.
#[test]
fn a_bind_that_fails_is_passed_over() {
    play(|play| {
        play.control.state().refuses.insert("bind_chat", Status::unavailable("no database"));
        let answer = play.created("");
        assert_eq!((&answer["created"], answer.get("agent_status")), (&json!(true), None));
        assert_eq!(play.fields("tool.passed_over", "error"), ["bind chat: no database"]);
        assert_eq!(play.seen().updates.len(), 1);
    });
}

/// A runtime's calls as lines of JSON.
#[test]
fn a_line_of_json_is_answered_by_one() {
    play(|play| {
        let line = format!(
            r#"{{"id": 7, "chat_id": "{}", "tool": "create_workspace", "arguments": {}}}"#,
            crate::world::chat_id(1),
            create_arguments(r#""name": "dev""#)
        );
        let answer: Value = serde_json::from_str(&play.call_json(&line)).expect("JSON");
        assert_eq!((&answer["id"], &answer["is_error"]), (&json!(7), &json!(false)));
        let content: Value = serde_json::from_str(answer["content"].as_str().expect("text")).expect("JSON");
        assert_eq!(content["workspace_name"], "alice/dev");
        let answer: Value = serde_json::from_str(&play.call_json("{}")).expect("JSON");
        assert_eq!(answer["is_error"], true);
    });
}
