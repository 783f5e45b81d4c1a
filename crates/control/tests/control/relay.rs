//! Paths to agents over a replica.

use std::time::Duration;

use groundhog_control::operations::{
    claim,
    coordination::{self, End},
};
use groundhog_wire::{
    id::PeerId,
    v1::{self, Transition, coordinate_request, relay_chunk::Kind, relay_news},
};
use tokio::sync::mpsc;
use tonic::{Code, Status, Streaming};
use uuid::Uuid;

use crate::support::{
    World,
    agents::{agent, made},
    replica::{Replica, by, requests},
    world::success,
};

const CLIENT: &str = "00000000-0000-4000-8000-00000000c11e";

/// alice's workspace "dev" with an agent, and a replica that is relay 7.
struct Site {
    world: World,
    replica: Replica,
    session: String,
    agent: String,
}

/// A call by which an agent listens.
type Listening = Streaming<v1::RelayNews>;

/// One end of a path.
struct Call {
    chunks: mpsc::Sender<v1::RelayChunk>,
    answers: Streaming<v1::RelayChunk>,
}

impl Call {
    fn say(&self, kind: Kind) {
        self.chunks.try_send(v1::RelayChunk { kind: Some(kind) }).expect("the call is open");
    }

    fn send(&self, bytes: &[u8]) {
        self.say(Kind::Data(bytes.to_vec()));
    }

    /// Ends the direction of this end, and goes on listening.
    fn finish(self) -> Streaming<v1::RelayChunk> {
        self.answers
    }
}

impl Site {
    fn new() -> Self {
        let world = World::new();
        let replica = Replica::new(&world, |config| {
            let relay = v1::Relay { id: 7, name: "here".to_owned(), endpoints: vec!["control:7080".to_owned()] };
            (config.agents.relay, config.agents.relays) = (7, vec![relay]);
        });
        world.started("dev", vec![agent("token-1")]);
        Self::of(world, replica)
    }

    fn of(world: World, replica: Replica) -> Self {
        let opened = world.by_token("token-1", groundhog_control::operations::agent::session::open).expect("known");
        Self { world, replica, session: opened.session_token, agent: opened.agent_id }
    }

    fn listen(&self) -> Listening {
        let mut agents = self.replica.agents();
        let listening = agents.listen_relay(by(&self.session, v1::ListenRelayRequest {}));
        let mut listening = self.world.machine.block_on(listening).expect("it is let in").into_inner();
        let first = relay_news::Kind::Listening(v1::RelayListening { relay: 7 });
        assert_eq!(self.news(&mut listening).and_then(Result::ok), Some(first));
        listening
    }

    fn news(&self, listening: &mut Listening) -> Option<Result<relay_news::Kind, Status>> {
        self.world.next(listening).map(|news| news.map(|news| news.kind.expect("this relay knows its kinds")))
    }

    /// The visit that the agent is told of.
    fn told(&self, listening: &mut Listening) -> String {
        match self.news(listening) {
            Some(Ok(relay_news::Kind::Visit(visit))) => visit.visit_id,
            other => panic!("expected a visit, got {other:?}"),
        }
    }

    /// Gives a client of this person's a tunnel to the agent.
    fn tunnel(&self, person: &str, peer: &str) {
        let peer = PeerId(peer.parse().expect("an id"));
        let add = coordinate_request::Kind::AddTunnel(v1::AddTunnel { agent_id: self.agent.clone() });
        let request = v1::CoordinateRequest { kind: Some(add) };
        let added = self.world.by_user(person, |tx, user| {
            let end = End::Client(peer, user.clone());
            let call = coordination::connect(tx, &end, Uuid::from_u128(5))?;
            coordination::handle(tx, &end, call, &request, &self.world.config.agents.peers)
        });
        added.expect("it is theirs");
    }

    fn visit(&self, token: &str, peer: &str) -> Call {
        let (chunks, stream) = requests();
        let mut people = self.replica.people();
        let answers =
            self.world.machine.block_on(people.visit_agent(by(token, stream))).expect("a person").into_inner();
        let call = Call { chunks, answers };
        call.say(Kind::Visit(v1::VisitAgent { peer_id: peer.to_owned(), agent_id: self.agent.clone() }));
        self.world.machine.settle();
        call
    }

    fn accept(&self, visit: &str) -> Call {
        let (chunks, stream) = requests();
        let mut agents = self.replica.agents();
        let answers = agents.accept_relay_visit(by(&self.session, stream));
        let answers = self.world.machine.block_on(answers).expect("it is let in").into_inner();
        let call = Call { chunks, answers };
        call.say(Kind::Accept(v1::AcceptVisit { visit_id: visit.to_owned() }));
        self.world.machine.settle();
        call
    }

