//! How an agent begins anew.

use groundhog_sim::Fault;
use tonic::Status;

use crate::{
    control::State,
    world::{Play, on_start, on_stop, play, scripts},
};

/// The workspace becomes bob's: the agent is another one to the control plane, as its build is.
fn claim(play: &mut Play<'_>) {
    let mut state = play.control.state();
    let state: &mut State = &mut state;
    state.agent = 2;
    state.manifest.owner_id = "bob".to_owned();
    state.claimed_by = Some("bob".to_owned());
    state.end_connections(&Status::unauthenticated("build is outdated"));
}

#[test]
fn a_claimed_agent_begins_anew_once() {
    play(scripts([on_start("hello", "echo hello"), on_stop("bye", "echo bye")]), |play| {
        play.run(20);
        claim(play);
        play.run(20);
        assert_eq!(play.fields("agent.reinitializing", "reason"), ["prebuild_claimed"]);
        assert_eq!(play.fields("agent.script_started", "script"), ["hello", "bye", "hello"]);
        let processes = play.fields("agent.started", "process");
        assert_eq!(processes.len(), 2);
        assert_ne!(processes[0], processes[1]);
        // However often it is told, and however often it asks (F10).
        for _ in 0..3 {
            play.control.state().tell_claim();
            play.world.begin(&Fault::Reset { from: "agent".to_owned(), to: "control".to_owned() }).expect("hosts");
            play.run(30);
        }
        assert_eq!(play.events("agent.reinitializing"), 1);
        let state = play.control.state();
        assert_eq!(state.steps(2).last(), Some(&"ready"));
        assert!(!state.steps(2).contains(&"shutting_down"), "{:?}", state.lifecycle);
    });
}

#[test]
fn a_claim_before_the_agent_asks_is_heard_when_it_does() {
    play(scripts([on_start("hello", "echo hello")]), |play| {
        play.run(20);
        // It is away when the claim is made (F9).
        play.world.begin(&Fault::Kill { host: "control".to_owned() }).expect("the host is there");
        play.run(30);
        claim(play);
        play.world.end(&Fault::Kill { host: "control".to_owned() }).expect("the host is there");
        play.run(30);
        assert_eq!(play.events("agent.reinitializing"), 1);
    });
}

#[test]
fn an_agent_that_begins_as_the_new_owners_has_nothing_to_do() {
    play(scripts([on_start("hello", "echo hello")]), |play| {
        claim(play);
        play.run(60);
        assert_eq!((play.events("agent.reinitializing"), play.events("agent.script_started")), (0, 1));
    });
}

#[test]
fn a_close_in_the_middle_is_a_close() {
    play(scripts([on_start("hello", "echo hello"), on_stop("bye", "sleep 10")]), |play| {
        play.run(20);
        claim(play);
        play.run(5);
        assert_eq!(play.events("agent.reinitializing"), 1);
        play.shutdown.cancel();
        play.run(30);
        assert_eq!((play.events("agent.started"), play.events("agent.closed")), (2, 2));
        assert_eq!(play.control.state().steps(2).last(), Some(&"off"));
    });
}
