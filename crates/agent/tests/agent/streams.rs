//! Streams to an agent, which outlive their paths.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use groundhog_host::{Address, Host, Task};
use groundhog_wire::{
    agent_port, frame,
    resumable::{HelloError, PathEnd, Refused, ResumableStream, StreamHandle, hello},
    v1::{
        AgentManifest, Node, PeerHello, PeerUpdate, Relay, RelayMap, StreamFrame, coordinate_request::Kind as Said,
        peer_update::Kind, peer_welcome::Refusal, stream_frame::Kind as Frame,
    },
};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

use crate::{
    control::{RELAY, RELAY_PORT},
    world::{Play, play},
};

const PEER: Uuid = Uuid::from_u128(77);
const SECRET: &str = "secret-of-the-two";
/// Where something on the agent's machine gives back what it is sent.
const ECHO: u32 = 8_080;

fn peer(kind: Kind) -> PeerUpdate {
    let node = Some(Node::default());
    PeerUpdate { peer_id: PEER.to_string(), kind: kind.into(), node, secret: SECRET.to_owned() }
}

fn direct() -> Address {
    Address::new("agent", 4_100)
}

/// A stream, as the test makes its paths.
struct Visit {
    host: Host,
    handle: StreamHandle,
    stream: ResumableStream,
    hello: PeerHello,
}

impl Visit {
    fn new(host: &Host, port: u32) -> Self {
        let (handle, stream) = StreamHandle::new();
        let (peer_id, stream_id) = (PEER.to_string(), host.new_id("stream").to_string());
        let hello = PeerHello { peer_id, stream_id, secret: SECRET.to_owned(), port, ..PeerHello::default() };
        Self { host: host.clone(), handle, stream, hello }
    }

    /// Goes on over a path to this address. Dropping what is returned does nothing: aborting it breaks the path.
    async fn go(&mut self, to: &Address) -> Result<Task, HelloError> {
        let mut path = self.host.connect(to).await?;
        let turn = self.handle.turn();
        self.hello.received = turn.received();
        let received = hello::say(&mut path, &self.hello).await?;
        self.hello.resumes = true;
        let attachment = self.handle.attach(&self.host, &turn, received).expect("the agent counts as it should");
        let host = self.host.clone();
        let drive = async move { drop(attachment.drive(&host, path).await) };
        Ok(self.host.spawn("path", drive))
    }

    async fn refused(&mut self) -> Refused {
        match self.go(&direct()).await {
            Err(HelloError::Refused(refused)) => refused,
            other => panic!("expected a refusal, got {:?}", other.map(drop)),
        }
    }

    async fn ask(&mut self, word: &[u8]) {
        self.stream.write_all(word).await.expect("it is kept");
        self.hears(word).await;
    }

    async fn hears(&mut self, word: &[u8]) {
        let mut back = vec![0; word.len()];
        self.stream.read_exact(&mut back).await.expect("it comes back");
        assert_eq!(back, word);
    }
}

/// Does something on the visitor's machine, which has to be done within so many seconds.
fn acts<F>(play: &mut Play<'_>, seconds: u64, act: impl FnOnce(Host) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let done = Arc::new(AtomicBool::new(false));
    let told = done.clone();
    play.act("visitor", seconds, |host| {
        let act = act(host);
        async move {
            act.await;
            told.store(true, Ordering::Relaxed);
        }
    });
    assert!(done.load(Ordering::Relaxed), "it is done after {seconds} s");
}