    /// alice's client and the agent, at both ends of a path.
    fn path(&self) -> (Listening, Call, Call) {
        let mut listening = self.listen();
        self.tunnel("alice", CLIENT);
        let client = self.visit("alice-token", CLIENT);
        let agent = self.accept(&self.told(&mut listening));
        (listening, client, agent)
    }

    /// The bytes of the next chunk.
    fn bytes(&self, answers: &mut Streaming<v1::RelayChunk>) -> Vec<u8> {
        match self.world.next(answers) {
            Some(Ok(v1::RelayChunk { kind: Some(Kind::Data(bytes)) })) => bytes,
            other => panic!("expected data, got {other:?}"),
        }
    }

    fn end(&self, answers: &mut Streaming<v1::RelayChunk>) -> (Code, String) {
        match self.world.next(answers) {
            Some(Err(status)) => (status.code(), status.message().to_owned()),
            other => panic!("expected the end, got {other:?}"),
        }
    }
}

#[test]
fn bytes_pass_both_ways_and_each_direction_ends_by_itself() {
    let site = Site::new();
    let (_listening, mut client, mut agent) = site.path();
    assert!(site.world.record.take().contains(&"relay.visited agent=agent visit=visit".to_owned()));
    client.send(b"hello");
    client.send(b"again");
    assert_eq!(site.bytes(&mut agent.answers), b"hello");
    agent.send(b"welcome");
    assert_eq!(site.bytes(&mut client.answers), b"welcome");
    assert_eq!(site.bytes(&mut agent.answers), b"again");
    let mut answers = client.finish();
    assert!(site.world.is_over(&mut agent.answers));
    agent.send(b"the rest");
    assert_eq!(site.bytes(&mut answers), b"the rest", "the other direction goes on");
    drop(agent);
    assert!(site.world.is_over(&mut answers));
}

#[test]
fn a_path_that_both_ends_have_finished_ends_without_an_error() {
    let site = Site::new();
    let (_listening, client, agent) = site.path();
    let mut client = client.finish();
    site.world.machine.settle();
    let mut agent = agent.finish();
    assert!(site.world.is_over(&mut agent) && site.world.is_over(&mut client));
}

#[test]
fn who_reads_slowly_is_not_read_ahead_for() {
    let site = Site::new();
    let (_listening, client, mut agent) = site.path();
    for number in 0..16 {
        client.send(&[number; 64 << 10]);
    }
    site.world.machine.settle();
    let left = client.chunks.capacity();
    assert!(left <= 5, "most of 16 wait with the sender: there is room for {left} more");
    for number in 0..16 {
        assert_eq!(site.bytes(&mut agent.answers), [number; 64 << 10]);
    }
}

#[test]
fn an_end_that_hangs_up_or_sends_nonsense_ends_the_path() {
    for client_goes in [true, false] {
        let site = Site::new();
        let (_listening, client, agent) = site.path();
        let (gone, mut left) = if client_goes { (client, agent) } else { (agent, client) };
        drop(gone);
        // Whether the end of its direction or its hang-up is seen first makes no difference.
        let broken = matches!(site.world.next(&mut left.answers), Some(Err(_)));
        assert!(broken || site.world.is_over(&mut left.answers), "nobody sends any more");
        assert!(left.chunks.is_closed(), "and nobody reads");
    }
    // One that reads no more, and still sends.
    let site = Site::new();
    let (_listening, client, mut agent) = site.path();
    let Call { chunks: _chunks, answers } = client;
    drop(answers);
    assert_eq!(site.end(&mut agent.answers), (Code::Unavailable, "the other end has gone".to_owned()));
    for nonsense in [Kind::Visit(v1::VisitAgent::default()), Kind::Data(vec![0; (64 << 10) + 1])] {
        let site = Site::new();
        let (_listening, mut client, mut agent) = site.path();
        client.say(nonsense);
        let text = "expected up to 65536 bytes of data in each chunk";
        assert_eq!(site.end(&mut client.answers), (Code::InvalidArgument, text.to_owned()));
        assert_eq!(site.end(&mut agent.answers).0, Code::InvalidArgument);
    }
    let site = Site::new();
    let (_listening, client, mut agent) = site.path();
    client.send(&[7; 64 << 10]);
    assert_eq!(site.bytes(&mut agent.answers), [7; 64 << 10], "this much is taken");
}

