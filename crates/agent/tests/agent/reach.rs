//! Who reaches an agent.

use groundhog_host::{Address, Host, Stream};
use groundhog_wire::{
    agent_port,
    resumable::{HelloError, open_over},
    terminal::{Init, Input},
    v1::{
        AgentManifest, Node, PeerHello, PeerUpdate, coordinate_request::Kind as Said, peer_update::Kind,
        report_connection_request::Action,
    },
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

use crate::world::{Play, on_start, play, scripts};

const PEER: u128 = 77;
const SECRET: &str = "secret-of-the-two";

fn update(kind: Kind) -> PeerUpdate {
    PeerUpdate {
        peer_id: Uuid::from_u128(PEER).to_string(),
        kind: kind.into(),
        node: Some(Node::default()),
        secret: SECRET.to_owned(),
    }
}

fn hello(port: u32, secret: &str) -> PeerHello {
    PeerHello { peer_id: Uuid::from_u128(PEER).to_string(), secret: secret.to_owned(), port, ..PeerHello::default() }
}

async fn connect(host: &Host, port: u32, secret: &str) -> Result<Stream, HelloError> {
    let path = host.connect(&Address::new("agent", 4_100)).await?;
    Ok(Stream::new(open_over(host, path, hello(port, secret)).await?, "agent"))
}

/// The visitor comes to a port of the agent's, and does something there.
pub(crate) fn visit<F>(play: &mut Play<'_>, port: u32, act: impl FnOnce(Stream) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    play.control.state().tell_peer(update(Kind::Node));
    play.run(1);
    play.act("visitor", 5, move |host| async move {
        let stream = connect(&host, port, SECRET).await.expect("the visitor is let in");
        act(stream).await;
    });
}

#[test]
fn an_agent_says_where_it_is() {
    play(AgentManifest::default(), |play| {
        play.run(5);
        let node = Node { endpoints: vec!["agent:4100".to_owned()], relay: 0 };
        assert_eq!(play.control.state().said, [Said::UpdateSelf(node)]);
    });
    play(AgentManifest { disable_direct: true, ..AgentManifest::default() }, |play| {
        play.run(5);
        assert_eq!(play.control.state().said, [Said::UpdateSelf(Node::default())]);
    });
}

#[test]
fn only_who_was_announced_is_let_in() {
    play(AgentManifest::default(), |play| {
        play.run(5);
        let refused = |secret: &'static str| {
            move |host: Host| async move {
                let error = connect(&host, agent_port::FORWARD_MIN, secret).await.expect_err("it is refused");
                assert_eq!(error.to_string(), "this peer is not let in");
            }
        };
        play.act("visitor", 5, refused(SECRET));
        play.control.state().tell_peer(update(Kind::Node));
        play.run(1);
        play.act("visitor", 5, refused("another-secret"));
        play.act("visitor", 5, |host| async move {
            connect(&host, agent_port::FORWARD_MIN, SECRET).await.expect("it is let in");
            let error = connect(&host, 5, SECRET).await.expect_err("nothing is there");
            assert_eq!(error.to_string(), "nothing is served on port 5");
        });
        play.control.state().tell_peer(update(Kind::Disconnected));
        play.run(1);
        play.act("visitor", 5, refused(SECRET));
    });
}

#[test]
fn who_says_nothing_is_not_waited_for() {
    play(AgentManifest::default(), |play| {
        play.run(5);
        play.act("visitor", 15, |host| async move {
            let began = host.now();
            let mut stream = host.connect(&Address::new("agent", 4_100)).await.expect("it listens");
            assert_eq!(stream.read(&mut [0; 8]).await.expect("it is closed"), 0);
            assert_eq!((host.now() - began).as_secs(), 10);
        });
    });
}

#[test]
fn a_port_of_the_machine_is_forwarded() {
    play(AgentManifest::default(), |play| {
        play.run(5);
        play.act("agent", 0, |host| async move {
            let mut listener = host.listen(8_080).await.expect("the port is free");
            while let Ok(mut stream) = listener.accept().await {
                let mut word = [0; 5];
                stream.read_exact(&mut word).await.expect("there is a word");
                stream.write_all(&word).await.expect("it is taken");
            }
        });
        visit(play, 8_080, |mut stream| async move {
            stream.write_all(b"hello").await.expect("it is taken");
            let mut word = [0; 5];
            stream.read_exact(&mut word).await.expect("it comes back");
            assert_eq!(&word, b"hello");
        });
    });
}

