//! How a connection is lost, and what is no loss.

use std::sync::Arc;

use groundhog_sim::Fault;
use groundhog_tunnel::connection::{AgentConnection, Lost};
use groundhog_wire::v1::peer_update::Kind as Told;
use tokio::io::AsyncReadExt;

use super::{
    agent::ECHO,
    life::{Notes, ask, note, noted},
    world::{AGENT, Play, cut, dialer, kill, play},
};

/// A connection with a stream that waits. What became of them, with when in seconds.
fn waits(play: &mut Play<'_>) -> Notes<(String, u64)> {
    let notes: Notes<(String, u64)> = Notes::default();
    let told = Arc::clone(&notes);
    play.act(move |host| async move {
        let connection = dialer(&host).dial(AGENT).await.expect("the agent is there");
        let mut stream = connection.open(ECHO).await.expect("the agent is there");
        let began = host.now();
        let lost = connection.lost().await;
        note(&told, (lost.to_string(), (host.now() - began).as_secs()));
        let error = stream.read(&mut [0; 8]).await.expect_err("the stream ends with the connection");
        note(&told, (error.to_string(), (host.now() - began).as_secs()));
        let error = connection.open(ECHO).await.expect_err("there is nothing to open it over");
        note(&told, (error.to_string(), (host.now() - began).as_secs()));
        assert_eq!(connection.lost().await.to_string(), lost.to_string(), "it stays lost");
        connection.close().await;
    });
    notes
}

fn is_lost(notes: &Notes<(String, u64)>, lost: Lost, within: std::ops::RangeInclusive<u64>) {
    let notes = noted(notes);
    let texts: Vec<_> = notes.iter().map(|(text, _)| text.clone()).collect();
    let why = format!("the connection is lost: {lost}");
    assert_eq!(texts, [lost.to_string(), why.clone(), why]);
    for (_, after) in notes {
        assert!(within.contains(&after), "after {after} s, expected {within:?}");
    }
}

#[test]
fn a_connection_without_a_path_for_a_minute_is_lost() {
    play(1, |play| {
        play.place(0);
        let notes = waits(play);
        play.run(10);
        play.fault(&cut(), 90);
        // At 10 s the cut; the last pong before it is 5 s old at most; 15 s later the path is dead.
        is_lost(&notes, Lost::NoPath, 79..=86);
        assert_eq!(play.ways(), ["none"]);
        assert_eq!(play.fields("tunnel.network_lost", "why"), [Lost::NoPath.to_string()]);
    });
}

#[test]
fn an_agent_that_was_started_anew_is_another_one() {
    play(2, |play| {
        let notes = waits(play);
        play.run(10);
        play.fault(&kill("agent"), 7);
        play.run(20);
        is_lost(&notes, Lost::StartedAnew, 15..=25);
    });
}

#[test]
fn an_agent_without_power_is_noticed() {
    play(3, |play| {
        let notes = waits(play);
        play.run(10);
        play.fault(&Fault::PowerLoss { host: "agent".to_owned() }, 200);
        is_lost(&notes, Lost::NoPath, 79..=86);
    });
}

#[test]
fn an_agent_that_has_gone_is_lost_with_its_path_and_one_that_is_lost_is_not() {
    play(4, |play| {
        let notes = waits(play);
        play.run(10);
        play.tell(Told::Lost, &[], 0);
        play.run(300);
        // Nothing is heard of the agent, and the connection is well (T10).
        assert_eq!(noted(&notes), []);
        assert_eq!(play.ways(), [""; 0]);
        play.tell(Told::Disconnected, &[], 0);
        play.run(100);
        // It closes, and lets what is connected to it end.
        assert_eq!(noted(&notes), []);
        play.fault(&kill("agent"), 300);
        play.run(1);
        is_lost(&notes, Lost::Gone, 409..=411);
    });
}

#[test]
fn a_connection_that_is_closed_is_not_lost() {
    play(5, |play| {
        let notes: Notes<AgentConnection> = Notes::default();
        let kept = Arc::clone(&notes);
        play.act(|host| async move {
            let connection = dialer(&host).dial(AGENT).await.expect("the agent is there");
            ask(&connection).await.expect("it is up");
            connection.close().await;
            note(&kept, connection);
        });
        play.run(5);
        let connection = noted(&notes).pop().expect("it is closed");
        let lost: Notes<Lost> = Notes::default();
        let told = Arc::clone(&lost);
        play.act(|_| async move { note(&told, connection.lost().await) });
        play.tell(Told::Disconnected, &[], 0);
        play.run(300);
        assert_eq!(noted(&lost), []);
        assert_eq!(play.fields("tunnel.network_lost", "why"), [""; 0]);
    });
}
