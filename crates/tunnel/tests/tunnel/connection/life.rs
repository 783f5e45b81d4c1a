//! From a dial to a good-bye.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use groundhog_tunnel::connection::{AgentConnection, DialError, Path};
use groundhog_wire::v1::peer_update::Kind as Told;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::Status;

use super::{
    agent::ECHO,
    world::{AGENT, SECRET, dialer, kill, play},
};

/// What a person's program has come to, for the test.
pub(crate) type Notes<T> = Arc<Mutex<Vec<T>>>;

pub(crate) fn note<T>(notes: &Notes<T>, note: T) {
    notes.lock().expect("nobody panics while holding it").push(note);
}

/// What was noted since the last time.
pub(crate) fn noted<T>(notes: &Notes<T>) -> Vec<T> {
    std::mem::take(&mut notes.lock().expect("nobody panics while holding it"))
}

/// Sends something to the agent, and takes it back.
pub(crate) async fn ask(connection: &AgentConnection) -> io::Result<()> {
    let mut stream = connection.open(ECHO).await?;
    stream.write_all(b"hello").await?;
    stream.shutdown().await?;
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await?;
    assert_eq!(all, b"hello");
    Ok(())
}

#[test]
fn a_connection_is_made_used_and_closed() {
    play(1, |play| {
        let (notes, theirs) = (Notes::default(), Notes::default());
        let told: Notes<String> = Arc::clone(&notes);
        let hold = Arc::clone(&theirs);
        play.act(|host| async move {
            let connection = dialer(&host).dial(AGENT).await.expect("the agent is there");
            assert_eq!(connection.agent(), AGENT);
            assert!(matches!(connection.path(), Path::Direct(address) if address.host == "agent"));
            ask(&connection).await.expect("it comes back");
            let error = connection.open(5).await.expect_err("nothing is there");
            note(&told, format!("{:?}: {error}", error.kind()));
            let mut kept = connection.open(ECHO).await.expect("the agent is there");
            let began = host.now();
            connection.close().await;
            assert!(host.now() - began < Duration::from_secs(1));
            let error = kept.read(&mut [0; 8]).await.expect_err("it was reset");
            note(&told, format!("{:?}: {error}", error.kind()));
            let error = connection.open(ECHO).await.expect_err("it is closed");
            note(&told, format!("{:?}: {error}", error.kind()));
            note(&hold, connection);
        });
        play.run(5);
        let expected = [
            "PermissionDenied: nothing is served there",
            "ConnectionReset: the connection was closed",
            "NotConnected: the connection was closed",
        ];
        assert_eq!(noted(&notes), expected);
        assert_eq!(play.control.state().words(), ["introduce", "update", "add", "disconnect"]);
        // The one that came back, the one that was reset; that which keeps alive ends with its peer.
        let ended = play.agent.state().ended.clone();
        assert_eq!(ended.get("well"), Some(&1));
        assert_eq!(ended.get("the connection was closed"), Some(&1));
        assert_eq!(play.ways(), [""; 0], "the first way is no change");
        drop(noted(&theirs));
    });
}

/// T6: the last handle that is dropped closes the connection, and the agent is told (F30).
#[test]
fn a_connection_whose_owner_has_gone_is_closed() {
    play(2, |play| {
        play.act(|host| async move {
            let connection = dialer(&host).dial(AGENT).await.expect("the agent is there");
            let other = connection.clone();
            drop(connection);
            ask(&other).await.expect("it is up as long as there is a handle");
        });
        play.run(5);
        assert_eq!(play.control.state().words(), ["introduce", "update", "add", "disconnect"]);
    });
}

/// T5, T6: a dial that is given up leaves nothing behind, however far it has come.
#[test]
fn a_dial_that_is_given_up_leaves_nothing_behind() {
    for millis in [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 500] {
        play(3, |play| {
            // Nobody answers at this place.
            play.tell(Told::Node, &["agent:9"], 0);
            play.act(move |host| async move {
                let dialled = host.timeout(Duration::from_millis(millis), dialer(&host).dial(AGENT)).await;
                assert!(dialled.is_err());
            });
            play.run(30);
            let words = play.control.state().words();
            let is_left = words.is_empty() || words.last() == Some(&"disconnect");
            assert!(is_left, "after {millis} ms: {words:?}");
            assert_eq!(play.agent.state().hellos, []);
        });
    }
}