#[test]
fn an_agent_that_does_not_listen_is_not_reached_and_one_that_does_not_come_is_given_up() {
    let site = Site::new();
    site.tunnel("alice", CLIENT);
    let mut client = site.visit("alice-token", CLIENT);
    let text = "the agent does not listen at this relay: look where it is, and try again";
    assert_eq!(site.end(&mut client.answers), (Code::Unavailable, text.to_owned()));
    let mut listening = site.listen();
    let mut client = site.visit("alice-token", CLIENT);
    let visit = site.told(&mut listening);
    site.world.advance(Duration::from_secs(9));
    assert!(site.world.next(&mut client.answers).is_none());
    site.world.advance(Duration::from_secs(2));
    assert_eq!(site.end(&mut client.answers).0, Code::DeadlineExceeded);
    let mut late = site.accept(&visit);
    assert_eq!(site.end(&mut late.answers), (Code::NotFound, "there is no such visit, or no more".to_owned()));
    // A client that no longer waits leaves nothing behind.
    let client = site.visit("alice-token", CLIENT);
    let visit = site.told(&mut listening);
    drop(client);
    site.world.machine.settle();
    let mut late = site.accept(&visit);
    assert_eq!(site.end(&mut late.answers).0, Code::NotFound);
}

#[test]
fn a_newer_call_of_an_agent_listens_instead_and_hears_of_who_waits() {
    let site = Site::new();
    let mut older = site.listen();
    site.tunnel("alice", CLIENT);
    let mut client = site.visit("alice-token", CLIENT);
    let mut newer = site.listen();
    let visit = site.told(&mut newer);
    // The older one may have told of it too, before it was taken over.
    let end = std::iter::from_fn(|| site.news(&mut older)).find_map(Result::err).expect("it ended");
    assert_eq!((end.code(), end.message()), (Code::Aborted, "a newer call of this agent has taken over"));
    drop(older);
    let agent = site.accept(&visit);
    agent.send(b"welcome");
    assert_eq!(site.bytes(&mut client.answers), b"welcome");
    let again = site.visit("alice-token", CLIENT);
    assert_eq!(site.told(&mut newer).len(), 36, "the end of the older one changes nothing");
    drop((newer, again));
    site.world.machine.settle();
    let mut late = site.visit("alice-token", CLIENT);
    assert_eq!(site.end(&mut late.answers).0, Code::Unavailable);
    agent.send(b"still");
    assert_eq!(site.bytes(&mut client.answers), b"still", "a path outlives the call by which the agent listens");
}

#[test]
fn only_who_has_a_tunnel_to_the_agent_is_let_through() {
    let site = Site::new();
    let mut listening = site.listen();
    let refused = |token: &str, peer: &str| {
        site.world.record.take();
        let end = site.end(&mut site.visit(token, peer).answers);
        let told = site.world.record.take();
        assert!(told.iter().any(|line| line.starts_with("rpc.refused method=VisitAgent caller=")), "{told:?}");
        end
    };
    let without = format!("the client {CLIENT} has no tunnel to the agent {}: add one first", site.agent);
    assert_eq!(refused("alice-token", CLIENT), (Code::FailedPrecondition, without.clone()));
    site.tunnel("alice", CLIENT);
    assert_eq!(refused("bob-token", CLIENT), (Code::NotFound, format!("there is no agent {}", site.agent)));
    // An administrator may see the agent, and has no part in alice's client.
    assert_eq!(refused("root-token", CLIENT), (Code::FailedPrecondition, without));
    assert_eq!(refused("alice-token", "me").0, Code::InvalidArgument);
    let own = CLIENT.replace('c', "d");
    site.tunnel("root", &own);
    let _root = site.visit("root-token", &own);
    assert_eq!(site.told(&mut listening).len(), 36);
    let session = site.session.clone();
    let mut people = site.replica.people();
    let (_sender, stream) = requests();
    let status =
        site.world.machine.block_on(people.visit_agent(by(&session, stream))).expect_err("an agent is no person");
    assert_eq!(status.code(), Code::PermissionDenied);
}

#[test]
fn who_loses_the_way_to_an_agent_loses_the_path_too() {
    // The client says that it goes.
    let site = Site::new();
    let (_listening, mut client, mut other) = site.path();
    let peer = PeerId(CLIENT.parse().expect("an id"));
    site.world.tx(|tx| Ok(coordination::leave(tx, peer, None)?)).expect("the database works");
    assert_eq!(site.end(&mut client.answers).0, Code::FailedPrecondition);
    assert_eq!(site.end(&mut other.answers).0, Code::FailedPrecondition);

    // The agent's build is outdated. Nobody says so here, so it takes a look.
    let site = Site::new();
    let (mut listening, mut client, _agent) = site.path();
    let job = site.world.rebuilding("dev", Transition::Stop);
    site.world.complete("prov-1", &success(job, b"")).expect("it runs");
    site.world.advance(Duration::from_secs(15));
    let text = format!("the agent {} has gone: its build is outdated", site.agent);
    assert_eq!(site.end(&mut client.answers), (Code::FailedPrecondition, text));
    match site.news(&mut listening) {
        Some(Err(status)) => assert_eq!(status.message(), "build is outdated"),
        other => panic!("expected the end, got {other:?}"),
    }

    // The workspace was claimed.
    let world = World::new();
    let replica = Replica::new(&world, |config| config.agents.relay = 7);
    let job = world.running("ahead", "pool", "prov-1");
    world.complete("prov-1", &made(job, vec![agent("token-1")])).expect("it runs");
    let site = Site::of(world, replica);
    let mut listening = site.listen();
    site.tunnel("ahead", CLIENT);
    let mut client = site.visit("ahead-token", CLIENT);
    let mut other = site.accept(&site.told(&mut listening));
    let workspace_id = site.world.latest("ahead", "pool").workspace_id;
    let request = v1::ClaimWorkspaceRequest { workspace_id, owner: "bob".to_owned(), name: String::new() };
    site.world.by_user("ahead", |tx, user| claim::claim(tx, user, &request)).expect("it is free");
    assert_eq!(site.end(&mut client.answers).0, Code::NotFound);
    assert_eq!(site.end(&mut other.answers).0, Code::NotFound);
}

