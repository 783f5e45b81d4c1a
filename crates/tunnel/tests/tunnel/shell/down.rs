//! Going down.

use std::time::Duration;

use groundhog_sim::Fault;
use groundhog_tunnel::{Ending, ShutdownTimeout};
use groundhog_wire::v1::{JobStatus, Transition};

use super::{
    play::{OPEN, play},
    probe::{Manner, Probe},
};

/// The whole way: the application first, then the connection, and the agent's side hears of it (F30).
#[test]
fn an_interrupted_tunnel_closes_what_is_up_in_order() {
    play(Probe::default(), |play| {
        play.open(OPEN, 5);
        play.shut_down(60, 10);
        let down = ["opened", "network_up", "app_up", "shutdown_asked", "app_down", "network_down", "ended"];
        assert_eq!(play.story(), down);
        assert_eq!(play.handle().ending, Some(Ending::Interrupted));
        let (result, took_ms) = play.handle().shutdown.clone().expect("it is down");
        assert_eq!(result, Ok(()));
        assert!(took_ms < 1_000, "it took {took_ms} ms");
        assert_eq!(play.control.state().partings, 1);
        // Once more is as good as once.
        play.handle().shutdown = None;
        play.shut_down(60, 1);
        assert_eq!(play.handle().shutdown, Some((Ok(()), 0)));
    });
}

#[test]
fn a_tunnel_that_waits_ends_at_once() {
    play(Probe::default(), |play| {
        play.control.state().build = (2, Transition::Stop, JobStatus::Running, "");
        play.open(OPEN, 3);
        assert_eq!(play.states(), ["waitToStart"]);
        play.shut_down(60, 1);
        assert_eq!(play.story(), ["opened", "shutdown_asked", "ended"]);
        assert_eq!(play.handle().shutdown, Some((Ok(()), 0)));
    });
}

/// A start that is not answered is not waited for.
#[test]
fn a_tunnel_that_asks_for_a_start_ends_at_once() {
    play(Probe::default(), |play| {
        {
            let mut state = play.control.state();
            state.build = (2, Transition::Stop, JobStatus::Succeeded, "");
            state.holds_answers = true;
        }
        play.open(OPEN, 3);
        play.shut_down(60, 1);
        assert_eq!(play.handle().shutdown, Some((Ok(()), 0)));
        // It is not asked for again either.
        play.run(120);
        assert_eq!(play.control.state().starts, [2]);
    });
}

/// T5, D8: a dial is given up.
#[test]
fn a_dial_is_given_up() {
    play(Probe::default(), |play| {
        play.control.state().hides_agent = true;
        play.open(OPEN, 5);
        play.shut_down(60, 10);
        assert_eq!(play.story(), ["opened", "shutdown_asked", "dial_canceled", "ended"]);
        let (result, took_ms) = play.handle().shutdown.clone().expect("it is down");
        assert_eq!(result, Ok(()));
        assert!(took_ms < 1_000, "it took {took_ms} ms");
    });
}

/// T6, D9: whatever the moment, nothing of a connection is left.
#[test]
fn no_connection_is_left_whenever_the_end_comes() {
    for after_ms in (0..200).step_by(7) {
        play(Probe::default(), move |play| {
            play.open(OPEN, 0);
            play.run_ms(after_ms);
            play.shut_down(60, 30);
            let (result, _) = play.handle().shutdown.clone().expect("it is down");
            assert_eq!(result, Ok(()), "after {after_ms} ms");
            let (up, down) = (play.events("tunnel.network_up"), play.events("tunnel.network_down"));
            assert_eq!(up, down, "after {after_ms} ms");
            assert_eq!(play.events("tunnel.app_up"), play.events("tunnel.app_down"), "after {after_ms} ms");
            let state = play.control.state();
            assert!(state.partings <= state.count("coordinate_client"), "after {after_ms} ms");
        });
    }
}

/// An application that is still starting is waited for, and then closed.
#[test]
fn an_application_that_starts_is_waited_for() {
    play(Probe::starts(Manner::Hangs), |play| {
        play.open(OPEN, 5);
        play.shut_down(60, 40);
        let (result, took_ms) = play.handle().shutdown.clone().expect("it is down");
        assert_eq!(result, Ok(()));
        assert!((20_000..31_000).contains(&took_ms), "it took {took_ms} ms");
        assert_eq!(play.probe.calls(), ["start", "abandon"]);
        assert_eq!(play.handle().ending, Some(Ending::Interrupted));
    });
}

