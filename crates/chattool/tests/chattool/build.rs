//! start_workspace and stop_workspace.

use groundhog_chattool::{Answer, texts};
use groundhog_wire::v1::{AgentStatus, JobStatus, Transition};
use serde_json::{Value, json};
use tonic::Status;

use crate::world::{Manner, Plan, Play, fields, play};

fn start(play: &mut Play<'_>) -> Value {
    fields(play.call("start_workspace", "{}"))
}

fn stop(play: &mut Play<'_>) -> Value {
    fields(play.call("stop_workspace", "{}"))
}

/// The builds that were asked for: what for, and after which.
fn asked(play: &Play<'_>) -> Vec<(Transition, u32)> {
    play.control.state().builds.iter().map(|request| (request.transition(), request.after_build)).collect()
}

fn build(play: &Play<'_>, transition: Transition, plan: Plan) -> String {
    let mut state = play.control.state();
    state.has(Transition::Start, JobStatus::Succeeded);
    let id = state.chat().workspace_id.clone();
    state.add_build(&id, transition, plan).build_id
}

#[test]
fn a_stopped_workspace_is_started() {
    play(|play| {
        play.control.state().has(Transition::Stop, JobStatus::Succeeded);
        let answer = start(play);
        let build = play.control.state().workspace().latest.build_id.clone();
        assert_eq!(answer, json!({ "started": true, "workspace_name": "dev", "build_id": build }));
        assert_eq!(asked(play), [(Transition::Start, 1)]);
        assert_eq!(play.fields("tool.waiting", "on"), ["build", "agent", "scripts"]);
        let agent = play.control.state().workspace().agents[0].agent_id.clone();
        assert_eq!(play.control.state().chat().agent_id, agent);
        assert_eq!(play.fields("tool.answered", "outcome"), ["started"]);
    });
}

#[test]
fn a_start_that_fails_is_told() {
    play(|play| {
        play.control.state().has(Transition::Stop, JobStatus::Succeeded);
        play.control.state().plans.push_back(Plan::fails("out of disk", ""));
        assert_eq!(start(play)["error"], "workspace start failed: out of disk");
        play.control.state().plans.push_back(Plan::fails("no credits", "INSUFFICIENT_QUOTA"));
        let answer = start(play);
        assert_eq!((&answer["error_code"], &answer["quota"]["budget"]), (&json!("INSUFFICIENT_QUOTA"), &json!(40)));
    });
}

#[test]
fn a_workspace_that_runs_is_not_started() {
    for (status, message) in [
        (AgentStatus::Connected, "workspace is already running and recently connected"),
        (AgentStatus::Connecting, "workspace exists and the agent is still connecting"),
        (AgentStatus::Unspecified, "workspace is already running and reachable"),
    ] {
        play(|play| {
            play.control.state().has_agent(status);
            let expected =
                json!({ "started": false, "workspace_name": "dev", "status": "already_running", "message": message });
            assert_eq!(start(play), expected);
            assert_eq!(asked(play), []);
        });
    }
}

/// A start that is under way is waited for, and so is a stop, upon which the workspace is started.
#[test]
fn a_build_under_way_is_waited_for() {
    play(|play| {
        let build = build(play, Transition::Start, Plan::default());
        let answer = start(play);
        assert_eq!((&answer["started"], &answer["build_id"]), (&json!(false), &json!(build)));
        assert_eq!(asked(play), []);
    });
    play(|play| {
        build(play, Transition::Stop, Plan::default());
        assert_eq!(start(play)["started"], true);
        assert_eq!(asked(play), [(Transition::Start, 2)]);
    });
    play(|play| {
        build(play, Transition::Start, Plan::default());
        assert_eq!(stop(play)["stopped"], true);
        assert_eq!(asked(play), [(Transition::Stop, 2)]);
    });
    play(|play| {
        build(play, Transition::Stop, Plan::default());
        assert_eq!(stop(play)["status"], "already_stopped");
        assert_eq!(asked(play), []);
    });
}

/// Its agent may come back; a start of what runs would not be one.
#[test]
fn a_workspace_whose_agent_is_gone_is_waited_for() {
    play(|play| {
        play.control.state().has_agent(AgentStatus::Disconnected);
        play.dials(&[Manner::Fails]);
        let answer = start(play);
        assert_eq!((&answer["started"], &answer["agent_status"]), (&json!(false), &json!("not_ready")));
        assert_eq!(asked(play), []);
    });
}

#[test]
fn what_failed_is_started_anew() {
    play(|play| {
        play.control.state().has(Transition::Start, JobStatus::Failed);
        assert_eq!(start(play)["started"], true);
        assert_eq!(asked(play), [(Transition::Start, 1)]);
    });
}

#[test]
fn without_a_workspace_there_is_nothing_to_start_or_to_stop() {
    play(|play| {
        for tool in ["start_workspace", "stop_workspace"] {
            assert_eq!(play.call(tool, "{}"), Answer::Error(texts::NO_WORKSPACE.to_owned()));
        }
        play.control.state().has(Transition::Destroy, JobStatus::Succeeded);
        for tool in ["start_workspace", "stop_workspace"] {
            assert_eq!(play.call(tool, "{}"), Answer::Error(texts::WORKSPACE_DELETED.to_owned()));
        }
        assert_eq!(asked(play), []);
    });
}

#[test]
fn a_workspace_that_runs_is_stopped() {
    play(|play| {
        play.control.state().has_agent(AgentStatus::Connected);
        let answer = stop(play);
        let build = play.control.state().workspace().latest.build_id.clone();
        assert_eq!(answer, json!({ "stopped": true, "workspace_name": "dev", "build_id": build }));
        assert_eq!(stop(play)["status"], "already_stopped");
        assert_eq!(asked(play), [(Transition::Stop, 1)]);
        assert_eq!(play.fields("tool.answered", "outcome"), ["stopped", "already_stopped"]);
        // Whether its agents are there is nothing to a stop.
        assert_eq!(play.control.state().count("list_agents"), 0);
    });
}

/// A request whose answer was lost is sent again, and finds the build that it has made.
#[test]
fn a_lost_answer_builds_nothing_twice() {
    play(|play| {
        play.control.state().has(Transition::Stop, JobStatus::Succeeded);
        play.control.state().loses_answers.insert("create_build", 1);
        let answer = start(play);
        assert_eq!(answer["message"], "workspace build completed");
        assert_eq!(play.control.state().workspace().latest.number, 2);
    });
}

#[test]
fn a_refusal_is_an_error() {
    play(|play| {
        play.control.state().has(Transition::Stop, JobStatus::Succeeded);
        play.control.state().refuses.insert("create_build", Status::failed_precondition("it is dormant"));
        assert_eq!(play.call("start_workspace", ""), Answer::Error("start workspace: it is dormant".to_owned()));
        play.control.state().has_agent(AgentStatus::Connected);
        assert_eq!(play.call("stop_workspace", ""), Answer::Error("stop workspace: it is dormant".to_owned()));
    });
}
