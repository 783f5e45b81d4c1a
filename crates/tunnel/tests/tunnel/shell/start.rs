//! Coming up.

use groundhog_tunnel::machine::Options;
use groundhog_wire::v1::{AgentLifecycle, JobStatus, Transition};
use tonic::Status;

use super::{
    play::{OPEN, TIMID, play},
    probe::{Manner, Probe},
};

#[test]
fn a_workspace_that_runs_is_connected_to() {
    play(Probe::default(), |play| {
        play.open(OPEN, 5);
        assert_eq!(play.states(), ["waitForAgent", "establishTailnet", "tailnetUp", "applicationUp"]);
        assert_eq!(play.story(), ["opened", "network_up", "app_up"]);
        assert_eq!(play.fields("tunnel.network_up", "path"), ["direct"]);
        assert_eq!(play.probe.calls(), ["start"]);
        assert_eq!(play.control.state().starts, [] as [u32; 0]);
    });
}

/// The whole way, from a stopped workspace, with what a person sees of it meanwhile.
#[test]
fn a_stopped_workspace_is_started_and_its_logs_are_shown() {
    play(Probe::default(), |play| {
        {
            let mut state = play.control.state();
            state.build = (2, Transition::Stop, JobStatus::Succeeded, "");
            state.build_log = vec!["plan\r", "apply"];
            state.agent_log = vec!["hello\nthere", "done"];
        }
        play.open(OPEN, 3);
        assert_eq!(play.states(), ["waitForWorkspaceStarted"]);
        assert_eq!(play.control.state().starts, [2]);
        assert_eq!(play.fields("tunnel.start_answered", "answer"), ["build 3"]);
        play.control.state().tell_build(3, Transition::Start, JobStatus::Running);
        play.run(1);
        play.control.state().tell_build(3, Transition::Start, JobStatus::Succeeded);
        play.control.state().tell_agent(3, AgentLifecycle::Starting);
        play.run(2);
        assert_eq!(play.states().last().map(String::as_str), Some("waitForAgent"));
        play.control.state().tell_agent(3, AgentLifecycle::Ready);
        play.run(2);
        assert_eq!(play.states().last().map(String::as_str), Some("applicationUp"));
        // Each line once, though the calls break after the first one.
        let lines = play.handle().lines.clone();
        assert_eq!(lines, ["plan", "apply", "hello", "there", "done"]);
        assert_eq!(play.control.state().starts, [2], "it is asked once");
    });
}

/// A request whose answer is lost is sent again, and finds the build that it has made.
#[test]
fn a_lost_answer_starts_nothing_twice() {
    play(Probe::default(), |play| {
        {
            let mut state = play.control.state();
            state.build = (2, Transition::Stop, JobStatus::Succeeded, "");
            state.loses_answers = 1;
        }
        play.open(OPEN, 5);
        assert_eq!(play.control.state().starts, [2, 2]);
        assert_eq!(play.fields("tunnel.start_answered", "answer"), ["another build is there"]);
        assert_eq!(play.control.state().build.0, 3);
        play.control.state().tell_started(3);
        play.run(3);
        assert_eq!(play.events("tunnel.app_up"), 1);
    });
}

/// T1: nothing would come, and the person learns why.
#[test]
fn a_refused_start_ends_the_tunnel() {
    play(Probe::default(), |play| {
        {
            let mut state = play.control.state();
            state.build = (2, Transition::Stop, JobStatus::Succeeded, "");
            state.refuses.insert("create_build", Status::failed_precondition("out of quota"));
        }
        play.open(OPEN, 5);
        assert_eq!(play.ended(), "the workspace could not be started: the tunnel ends (out of quota)");
        assert_eq!(play.handle().lines, [play.ended()]);
        assert_eq!(play.control.state().starts, [] as [u32; 0]);
        assert_eq!(play.probe.calls(), [] as [&str; 0]);
    });
}

