//! Waiting for an agent and its start scripts.

use std::time::Duration;

use groundhog_wire::v1::{AgentLifecycle, JobStatus, Transition};
use serde_json::Value;
use tonic::Status;

use crate::world::{AgentPlan, Manner, Plan, Play, create_arguments, fields, play};

const LONG: Duration = Duration::from_mins(60);

/// Creates a workspace whose build ends with these agents.
fn created_with(play: &mut Play<'_>, agents: Vec<AgentPlan>) -> Value {
    play.control.state().plans.push_back(Plan::with(agents));
    play.created("")
}

/// What is said of the agent.
fn said(answer: &Value) -> [&str; 4] {
    ["agent_status", "agent_error", "startup_scripts", "lifecycle_state"]
        .map(|field| answer.get(field).map_or("", |value| value.as_str().expect("text")))
}

/// How long the last call took, in seconds.
fn took_s(play: &Play<'_>) -> u64 {
    let took = play.fields("tool.answered", "took_ms").pop().expect("it was answered");
    took.parse::<u64>().expect("a number") / 1_000
}

#[test]
fn agent_connects_and_lifecycle_ready() {
    play(|play| {
        let answer = created_with(play, vec![AgentPlan::default()]);
        assert_eq!(said(&answer), ["", "", "", ""]);
        assert_eq!(play.seen().dialled.len(), 1);
    });
}

#[test]
fn agent_connect_timeout() {
    play(|play| {
        play.dials(&[Manner::Fails]);
        let answer = created_with(play, vec![AgentPlan::default()]);
        assert_eq!(said(&answer), ["not_ready", "there is no way to it", "", ""]);
        // Every 2 s for 2 min.
        assert_eq!(play.seen().dialled.len(), 60);
        assert!((125..=132).contains(&took_s(play)), "{}", took_s(play));
    });
}

/// Nobody waits for an agent that is not to run any more (#23707).
#[test]
fn an_agent_whose_workspace_is_built_meanwhile_is_not_waited_for() {
    for (transition, error) in [
        (Transition::Stop, "the workspace was stopped while its agent was waited for; use start_workspace to start it"),
        (Transition::Start, "the workspace was built anew while its agent was waited for; try again"),
    ] {
        play(|play| {
            play.dials(&[Manner::Hangs]);
            play.control.state().plans.push_back(Plan::with(vec![AgentPlan::default()]));
            let call = play.begin("runtime", 1, "create_workspace", &create_arguments(""));
            play.run(20);
            let id = play.control.state().chat().workspace_id.clone();
            play.control.state().add_build(&id, transition, Plan::with(vec![AgentPlan::default()]));
            let answer = fields(play.end_of(call));
            assert_eq!((&answer["created"], said(&answer)), (&Value::Bool(true), ["not_ready", error, "", ""]));
            assert!(took_s(play) <= 30, "{}", took_s(play));
        });
    }
}

/// An attempt that comes to nothing has 5 s.
#[test]
fn an_attempt_that_hangs_is_given_up() {
    play(|play| {
        play.dials(&[Manner::Hangs]);
        let answer = created_with(play, vec![AgentPlan::default()]);
        assert_eq!(said(&answer), ["not_ready", "the agent did not answer in time", "", ""]);
        // Every 5 + 2 s for 2 min.
        assert_eq!(play.seen().dialled.len(), 18);
        assert!((125..=132).contains(&took_s(play)), "{}", took_s(play));
    });
}

#[test]
fn external_agent_timeout_message() {
    play(|play| {
        play.dials(&[Manner::Fails]);
        let answer = created_with(play, vec![AgentPlan { external: true, ..AgentPlan::default() }]);
        let [status, error, ..] = said(&answer);
        assert_eq!(status, "not_ready");
        assert!(error.contains("externally managed") && error.ends_with("there is no way to it"), "{error}");
    });
}

#[test]
fn external_agent_eventually_connects() {
    play(|play| {
        play.dials(&[Manner::Fails, Manner::Answers]);
        let answer = created_with(play, vec![AgentPlan { external: true, ..AgentPlan::default() }]);
        assert_eq!(said(&answer), ["", "", "", ""]);
        assert_eq!(play.seen().dialled.len(), 2);
    });
}

#[test]
fn agent_connects_but_startup_fails() {
    play(|play| {
        let agent = AgentPlan { ends: AgentLifecycle::StartError, ..AgentPlan::default() };
        let answer = created_with(play, vec![agent]);
        assert_eq!(said(&answer), ["", "", "startup_scripts_failed", "start_error"]);
    });
}

#[test]
fn scripts_that_do_not_end_are_given_up() {
    play(|play| {
        let answer = created_with(play, vec![AgentPlan { scripts: LONG, ..AgentPlan::default() }]);
        assert_eq!(said(&answer), ["", "", "startup_scripts_timeout", ""]);
        assert!((605..=610).contains(&took_s(play)), "{}", took_s(play));
    });
}

