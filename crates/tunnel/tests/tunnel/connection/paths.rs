//! Paths that break, and the streams that outlive them.

use std::{sync::Arc, time::Duration};

use groundhog_host::Host;
use groundhog_sim::{Fault, Ways};
use groundhog_tunnel::connection::AgentConnection;
use proptest::{prelude::*, test_runner::RngSeed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    agent::ECHO,
    life::{Notes, note, noted},
    world::{AGENT, Play, cut, dialer, kill, play},
};

/// How much is sent at a time.
const PIECE_BYTES: usize = 10_000;

fn bytes(piece: usize) -> Vec<u8> {
    (0..PIECE_BYTES).map(|at| (piece * 7 + at % 251) as u8).collect()
}

/// Sends so many pieces, one each second, and takes each back, whole and in order. When each was back, in seconds since
/// it was sent.
async fn talk(host: &Host, connection: &AgentConnection, pieces: usize) -> Vec<u64> {
    let stream = connection.open(ECHO).await.expect("the agent is there");
    let (mut reader, mut writer) = tokio::io::split(stream);
    let began = host.now();
    let read = async {
        let mut took = Vec::new();
        for piece in 0..pieces {
            let mut back = vec![0; PIECE_BYTES];
            reader.read_exact(&mut back).await.expect("no path is away for too long");
            assert!(back == bytes(piece), "piece {piece} comes back as it was sent");
            took.push((host.now() - began).as_secs().saturating_sub(piece as u64));
        }
        assert_eq!(reader.read(&mut [0]).await.expect("it ends well"), 0);
        took
    };
    let write = async {
        for piece in 0..pieces {
            writer.write_all(&bytes(piece)).await.expect("no path is away for too long");
            host.sleep(Duration::from_secs(1)).await;
        }
        writer.shutdown().await.expect("it ends well");
    };
    let mut write = std::pin::pin!(write);
    let mut read = std::pin::pin!(read);
    let took = tokio::select! {
        biased;
        // In any order: the writer has more to do until both are done.
        () = &mut write => None,
        took = &mut read => Some(took),
    };
    match took {
        Some(took) => took,
        None => read.await,
    }
}

/// Talks for so many seconds, and notes what came of it.
fn talks(play: &mut Play<'_>, pieces: usize) -> Notes<Vec<u64>> {
    let notes: Notes<Vec<u64>> = Notes::default();
    let told = Arc::clone(&notes);
    play.act(move |host| async move {
        let connection = dialer(&host).dial(AGENT).await.expect("the agent is there");
        let took = talk(&host, &connection, pieces).await;
        note(&told, took);
        std::future::pending::<()>().await;
        drop(connection);
    });
    notes
}

#[test]
fn the_direct_path_is_cut_and_the_relay_takes_over_until_it_is_whole_again() {
    play(1, |play| {
        let notes = talks(play, 120);
        play.run(10);
        play.fault(&cut(), 60);
        assert_eq!(play.ways(), ["none", "relay"]);
        play.run(70);
        assert_eq!(play.ways(), ["none", "relay", "direct"]);
        let whys = play.fields("tunnel.path", "why");
        assert_eq!(whys, ["nothing was heard on it any more", "it works", "it is the better one"]);
        let took = noted(&notes).pop().expect("it has come to an end");
        // What was sent while the cut was not yet known waited for that: 15 to 20 s, and 5 s for a direct path.
        assert!(took.iter().all(|took| *took <= 26), "{took:?}");
        assert!(took[35..].iter().all(|took| *took <= 1), "{took:?}");
        // The path is taken back up to half a minute after it can be.
        let hellos: Vec<_> = play.agent.state().hellos.iter().map(|(port, way)| (*port == ECHO, *way)).collect();
        let stream = [(true, "direct"), (true, "relay"), (true, "direct")];
        assert_eq!(hellos.iter().filter(|(echo, _)| *echo).copied().collect::<Vec<_>>(), stream);
    });
}

/// Without a relay a stream waits, and goes on.
#[test]
fn a_path_that_comes_back_in_time_carries_the_stream_on() {
    for (seed, fault) in [
        cut(),
        Fault::Hold { from: "laptop".to_owned(), to: "agent".to_owned(), ways: Ways::Both },
        Fault::Cut { from: "agent".to_owned(), to: "laptop".to_owned(), ways: Ways::One },
        Fault::Suspend { host: "agent".to_owned(), clock: groundhog_sim::SuspendedClock::Stops },
    ]
    .into_iter()
    .enumerate()
    {
        play(seed as u64, |play| {
            play.place(0);
            let notes = talks(play, 60);
            play.run(10);
            play.fault(&fault, 50);
            play.run(60);
            assert_eq!(noted(&notes).len(), 1, "{fault:?}");
            assert_eq!(play.ways(), ["none", "direct"], "{fault:?}");
        });
    }
}

