//! How an agent ends.

use groundhog_sim::{Fault, Ways};
use groundhog_wire::v1::{AgentManifest, coordinate_request::Kind};
use tonic::Status;

use crate::world::{AGENT, after, on_start, on_stop, play, scripts, within};

/// How many milliseconds after the start of the run events of this name came.
fn times(play: &crate::world::Play<'_>, name: &str) -> Vec<u128> {
    let records = play.world.records();
    records.iter().filter(|record| record.event == name).map(|record| record.at.as_millis()).collect()
}

#[test]
fn the_control_plane_hears_of_the_close_while_stop_scripts_run() {
    play(scripts([on_stop("bye", "echo bye;sleep 20")]), |play| {
        play.run(20);
        play.shutdown.cancel();
        play.run(10);
        assert_eq!(play.control.state().steps(AGENT), ["starting", "ready", "shutting_down"]);
        play.run(20);
        let state = play.control.state();
        assert_eq!(state.steps(AGENT), ["starting", "ready", "shutting_down", "off"]);
        assert_eq!(state.texts("log-bye"), ["bye"]);
        assert_eq!(state.scripts.len(), 1);
        assert!(matches!(state.said[..], [Kind::UpdateSelf(_), Kind::Disconnect(_)]), "{:?}", state.said);
        drop(state);
        assert_eq!((play.events("agent.closed"), play.events("agent.script_started")), (1, 1));
        assert_eq!(times(play, "agent.closed")[0] / 1_000, 40, "as soon as all is said");
    });
}

#[test]
fn what_stop_scripts_come_to_is_the_last_step() {
    let check = |text: &str, last: &str| {
        play(scripts([within(on_stop("bye", text), 5)]), |play| {
            play.run(20);
            play.shutdown.cancel();
            play.run(30);
            assert_eq!(play.control.state().steps(AGENT).last(), Some(&last));
            assert_eq!(play.events("agent.closed"), 1);
        });
    };
    check("echo bye", "off");
    check("exit 1", "shutdown_error");
    check("sleep 100", "shutdown_timeout");
}

#[test]
fn every_line_of_start_and_stop_scripts_arrives_before_the_end() {
    play(scripts([on_start("hello", "lines 3000"), on_stop("bye", "lines 3000;fill 100")]), |play| {
        play.run(20);
        play.shutdown.cancel();
        play.run(10);
        assert_eq!(play.events("agent.closed"), 1);
        let state = play.control.state();
        for (source, count) in [("log-hello", 3_000), ("log-bye", 3_001)] {
            let texts = state.texts(source);
            assert_eq!((texts.len(), texts[2_999]), (count, "line 3000"));
        }
    });
}

#[test]
fn an_agent_that_is_cut_off_closes_in_time() {
    play(scripts([on_stop("bye", "sleep 7")]), |play| {
        play.run(20);
        play.world
            .begin(&Fault::Cut { from: "agent".to_owned(), to: "control".to_owned(), ways: Ways::Both })
            .expect("the hosts are there");
        play.shutdown.cancel();
        play.run(30);
        // The stop script's seven seconds, and five for all the rest (A5).
        assert_eq!(times(play, "agent.closed"), [32_000]);
    });
}

#[test]
fn it_can_be_closed_at_any_moment() {
    // While it connects, fetches its manifest, begins to listen, runs its scripts.
    for ms in (0..40).map(|step| step * 3).chain([500, 1_500]) {
        play(scripts([on_start("hello", "sleep 1;echo hello"), on_stop("bye", "sleep 1")]), |play| {
            play.world.run_for(std::time::Duration::from_millis(ms));
            play.shutdown.cancel();
            play.run(12);
            assert_eq!(play.events("agent.closed"), 1, "closed after {ms} ms");
            let steps = play.fields("agent.lifecycle", "state");
            let stopped = play.fields("agent.script_started", "stage").iter().filter(|stage| *stage == "stop").count();
            assert_eq!(stopped, usize::from(steps[0] == "starting"), "closed after {ms} ms: {steps:?}");
            assert_eq!(steps.last().map(String::as_str), Some("off"));
        });
    }
}

#[test]
fn a_connection_that_breaks_in_the_middle_is_made_again() {
    play(scripts([on_stop("bye", "echo bye;sleep 20")]), |play| {
        play.run(20);
        play.shutdown.cancel();
        play.run(5);
        play.world.begin(&Fault::Reset { from: "agent".to_owned(), to: "control".to_owned() }).expect("hosts");
        play.run(30);
        // Each step once, in order: nothing goes back from shutting_down to starting (F1, F2).
        let state = play.control.state();
        assert_eq!(state.steps(AGENT), ["starting", "ready", "shutting_down", "off"]);
        assert_eq!(state.count("update_lifecycle"), 4);
        assert_eq!((state.count("connect"), state.count("coordinate_agent")), (2, 1));
    });
}

#[test]
fn a_start_script_that_still_runs_ends_with_the_agent() {
    play(scripts([on_start("long", "sleep 1000"), on_start("deaf", "deaf;sleep 1000")]), |play| {
        play.run(20);
        play.shutdown.cancel();
        play.run(10);
        assert_eq!(times(play, "agent.closed"), [25_000], "who does not hear is not waited for");
        let state = play.control.state();
        assert_eq!(state.steps(AGENT), ["starting", "shutting_down", "off"]);
        assert_eq!(state.scripts.len(), 1);
    });
}

#[test]
fn an_agent_that_was_never_let_in_is_off_in_time() {
    play(AgentManifest::default(), |play| {
        play.control.state().refuses.insert("open_session", Status::unauthenticated("unknown agent token"));
        play.run(20);
        play.shutdown.cancel();
        play.run(10);
        assert_eq!(times(play, "agent.closed"), [25_000]);
        assert_eq!(play.fields("agent.lifecycle", "state"), ["shutting_down", "off"]);
    });
}

#[test]
fn a_script_that_waits_at_the_close_is_not_told_of() {
    play(scripts([on_start("long", "sleep 1000"), after(on_start("waits", "echo waits"), "long", false)]), |play| {
        play.run(20);
        play.shutdown.cancel();
        play.run(10);
        assert_eq!(play.fields("agent.script_ended", "script"), ["long"], "it was not skipped: its time did not come");
    });
}
