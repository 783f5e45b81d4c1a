//! The daemon's life, against a control plane of a few lines.

use std::{collections::BTreeMap, sync::Arc};

use groundhog_host::Address;
use groundhog_provisioner::{Daemon, DaemonConfig, Ending, Scripted};
use groundhog_wire::v1::{Job, TemplateImport, job};

use crate::{
    config,
    control::{Call, Control, JOBS, job, start},
    daemon, live,
};

const HANGS: &str = r#"{"apply":{"hangs":true}}"#;

#[test]
fn a_job_is_run_to_its_end_and_a_drained_daemon_takes_its_question_back() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = daemon(&host, control.endpoints.clone());
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
        assert_eq!(completed.job_id, JOBS[0]);
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
        let daemon = daemon(&host, control.endpoints.clone());
        control.deliver(HANGS);
        control.until_apply().await;
        control.ways(|ways| ways.canceled = true);
        assert_eq!(control.failure().await, "provisioning was canceled");
        daemon.close().await;
        assert_eq!(daemon.ended().await, Ending::Closed);
    });
}

#[test]
fn a_shutdown_with_cancel_ends_the_active_job() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = daemon(&host, control.endpoints.clone());
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
        let daemon = daemon(&host, control.endpoints.clone());
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
        let daemon = daemon(&host, control.endpoints.clone());
        control.deliver_for("terraform", "{}");
        assert_eq!(control.failure().await, "failed to connect to provisioner: no provisioner terraform");
        daemon.close().await;
    });
}

#[test]
fn a_daemon_that_is_not_let_in_ends() {
    live(|host| async move {
        let control = Control::start(&host).await;
        control.ways(|ways| ways.refuses = Some("unknown key"));
        let daemon = daemon(&host, control.endpoints.clone());
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

/// A job beside those two; its id comes after theirs.
const THIRD: &str = "7f8d3ea8-0f3e-4b6e-9d5c-0e5f6f3a1b2e";

/// The second of the jobs that a test hands out.
fn second(script: &str) -> Job {
    Job { job_id: JOBS[1].to_owned(), ..job(start(), script) }
}

fn with_slots(control: &Control, slots: usize) -> DaemonConfig {
    DaemonConfig { slots, ..config(control.endpoints.clone()) }
}

#[test]
fn slots_run_their_jobs_side_by_side_and_all_are_drained() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = Daemon::start(&host, with_slots(&control, 2), Arc::new(Scripted::default()));
        control.deliver(HANGS);
        control.until_apply().await;
        // The first goes on while the second comes and goes.
        control.deliver_job(second("{}"));
        let ended = control.until_end().await;
        assert!(matches!(ended.last(), Some(Call::Complete(request)) if request.job_id == JOBS[1]));
        while !matches!(control.next().await, Call::Acquire) {}
        assert!(daemon.metrics().contains(r#"coderd_provisionerd_jobs_current{provisioner="scripted"} 1"#));
        control.deliver_job(Job { job_id: THIRD.to_owned(), ..job(start(), HANGS) });
        control.until_apply().await;
        daemon.shutdown(true).await;
        let mut failed = vec![control.failed_job().await, control.failed_job().await];
        failed.sort();
        assert_eq!(failed, [JOBS[0], THIRD]);
        assert_eq!(daemon.ended().await, Ending::ShutDown);
    });
}

#[test]
fn a_close_fails_the_jobs_of_all_slots() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = Daemon::start(&host, with_slots(&control, 3), Arc::new(Scripted::default()));
        control.deliver(HANGS);
        control.deliver_job(second(HANGS));
        control.until_apply().await;
        control.until_apply().await;
        daemon.close().await;
        let mut failed = vec![control.failed_job().await, control.failed_job().await];
        failed.sort();
        assert_eq!(failed, JOBS);
        assert_eq!(daemon.ended().await, Ending::Closed);
    });
}

#[test]
fn a_daemon_whose_key_is_deleted_ends_after_its_jobs() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = Daemon::start(&host, with_slots(&control, 2), Arc::new(Scripted::default()));
        control.deliver(HANGS);
        control.until_apply().await;
        control.ways(|ways| ways.refuses_to_acquire = Some("the key was deleted"));
        // The second slot learns it when its job is done; the first has its job still.
        control.deliver_job(second("{}"));
        assert!(matches!(control.until_end().await.last(), Some(Call::Complete(_))));
        let waits = host.timeout(std::time::Duration::from_millis(50), daemon.ended()).await;
        assert!(waits.is_err(), "{waits:?}");
        control.ways(|ways| ways.canceled = true);
        assert_eq!(control.failure().await, "provisioning was canceled");
        assert_eq!(daemon.ended().await, Ending::Refused("the key was deleted".to_owned()));
    });
}

#[test]
fn a_refusal_in_one_slot_takes_the_others_questions_back() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = Daemon::start(&host, with_slots(&control, 2), Arc::new(Scripted::default()));
        for _ in 0..2 {
            assert!(matches!(control.next().await, Call::Acquire));
        }
        control.ways(|ways| ways.refuses_to_acquire = Some("the key was deleted"));
        control.deliver("{}");
        assert!(matches!(control.until_end().await.last(), Some(Call::Complete(_))));
        assert_eq!(daemon.ended().await, Ending::Refused("the key was deleted".to_owned()));
        assert!(matches!(control.next().await, Call::CancelAcquire));
    });
}

