//! Answers that are lost, a control plane that goes away, and several calls at once.

use std::{collections::BTreeSet, time::Duration};

use groundhog_chattool::{Answer, texts, timing};
use groundhog_sim::{Fault, Ways};
use groundhog_wire::v1::{AgentStatus, JobStatus, Transition};
use serde_json::json;
use tonic::Status;

use crate::world::{Play, chat_id, create_arguments, fields, play};

fn create(play: &mut Play<'_>, host: &'static str) -> usize {
    play.begin(host, 1, "create_workspace", &create_arguments(""))
}

fn kill() -> Fault {
    Fault::Kill { host: "control".to_owned() }
}

/// A request whose answer is lost is sent again, by the same id, and answered with what it has made.
#[test]
fn a_lost_answer_creates_nothing_twice() {
    play(|play| {
        play.control.state().loses_answers.insert("create_workspace", 3);
        assert_eq!(play.created("")["created"], true);
        let state = play.control.state();
        let ids: BTreeSet<_> =
            state.creates.iter().map(|request| request.chat.clone().expect("for a chat").request_id).collect();
        assert_eq!((state.creates.len(), ids.len(), state.workspaces.len()), (4, 1, 1));
    });
}

#[test]
fn a_control_plane_that_restarts_is_waited_for() {
    play(|play| {
        let call = create(play, "runtime");
        play.run(2);
        assert_eq!(play.fields("tool.waiting", "on"), ["build"]);
        play.fault(&kill(), 15);
        assert_eq!(fields(play.end_of(call))["created"], true);
    });
}

/// One that stays away is told, with the build, which may still succeed: the next call finds out.
#[test]
fn a_control_plane_that_stays_away_is_told() {
    play(|play| {
        let call = create(play, "runtime");
        play.run(2);
        play.fault(&kill(), 60);
        let answer = fields(play.end_of(call));
        let error = answer["error"].as_str().expect("an error");
        assert!(error.starts_with("workspace build failed: get build: "), "{error}");
        assert!(answer["build_id"].is_string());
        assert_eq!(play.created("")["status"], "already_exists");
        assert_eq!(play.control.state().workspaces.len(), 1);
    });
}

#[test]
fn a_cut_control_plane_is_an_error_within_the_bounds() {
    play(|play| {
        let cut = Fault::Cut { from: "runtime".to_owned(), to: "control".to_owned(), ways: Ways::Both };
        let call = create(play, "runtime");
        play.fault(&cut, 40);
        let (answer, took) = play.answer(call).expect("it was answered meanwhile");
        assert!(matches!(&answer, Answer::Error(error) if error.starts_with("load chat: ")), "{answer:?}");
        assert!(took <= timing::REQUEST_PATIENCE, "{took:?}");
    });
}

/// A control plane that takes every request and answers none holds nobody for longer than it may.
#[test]
fn requests_without_an_answer_are_given_up() {
    for call in ["get_chat", "get_template", "create_workspace", "get_build", "list_agents", "get_agent", "bind_chat"] {
        play(|play| {
            play.control.state().hangs.insert(call);
            let answer = play.create("");
            let took: u64 = play.fields("tool.answered", "took_ms")[0].parse().expect("a number");
            let most = if call == "get_agent" { timing::SCRIPTS_TIMEOUT } else { timing::REQUEST_PATIENCE };
            // And what is waited for anyway.
            assert!(u128::from(took) <= (most + Duration::from_secs(15)).as_millis(), "{call}: {took} ms, {answer:?}");
            assert_eq!(answer.is_error(), ["get_chat", "get_template", "create_workspace"].contains(&call), "{call}");
        });
    }
}

/// Two calls at once: the second waits for the first to have asked, and finds what it has made.
#[test]
fn one_of_two_calls_creates() {
    play(|play| {
        let calls = [create(play, "runtime"), create(play, "runtime")];
        let answers = calls.map(|call| fields(play.end_of(call)));
        let created: Vec<_> = answers.iter().map(|answer| answer["created"] == true).collect();
        assert_eq!(created.iter().filter(|created| **created).count(), 1);
        let counts = {
            let state = play.control.state();
            (state.creates.len(), state.workspaces.len())
        };
        assert_eq!(counts, (1, 1));
        assert_eq!(play.fields("tool.found", "state"), ["none", "building"]);
    });
}

