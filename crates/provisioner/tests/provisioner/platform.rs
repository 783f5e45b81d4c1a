//! What the platform's own daemon was seen to do, by the names under which its tests are known; see `CONFORMANCE.md`.

use groundhog_host::Address;
use groundhog_provisioner::Ending;
use groundhog_wire::v1::{
    CompleteJobRequest, Job, LogLevel, TemplateDryRun, TemplateImport, Transition, UpdateJobRequest, WorkspaceBuild,
    complete_job_request::Kind, job,
};

use crate::{
    control::{Call, Control, JOBS, job, lines, start},
    daemon, live,
};

fn import() -> job::Kind {
    job::Kind::TemplateImport(TemplateImport::default())
}

fn dry_run() -> job::Kind {
    job::Kind::TemplateDryRun(TemplateDryRun::default())
}

/// What the last of these calls has completed the job with.
fn completed(calls: &[Call]) -> &Kind {
    match calls.last() {
        Some(Call::Complete(CompleteJobRequest { kind: Some(kind), .. })) => kind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn instant_close() {
    live(|host| async move {
        let control = Control::start(&host).await;
        let daemon = daemon(&host, control.endpoints.clone());
        daemon.close().await;
        assert_eq!(daemon.ended().await, Ending::Closed);
    });
}

#[test]
fn connect_error_close() {
    live(|host| async move {
        let daemon = daemon(&host, Address::new("machine", 1));
        host.sleep(std::time::Duration::from_millis(20)).await;
        daemon.close().await;
        assert_eq!(daemon.ended().await, Ending::Closed);
    });
}

#[test]
fn close_cancels_job() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = daemon(&host, control.endpoints.clone());
        control.deliver_kind(import(), r#"{"parse":{"hangs":true}}"#);
        control.until_line("Parsing template parameters").await;
        daemon.close().await;
        assert_eq!(control.failure().await, "provisioner daemon was shutdown gracefully");
        daemon.close().await;
    });
}

#[test]
fn large_payloads() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = daemon(&host, control.endpoints.clone());
        let large = "x".repeat(3 * 1024 * 1024);
        // As a source, and as what an import finds in it.
        control.deliver_kind(import(), &format!(r#"{{"readme":"{large}"}}"#));
        let calls = control.until_end().await;
        let declares = |call: &&Call| matches!(call, Call::Update(request) if request.declarations.is_some());
        let Some(Call::Update(update)) = calls.iter().find(declares) else { panic!("no declarations") };
        assert_eq!(update.declarations.as_ref().map(|found| found.readme.len()), Some(large.len()));
        assert!(matches!(completed(&calls), Kind::TemplateImport(_)));
        // As what a plan reports.
        control.deliver_kind(dry_run(), &format!(r#"{{"plan":{{"resources":[{{"name":"{large}","type":"vm"}}]}}}}"#));
        let calls = control.until_end().await;
        let Kind::TemplateDryRun(run) = completed(&calls) else { panic!("no dry run") };
        assert_eq!(run.resources[0].name.len(), large.len());
        // As the state before, and after.
        let build = WorkspaceBuild {
            transition: Transition::Stop.into(),
            state: large.clone().into_bytes(),
            ..WorkspaceBuild::default()
        };
        let left = format!(r#"{{"apply":{{"state":"{large}"}}}}"#);
        for job in [job(job::Kind::WorkspaceBuild(build), "{}"), job(start(), &left)] {
            control.deliver_job(job);
            let calls = control.until_end().await;
            let Kind::WorkspaceBuild(build) = completed(&calls) else { panic!("no build") };
            assert_eq!(build.state.len(), large.len());
        }
        daemon.close().await;
    });
}

#[test]
fn running_periodic_update() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = daemon(&host, control.endpoints.clone());
        control.deliver_kind(import(), r#"{"parse":{"hangs":true}}"#);
        control.until_line("Parsing template parameters").await;
        for _ in 0..3 {
            assert!(matches!(control.next().await, Call::Update(request) if request.logs.is_empty()));
        }
        daemon.shutdown(true).await;
        assert_eq!(control.failure().await, "run parse: parse error: provisioning was canceled");
    });
}