/// The agent is up, with something that gives back what it is sent, and knows of its peer.
fn visited<T: Send>(manifest: AgentManifest, story: impl FnOnce(&mut Play<'_>) -> T + Send) -> T {
    play(manifest, |play| {
        play.run(5);
        play.act("agent", 0, |host| async move {
            let mut listener = host.listen(8_080).await.expect("the port is free");
            while let Ok(mut stream) = listener.accept().await {
                let echo = async move {
                    let mut piece = [0; 1_024];
                    while let Ok(count @ 1..) = stream.read(&mut piece).await {
                        stream.write_all(&piece[..count]).await.expect("it is taken");
                    }
                };
                host.spawn("echo", echo).detach();
            }
        });
        play.control.state().tell_peer(peer(Kind::Node));
        play.run(1);
        story(play)
    })
}

#[test]
fn a_stream_goes_on_over_another_path_where_it_was() {
    visited(AgentManifest::default(), |play| {
        acts(play, 60, |host| async move {
            let mut visit = Visit::new(&host, ECHO);
            let first = visit.go(&direct()).await.expect("it is let in");
            visit.ask(b"one").await;
            visit.stream.write_all(b"two").await.expect("it is kept");
            first.abort();
            visit.stream.write_all(b"three").await.expect("it is kept");
            host.sleep(Duration::from_secs(30)).await;
            let second = visit.go(&direct()).await.expect("it is there still");
            visit.hears(b"twothree").await;
            // A newer path takes over from one that is well.
            let third = visit.go(&direct()).await.expect("it is there still");
            second.await;
            visit.ask(b"four").await;
            visit.stream.shutdown().await.expect("it is up");
            assert_eq!(visit.stream.read(&mut [0]).await.expect("it ends well"), 0);
            third.await;
            assert!(visit.handle.is_over());
        });
        assert_eq!(play.events("agent.stream_opened"), 1);
        assert_eq!(play.events("agent.stream_resumed"), 2);
        assert_eq!(play.fields("agent.stream_ended", "why"), ["it has ended"]);
    });
}

#[test]
fn a_stream_without_a_path_is_kept_for_two_minutes() {
    visited(AgentManifest::default(), |play| {
        acts(play, 400, |host| async move {
            let mut visit = Visit::new(&host, ECHO);
            for _ in 0..2 {
                visit.go(&direct()).await.expect("it is there").abort();
                host.sleep(Duration::from_secs(118)).await;
            }
            visit.go(&direct()).await.expect("it is there").abort();
            host.sleep(Duration::from_secs(121)).await;
            assert_eq!(visit.refused().await.refusal, Refusal::UnknownStream);
        });
        assert_eq!(play.fields("agent.stream_ended", "why"), ["its peer has not come back"]);
    });
}

#[test]
fn the_streams_of_a_peer_that_has_gone_end_at_once() {
    visited(AgentManifest::default(), |play| {
        let control = play.control.clone();
        acts(play, 5, |host| async move {
            let mut visit = Visit::new(&host, ECHO);
            let path = visit.go(&direct()).await.expect("it is let in");
            control.state().tell_peer(peer(Kind::Disconnected));
            let error = visit.stream.read(&mut [0]).await.expect_err("it is ended");
            assert_eq!(error.to_string(), "its peer has gone");
            path.await;
            assert_eq!(visit.refused().await.refusal, Refusal::NotLetIn);
        });
        assert_eq!(play.fields("agent.stream_ended", "why"), ["its peer has gone"]);
    });
}

#[test]
fn what_is_refused_is_told_with_its_reason() {
    visited(AgentManifest::default(), |play| {
        acts(play, 60, |host| async move {
            let check = async |change: fn(&mut PeerHello), refusal: Refusal, error: &str| {
                let mut visit = Visit::new(&host, ECHO);
                change(&mut visit.hello);
                assert_eq!(visit.refused().await, Refused { refusal, error: error.to_owned() });
            };
            let id = "malformed hello: its stream's id is not a UUID";
            check(|hello| "a guess".clone_into(&mut hello.secret), Refusal::NotLetIn, "this peer is not let in").await;
            check(|hello| hello.stream_id.clear(), Refusal::Malformed, id).await;
            check(|hello| hello.port = 5, Refusal::NotServed, "nothing is served on port 5").await;
            let unknown = "this stream is not there any more";
            check(|hello| hello.resumes = true, Refusal::UnknownStream, unknown).await;
            // Who is not let in learns nothing of what there is.
            let stranger = |hello: &mut PeerHello| {
                (hello.port, hello.secret, hello.resumes) = (5, String::new(), true);
            };
            check(stranger, Refusal::NotLetIn, "this peer is not let in").await;
            // A port on which nothing listens can't be known beforehand.
            let mut visit = Visit::new(&host, 9_090);
            visit.go(&direct()).await.expect("it is let in").detach();
            let error = visit.stream.read(&mut [0]).await.expect_err("nothing is there");
            assert_eq!(error.to_string(), "nothing listens on port 9090 of the machine");
        });
    });
}

#[test]
fn there_is_a_bound_on_streams_and_one_that_has_ended_makes_room() {
    visited(AgentManifest::default(), |play| {
        acts(play, 100, |host| async move {
            let mut first = Visit::new(&host, agent_port::KEEP_ALIVE);
            let path = first.go(&direct()).await.expect("it is let in");
            for _ in 1..2_048 {
                Visit::new(&host, agent_port::KEEP_ALIVE).go(&direct()).await.expect("there is room").abort();
            }
            let mut more = Visit::new(&host, agent_port::KEEP_ALIVE);
            assert_eq!(more.refused().await.refusal, Refusal::TooMany);
            first.handle.reset("it is enough");
            path.await;
            more.go(&direct()).await.expect("there is room again").detach();
        });
        assert_eq!(play.events("agent.stream_opened"), 2_049);
    });
}

/// Whatever is sent, it costs whoever sends it their path, and nobody else anything.
#[test]
fn what_makes_no_sense_ends_the_path() {
    visited(AgentManifest::default(), |play| {
        acts(play, 60, |host| async move {
            let mut other = Visit::new(&host, ECHO);
            other.go(&direct()).await.expect("it is let in").detach();
            for bytes in [&b"\x00\x00"[..], b"\x03\x00abc", b"GET / HTTP/1.1\r\n\r\n"] {
                let mut path = host.connect(&direct()).await.expect("it listens");
                path.write_all(bytes).await.expect("it is taken");
                path.shutdown().await.expect("it is taken");
                let mut rest = Vec::new();
                let _ = path.read_to_end(&mut rest).await;
            }
            let frames = [
                (StreamFrame { kind: None }.encode_to_vec(), None),
                (b"abc".to_vec(), None),
                (of(Frame::Data(vec![0; 20_000])), Some("20000 bytes of data in a frame: at most 16384 are allowed")),
                (of(Frame::Consumed(1)), Some("the other end is at byte 1 of the stream: expected 0 to 0")),
            ];
            for (content, expected) in frames {
                let visit = Visit::new(&host, ECHO);
                let mut path = host.connect(&direct()).await.expect("it listens");
                hello::say(&mut path, &visit.hello).await.expect("it is let in");
                frame::write(&mut path, &content).await.expect("it is taken");
                let answer = frame::read(&mut path).await.ok();
                let answer = answer.map(|answer| StreamFrame::decode(answer.as_slice()).expect("a frame"));
                let reset = expected.map(|text| StreamFrame { kind: Some(Frame::Reset(text.to_owned())) });
                assert_eq!(answer, reset);
            }
            other.ask(b"well").await;
        });
    });
}

fn of(kind: Frame) -> Vec<u8> {
    StreamFrame { kind: Some(kind) }.encode_to_vec()
}

#[test]
fn what_keeps_alive_answers_pings_and_is_not_counted() {
    visited(AgentManifest::default(), |play| {
        acts(play, 11, |host| async move {
            let mut visit = Visit::new(&host, agent_port::KEEP_ALIVE);
            visit.go(&direct()).await.expect("it is let in").detach();
            for second in 1..8 {
                host.sleep(Duration::from_secs(1)).await;
                visit.handle.ping();
                host.sleep(Duration::from_millis(500)).await;
                let heard_at = visit.handle.heard_at().expect("there is a path");
                assert!(host.now() - heard_at < Duration::from_millis(500), "after ping {second}");
            }
        });
        play.run(300);
        let state = play.control.state();
        let stats = state.stats[1].as_ref().expect("there are stats");
        assert_eq!((stats.connection_count, stats.received_bytes), (0, 0));
    });
}

/// An agent listens at a relay if there is one, says so, and is found over it as it is directly.
#[test]
fn a_visitor_comes_over_the_relay() {
    let relay = Relay { id: RELAY, name: "here".to_owned(), endpoints: vec!["control:443".to_owned()] };
    let relay_map = Some(RelayMap { relays: vec![relay] });
    visited(AgentManifest { relay_map, ..AgentManifest::default() }, |play| {
        let relays = |play: &Play<'_>| -> Vec<u32> {
            let state = play.control.state();
            let nodes = state.said.iter().filter_map(|said| match said {
                Said::UpdateSelf(node) => Some(node.relay),
                _ => None,
            });
            nodes.collect()
        };
        assert_eq!(relays(play).last(), Some(&RELAY));
        assert_eq!(play.fields("agent.relay", "relay"), [RELAY.to_string()]);
        play.act("visitor", 0, |host| async move {
            let mut visit = Visit::new(&host, ECHO);
            visit.go(&direct()).await.expect("it is let in").abort();
            visit.stream.write_all(b"one").await.expect("it is kept");
            let path = visit.go(&Address::new("control", RELAY_PORT)).await.expect("it is let in");
            visit.hears(b"one").await;
            host.sleep(Duration::from_secs(10)).await;
            // Whatever became of the agent's call at the relay: what has come over it stays.
            visit.ask(b"two").await;
            visit.stream.shutdown().await.expect("it is up");
            assert_eq!(visit.stream.read(&mut [0]).await.expect("it ends well"), 0);
            path.await;
        });
        play.run(5);
        play.control.state().end_relay();
        play.run(10);
        assert_eq!(play.fields("agent.relay", "relay"), ["7", "0", "7"]);
        assert_eq!(relays(play).last(), Some(&RELAY));
        assert_eq!(play.fields("agent.stream_opened", "path"), ["direct"]);
        assert_eq!(play.fields("agent.stream_resumed", "path"), ["relay"]);
        assert_eq!(play.fields("agent.stream_ended", "why"), ["it has ended"]);
        // Its connection ends, and it says where it is anew.
        play.restart_control(5);
        play.run(30);
        assert_eq!(play.fields("agent.relay", "relay"), ["7", "0", "7", "0", "7"]);
        assert_eq!(relays(play).last(), Some(&RELAY));
    });
}

/// Where there is no relay, nobody asks for one.
#[test]
fn an_agent_without_relays_listens_at_none() {
    visited(AgentManifest::default(), |play| {
        play.run(100);
        assert_eq!((play.control.state().count("listen_relay"), play.events("agent.relay")), (0, 0));
    });
}

#[test]
fn a_path_that_is_left_says_so() {
    visited(AgentManifest::default(), |play| {
        acts(play, 5, |host| async move {
            let mut visit = Visit::new(&host, ECHO);
            let mut path = host.connect(&direct()).await.expect("it listens");
            let turn = visit.handle.turn();
            let received = hello::say(&mut path, &visit.hello).await.expect("it is let in");
            visit.hello.resumes = true;
            // Meanwhile another path was made.
            visit.go(&direct()).await.expect("it is let in").detach();
            let late = visit.handle.attach(&host, &turn, received);
            assert!(matches!(late, Err(PathEnd::Left)));
            visit.ask(b"well").await;
        });
    });
}