#[test]
fn a_drain_may_be_hurried() {
    live(|host| async move {
        for closes in [false, true] {
            let mut control = Control::start(&host).await;
            let daemon = Arc::new(daemon(&host, control.endpoints.clone()));
            control.deliver(HANGS);
            control.until_apply().await;
            let patient = daemon.clone();
            host.spawn("a patient drain", async move { patient.shutdown(false).await }).detach();
            let waits = host.timeout(std::time::Duration::from_millis(30), daemon.ended()).await;
            assert!(waits.is_err(), "{waits:?}");
            if closes {
                daemon.close().await
            } else {
                daemon.shutdown(true).await
            }
            let expected = if closes { Ending::Closed } else { Ending::ShutDown };
            assert_eq!(daemon.ended().await, expected);
            assert!(!control.failure().await.is_empty());
        }
    });
}

#[test]
fn a_job_whose_result_is_refused_counts_as_failed() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        control.ways(|ways| ways.refuses_to_complete = true);
        let daemon = daemon(&host, control.endpoints.clone());
        control.deliver("{}");
        assert!(matches!(control.until_end().await.last(), Some(Call::Complete(_))));
        assert_eq!(control.failure().await, "internal provisionerserver error");
        daemon.shutdown(false).await;
        let text = daemon.metrics();
        assert!(text.contains(r#"workspace_transition="start",status="failed"} 1"#), "{text}");
        assert!(!text.contains(r#"status="success""#), "{text}");
        assert!(text.contains("coderd_provisionerd_num_daemons 0"), "{text}");
    });
}

#[test]
fn a_provisioner_that_opens_no_session_fails_the_job() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let refuses = Some("no room".to_owned());
        let daemon =
            Daemon::start(&host, config(control.endpoints.clone()), Arc::new(Scripted { refuses, machine: None }));
        control.deliver("{}");
        assert_eq!(control.failure().await, "open session: no room");
        daemon.close().await;
    });
}

#[test]
fn a_provisioner_that_misbehaves_fails_the_job() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let daemon = daemon(&host, control.endpoints.clone());
        let import = || job::Kind::TemplateImport(TemplateImport::default());
        for (kind, script, expected) in [
            (
                start(),
                r#"{"plan":{"misbehaves":"closes"}}"#,
                "recv workspace provision: the provisioner closed the session",
            ),
            (
                start(),
                r#"{"plan":{"misbehaves":"wrong_answer"}}"#,
                "invalid message type \"Applied\" received from provisioner",
            ),
            (
                start(),
                r#"{"plan":{"misbehaves":"answers_twice"}}"#,
                "invalid message type \"Planned\" received from provisioner",
            ),
            (
                start(),
                r#"{"plan":{"misbehaves":"answers_early"}}"#,
                "invalid message type \"Planned\" received from provisioner",
            ),
            (
                start(),
                r#"{"apply":{"misbehaves":"closes"}}"#,
                "recv workspace provision: the provisioner closed the session",
            ),
            (
                start(),
                r#"{"apply":{"misbehaves":"wrong_answer"}}"#,
                "invalid message type \"Planned\" received from provisioner",
            ),
            (
                start(),
                r#"{"apply":{"misbehaves":"answers_early"}}"#,
                "invalid message type \"Applied\" received from provisioner",
            ),
            (
                import(),
                r#"{"parse":{"misbehaves":"closes"}}"#,
                "run parse: recv parse source: the provisioner closed the session",
            ),
            (
                import(),
                r#"{"parse":{"misbehaves":"wrong_answer"}}"#,
                "run parse: invalid message type \"Planned\" received from provisioner",
            ),
            (
                import(),
                r#"{"parse":{"misbehaves":"answers_twice"}}"#,
                "run parse: invalid message type \"Parsed\" received from provisioner",
            ),
            (
                import(),
                r#"{"stop":{"plan":{"misbehaves":"wrong_answer"}}}"#,
                "template import provision for stop: invalid message type \"Applied\" received from provisioner",
            ),
            (
                import(),
                r#"{"variables":[{"name":"a","required":true}]}"#,
                "update job: required template variables need values: a",
            ),
        ] {
            control.deliver_kind(kind, script);
            assert_eq!(control.failure().await, expected, "{script}");
        }
        // Said once the outcome is settled, it changes nothing.
        control.deliver(r#"{"apply":{"misbehaves":"answers_twice"}}"#);
        assert!(matches!(control.until_end().await.last(), Some(Call::Complete(_))));
        daemon.close().await;
    });
}

#[test]
fn a_daemon_asks_for_all_its_types_by_its_tags() {
    live(|host| async move {
        let mut control = Control::start(&host).await;
        let types = vec!["scripted".to_owned(), "terraform".to_owned()];
        let tags = BTreeMap::from([("zone".to_owned(), "a".to_owned())]);
        let config =
            DaemonConfig { provisioner_types: types.clone(), tags: tags.clone(), ..config(control.endpoints.clone()) };
        let daemon = Daemon::start(&host, config, Arc::new(Scripted::default()));
        for provisioner_type in &types {
            control.deliver_for(provisioner_type, "{}");
            assert!(matches!(control.until_end().await.last(), Some(Call::Complete(_))));
            let want = control.want();
            assert_eq!((&want.provisioner_types, &want.tags), (&types, &tags));
        }
        daemon.close().await;
        // One name, one worker, whatever the types: each has its own count.
        for provisioner_type in types {
            let count = format!(r#"provisioner="{provisioner_type}",status="success"}} 1"#);
            assert!(daemon.metrics().contains(&count), "{}", daemon.metrics());
        }
    });
}