#[test]
fn template_import() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = daemon(&host, control.endpoints.clone());
        let script = r#"{
            "parse": { "takes_ms": 1, "logs": { "every_ms": 1, "line": "reading", "count": 1 } },
            "plan": { "resources": [{ "name": "dev", "type": "vm" }, { "name": "home", "type": "disk" }] },
            "stop": { "plan": { "resources": [{ "name": "home", "type": "disk" }] } },
            "apply": { "fails": "nobody applies an import" },
            "readme": "Hello", "variables": [{ "name": "region", "default": "eu" }],
            "parameters": [{ "name": "cpu" }],
            "presets": [{ "name": "big", "parameters": { "cpu": "8" }, "prebuilds": { "instances": 2,
                          "schedules": [{ "cron": "* 9-18 * * 1-5", "instances": 5 }] } }],
            "external_auth": [{ "id": "github" }]
        }"#;
        control.deliver_kind(import(), script);
        let calls = control.until_end().await;
        let expected = [
            ("Setting up", ""),
            ("Parsing template parameters", ""),
            ("Parse parameters", "reading"),
            ("Detecting persistent resources", ""),
            ("Detecting ephemeral resources", ""),
            ("Cleaning Up", ""),
        ];
        assert_eq!(lines(&calls), expected);
        let Kind::TemplateImport(import) = completed(&calls) else { panic!("no import") };
        assert_eq!((import.start_resources.len(), import.stop_resources.len()), (2, 1));
        assert_eq!(import.parameters[0].name, "cpu");
        let prebuild = import.presets[0].prebuild.as_ref().expect("workspaces are built ahead");
        assert_eq!((prebuild.instances, prebuild.schedules[0].instances), (2, 5));
        assert_eq!(import.external_auth_providers[0].id, "github");
        daemon.close().await;
    });
}

#[test]
fn template_dry_run() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = daemon(&host, control.endpoints.clone());
        let script = r#"{
            "plan": { "takes_ms": 1, "logs": { "every_ms": 1, "line": "planning", "count": 1 },
                      "resources": [{ "name": "dev", "type": "vm", "daily_cost": 25 }] },
            "apply": { "fails": "nobody applies a dry run" }
        }"#;
        control.deliver_kind(dry_run(), script);
        let calls = control.until_end().await;
        let expected = [("Setting up", ""), ("Detecting persistent resources", "planning"), ("Cleaning Up", "")];
        assert_eq!(lines(&calls), expected);
        assert!(!calls.iter().any(|call| matches!(call, Call::Quota)), "nobody pays for a dry run");
        let Kind::TemplateDryRun(run) = completed(&calls) else { panic!("no dry run") };
        assert_eq!(run.resources[0].name, "dev");
        daemon.close().await;
    });
}

#[test]
fn workspace_build() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = daemon(&host, control.endpoints.clone());
        let script = r#"{
            "plan": { "takes_ms": 1, "logs": { "every_ms": 1, "line": "planning", "level": "debug", "count": 1 } },
            "apply": { "state": "new" }
        }"#;
        control.deliver_kind(start(), script);
        let calls = control.until_end().await;
        let expected = [
            ("Setting up", ""),
            ("Planning infrastructure", "planning"),
            ("Starting workspace", ""),
            ("Cleaning Up", ""),
        ];
        assert_eq!(lines(&calls), expected);
        let has_debug = |request: &UpdateJobRequest| request.logs.iter().any(|line| line.level() == LogLevel::Debug);
        assert!(calls.iter().any(|call| matches!(call, Call::Update(request) if has_debug(request))));
        let Kind::WorkspaceBuild(build) = completed(&calls) else { panic!("no build") };
        let stages: Vec<_> = build.timings.iter().map(|timing| timing.stage.as_str()).collect();
        assert_eq!((build.state.as_slice(), stages), (&b"new"[..], vec!["plan", "apply"]));
        daemon.close().await;
    });
}