#[test]
fn a_client_that_is_lost_keeps_its_path() {
    let site = Site::new();
    let (_listening, mut client, agent) = site.path();
    // The replica at which its call of coordination was has died.
    site.world.advance(Duration::from_secs(300));
    agent.send(b"still");
    assert_eq!(site.bytes(&mut client.answers), b"still");
}

#[test]
fn what_a_call_is_for_is_said_first_and_soon() {
    let site = Site::new();
    let mut listening = site.listen();
    site.tunnel("alice", CLIENT);
    let text = "expected a first chunk that names the visit";
    let first = |kind: Option<Kind>| {
        let (chunks, stream) = requests();
        let mut people = site.replica.people();
        let answers = site.world.machine.block_on(people.visit_agent(by("alice-token", stream)));
        let call = Call { chunks, answers: answers.expect("a person").into_inner() };
        call.chunks.try_send(v1::RelayChunk { kind }).expect("there is room");
        call
    };
    for kind in [None, Some(Kind::Data(vec![1])), Some(Kind::Accept(v1::AcceptVisit::default()))] {
        assert_eq!(site.end(&mut first(kind).answers), (Code::InvalidArgument, text.to_owned()));
    }
    let _client = site.visit("alice-token", CLIENT);
    let visit = site.told(&mut listening);
    assert_eq!(site.end(&mut site.accept("x").answers).0, Code::InvalidArgument);
    let unknown = Uuid::from_u128(1).to_string();
    assert_eq!(site.end(&mut site.accept(&unknown).answers).0, Code::NotFound);
    let mut agents = site.replica.agents();
    let (_silent, stream) = requests();
    let answers = site.world.machine.block_on(agents.accept_relay_visit(by(&site.session, stream)));
    let mut answers = answers.expect("it is let in").into_inner();
    site.world.advance(Duration::from_secs(9));
    assert!(site.world.next(&mut answers).is_none());
    site.world.advance(Duration::from_secs(2));
    assert_eq!(site.end(&mut answers).0, Code::DeadlineExceeded);
    assert_eq!(visit.len(), 36);
}

#[test]
fn a_replica_that_is_no_relay_says_so_and_all_tell_where_the_relays_are() {
    let site = Site::new();
    let other = Replica::new(&site.world, |config| {
        config.agents.relays = vec![v1::Relay { id: 7, ..v1::Relay::default() }];
    });
    let (_sender, stream) = requests();
    let answer = |status: Status| status.code();
    let (mut people, mut agents) = (other.people(), other.agents());
    let machine = &site.world.machine;
    let visit = machine.block_on(people.visit_agent(by("alice-token", stream))).map_err(answer);
    assert_eq!(visit.err(), Some(Code::FailedPrecondition), "it is none");
    let listen = machine.block_on(agents.listen_relay(by(&site.session, v1::ListenRelayRequest {}))).map_err(answer);
    assert_eq!(listen.err(), Some(Code::FailedPrecondition));
    let map = machine.block_on(people.get_relay_map(by("bob-token", v1::GetRelayMapRequest {})));
    let ids: Vec<_> = map.expect("a person").into_inner().relays.iter().map(|relay| relay.id).collect();
    assert_eq!(ids, [7]);
}

#[test]
fn a_relay_that_stops_ends_what_passes_over_it() {
    let site = Site::new();
    let (mut listening, mut client, mut agent) = site.path();
    site.replica.stop.cancel();
    assert_eq!(site.end(&mut client.answers).0, Code::Unavailable);
    assert_eq!(site.end(&mut agent.answers).0, Code::Unavailable);
    match site.news(&mut listening) {
        Some(Err(status)) => assert_eq!(status.code(), Code::Unavailable),
        other => panic!("expected the end, got {other:?}"),
    }
}
