//! create_workspace finds what the chat has.

use std::time::Duration;

use groundhog_chattool::{Answer, texts};
use groundhog_wire::v1::{AgentLifecycle, AgentStatus, JobStatus, Transition};
use serde_json::{Value, json};
use tonic::Status;

use crate::world::{Manner, Plan, Play, play};

/// Queues a build of the chat's workspace.
fn build(play: &Play<'_>, transition: Transition, plan: Plan) -> String {
    let mut state = play.control.state();
    state.has(Transition::Start, JobStatus::Succeeded);
    let id = state.chat().workspace_id.clone();
    state.add_build(&id, transition, plan).build_id
}

fn there(message: &str) -> Value {
    json!({ "created": false, "workspace_name": "dev", "status": "already_exists", "message": message })
}

/// A workspace was created in place of what the chat has, and this is what it was.
fn replaced(prepare: fn(&mut Play<'_>)) -> String {
    play(|play| {
        prepare(play);
        let (dead, number) = {
            let mut state = play.control.state();
            (state.chat().workspace_id.clone(), state.workspace().latest.number)
        };
        assert_eq!(play.created("")["created"], true);
        let mut state = play.control.state();
        let told = state.creates[0].chat.clone().expect("it is for a chat").replaces.expect("it is told");
        assert_eq!((told.workspace_id.as_str(), told.build_number), (dead.as_str(), number));
        assert_ne!(state.chat().workspace_id, dead);
        drop(state);
        let asked = play.fields("tool.asked", "instead_of").pop().expect("it was asked for");
        asked.strip_prefix("dev: ").expect("the workspace is named").to_owned()
    })
}

#[test]
fn connected_agent() {
    play(|play| {
        play.control.state().has_agent(AgentStatus::Connected);
        assert_eq!(play.created(""), there("workspace is already running and recently connected"));
        assert_eq!(play.seen().dialled, []);
        assert_eq!(play.fields("tool.waiting", "on"), ["scripts"]);
        let agent = play.control.state().chat().agent_id.clone();
        assert_eq!(agent, play.control.state().workspace().agents[0].agent_id);
        // The second time there is nothing new to say.
        assert_eq!(play.created(""), there("workspace is already running and recently connected"));
        assert_eq!(play.control.state().count("bind_chat"), 1);
    });
}

/// Its start scripts are waited for all the same.
#[test]
fn a_connected_agent_that_starts_is_waited_for() {
    play(|play| {
        play.control.state().has_agent(AgentStatus::Connected).agents[0].set_lifecycle(AgentLifecycle::StartTimeout);
        let answer = play.created("");
        assert_eq!(
            (&answer["startup_scripts"], &answer["lifecycle_state"]),
            (&json!("startup_scripts_failed"), &json!("start_timeout"))
        );
    });
}

#[test]
fn connecting_agent_waits() {
    play(|play| {
        play.control.state().has_agent(AgentStatus::Connecting);
        assert_eq!(play.created(""), there("workspace exists and the agent is still connecting"));
        assert_eq!(play.seen().dialled.len(), 1);
    });
}

#[test]
fn dead_agent_allows_creation_disconnected() {
    assert_eq!(replaced(|play| _ = play.control.state().has_agent(AgentStatus::Disconnected)), "disconnected");
}

#[test]
fn dead_agent_allows_creation_timed_out() {
    assert_eq!(replaced(|play| _ = play.control.state().has_agent(AgentStatus::TimedOut)), "timed_out");
}

#[test]
fn a_workspace_without_agents_allows_creation() {
    assert_eq!(replaced(|play| _ = play.control.state().has(Transition::Start, JobStatus::Succeeded)), "no_agent");
}

#[test]
fn deleted_workspace() {
    assert_eq!(replaced(|play| _ = play.control.state().has(Transition::Destroy, JobStatus::Succeeded)), "deleted");
}

#[test]
fn failed_and_canceled_builds_allow_creation() {
    assert_eq!(replaced(|play| _ = play.control.state().has(Transition::Start, JobStatus::Failed)), "failed");
    assert_eq!(replaced(|play| _ = play.control.state().has(Transition::Start, JobStatus::Canceled)), "canceled");
    assert_eq!(replaced(|play| _ = play.control.state().has(Transition::Stop, JobStatus::Canceling)), "canceled");
}

#[test]
fn stopped_workspace() {
    play(|play| {
        play.control.state().has(Transition::Stop, JobStatus::Succeeded);
        let expected = json!({
            "created": false,
            "workspace_name": "dev",
            "status": "stopped",
            "message": "workspace is stopped; use start_workspace to start it",
        });
        assert_eq!(play.created(""), expected);
        assert_eq!(play.control.state().creates, []);
    });
}

#[test]
fn in_progress_build_returns_build_id() {
    play(|play| {
        let build = build(play, Transition::Start, Plan::default());
        let mut expected = there("workspace build completed");
        expected["build_id"] = build.clone().into();
        assert_eq!(play.created(""), expected);
        assert_eq!(play.seen().dialled.len(), 1);
        // Bound to the build before the wait, and to its agent after.
        let binds = play.control.state().binds.clone();
        let told: Vec<_> = binds.iter().map(|bind| (bind.build_id.clone(), bind.agent_id.is_empty())).collect();
        assert_eq!(told, [(build.clone(), true), (build, false)]);
        assert_eq!(play.fields("tool.chat_updated", "what"), ["build", "agent"]);
    });
}

#[test]
fn in_progress_build_failure_returns_build_id() {
    play(|play| {
        let build = build(play, Transition::Start, Plan::fails("", ""));
        let expected = json!({ "error": "existing workspace build failed: build failed", "build_id": build });
        assert_eq!(play.created(""), expected);
        assert_eq!(play.control.state().creates, []);
    });
}

/// After a stop that was under way the model learns that the workspace is stopped.
#[test]
fn a_stop_under_way_is_waited_for() {
    play(|play| {
        build(play, Transition::Stop, Plan::default());
        assert_eq!(play.created("")["status"], "stopped");
        assert_eq!(play.fields("tool.found", "state"), ["building", "stopped"]);
    });
}

/// After a destroy that was under way there is room for another one; and within the time that builds have together.
#[test]
fn a_destroy_under_way_is_waited_for() {
    play(|play| {
        build(play, Transition::Destroy, Plan { takes: Duration::from_mins(8), ..Plan::default() });
        play.control.state().plans.push_back(Plan { takes: Duration::from_mins(8), ..Plan::default() });
        let answer = play.created("");
        let error = answer["error"].as_str().expect("an error");
        assert!(error.starts_with("workspace build failed: timed out "), "{error}");
        assert_eq!(play.fields("tool.found", "state"), ["building", "deleted"]);
        let took: u64 = play.fields("tool.answered", "took_ms")[0].parse().expect("a number");
        assert!((600_000..602_000).contains(&took), "{took}");
    });
}

/// C1: what can't be read is no proof that anything is dead.
#[test]
fn what_can_not_be_read_is_not_replaced() {
    for (call, step) in [("get_chat", "load chat"), ("get_workspace", "load workspace"), ("list_agents", "list agents")]
    {
        for status in
            [Status::unavailable("no database"), Status::not_found("no database"), Status::internal("no database")]
        {
            play(|play| {
                play.control.state().has_agent(AgentStatus::Disconnected);
                play.control.state().refuses.insert(call, status);
                assert_eq!(play.create(""), Answer::Error(format!("{step}: no database")));
                assert_eq!(play.control.state().creates, []);
            });
        }
    }
}

/// A read that fails for a while is made again.
#[test]
fn what_can_be_read_a_little_later_is_read() {
    play(|play| {
        play.control.state().has_agent(AgentStatus::Connected);
        for call in ["get_chat", "get_workspace", "list_agents"] {
            let errors = (0..10).map(|_| Status::unavailable("no database")).collect();
            play.control.state().fails.insert(call, errors);
        }
        assert_eq!(play.created(""), there("workspace is already running and recently connected"));
    });
}

/// The chat's workspace runs, and its agents can't be read; but the chat knows the one of this build.
fn with_a_known_agent(play: &mut Play<'_>) {
    let mut state = play.control.state();
    let (build, agent) = {
        let workspace = state.has_agent(AgentStatus::Connected);
        (workspace.latest.build_id.clone(), workspace.agents[0].agent_id.clone())
    };
    state.chat().build_id = build;
    state.chat().agent_id = agent;
    state.refuses.insert("list_agents", Status::unavailable("no database"));
}

#[test]
fn an_agent_of_unknown_status_is_asked_itself() {
    play(|play| {
        with_a_known_agent(play);
        assert_eq!(play.created(""), there("workspace is already running and reachable"));
        assert_eq!(play.seen().dialled.len(), 1);
        assert_eq!(play.fields("tool.found", "state"), ["unknown", "reachable"]);
        assert_eq!(play.control.state().binds, []);
    });
    // The control plane does not know either.
    play(|play| {
        play.control.state().has_agent(AgentStatus::Unspecified);
        assert_eq!(play.created(""), there("workspace is already running and reachable"));
    });
}

/// C1: an agent that does not answer is no proof.
#[test]
fn an_agent_of_unknown_status_that_does_not_answer_is_not_replaced() {
    for manner in [Manner::Fails, Manner::Hangs] {
        play(|play| {
            with_a_known_agent(play);
            play.dials(&[manner]);
            assert_eq!(play.create(""), Answer::Error(texts::STATUS_UNKNOWN.to_owned()));
            assert_eq!(play.seen().dialled.len(), 1);
            assert_eq!(play.control.state().creates, []);
        });
    }
    play(|play| {
        with_a_known_agent(play);
        let mut config = play.config();
        config.dialer = None;
        play.equip("runtime", config);
        assert_eq!(play.create(""), Answer::Error(texts::STATUS_UNKNOWN.to_owned()));
    });
}

/// #22442: what the chat knows of an earlier build tells nothing.
#[test]
fn an_agent_of_an_earlier_build_is_not_asked() {
    play(|play| {
        with_a_known_agent(play);
        play.control.state().chat().build_id = crate::world::id(5);
        assert_eq!(play.create(""), Answer::Error("list agents: no database".to_owned()));
        assert_eq!(play.seen().dialled, []);
    });
}