#[test]
fn workspace_build_quota_exceeded() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = daemon(&host, control.endpoints.clone());
        control.deliver(r#"{"plan":{"resources":[{"name":"dev","type":"vm","daily_cost":25}]}}"#);
        let calls = control.until_end().await;
        let Some(Call::Fail(failed)) = calls.last() else { panic!("{:?}", calls.last()) };
        assert_eq!((failed.error.as_str(), failed.error_code.as_str()), ("insufficient quota", "INSUFFICIENT_QUOTA"));
        let lines = lines(&calls);
        assert!(lines.contains(&("Commit quota", "This build would exceed your quota. Failing.")), "{lines:?}");
        assert!(!lines.contains(&("Starting workspace", "")), "{lines:?}");
        daemon.close().await;
    });
}

#[test]
fn workspace_build_fail_complete() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = daemon(&host, control.endpoints.clone());
        control.deliver(r#"{"plan":{"fails":"no such image"}}"#);
        let calls = control.until_end().await;
        assert!(matches!(calls.last(), Some(Call::Fail(failed)) if failed.error == "no such image"));
        assert!(!lines(&calls).contains(&("Starting workspace", "")));
        daemon.close().await;
    });
}

#[test]
fn shutdown_no_coderd() {
    live(|host| async move {
        let daemon = daemon(&host, Address::new("machine", 1));
        daemon.shutdown(true).await;
        assert_eq!(daemon.ended().await, Ending::ShutDown);
    });
}

#[test]
fn shutdown() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = daemon(&host, control.endpoints.clone());
        control.deliver(r#"{"plan":{"hangs":true,"logs":{"every_ms":1,"line":"planning","count":1}}}"#);
        control.until_line("Planning infrastructure").await;
        daemon.shutdown(true).await;
        let calls = control.until_end().await;
        assert!(matches!(calls.last(), Some(Call::Fail(failed)) if failed.error == "provisioning was canceled"));
        assert!(!lines(&calls).contains(&("Starting workspace", "")));
    });
}

#[test]
fn shutdown_from_job() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = daemon(&host, control.endpoints.clone());
        control.deliver(r#"{"plan":{"hangs":true,"logs":{"every_ms":1,"line":"planning"}}}"#);
        control.until_line("Planning infrastructure").await;
        // From now on each update is answered so, and a provisioner that goes on writing hides none of them (J3).
        control.ways(|ways| ways.canceled = true);
        assert_eq!(control.failure().await, "provisioning was canceled");
        daemon.shutdown(true).await;
        daemon.close().await;
        assert_eq!(daemon.ended().await, Ending::ShutDown);
    });
}

/// A job's end over a connection that breaks before it is answered, and what is said over the next.
fn reconnect(script: &'static str, is_end: fn(&Call) -> bool) {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = daemon(&host, control.endpoints.clone());
        let connected = daemon.connected();
        assert!(!connected.get(), "nothing has been done yet");
        connected.wait().await;
        control.ways(|ways| ways.ignores_terminal = true);
        control.deliver(script);
        assert!(control.until_end().await.last().is_some_and(is_end));
        control.ways(|ways| ways.ignores_terminal = false);
        control.break_first();
        assert!(control.until_end().await.last().is_some_and(is_end));
        // And it goes on.
        control.deliver_job(Job { job_id: JOBS[1].to_owned(), ..job(start(), "{}") });
        let calls = control.until_end().await;
        assert!(matches!(calls.last(), Some(Call::Complete(request)) if request.job_id == JOBS[1]));
        assert!(connected.get());
        daemon.close().await;
        assert!(!connected.get());
    });
}

#[test]
fn reconnect_and_fail() {
    reconnect(
        r#"{"plan":{"fails":"no"}}"#,
        |call| matches!(call, Call::Fail(request) if request.job_id == JOBS[0] && request.error == "no"),
    );
}

#[test]
fn reconnect_and_complete() {
    reconnect("{}", |call| matches!(call, Call::Complete(request) if request.job_id == JOBS[0]));
}

#[test]
fn updates_before_complete() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = daemon(&host, control.endpoints.clone());
        for kind in [start(), import(), dry_run()] {
            control.deliver_kind(kind, "{}");
            let calls = control.until_end().await;
            let (last, before) = calls.split_last().expect("an end");
            assert!(matches!(last, Call::Complete(_)));
            assert_eq!(lines(before).last(), Some(&("Cleaning Up", "")));
        }
        // Nothing is said of a job after its end: the next is asked for.
        assert!(matches!(control.next().await, Call::Acquire));
        daemon.close().await;
    });
}