#[test]
fn a_terminal_is_there_again_over_another_stream() {
    play(AgentManifest::default(), |play| {
        play.run(5);
        let init = |id: u128| Init { id: Uuid::from_u128(id), height: 24, width: 80, command: String::new() };
        visit(play, agent_port::TERMINAL, move |mut stream| async move {
            init(5).write(&mut stream).await.expect("it is taken");
            let input = Input { data: "echo good morning\n".to_owned(), ..Input::default() };
            input.write(&mut stream).await.expect("it is taken");
            let mut seen = Vec::new();
            while !String::from_utf8_lossy(&seen).contains("\ngood morning") {
                assert!(stream.read_buf(&mut seen).await.expect("there is output") > 0);
            }
        });
        assert_eq!(play.events("agent.terminal_opened"), 1);
        visit(play, agent_port::TERMINAL, move |mut stream| async move {
            init(5).write(&mut stream).await.expect("it is taken");
            let mut seen = Vec::new();
            while !String::from_utf8_lossy(&seen).contains("\ngood morning") {
                assert!(stream.read_buf(&mut seen).await.expect("there is output") > 0);
            }
        });
        assert_eq!(play.events("agent.terminal_opened"), 1);
        let state = play.control.state();
        let told: Vec<_> = state.connections.iter().map(|report| (report.action(), report.r#type.as_str())).collect();
        let (came, went) = ((Action::Connect, "reconnecting_pty"), (Action::Disconnect, "reconnecting_pty"));
        assert_eq!(told, [came, went, came, went]);
        assert_eq!(state.connections[0].connection_id, state.connections[1].connection_id);
        assert_eq!(state.connections[0].ip, "", "a name is no address (F5)");
    });
}

#[test]
fn a_stream_lives_on_while_the_control_plane_is_away() {
    play(AgentManifest::default(), |play| {
        play.run(5);
        play.act("agent", 0, |host| async move {
            let mut listener = host.listen(8_080).await.expect("the port is free");
            let mut stream = listener.accept().await.expect("somebody comes");
            while stream.read_exact(&mut [0; 5]).await.is_ok() {
                stream.write_all(b"hello").await.expect("it is taken");
            }
        });
        play.control.state().tell_peer(update(Kind::Node));
        play.run(1);
        let talk = |host: Host| async move {
            let mut stream = connect(&host, 8_080, SECRET).await.expect("the visitor is let in");
            for _ in 0..19 {
                stream.write_all(b"hello").await.expect("it is taken");
                stream.read_exact(&mut [0; 5]).await.expect("it comes back");
                host.sleep(std::time::Duration::from_secs(60)).await;
            }
            drop(stream);
            host.sleep(std::time::Duration::from_secs(100)).await;
            let error = connect(&host, 8_080, SECRET).await.expect_err("by then it is forgotten");
            assert_eq!(error.to_string(), "this peer is not let in");
        };
        play.act("visitor", 5, talk);
        play.restart_control(300);
        // The control plane does not tell of the peer again: it is lost, and kept for a quarter of an hour.
        play.run(1_000);
        assert_eq!(play.events("agent.connected"), 2);
    });
}

#[test]
fn a_connection_report_that_is_refused_ends_nothing() {
    play(scripts([on_start("hello", "echo hello")]), |play| {
        play.control.state().refuses.insert("report_connection", tonic::Status::invalid_argument("no IP address"));
        play.run(5);
        for _ in 0..3 {
            visit(play, agent_port::TERMINAL, |_| async {});
        }
        play.run(60);
        // Six reports, each refused once (F5).
        let state = play.control.state();
        assert_eq!((state.count("connect"), state.count("report_connection")), (1, 6));
    });
}

#[test]
fn terminals_are_counted() {
    play(AgentManifest::default(), |play| {
        play.run(5);
        visit(play, agent_port::TERMINAL, |mut stream| async move {
            let init = Init { id: Uuid::from_u128(5), height: 24, width: 80, command: String::new() };
            init.write(&mut stream).await.expect("it is taken");
            // The visitor stays.
            std::future::pending().await
        });
        play.run(300);
        let state = play.control.state();
        let stats = state.stats[1].as_ref().expect("there are stats");
        assert_eq!((stats.session_count_pty, stats.connections_by_protocol.get("pty")), (1, Some(&1)));
        assert!(stats.received_bytes > 0 && stats.received_packets > 0);
    });
}
