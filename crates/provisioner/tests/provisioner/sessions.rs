//! Sessions with the scripted provisioner.

use groundhog_host::{Command, Host};
use groundhog_provisioner::{
    Provisioner, Scripted, Session, SessionError,
    session::{Applied, Config, Metadata, Plan, Planned, Request, Response},
};
use groundhog_wire::v1::{LogLevel, ParameterValue, Transition};

use crate::live;

fn configured(host: &Host, script: &str) -> Session {
    let session = Scripted::default().open(host).expect("a session");
    send(&session, Request::Config(Config { source: script.as_bytes().to_vec(), ..Config::default() }));
    session
}

fn send(session: &Session, request: Request) {
    session.send(request).expect("the session is open");
}

fn plan(transition: Transition) -> Request {
    Request::Plan(Plan { metadata: Metadata { transition, ..Metadata::default() }, ..Plan::default() })
}

fn apply(transition: Transition) -> Request {
    Request::Apply(Metadata { transition, ..Metadata::default() })
}

async fn planned(session: &mut Session) -> Planned {
    match answer(session).await {
        Response::Planned(planned) => planned,
        other => panic!("{other:?}"),
    }
}

async fn applied(session: &mut Session) -> Applied {
    match answer(session).await {
        Response::Applied(applied) => applied,
        other => panic!("{other:?}"),
    }
}

/// The next response that is not a log line.
async fn answer(session: &mut Session) -> Response {
    loop {
        match session.receive().await.expect("the session is open") {
            Response::Log { .. } => {}
            answer => return answer,
        }
    }
}

#[test]
fn a_script_is_acted_out() {
    live(|host| async move {
        let mut session = configured(
            &host,
            r#"{
                "plan": { "takes_ms": 3, "logs": { "every_ms": 1, "line": "step {n}", "level": "warn" },
                          "resources": [{ "name": "dev", "type": "vm", "daily_cost": 12 }] },
                "apply": { "state": "new" }
            }"#,
        );
        send(&session, plan(Transition::Start));
        for n in 1..=3 {
            let line = Response::Log { level: LogLevel::Warn, output: format!("step {n}") };
            assert_eq!(session.receive().await, Ok(line));
        }
        let planned = planned(&mut session).await;
        assert_eq!((planned.error, planned.resources[0].daily_cost), (None, 12));
        let [timing] = &planned.timings[..] else { panic!("{:?}", planned.timings) };
        assert!(timing.stage == "plan" && timing.ended_at_ms >= timing.started_at_ms + 3, "{timing:?}");
        send(&session, apply(Transition::Start));
        let applied = applied(&mut session).await;
        assert_eq!((applied.error, applied.state), (None, Some(b"new".to_vec())));
        assert_eq!((applied.resources, applied.timings[0].stage.as_str()), (planned.resources, "apply"));
    });
}