/// T1, D2: a start that fails when somebody else has started the workspace harms nobody.
#[test]
fn a_start_that_fails_late_leaves_a_tunnel_up() {
    play(Probe::default(), |play| {
        {
            let mut state = play.control.state();
            state.build = (2, Transition::Stop, JobStatus::Succeeded, "");
            state.holds_answers = true;
        }
        play.open(OPEN, 3);
        play.control.state().tell_started(3);
        play.run(3);
        assert_eq!(play.events("tunnel.app_up"), 1);
        play.control.state().refuses.insert("create_build", Status::failed_precondition("out of quota"));
        // The call's time is up, and the next one is refused.
        play.run(60);
        assert_eq!(play.fields("tunnel.start_answered", "answer"), ["out of quota"]);
        assert_eq!(play.probe.calls(), ["start"]);
        assert_eq!(play.ended(), "");
        play.shut_down(60, 10);
        assert_eq!(play.probe.calls(), ["start", "close"]);
    });
}

/// T3: what started the workspace has come and gone unseen.
#[test]
fn a_stop_that_was_told_of_late_is_followed_by_a_start() {
    play(Probe::default(), |play| {
        play.control.state().build = (1, Transition::Start, JobStatus::Running, "");
        play.open(OPEN, 3);
        assert_eq!(play.states(), ["waitForWorkspaceStarted"]);
        play.control.state().tell_build(2, Transition::Stop, JobStatus::Succeeded);
        play.run(3);
        assert_eq!(play.control.state().starts, [2]);
        play.control.state().tell_started(3);
        play.run(3);
        assert_eq!(play.events("tunnel.app_up"), 1);
    });
}

/// T8: however often the workspace is stopped, one start is asked for at a time, and the last stop is not forgotten.
#[test]
fn one_start_is_asked_for_at_a_time() {
    play(Probe::default(), |play| {
        {
            let mut state = play.control.state();
            state.build = (2, Transition::Stop, JobStatus::Succeeded, "");
            state.holds_answers = true;
        }
        play.open(OPEN, 2);
        assert_eq!(play.control.state().starts, [2]);
        for (number, status) in [(4, JobStatus::Pending), (4, JobStatus::Succeeded), (6, JobStatus::Succeeded)] {
            play.control.state().tell_build(number, Transition::Stop, status);
            play.run(1);
        }
        assert_eq!(play.control.state().starts, [2], "the first one is not answered");
        play.control.state().holds_answers = false;
        // Its time is up, and the next try is told of another build.
        play.run(40);
        assert_eq!(play.control.state().starts, [2, 2, 6]);
        assert_eq!(play.fields("tunnel.start_asked", "after"), ["2", "6"]);
        play.control.state().tell_started(7);
        play.run(3);
        assert_eq!(play.events("tunnel.app_up"), 1);
    });
}

#[test]
fn a_stopped_workspace_is_left_alone_if_told_so() {
    play(Probe::default(), |play| {
        play.control.state().build = (2, Transition::Stop, JobStatus::Running, "");
        play.open(TIMID, 3);
        let told = "the workspace is stopped, and the option no_autostart says that it is left so: the tunnel ends";
        assert_eq!(play.ended(), told);
        assert_eq!(play.handle().lines, [told]);
        assert_eq!(play.control.state().starts, [] as [u32; 0]);
    });
}

/// D13: a person learns that a build has failed, and why.
#[test]
fn a_failed_build_ends_the_tunnel_in_words() {
    play(Probe::default(), |play| {
        play.control.state().build = (3, Transition::Start, JobStatus::Failed, "no space left");
        play.open(OPEN, 3);
        assert_eq!(play.ended(), "build 3 (start) is failed: the tunnel ends (no space left)");
    });
}

