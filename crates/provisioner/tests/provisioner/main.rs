//! The crate as others use it, on the live engine: sessions with the scripted provisioner, and the daemon against
//! a control plane of a few lines.

mod control;

use std::sync::Arc;

use groundhog_host::{
    Address, Host,
    live::{LiveConfig, LiveMachine},
};
use groundhog_provisioner::{
    Daemon, DaemonConfig, Ending, Provisioner, Scripted, Session,
    session::{Metadata, Request, Response},
};
use groundhog_wire::{
    DaemonName, Secret,
    v1::{LogLevel, Transition},
};

use crate::control::{Call, Control, KEY};

/// Runs `test` on a live machine of its own.
fn live<F: Future<Output = ()>>(test: impl FnOnce(Host) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let root = tempfile::tempdir().expect("a folder");
        let machine = LiveMachine::new("machine", LiveConfig::new(root.path())).expect("a machine");
        test(machine.host()).await;
        machine.stop().await;
    });
}

fn configured(host: &Host, script: &str) -> Session {
    let session = Scripted.open(host).expect("a session");
    send(&session, Request::Config { source: script.as_bytes().to_vec(), state: Vec::new() });
    session
}

fn send(session: &Session, request: Request) {
    session.send(request).expect("the session is open");
}

fn metadata(transition: Transition) -> Metadata {
    Metadata { transition, workspace_name: "dev".to_owned(), workspace_owner: "alice".to_owned() }
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
        send(&session, Request::Plan { metadata: metadata(Transition::Start) });
        for n in 1..=3 {
            let line = Response::Log { level: LogLevel::Warn, output: format!("step {n}") };
            assert_eq!(session.receive().await, Ok(line));
        }
        let Response::Planned { error: None, resources } = answer(&mut session).await else { panic!("not planned") };
        assert_eq!(resources[0].daily_cost, 12);
        send(&session, Request::Apply { metadata: metadata(Transition::Start) });
        let applied = Response::Applied { error: None, state: Some(b"new".to_vec()), resources };
        assert_eq!(answer(&mut session).await, applied);
    });
}