#[test]
fn a_destroy_leaves_nothing() {
    live(|host| async move {
        let mut session = configured(&host, r#"{"plan":{"resources":[{"name":"a","type":"vm"}]}}"#);
        send(&session, plan(Transition::Destroy));
        assert_eq!(planned(&mut session).await.resources, []);
        send(&session, apply(Transition::Destroy));
        let gone = applied(&mut session).await;
        assert_eq!((gone.error, gone.state, gone.resources), (None, Some(Vec::new()), Vec::new()));
    });
}

#[test]
fn a_source_that_is_no_script_fails_the_plan() {
    live(|host| async move {
        let mut session = configured(&host, "resource \"vm\" {}");
        send(&session, plan(Transition::Start));
        let error = planned(&mut session).await.error.expect("an error");
        assert!(error.starts_with("the template's source is not a script: "), "{error}");
    });
}

#[test]
fn a_cancel_is_obeyed_and_leaves_the_state_that_the_script_gives() {
    live(|host| async move {
        let mut session =
            configured(&host, r#"{"apply":{"hangs":true,"on_cancel":{"obey":{"after_ms":1}},"state":"half"}}"#);
        send(&session, plan(Transition::Start));
        answer(&mut session).await;
        send(&session, apply(Transition::Start));
        send(&session, Request::Cancel);
        let error = Some("provisioning was canceled".to_owned());
        let canceled = applied(&mut session).await;
        assert_eq!((canceled.error, canceled.state, canceled.resources), (error, Some(b"half".to_vec()), Vec::new()));
    });
}

#[test]
fn a_request_that_may_not_come_ends_the_session_with_its_reason() {
    live(|host| async move {
        let mut session = Scripted::default().open(&host).expect("a session");
        send(&session, plan(Transition::Start));
        let error = session.receive().await.expect_err("an end").to_string();
        assert_eq!(error, "first request must be Config");

        let mut session = configured(&host, r#"{"plan":{"hangs":true}}"#);
        send(&session, plan(Transition::Start));
        send(&session, apply(Transition::Start));
        let error = session.receive().await.expect_err("an end").to_string();
        assert_eq!(error, "got new request Apply while old request still processing");
        assert_eq!(session.receive().await.expect_err("an end").to_string(), "the provisioner closed the session");
    });
}

#[test]
fn a_parse_finds_what_the_script_declares() {
    live(|host| async move {
        let mut session = configured(
            &host,
            r#"{
                "parse": { "takes_ms": 1, "logs": { "every_ms": 1, "line": "reading", "count": 1 } },
                "variables": [{ "name": "region", "default": "eu" },
                              { "name": "key", "required": true, "sensitive": true }],
                "readme": "Hello", "workspace_tags": { "zone": "a" },
                "parameters": [{ "name": "cpu", "type": "number", "default": "2", "required": true, "mutable": true }],
                "presets": [{ "name": "big", "parameters": { "cpu": "8" }, "default": true,
                              "prebuilds": { "instances": 2 } }],
                "external_auth": [{ "id": "github", "optional": true }],
                "plan": { "replacements": [{ "resource": "vm", "paths": ["image"] }],
                          "resources": [{ "name": "dev", "type": "vm" }] },
                "agents": [{ "name": "main" }]
            }"#,
        );
        send(&session, Request::Parse);
        let line = Response::Log { level: LogLevel::Info, output: "reading".to_owned() };
        assert_eq!(session.receive().await, Ok(line));
        let Response::Parsed(parsed) = answer(&mut session).await else { panic!("not parsed") };
        assert_eq!(parsed.error, None);
        let declared = parsed.declarations;
        let variables: Vec<_> = declared
            .variables
            .iter()
            .map(|it| (it.name.as_str(), it.r#type.as_str(), it.default_value.as_str(), it.required, it.sensitive))
            .collect();
        assert_eq!(variables, [("region", "string", "eu", false, false), ("key", "string", "", true, true)]);
        assert_eq!((declared.readme.as_str(), declared.workspace_tags["zone"].as_str()), ("Hello", "a"));
        // Nobody chooses in an import, so nothing is missing either.
        send(&session, plan(Transition::Start));
        let planned = planned(&mut session).await;
        assert_eq!(planned.error, None);
        assert_eq!((planned.parameters[0].name.as_str(), planned.parameters[0].mutable), ("cpu", true));
        assert_eq!(planned.presets[0].parameters[0].value, "8");
        assert_eq!(planned.presets[0].prebuild.as_ref().map(|prebuild| prebuild.instances), Some(2));
        assert!(planned.external_auth_providers[0].optional);
        assert_eq!(planned.replacements[0].paths, ["image"]);
        assert_eq!(
            (planned.resources[0].agents[0].name.as_str(), planned.resources[0].agents[0].token.as_str()),
            ("main", "")
        );
    });
}

/// A session whose builds make machines by the shell's script `text`.
async fn with_machines(host: &Host, root: &std::path::Path, text: &str, script: &str, state: Vec<u8>) -> Session {
    let program = root.join("machine");
    // Written by another process: a program can't be run as long as somebody has it open for writing, and that would be
    // so for what other tests start at the same time.
    let text = format!("#!/bin/sh\ncd {}\n{text}\n", root.display());
    let install = r#"printf %s "$0" > "$1" && chmod 755 "$1""#;
    let command = Command::new("sh").argument("-c").argument(install).argument(text);
    let mut installer = host.start(command.argument(program.display().to_string())).await.expect("a shell");
    assert!(installer.wait().await.is_ok_and(|exit| exit.success()));
    let scripted = Scripted { machine: Some(program.display().to_string()), ..Scripted::default() };
    let session = scripted.open(host).expect("a session");
    send(&session, Request::Config(Config { source: script.into(), state, ..Config::default() }));
    session
}

/// What a build of this transition comes to.
async fn built(session: &mut Session, transition: Transition) -> Applied {
    send(session, plan(transition));
    planned(session).await;
    let (workspace_name, workspace_owner) = ("dev".to_owned(), "alice".to_owned());
    let metadata = Metadata { transition, workspace_name, workspace_owner, ..Metadata::default() };
    send(session, Request::Apply(metadata));
    applied(session).await
}

#[test]
fn agents_get_machines_and_keep_their_tokens_until_a_stop() {
    live(|host| async move {
        let root = tempfile::tempdir().expect("a folder");
        let script =
            r#"{"agents":[{"name":"main","count":2},{"name":"new","renews_token":true}],"apply":{"state":"s"}}"#;
        let text = r#"echo "$1 $2 $AGENT_TOKEN" >> calls; printf %s "$WORKSPACE_OWNER" > "owner-$1""#;
        let tokens = |applied: &Applied| {
            let agents = applied.resources.iter().flat_map(|it| &it.agents);
            agents.map(|it| (it.name.clone(), it.token.clone())).collect::<Vec<_>>()
        };
        let first =
            built(&mut with_machines(&host, root.path(), text, script, Vec::new()).await, Transition::Start).await;
        assert_eq!(first.error, None);
        let given = tokens(&first);
        assert_eq!(given.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["main-1", "main-2", "new"]);
        let calls = std::fs::read_to_string(root.path().join("calls")).expect("calls");
        let expected: String = given.iter().map(|(name, token)| format!("create dev.{name} {token}\n")).collect();
        assert_eq!(calls, expected);

        let state = first.state.expect("a state");
        let mut session = with_machines(&host, root.path(), text, script, state.clone()).await;
        let again = built(&mut session, Transition::Start).await;
        let kept: Vec<bool> = given.iter().zip(tokens(&again)).map(|(before, after)| *before == after).collect();
        assert_eq!(kept, [true, true, false]);

        std::fs::remove_file(root.path().join("calls")).expect("calls");
        let stopped = built(&mut with_machines(&host, root.path(), text, script, state).await, Transition::Stop).await;
        assert_eq!((stopped.error.as_ref(), tokens(&stopped)), (None, vec![]));
        assert_eq!(stopped.state, Some(b"s".to_vec()));
        let calls = std::fs::read_to_string(root.path().join("calls")).expect("calls");
        assert_eq!(calls, "delete dev.main-1 \ndelete dev.main-2 \ndelete dev.new \n");
        for told in ["owner-create", "owner-delete"] {
            assert_eq!(std::fs::read_to_string(root.path().join(told)).expect("it was told"), "alice");
        }
    });
}

#[test]
fn a_machine_that_can_not_be_made_fails_the_apply_and_its_token_is_not_lost() {
    live(|host| async move {
        let root = tempfile::tempdir().expect("a folder");
        let script = r#"{"agents":[{"name":"main"}]}"#;
        let text = "echo no room >&2; exit 3";
        let failed =
            built(&mut with_machines(&host, root.path(), text, script, Vec::new()).await, Transition::Start).await;
        assert_eq!(failed.error.as_deref(), Some("machine dev.main: exit status 3 no room"));
        let mut session =
            with_machines(&host, root.path(), "exit 0", script, failed.state.clone().expect("a state")).await;
        let made = built(&mut session, Transition::Start).await;
        let token = &made.resources[0].agents[0].token;
        assert!(String::from_utf8(failed.state.expect("a state")).expect("JSON").contains(token));
    });
}

#[test]
fn a_required_parameter_may_not_be_missing() {
    live(|host| async move {
        let script = r#"{"parameters":[{"name":"cpu"},{"name":"image","required":true}]}"#;
        for (given, error) in [(vec![], Some("missing parameter: image")), (vec!["image"], None)] {
            let mut session = configured(&host, script);
            let value = |name: &str| ParameterValue { name: name.to_owned(), value: "x".to_owned() };
            let parameter_values = given.into_iter().map(value).collect();
            send(&session, Request::Plan(Plan { parameter_values, ..Plan::default() }));
            assert_eq!(planned(&mut session).await.error.as_deref(), error);
        }
    });
}

#[test]
fn a_stop_and_a_destroy_may_differ() {
    live(|host| async move {
        let script =
            r#"{"plan":{"fails":"start"},"stop":{"plan":{"fails":"stop"}},"destroy":{"plan":{"fails":"destroy"}}}"#;
        for transition in [Transition::Start, Transition::Stop, Transition::Destroy] {
            let mut session = configured(&host, script);
            send(&session, plan(transition));
            let expected = format!("{transition:?}").to_lowercase();
            assert_eq!(planned(&mut session).await.error, Some(expected));
        }
    });
}

#[test]
fn lines_below_the_level_that_is_asked_for_are_not_written() {
    live(|host| async move {
        let script = r#"{"plan":{"takes_ms":9,"logs":{"every_ms":1,"line":"hm","level":"info","count":3}}}"#;
        for (log_level, lines) in [(LogLevel::Unspecified, 3), (LogLevel::Info, 3), (LogLevel::Warn, 0)] {
            let mut session = Scripted::default().open(&host).expect("a session");
            send(&session, Request::Config(Config { source: script.into(), log_level, ..Config::default() }));
            send(&session, plan(Transition::Start));
            let mut seen = 0;
            while let Ok(Response::Log { .. }) = session.receive().await {
                seen += 1;
            }
            assert_eq!(seen, lines, "{log_level:?}");
        }
    });
}

#[test]
fn a_script_may_misbehave() {
    live(|host| async move {
        let closed = || SessionError::Closed.to_string();
        for (misbehaves, expected) in [
            ("closes", vec![closed()]),
            ("wrong_answer", vec!["Applied".to_owned()]),
            ("answers_twice", vec!["Planned".to_owned(), "Planned".to_owned()]),
            ("answers_early", vec!["Planned".to_owned(), "Planned".to_owned()]),
        ] {
            let mut session = configured(&host, &format!(r#"{{"plan":{{"misbehaves":"{misbehaves}"}}}}"#));
            if misbehaves == "answers_early" {
                assert_eq!(answer(&mut session).await.name(), "Planned");
            }
            send(&session, plan(Transition::Start));
            let skipped = usize::from(misbehaves == "answers_early");
            for expected in expected.iter().skip(skipped) {
                let seen = session.receive().await.map_or_else(|error| error.to_string(), |it| it.name().to_owned());
                assert_eq!(&seen, expected, "{misbehaves}");
            }
        }
    });
}

#[test]
fn a_provisioner_may_refuse_a_session() {
    live(|host| async move {
        let refuses = Some("no room".to_owned());
        let error = Scripted { refuses, machine: None }.open(&host).expect_err("a refusal");
        assert_eq!(error, SessionError::Open("no room".to_owned()));
    });
}
