//! What the control plane tells, and how it goes silent.

use groundhog_sim::Fault;
use groundhog_wire::v1::{AgentLifecycle, JobStatus, Transition, peer_update, watch_end};
use tonic::Status;

use super::{
    play::{OPEN, play},
    probe::Probe,
};

fn kill(host: &str) -> Fault {
    Fault::Kill { host: host.to_owned() }
}

/// T2, D4: a control plane that is restarted costs nobody their tunnel.
#[test]
fn a_tunnel_outlives_the_control_plane() {
    play(Probe::default(), |play| {
        play.open(OPEN, 5);
        play.fault(&kill("control"), 20);
        play.run(30);
        assert_eq!(play.events("tunnel.watch_lost"), 1);
        assert_eq!(play.events("tunnel.watch_back"), 1);
        assert_eq!(play.probe.calls(), ["start"]);
        // What happens then is heard of.
        play.control.state().tell_build(2, Transition::Stop, JobStatus::Pending);
        play.run(10);
        assert_eq!(play.ended(), "the workspace is being stopped by build 2: the tunnel ends");
        assert_eq!(play.probe.calls(), ["start", "close"]);
    });
}

/// T2, D3: a control plane that is not there yet is waited for.
#[test]
fn a_watch_that_can_not_be_begun_is_begun_later() {
    play(Probe::default(), |play| {
        play.world.begin(&kill("control")).expect("the host is there");
        play.open(OPEN, 60);
        assert_eq!(play.ended(), "");
        play.world.end(&kill("control")).expect("the host is there");
        play.run(30);
        assert_eq!(play.events("tunnel.app_up"), 1);
        assert_eq!(play.events("tunnel.watch_lost"), 1, "told once in a row");
    });
}

/// T2: the control plane says that it stops; the tunnel asks the next one, and not in a hurry.
#[test]
fn an_end_that_may_be_retried_is() {
    play(Probe::default(), |play| {
        play.open(OPEN, 5);
        play.control.state().refuses.insert("watch_connection", Status::internal("the database"));
        play.control.state().end_watches(watch_end::Kind::Shutdown, "the control plane is stopping", true);
        play.run(60);
        let asked = play.control.state().count("watch_connection");
        assert!((10..30).contains(&asked), "asked {asked} times in a minute");
        play.control.state().refuses.clear();
        play.run(30);
        assert_eq!(play.events("tunnel.watch_back"), 1);
        assert_eq!(play.fields("tunnel.watch_lost", "error"), ["the control plane is stopping"]);
        assert_eq!(play.probe.calls(), ["start"]);
        // A watch that was steady is replaced at once.
        play.control.state().end_watches(watch_end::Kind::Shutdown, "the control plane is stopping", true);
        play.run_ms(300);
        assert_eq!(play.events("tunnel.watch_back"), 2);
    });
}

/// T2: what tells a little and then fails, each time, is not asked without a pause.
#[test]
fn a_watch_that_fails_again_and_again_is_not_asked_in_a_hurry() {
    play(Probe::default(), |play| {
        play.open(OPEN, 5);
        for _ in 0..6_000 {
            play.control.state().end_watches(watch_end::Kind::Database, "the database", true);
            play.run_ms(10);
        }
        let asked = play.control.state().count("watch_connection");
        assert!((8..30).contains(&asked), "asked {asked} times in a minute");
        assert_eq!(play.probe.calls(), ["start"]);
    });
}

/// T2: an end that is one closes the tunnel gracefully, and the person learns why.
#[test]
fn an_end_that_is_final_ends_the_tunnel_in_words() {
    play(Probe::default(), |play| {
        play.open(OPEN, 5);
        play.control.state().end_watches(watch_end::Kind::NotFound, "the workspace is not yours any more", false);
        play.run(10);
        assert_eq!(play.ended(), "the workspace is not yours any more");
        assert_eq!(play.fields("tunnel.shutdown_asked", "why"), ["the workspace is not yours any more"]);
        assert_eq!(play.probe.calls(), ["start", "close"]);
        let told = "the control plane tells nothing more of the workspace: the workspace is not yours any more";
        assert_eq!(play.handle().lines, [told]);
    });
}

#[test]
fn a_watch_that_is_refused_ends_the_tunnel() {
    for status in [Status::not_found("no such workspace"), Status::unauthenticated("who are you?")] {
        play(Probe::default(), move |play| {
            play.control.state().refuses.insert("watch_connection", status.clone());
            play.open(OPEN, 5);
            assert_eq!(play.ended(), status.message());
        });
    }
}

/// D16: a message that makes no sense ends the tunnel in words, and does not pass in silence.
#[test]
fn what_is_not_understood_ends_the_tunnel_in_words() {
    play(Probe::default(), |play| {
        play.open(OPEN, 5);
        play.control.state().tell_nonsense();
        play.run(10);
        assert!(play.ended().starts_with("the control plane told what is not known here"), "{}", play.ended());
        assert_eq!(play.probe.calls(), ["start", "close"]);
    });
}

/// T2: the same news again change nothing.
#[test]
fn a_resync_is_harmless() {
    play(Probe::default(), |play| {
        play.open(OPEN, 5);
        let states = play.states();
        for _ in 0..3 {
            play.control.state().end_watches(watch_end::Kind::Database, "the database", true);
            play.run(5);
        }
        assert_eq!(play.control.state().count("watch_connection"), 4);
        assert_eq!(play.states(), states);
        assert_eq!(play.events("tunnel.watch_back"), 3);
    });
}

/// T4: a restart that is seen by its agent only.
#[test]
fn another_agent_ends_a_tunnel_to_the_one_before() {
    play(Probe::default(), |play| {
        play.open(OPEN, 5);
        play.control.state().tell_build(3, Transition::Start, JobStatus::Succeeded);
        play.run(2);
        assert_eq!(play.ended(), "");
        play.control.state().tell_agent(3, AgentLifecycle::Created);
        play.run(10);
        assert_eq!(play.ended(), "the workspace has another agent now: the tunnel ends");
        assert_eq!(play.probe.calls(), ["start", "close"]);
    });
}

#[test]
fn a_delete_ends_a_tunnel() {
    play(Probe::default(), |play| {
        play.open(OPEN, 5);
        play.control.state().tell_build(2, Transition::Destroy, JobStatus::Pending);
        play.run(10);
        assert_eq!(play.ended(), "the workspace is being deleted: the tunnel ends");
        assert_eq!(play.story(), ["opened", "network_up", "app_up", "told", "app_down", "network_down", "ended"]);
    });
}

/// T10: an agent of which nothing is heard for a while may be back; one that has gone is not, once its path has ended.
#[test]
fn an_agent_that_has_gone_ends_the_tunnel_and_one_that_is_not_heard_of_does_not() {
    play(Probe::default(), |play| {
        play.open(OPEN, 5);
        play.control.state().tell_peer(peer_update::Kind::Lost);
        play.run(90);
        assert_eq!(play.ended(), "");
        play.control.state().tell_peer(peer_update::Kind::Disconnected);
        play.run(20);
        assert_eq!(play.ended(), "");
        play.fault(&kill("agent"), 30);
        play.run(2);
        assert!(play.ended().starts_with("the connection to the agent is lost: the tunnel ends"), "{}", play.ended());
        assert_eq!(play.probe.calls(), ["start", "close"]);
    });
}