#[test]
fn a_destroy_leaves_nothing() {
    live(|host| async move {
        let mut session = configured(&host, r#"{"plan":{"resources":[{"name":"a","type":"vm"}]}}"#);
        send(&session, Request::Plan { metadata: metadata(Transition::Destroy) });
        assert_eq!(answer(&mut session).await, Response::Planned { error: None, resources: Vec::new() });
        send(&session, Request::Apply { metadata: metadata(Transition::Destroy) });
        let gone = Response::Applied { error: None, state: Some(Vec::new()), resources: Vec::new() };
        assert_eq!(answer(&mut session).await, gone);
    });
}

#[test]
fn a_source_that_is_no_script_fails_the_plan() {
    live(|host| async move {
        let mut session = configured(&host, "resource \"vm\" {}");
        send(&session, Request::Plan { metadata: metadata(Transition::Start) });
        let Response::Planned { error: Some(error), .. } = answer(&mut session).await else { panic!("no error") };
        assert!(error.starts_with("the template's source is not a script: "), "{error}");
    });
}

#[test]
fn a_cancel_is_obeyed_and_leaves_the_state_that_the_script_gives() {
    live(|host| async move {
        let mut session =
            configured(&host, r#"{"apply":{"hangs":true,"on_cancel":{"obey":{"after_ms":1}},"state":"half"}}"#);
        send(&session, Request::Plan { metadata: metadata(Transition::Start) });
        answer(&mut session).await;
        send(&session, Request::Apply { metadata: metadata(Transition::Start) });
        send(&session, Request::Cancel);
        let error = Some("provisioning was canceled".to_owned());
        let canceled = Response::Applied { error, state: Some(b"half".to_vec()), resources: Vec::new() };
        assert_eq!(answer(&mut session).await, canceled);
    });
}

#[test]
fn a_request_that_may_not_come_ends_the_session_with_its_reason() {
    live(|host| async move {
        let mut session = Scripted.open(&host).expect("a session");
        send(&session, Request::Plan { metadata: metadata(Transition::Start) });
        let error = session.receive().await.expect_err("an end").to_string();
        assert_eq!(error, "first request must be Config");

        let mut session = configured(&host, r#"{"plan":{"hangs":true}}"#);
        send(&session, Request::Plan { metadata: metadata(Transition::Start) });
        send(&session, Request::Apply { metadata: metadata(Transition::Start) });
        let error = session.receive().await.expect_err("an end").to_string();
        assert_eq!(error, "got new request Apply while old request still processing");
        assert_eq!(session.receive().await.expect_err("an end").to_string(), "the provisioner closed the session");
    });
}

fn daemon(host: &Host, control: Address) -> Daemon {
    let name = DaemonName::new("prov-1").expect("a name");
    let key = Secret::new(KEY).expect("a key");
    let mut config = DaemonConfig::new(name, control, key);
    config.runner.update_interval = std::time::Duration::from_millis(20);
    Daemon::start(host, config, Arc::new(Scripted))
}

const HANGS: &str = r#"{"apply":{"hangs":true}}"#;

#[test]
fn a_job_is_run_to_its_end_and_a_drained_daemon_takes_its_question_back() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = daemon(&host, control.address.clone());
        control.deliver(r#"{"plan":{"logs":{"every_ms":1,"line":"{n}","count":250},"takes_ms":251}}"#);
        let mut sequence = 0;
        let mut last_stage = String::new();
        let mut delivered = false;
        let completed = loop {
            match control.next().await {
                Call::Acquire => {}
                Call::Delivered => delivered = true,
                Call::Update(request) => {
                    for line in request.logs {
                        assert_eq!(line.sequence, sequence + 1);
                        sequence = line.sequence;
                        last_stage = line.stage;
                    }
                }
                Call::Complete(request) => break request,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!((sequence, last_stage.as_str()), (253, "Cleaning Up"));
        assert_eq!(completed.job_id, control.job_id);
        assert!(delivered);
        assert!(matches!(control.next().await, Call::Acquire));
        daemon.shutdown(false).await;
        assert!(matches!(control.next().await, Call::CancelAcquire));
        assert_eq!(daemon.ended().await, Ending::ShutDown);
    });
}

#[test]
fn a_user_s_cancel_reaches_the_provisioner() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = daemon(&host, control.address.clone());
        control.deliver(HANGS);
        control.until_apply().await;
        control.cancel();
        assert_eq!(control.failure().await, "provisioning was canceled");
        daemon.close().await;
        assert_eq!(daemon.ended().await, Ending::Closed);
    });
}

#[test]
fn a_shutdown_with_cancel_ends_the_active_job() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = daemon(&host, control.address.clone());
        control.deliver(HANGS);
        control.until_apply().await;
        daemon.shutdown(true).await;
        assert_eq!(control.failure().await, "provisioning was canceled");
        assert_eq!(daemon.ended().await, Ending::ShutDown);
    });
}

#[test]
fn a_close_fails_the_active_job() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = daemon(&host, control.address.clone());
        control.deliver(r#"{"apply":{"hangs":true,"on_cancel":"ignore"}}"#);
        control.until_apply().await;
        daemon.close().await;
        assert_eq!(control.failure().await, "provisioner daemon was shutdown gracefully");
        assert_eq!(daemon.ended().await, Ending::Closed);
    });
}

#[test]
fn a_job_for_another_provisioner_fails() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = daemon(&host, control.address.clone());
        control.deliver_for("terraform", "{}");
        assert_eq!(control.failure().await, "failed to connect to provisioner: no provisioner terraform");
        daemon.close().await;
    });
}

#[test]
fn a_daemon_that_is_not_let_in_ends() {
    live(|host| async move {
        let control = Control::start(&host).await;
        control.refuse("unknown key");
        let daemon = daemon(&host, control.address.clone());
        assert_eq!(daemon.ended().await, Ending::Refused("unknown key".to_owned()));
    });
}

#[test]
fn a_daemon_without_a_control_plane_can_be_ended() {
    live(|host| async move {
        let nobody = Address::new("machine", 1);
        let drained = daemon(&host, nobody.clone());
        drained.shutdown(true).await;
        assert_eq!(drained.ended().await, Ending::ShutDown);
        let closed = daemon(&host, nobody);
        closed.close().await;
        assert_eq!(closed.ended().await, Ending::Closed);
    });
}