/// A firewall that restarts breaks every stream at once. It costs no time to speak of.
#[test]
fn a_path_that_is_reset_is_made_again_at_once() {
    play(2, |play| {
        let notes = talks(play, 60);
        let reset = Fault::Reset { from: "laptop".to_owned(), to: "agent".to_owned() };
        for _ in 0..4 {
            play.run(12);
            play.world.begin(&reset).expect("the hosts are there");
        }
        play.run(30);
        let took = noted(&notes).pop().expect("it has come to an end");
        assert!(took.iter().all(|took| *took <= 1), "{took:?}");
        assert_eq!(play.ways(), ["none", "direct"].repeat(4));
    });
}

/// The streams go past the control plane: they live on while it is away, and it is told everything again (F25, F38).
#[test]
fn the_control_plane_may_be_away() {
    play(3, |play| {
        let notes = talks(play, 200);
        play.run(10);
        play.fault(&kill("control"), 120);
        play.run(100);
        assert!(noted(&notes).pop().expect("it has come to an end").iter().all(|took| *took <= 1));
        assert_eq!(play.ways(), [""; 0]);
        let words = play.control.state().words();
        assert_eq!(words, ["introduce", "update", "add", "introduce", "update", "add"]);
    });
}

/// The relay is the way when there is no direct one, and a direct one is taken as soon as the agent tells of it.
#[test]
fn an_agent_that_is_behind_the_relay_alone_is_reached() {
    play(4, |play| {
        play.tell(groundhog_wire::v1::peer_update::Kind::Node, &[], 1);
        let notes = talks(play, 60);
        play.run(40);
        assert_eq!(play.ways(), [""; 0]);
        assert!(play.agent.state().hellos.iter().all(|(_, way)| *way == "relay"));
        play.place(1);
        play.run(2);
        assert_eq!(play.ways(), ["direct"]);
        play.run(30);
        assert!(noted(&notes).pop().expect("it has come to an end").iter().all(|took| *took <= 1));
    });
}

/// A relay that goes is no end either.
#[test]
fn a_relay_that_restarts_is_found_again() {
    play(5, |play| {
        play.tell(groundhog_wire::v1::peer_update::Kind::Node, &[], 1);
        let notes = talks(play, 60);
        play.run(15);
        play.fault(&kill("control"), 20);
        play.run(40);
        assert_eq!(noted(&notes).len(), 1);
        assert_eq!(play.ways(), ["none", "relay"]);
    });
}

/// What goes wrong, and for how many seconds.
#[derive(Clone, Debug)]
enum Trouble {
    None(u64),
    Cut(u64),
    Lossy(u64),
    Reset,
    Relay(u64),
    Place(bool, bool),
}

fn troubles() -> impl Strategy<Value = Vec<Trouble>> {
    let trouble = prop_oneof![
        3 => (1_u64..40).prop_map(Trouble::None),
        3 => (1_u64..45).prop_map(Trouble::Cut),
        1 => (1_u64..30).prop_map(Trouble::Lossy),
        2 => Just(Trouble::Reset),
        2 => (1_u64..30).prop_map(Trouble::Relay),
        1 => any::<(bool, bool)>().prop_map(|(direct, relay)| Trouble::Place(direct, relay)),
    ];
    proptest::collection::vec(trouble, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 40, failure_persistence: None, rng_seed: RngSeed::Fixed(6), ..ProptestConfig::default()
    })]

    /// Whatever happens to the paths, as long as there is one now and then: no byte is lost, and none comes twice.
    #[test]
    fn no_byte_is_lost(troubles in troubles(), seed in any::<u64>()) {
        play(seed, |play| {
            let notes = talks(play, 60);
            play.run(5);
            for trouble in &troubles {
                let (from, to) = ("laptop".to_owned(), "agent".to_owned());
                match trouble {
                    Trouble::None(seconds) => play.run(*seconds),
                    Trouble::Cut(seconds) => play.fault(&cut(), *seconds),
                    Trouble::Lossy(seconds) => play.fault(&Fault::Lossy { from, to, probability: 0.3 }, *seconds),
                    Trouble::Reset => play.world.begin(&Fault::Reset { from, to }).expect("the hosts are there"),
                    Trouble::Relay(seconds) => play.fault(&kill("control"), *seconds),
                    Trouble::Place(direct, relay) => {
                        let endpoints: &[&str] = if *direct { &["agent:4100"] } else { &[] };
                        play.tell(groundhog_wire::v1::peer_update::Kind::Node, endpoints, u32::from(*relay));
                        play.run(3);
                        play.place(1);
                    }
                }
                // For as long as it takes to find a path again.
                play.run(16);
            }
            play.run(120);
            assert_eq!(noted(&notes).len(), 1);
            assert_eq!(play.fields("tunnel.network_lost", "why"), [""; 0]);
        });
    }
}