#[test]
fn an_application_that_takes_for_ever_to_close_is_abandoned() {
    play(Probe::closes(Manner::Hangs), |play| {
        play.open(OPEN, 5);
        play.shut_down(60, 20);
        let (result, took_ms) = play.handle().shutdown.clone().expect("it is down");
        assert_eq!(result, Ok(()));
        assert!((10_000..11_000).contains(&took_ms), "it took {took_ms} ms");
        assert_eq!(play.probe.calls(), ["start", "close", "abandon"]);
        assert_eq!(play.fields("tunnel.app_failed", "error"), ["its close took longer than 10s"]);
    });
}

#[test]
fn an_application_that_fails_to_close_is_down_all_the_same() {
    play(Probe::closes(Manner::Fails), |play| {
        play.open(OPEN, 5);
        play.shut_down(60, 20);
        assert_eq!(play.handle().shutdown.clone().expect("it is down").0, Ok(()));
        assert_eq!(play.events("tunnel.network_down"), 1);
    });
}

/// The caller's patience ends first: everything is dropped.
#[test]
fn a_tunnel_that_is_not_down_in_time_is_forced() {
    play(Probe::closes(Manner::Hangs), |play| {
        play.open(OPEN, 5);
        play.shut_down(3, 20);
        let within = Duration::from_secs(3);
        assert_eq!(play.handle().shutdown, Some((Err(ShutdownTimeout { within }), 3_000)));
        assert_eq!(play.handle().ending, Some(Ending::Forced));
        assert_eq!(play.fields("tunnel.forced", "jobs"), ["close application"]);
        assert_eq!(play.probe.calls(), ["start", "close", "abandon"]);
        let down = ["opened", "network_up", "app_up", "shutdown_asked", "forced", "app_down", "network_down", "ended"];
        assert_eq!(play.story(), down);
        // The connection is closed all the same.
        assert_eq!(play.control.state().partings, 1);
    });
}

/// T6: whoever drops a tunnel leaves nothing of it behind.
#[test]
fn a_tunnel_that_is_dropped_is_down() {
    play(Probe::default(), |play| {
        play.open(OPEN, 5);
        play.drop_tunnel();
        play.run(10);
        assert_eq!(play.ended(), "forced");
        assert_eq!(play.probe.calls(), ["start", "abandon"]);
        assert_eq!(play.control.state().partings, 1);
        assert_eq!(play.events("tunnel.network_down"), 1);
    });
}

/// T7, D10: the application has died.
#[test]
fn an_application_that_is_lost_takes_the_tunnel_down_in_order() {
    play(Probe::default(), |play| {
        play.open(OPEN, 5);
        play.probe.dies.cancel();
        play.run(10);
        assert_eq!(play.ended(), "the application has ended: the tunnel ends (it has died)");
        let down = ["opened", "network_up", "app_up", "app_lost", "told", "app_down", "network_down", "ended"];
        assert_eq!(play.story(), down);
        assert_eq!(play.probe.calls(), ["start", "close"]);
    });
}

/// T7, D10: the agent's machine has gone.
#[test]
fn a_connection_that_is_lost_takes_the_tunnel_down_in_order() {
    play(Probe::default(), |play| {
        play.open(OPEN, 5);
        play.world.begin(&Fault::Kill { host: "agent".to_owned() }).expect("the host is there");
        play.run(120);
        assert!(play.ended().starts_with("the connection to the agent is lost: the tunnel ends"), "{}", play.ended());
        assert_eq!(play.probe.calls(), ["start", "close"]);
        let story = play.story();
        let down = ["told", "app_down", "network_down", "ended"];
        assert!(story.ends_with(&down.map(str::to_owned)), "{story:?}");
    });
}

/// An agent that is another process knows nothing of what was before.
#[test]
fn an_agent_that_is_started_anew_is_a_loss() {
    play(Probe::default(), |play| {
        play.open(OPEN, 5);
        play.fault(&Fault::Kill { host: "agent".to_owned() }, 2);
        play.run(60);
        assert!(play.ended().starts_with("the connection to the agent is lost: the tunnel ends"), "{}", play.ended());
    });
}
