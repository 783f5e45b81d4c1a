//! Connecting, and connecting again.

use groundhog_sim::{Fault, SuspendedClock, Ways};
use groundhog_wire::v1::AgentManifest;
use tonic::Status;

use crate::world::{AGENT, on_start, play, scripts};

#[test]
fn an_agent_connects_and_tells_of_its_steps_in_order() {
    play(scripts([on_start("hello", "echo hello")]), |play| {
        play.run(20);
        let state = play.control.state();
        assert_eq!(state.steps(AGENT), ["starting", "ready"]);
        assert_eq!(state.texts("log-hello"), ["hello"]);
        assert_eq!(state.startups.len(), 1);
        assert_eq!(state.count("beat"), 1);
        drop(state);
        assert_eq!(play.fields("agent.lifecycle", "state"), ["starting", "ready"]);
        assert_eq!(play.fields("agent.connected", "attempts"), ["1"]);
    });
}

#[test]
fn each_connection_has_a_session_of_its_own_and_nothing_is_told_twice() {
    play(scripts([on_start("hello", "echo hello")]), |play| {
        play.run(20);
        for _ in 0..5 {
            play.world.begin(&Fault::Reset { from: "agent".to_owned(), to: "control".to_owned() }).expect("hosts");
            play.run(30);
        }
        let state = play.control.state();
        assert_eq!((state.count("open_session"), state.count("connect")), (6, 6));
        assert_eq!(state.steps(AGENT), ["starting", "ready"]);
        assert_eq!(state.count("update_lifecycle"), 2);
        drop(state);
        assert_eq!(play.events("agent.script_started"), 1);
        assert_eq!(play.events("agent.disconnected"), 5);
    });
}

#[test]
fn whoever_looks_is_told_whether_it_is_connected() {
    play(AgentManifest::default(), |play| {
        assert!(!play.connected.get());
        play.run(20);
        assert!(play.connected.get());
        let away = Fault::Kill { host: "control".to_owned() };
        play.world.begin(&away).expect("the host is there");
        play.run(10);
        assert!(!play.connected.get());
        play.world.end(&away).expect("the host is there");
        play.run(20);
        assert!(play.connected.get());
        play.shutdown.cancel();
        play.run(10);
        assert_eq!(play.events("agent.closed"), 1);
        assert!(!play.connected.get());
    });
}

#[test]
fn it_is_back_soon_after_its_control_plane_is() {
    play(AgentManifest::default(), |play| {
        play.run(20);
        // Long enough for the longest waits; three times over, so that a back-off that never begins anew shows (A2).
        for round in 1..=3 {
            play.restart_control(120);
            play.run(11);
            assert_eq!(play.events("agent.connected"), 1 + round);
            // A connection that has lived: the next loss is answered at once.
            play.run(20);
        }
        play.world.begin(&Fault::Reset { from: "agent".to_owned(), to: "control".to_owned() }).expect("hosts");
        play.run(1);
        assert_eq!(play.events("agent.connected"), 5);
        // What is told of a row of failures is its beginning.
        assert_eq!(play.events("agent.cut_off"), 3);
        assert!(play.events("agent.try_failed") > 30);
    });
}

#[test]
fn a_cut_path_is_noticed_and_mended() {
    play(AgentManifest::default(), |play| {
        play.run(20);
        let cut = Fault::Cut { from: "agent".to_owned(), to: "control".to_owned(), ways: Ways::Both };
        play.fault(&cut, 300);
        play.run(50);
        assert_eq!((play.events("agent.disconnected"), play.events("agent.connected")), (1, 2));
    });
}

#[test]
fn after_a_long_sleep_there_is_one_new_connection() {
    play(scripts([on_start("hello", "echo hello")]), |play| {
        play.run(20);
        play.fault(&Fault::Suspend { host: "agent".to_owned(), clock: SuspendedClock::Stops }, 45 * 60);
        play.run(120);
        assert_eq!(play.events("agent.connected"), 2);
        assert_eq!(play.events("agent.script_started"), 1);
    });
}