/// The last lines of its log are shown, though it is over before they are asked for.
#[test]
fn the_log_of_a_build_that_failed_is_shown_to_its_end() {
    play(Probe::default(), |play| {
        play.control.state().build = (2, Transition::Stop, JobStatus::Running, "");
        play.open(OPEN, 3);
        {
            let mut state = play.control.state();
            state.build_log = vec!["plan", "no space left"];
            state.tell_build(3, Transition::Start, JobStatus::Failed);
        }
        play.run(3);
        assert_eq!(play.handle().lines, ["build 3 (start) is failed: the tunnel ends", "plan", "no space left"]);
        assert_eq!(play.events("tunnel.ended"), 1);
    });
    // A log that does not come is not waited for.
    play(Probe::default(), |play| {
        play.control.state().build = (2, Transition::Stop, JobStatus::Running, "");
        play.open(OPEN, 3);
        {
            let mut state = play.control.state();
            state.refuses.insert("follow_logs", Status::unavailable("not now"));
            state.tell_build(3, Transition::Start, JobStatus::Failed);
        }
        play.run(1);
        assert_eq!(play.events("tunnel.ended"), 0);
        play.run(2);
        assert_eq!(play.events("tunnel.ended"), 1);
    });
}

/// T9: said once, however often it is told, and what would let it through does.
#[test]
fn scripts_that_fail_are_told_of_once() {
    play(Probe::default(), |play| {
        play.control.state().agent = (1, AgentLifecycle::StartTimeout);
        play.open(OPEN, 3);
        play.control.state().tell_agent(1, AgentLifecycle::StartError);
        play.run(3);
        // The control plane is asked again, and says the same again.
        play.control.state().end_watches(groundhog_wire::v1::watch_end::Kind::Shutdown, "stopping", true);
        play.run(3);
        let lines = play.handle().lines.clone();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines.iter().all(|line| line.contains("no_wait_for_scripts")), "{lines:?}");
        assert_eq!(play.states(), ["waitForAgent"]);
        play.control.state().tell_agent(1, AgentLifecycle::Ready);
        play.run(3);
        assert_eq!(play.events("tunnel.app_up"), 1);
    });
}

#[test]
fn scripts_that_fail_are_not_waited_for_if_told_so() {
    play(Probe::default(), |play| {
        play.control.state().agent = (1, AgentLifecycle::StartError);
        play.open(Options { no_autostart: false, no_wait_for_scripts: true }, 5);
        assert_eq!(play.events("tunnel.app_up"), 1);
    });
}

/// D8, in part: the person learns that the agent could not be reached, and why.
#[test]
fn an_agent_that_is_not_found_ends_the_tunnel() {
    play(Probe::default(), |play| {
        play.control.state().hides_agent = true;
        play.open(OPEN, 30);
        assert_eq!(play.states(), ["waitForAgent", "establishTailnet"]);
        play.run(40);
        assert!(play.ended().starts_with("the agent could not be reached: the tunnel ends ("), "{}", play.ended());
        assert_eq!(play.events("tunnel.dial_failed"), 1);
    });
}

#[test]
fn an_application_that_fails_to_start_ends_the_tunnel() {
    play(Probe::starts(Manner::Fails), |play| {
        play.open(OPEN, 10);
        assert_eq!(play.ended(), "the application could not be started: the tunnel ends (it does not want to)");
        assert_eq!(play.probe.calls(), ["start", "abandon"]);
        assert_eq!(play.story(), ["opened", "network_up", "app_failed", "told", "network_down", "ended"]);
        assert_eq!(play.control.state().partings, 1);
    });
}

#[test]
fn an_application_that_takes_for_ever_to_start_ends_the_tunnel() {
    play(Probe::starts(Manner::Hangs), |play| {
        play.open(OPEN, 28);
        assert_eq!(play.ended(), "");
        play.run(10);
        assert_eq!(play.ended(), "the application could not be started: the tunnel ends (it took longer than 30s)");
        assert_eq!(play.probe.calls(), ["start", "abandon"]);
    });
}
