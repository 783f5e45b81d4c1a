//! What a build that is waited for has come to; how far an agent's start scripts are.

use groundhog_chattool::{
    build::{Failure, Progress, progress},
    scripts::{Scripts, scripts},
};
use groundhog_wire::v1::{self, AgentLifecycle, JobStatus};
use tonic::Status;

fn of(status: i32, error: &str, error_code: &str) -> Progress {
    progress(&v1::Build { status, error: error.to_owned(), error_code: error_code.to_owned(), ..v1::Build::default() })
}

fn failed(text: &str, insufficient_quota: bool) -> Progress {
    Progress::Failed(Failure { text: text.to_owned(), insufficient_quota })
}

#[test]
fn every_status_of_a_build_is_thought_of() {
    for waits in [JobStatus::Pending, JobStatus::Running, JobStatus::Canceling] {
        assert_eq!(of(waits.into(), "", ""), Progress::Wait, "{waits:?}");
    }
    assert_eq!(of(JobStatus::Succeeded.into(), "", ""), Progress::Done);
    assert_eq!(of(JobStatus::Failed.into(), "", ""), failed("build failed", false));
    assert_eq!(of(JobStatus::Failed.into(), "no disk", "OTHER"), failed("no disk", false));
    assert_eq!(of(JobStatus::Failed.into(), "too dear", "INSUFFICIENT_QUOTA"), failed("too dear", true));
    let long = of(JobStatus::Failed.into(), &"é".repeat(100_000), "");
    assert!(matches!(long, Progress::Failed(why) if why.text.chars().count() == 4_001 && why.text.ends_with('…')));
    assert_eq!(of(JobStatus::Unspecified.into(), "", ""), failed("unexpected job status: unspecified", false));
    assert_eq!(of(99, "", ""), failed("unexpected job status: 99", false));
}

/// A cancelled build may carry an error, and says nothing of it.
#[test]
fn a_cancelled_build_is_told_as_that() {
    assert_eq!(of(JobStatus::Canceled.into(), "", ""), failed("build was canceled", false));
    assert_eq!(of(JobStatus::Canceled.into(), "x", "INSUFFICIENT_QUOTA"), failed("build was canceled", false));
}

#[test]
fn a_build_that_can_not_be_waited_for_is_told_so() {
    let late = Failure::timed_out().text;
    assert_eq!(late, "timed out waiting for workspace build: it did not end within 10 minutes");
    assert_eq!(Failure::unread(&Status::unavailable("no database")).text, "get build: no database");
}

#[test]
fn every_state_of_an_agents_life_is_thought_of() {
    let expected = [
        (AgentLifecycle::Unspecified, Scripts::Wait),
        (AgentLifecycle::Created, Scripts::Wait),
        (AgentLifecycle::Starting, Scripts::Wait),
        (AgentLifecycle::StartTimeout, Scripts::Failed("start_timeout")),
        (AgentLifecycle::StartError, Scripts::Failed("start_error")),
        (AgentLifecycle::Ready, Scripts::Ready),
        (AgentLifecycle::ShuttingDown, Scripts::Failed("shutting_down")),
        (AgentLifecycle::ShutdownTimeout, Scripts::Failed("shutdown_timeout")),
        (AgentLifecycle::ShutdownError, Scripts::Failed("shutdown_error")),
        (AgentLifecycle::Off, Scripts::Failed("off")),
    ];
    for (state, expected) in expected {
        assert_eq!(scripts(state.into()), expected, "{state:?}");
        // The name is the protocol's own, without what all of them begin with.
        if let Scripts::Failed(name) = expected {
            assert_eq!(format!("AGENT_LIFECYCLE_{}", name.to_uppercase()), state.as_str_name());
        }
    }
    assert_eq!(scripts(99), Scripts::Wait);
}