#[test]
fn a_step_whose_report_failed_is_told_over_the_next_connection() {
    play(scripts([on_start("hello", "sleep 5")]), |play| {
        // The control plane does not take the first step, and takes the second without being able to say so.
        play.control.state().fails.insert("update_lifecycle", 1);
        play.run(3);
        assert_eq!(play.control.state().steps(AGENT), ["starting"], "nothing had to happen for it (A1)");
        play.control.state().loses_answers.insert("update_lifecycle", 1);
        play.run(30);
        let state = play.control.state();
        assert_eq!(state.steps(AGENT), ["starting", "ready"]);
        assert_eq!((state.count("connect"), state.count("update_lifecycle")), (3, 4));
    });
}

#[test]
fn another_agent_id_is_told_of_everything_from_the_start() {
    play(scripts([on_start("hello", "echo hello")]), |play| {
        play.run(20);
        {
            let mut state = play.control.state();
            state.agent = 2;
            state.end_connections(&Status::unauthenticated("build is outdated"));
        }
        play.run(20);
        let state = play.control.state();
        assert_eq!((state.steps(1), state.steps(2)), (vec!["starting", "ready"], vec!["starting", "ready"]));
        drop(state);
        // It is the same process, which has run its scripts (F8, F14).
        assert_eq!(play.events("agent.script_started"), 1);
    });
}

#[test]
fn a_step_that_is_refused_does_not_end_connections_without_end() {
    play(AgentManifest::default(), |play| {
        play.control.state().refuses.insert("update_lifecycle", Status::failed_precondition("it has gone on"));
        play.run(60);
        assert_eq!(play.control.state().count("connect"), 1);
    });
}

#[test]
fn who_is_not_let_in_tries_on_at_the_longest_wait() {
    play(AgentManifest::default(), |play| {
        play.control.state().refuses.insert("open_session", Status::unauthenticated("build is outdated"));
        play.run(600);
        let tries = play.control.state().count("open_session");
        assert!((60..160).contains(&tries), "{tries} tries in ten minutes");
        assert_eq!(play.fields("agent.cut_off", "error"), ["open session: build is outdated"]);
        // The next build makes it welcome again.
        play.control.state().refuses.clear();
        play.run(11);
        assert_eq!(play.events("agent.connected"), 1);
    });
}

#[test]
fn calls_that_it_can_do_without_end_nothing() {
    play(AgentManifest::default(), |play| {
        let calls = ["get_banners", "update_stats", "watch_relay_map", "watch_reinitialization"];
        for call in calls {
            play.control.state().refuses.insert(call, Status::internal("the database"));
        }
        play.run(600);
        let state = play.control.state();
        assert_eq!(state.count("connect"), 1);
        for call in calls {
            assert!((2..30).contains(&state.count(call)), "{call}: {}", state.count(call));
        }
        drop(state);
        // Each is told of once, however often it fails (A4).
        let mut told = play.fields("agent.optional_failed", "call");
        told.sort();
        let mut expected = calls;
        expected.sort();
        assert_eq!(told, expected);
    });
}

#[test]
fn without_a_manifest_it_tries_on() {
    play(scripts([on_start("hello", "echo hello")]), |play| {
        play.control.state().refuses.insert("get_manifest", Status::internal("the database"));
        play.run(60);
        assert_eq!(play.events("agent.script_started"), 0);
        assert!(play.control.state().count("connect") > 3);
        play.control.state().refuses.clear();
        play.run(15);
        assert_eq!(play.control.state().steps(AGENT), ["starting", "ready"]);
    });
}

#[test]
fn an_agent_at_rest_does_next_to_nothing() {
    play(AgentManifest::default(), |play| {
        play.run(60);
        let before = play.control.state().calls.len();
        play.run(3_600);
        let state = play.control.state();
        let calls = state.calls[before..].iter().filter(|call| **call != "beat").count();
        // Thirty times the banners, twelve times the stats.
        assert!((40..=43).contains(&calls), "{calls} calls in an hour: {:?}", &state.calls[before..]);
        assert_eq!(state.count("beat"), 3_660 / 15 - 1);
    });
}

#[test]
fn it_keeps_a_diary_of_its_connections() {
    play(AgentManifest::default(), |play| {
        play.run(20);
        play.restart_control(30);
        play.run(20);
        play.act("agent", 1, |host| async move {
            let diary = host.files("/home/me/.groundhog/log").read("agent.log").await.expect("there is one");
            let diary = String::from_utf8(diary).expect("it is text");
            let what: Vec<&str> = diary.lines().map(|line| line.split(' ').nth(1).expect("it has a time")).collect();
            assert_eq!(what, ["connected", "disconnected:", "could", "connected"], "{diary}");
        });
    });
}