/// F30: the good-bye finds its way to a control plane that has just come back.
#[test]
fn a_good_bye_is_said_in_another_call_if_need_be() {
    play(4, |play| {
        let connections = Notes::default();
        let kept = Arc::clone(&connections);
        play.act(|host| async move { note(&kept, dialer(&host).dial(AGENT).await.expect("it is there")) });
        play.run(5);
        play.world.begin(&kill("control")).expect("the host is there");
        play.run(2);
        drop(noted(&connections));
        play.run(1);
        play.world.end(&kill("control")).expect("the host is there");
        play.run(5);
        assert_eq!(play.control.state().words(), ["introduce", "update", "add", "introduce", "disconnect"]);
    });
}

#[test]
fn a_close_takes_five_seconds_at_most() {
    play(5, |play| {
        let notes: Notes<Duration> = Notes::default();
        let told = Arc::clone(&notes);
        play.act(|host| async move {
            let connection = dialer(&host).dial(AGENT).await.expect("the agent is there");
            host.sleep(Duration::from_secs(10)).await;
            let began = host.now();
            connection.close().await;
            note(&told, host.now() - began);
        });
        play.run(5);
        play.fault(&kill("control"), 30);
        assert_eq!(noted(&notes), [Duration::from_secs(5)]);
    });
}

#[test]
fn a_dial_fails_with_a_reason() {
    let dial = |play: &mut super::world::Play<'_>| {
        let notes: Notes<(DialError, u64)> = Notes::default();
        let told = Arc::clone(&notes);
        play.act(|host| async move {
            let began = host.now();
            let error = dialer(&host).dial(AGENT).await.expect_err("it comes to nothing");
            note(&told, (error, (host.now() - began).as_secs()));
        });
        play.run(70);
        let (error, after) = noted(&notes).pop().expect("it has failed");
        (error.to_string(), after)
    };
    play(6, |play| {
        play.control.state().refuses = Some(Status::not_found("there is no such agent"));
        let expected = format!("the control plane refuses a connection to agent {AGENT}: there is no such agent");
        assert_eq!(dial(play), (expected, 0));
    });
    play(7, |play| {
        play.control.state().update = None;
        let expected = format!("no path to agent {AGENT} was found in 60s: the agent has not told where it is");
        assert_eq!(dial(play), (expected, 60));
    });
    play(8, |play| {
        play.tell(Told::Node, &["agent:9"], 0);
        let (error, after) = dial(play);
        assert!(error.starts_with(&format!("no path to agent {AGENT} was found in 60s: direct, agent:9: ")), "{error}");
        assert_eq!(after, 60);
    });
    play(9, |play| {
        play.tell(Told::Disconnected, &[], 0);
        assert_eq!(dial(play), (format!("agent {AGENT} has gone"), 60));
    });
}

/// An agent that hears of its visitor late is not gone around: the same way is tried again.
#[test]
fn an_agent_that_has_not_heard_yet_is_asked_again() {
    play(10, |play| {
        "another".clone_into(&mut play.agent.state().secret);
        let notes: Notes<Path> = Notes::default();
        let told = Arc::clone(&notes);
        play.act(|host| async move {
            let connection = dialer(&host).dial(AGENT).await.expect("it hears of it");
            note(&told, connection.path());
        });
        play.world.run_for(Duration::from_millis(400));
        SECRET.clone_into(&mut play.agent.state().secret);
        play.run(5);
        assert!(matches!(noted(&notes)[..], [Path::Direct(_)]));
    });
}

/// An agent that goes while it is dialled may come back, and is asked for anew.
#[test]
fn an_agent_that_comes_back_is_found() {
    play(11, |play| {
        play.tell(Told::Disconnected, &[], 0);
        let connections = Notes::default();
        let kept = Arc::clone(&connections);
        play.act(|host| async move { note(&kept, dialer(&host).dial(AGENT).await.expect("it comes back")) });
        play.run(20);
        let asked = play.control.state().words().iter().filter(|word| **word == "add").count();
        assert!((3..15).contains(&asked), "asked {asked} times");
        play.place(0);
        play.run(11);
        assert_eq!(noted(&connections).len(), 1);
    });
}