/// C2: in two runtimes neither waits for the other, and the store refuses one of them.
#[test]
fn one_of_two_runtimes_creates() {
    play(|play| {
        let calls = [create(play, "runtime"), create(play, "runtime-2")];
        let answers = calls.map(|call| fields(play.end_of(call)));
        let created = answers.iter().filter(|answer| answer["created"] == true).count();
        assert_eq!((created, play.control.state().workspaces.len()), (1, 1), "{answers:?}");
        assert_eq!(play.control.state().creates.len(), 2, "both have asked");
        assert!(answers.iter().any(|answer| answer["message"] == "workspace build completed"), "{answers:?}");
    });
}

/// What the chat has changes between the look and the request: the call looks anew.
#[test]
fn who_was_overtaken_looks_anew() {
    play(|play| {
        play.control.state().has_agent(AgentStatus::Disconnected);
        play.control.state().meanwhile = Some(|state| state.workspace().agents[0].set_status(AgentStatus::Connected));
        assert_eq!(play.created("")["message"], "workspace is already running and recently connected");
        assert_eq!(play.fields("tool.found", "state"), ["disconnected", "connected"]);
        assert_eq!(play.control.state().workspaces.len(), 1);
    });
}

/// But not for ever.
#[test]
fn who_is_always_overtaken_gives_up() {
    play(|play| {
        play.control.state().refuses.insert("create_workspace", Status::aborted("somebody was quicker"));
        assert_eq!(play.create(""), Answer::Error(texts::NO_DECISION.to_owned()));
        assert_eq!(play.control.state().count("create_workspace"), 8);
        play.control.state().has(Transition::Stop, JobStatus::Succeeded);
        play.control.state().refuses.insert("create_build", Status::aborted("somebody was quicker"));
        assert_eq!(play.call("start_workspace", ""), Answer::Error(texts::NO_DECISION.to_owned()));
    });
}

/// However many calls there are, each ends; and who waits for a build is in nobody's way.
#[test]
fn many_calls_are_answered_together() {
    play(|play| {
        let calls: Vec<_> = (0..40).map(|at| create(play, if at % 2 == 0 { "runtime" } else { "runtime-2" })).collect();
        play.run(60);
        let answers: Vec<_> = calls.iter().map(|call| play.answer(*call).expect("it was answered")).collect();
        let created = answers.iter().filter(|(answer, _)| fields(answer.clone())["created"] == true).count();
        assert_eq!((created, play.control.state().workspaces.len()), (1, 1));
    });
}

/// Of calls that wait for one another while nothing is answered, each ends in its time.
#[test]
fn a_turn_is_not_waited_for_for_ever() {
    play(|play| {
        play.control.state().hangs.insert("get_chat");
        let calls: Vec<_> = (0..12).map(|_| create(play, "runtime")).collect();
        let most = timing::TURN_TIMEOUT + timing::DECIDE_TIMEOUT;
        play.run(most.as_secs() + 1);
        let answers: Vec<_> = calls.iter().map(|call| play.answer(*call).expect("it was answered").0).collect();
        let turned_away = answers.iter().filter(|answer| **answer == Answer::Error(texts::NO_TURN.to_owned())).count();
        // 30 s each: by two minutes four have had their turn, and the fifth has it.
        assert!((6..=8).contains(&turned_away), "{answers:?}");
    });
}

/// Another chat is another matter.
#[test]
fn a_chat_does_not_wait_for_another() {
    play(|play| {
        play.control.state().add_chat(2);
        play.control.state().hangs.insert("get_template");
        let first = create(play, "runtime");
        play.run(1);
        play.control.state().hangs.clear();
        let second = play.begin("runtime", 2, "create_workspace", &create_arguments(""));
        play.run(2);
        assert!(play.answer(second).is_none() && play.answer(first).is_none());
        let bound = |chat| play.control.state().chats[&chat_id(chat)].workspace_id.clone();
        assert_eq!((bound(1).is_empty(), bound(2).is_empty()), (true, false));
    });
}

/// A stop and a create at once: whoever comes first, both are told what is so.
#[test]
fn create_start_and_stop_take_turns() {
    play(|play| {
        play.control.state().has_agent(AgentStatus::Connected);
        let stop = play.begin("runtime", 1, "stop_workspace", "{}");
        play.run_ms(1);
        let create = create(play, "runtime");
        let start = play.begin("runtime", 1, "start_workspace", "{}");
        assert_eq!(fields(play.end_of(stop))["stopped"], true);
        // The create waited for the stop that it found, and by then the start may have come.
        let created = fields(play.end_of(create));
        assert!([json!("stopped"), json!("already_exists")].contains(&created["status"]), "{created}");
        assert_eq!(fields(play.end_of(start))["started"], true);
        let counts = {
            let state = play.control.state();
            (state.builds.len(), state.creates.len())
        };
        assert_eq!(counts, (2, 0));
    });
}