/// Who can't read the lifecycle for a while goes on asking.
#[test]
fn scripts_are_waited_for_past_errors() {
    play(|play| {
        play.control.state().fails.insert("get_agent", (0..40).map(|_| Status::unavailable("no database")).collect());
        let answer = created_with(play, vec![AgentPlan::default()]);
        assert_eq!(said(&answer), ["", "", "", ""]);
        assert_eq!(play.control.state().count("get_agent"), 41);
    });
}

#[test]
fn scripts_that_can_never_be_read_are_unknown() {
    play(|play| {
        play.control.state().refuses.insert("get_agent", Status::unavailable("no database"));
        let answer = created_with(play, vec![AgentPlan::default()]);
        assert_eq!(said(&answer), ["", "", "startup_scripts_unknown", ""]);
        assert!((605..=610).contains(&took_s(play)), "{}", took_s(play));
    });
}

/// What is gone tells nothing later either.
#[test]
fn scripts_of_an_agent_that_is_gone_are_unknown_at_once() {
    play(|play| {
        play.control.state().refuses.insert("get_agent", Status::not_found("there is no such agent"));
        let answer = created_with(play, vec![AgentPlan::default()]);
        assert_eq!(said(&answer), ["", "", "startup_scripts_unknown", ""]);
        assert!(took_s(play) < 10, "{}", took_s(play));
    });
}

/// Without a dialer, nobody finds out whether the agent can be reached, and that is no error.
#[test]
fn nil_agent_conn_fn() {
    play(|play| {
        let mut config = play.config();
        config.dialer = None;
        play.equip("runtime", config);
        let answer = created_with(play, vec![AgentPlan { connects: None, ..AgentPlan::default() }]);
        assert_eq!(play.seen().dialled, []);
        // The scripts of an agent that never comes never end.
        assert_eq!(said(&answer), ["", "", "startup_scripts_timeout", ""]);
    });
}

#[test]
fn prefers_chat_suffix_agent() {
    play(|play| {
        let first = AgentPlan { display_order: -1, ..AgentPlan::named("first") };
        let answer = created_with(play, vec![first, AgentPlan::named("dev-coderd-chat")]);
        assert_eq!(said(&answer), ["", "", "", ""]);
        let chosen = play.control.state().workspace().agents[1].agent_id.parse().expect("an id");
        assert_eq!(play.seen().dialled, [chosen]);
        assert_eq!(play.control.state().chat().agent_id, chosen.to_string());
    });
}

#[test]
fn returns_selection_error_immediately() {
    play(|play| {
        let agents = vec![AgentPlan::named("a-coderd-chat"), AgentPlan::named("b-coderd-chat")];
        let answer = created_with(play, agents);
        let [status, error, ..] = said(&answer);
        assert_eq!(status, "selection_error");
        assert!(error.starts_with("multiple agents match the chat suffix "), "{error}");
        assert_eq!(play.seen().dialled, []);
        assert!(took_s(play) < 10, "{}", took_s(play));
    });
}

/// The display order comes before the name.
#[test]
fn the_first_agent_is_by_display_order() {
    play(|play| {
        let first = AgentPlan { display_order: -1, ..AgentPlan::named("z") };
        created_with(play, vec![AgentPlan::named("a"), first]);
        let chosen = play.control.state().workspace().agents[1].agent_id.parse().expect("an id");
        assert_eq!(play.seen().dialled, [chosen]);
    });
}

#[test]
fn a_workspace_without_agents_is_answered_as_that() {
    play(|play| {
        let answer = created_with(play, Vec::new());
        assert_eq!(said(&answer), ["no_agent", "", "", ""]);
        assert_eq!(answer["created"], true);
    });
}

/// What can't be read is told, and is not taken for a workspace without agents.
#[test]
fn agents_that_can_not_be_read_are_told() {
    play(|play| {
        play.control.state().refuses.insert("list_agents", Status::unavailable("no database"));
        let answer = created_with(play, vec![AgentPlan::default()]);
        assert_eq!(said(&answer), ["selection_error", "list agents: no database", "", ""]);
        assert_eq!(answer["created"], true);
    });
}

/// A start that was under way and whose template is at fault is borne: the person has the workspace for some time.
#[test]
fn several_agents_of_an_existing_workspace_are_borne() {
    play(|play| {
        {
            let mut state = play.control.state();
            state.has(Transition::Start, JobStatus::Succeeded);
            let id = state.chat().workspace_id.clone();
            let agents = vec![AgentPlan::named("b-coderd-chat"), AgentPlan::named("a-coderd-chat")];
            state.add_build(&id, Transition::Start, Plan::with(agents));
        }
        let answer = play.created("");
        assert_eq!(answer["message"], "workspace build completed");
        assert_eq!(said(&answer), ["", "", "", ""]);
        let chosen = play.control.state().workspace().agents[1].agent_id.parse().expect("an id");
        assert_eq!(play.seen().dialled, [chosen]);
    });
}
