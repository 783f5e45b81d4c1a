//! Agents and their clients find each other.

use std::time::Duration;

use groundhog_control::{
    NoticeConfig,
    operations::{
        claim,
        coordination::{self, End},
    },
};
use groundhog_wire::{
    id::PeerId,
    v1::{self, coordinate_request::Kind, peer_update},
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

pub(crate) const CLIENT: &str = "00000000-0000-4000-8000-00000000c11e";

pub(crate) struct Site {
    pub(crate) world: World,
    pub(crate) session: String,
    pub(crate) agent: String,
}

/// One call of coordination.
pub(crate) struct Call {
    pub(crate) requests: mpsc::Sender<v1::CoordinateRequest>,
    pub(crate) answers: Streaming<v1::CoordinateResponse>,
}

impl Call {
    pub(crate) fn say(&self, kind: Kind) {
        self.requests.try_send(v1::CoordinateRequest { kind: Some(kind) }).expect("the call is open");
    }
}

impl Site {
    pub(crate) fn new() -> Self {
        let world = World::new();
        world.started("dev", vec![agent("token-1")]);
        let opened = world.by_token("token-1", groundhog_control::operations::agent::session::open).expect("known");
        Self { world, session: opened.session_token, agent: opened.agent_id }
    }

    pub(crate) fn replica(&self) -> Replica {
        Replica::new(&self.world, |_| {})
    }

    /// An agent's call, which says where the agent is.
    pub(crate) fn agent(&self, replica: &Replica) -> Call {
        let (sender, stream) = requests();
        let mut service = replica.agents();
        let answers = service.coordinate_agent(by(&self.session, stream));
        let answers = self.world.machine.block_on(answers).expect("it is let in").into_inner();
        let mut call = Call { requests: sender, answers };
        // The first answer has all there are.
        assert!(matches!(self.world.next(&mut call.answers), Some(Ok(_))));
        call.say(Kind::UpdateSelf(at("dev.main:4100")));
        self.world.machine.settle();
        call
    }

    pub(crate) fn client(&self, replica: &Replica, token: &str, peer: &str) -> Call {
        let (sender, stream) = requests();
        let mut service = replica.people();
        let answers = service.coordinate_client(by(token, stream));
        let answers = self.world.machine.block_on(answers).expect("a person").into_inner();
        let call = Call { requests: sender, answers };
        call.say(Kind::Introduce(v1::Introduce { peer_id: peer.to_owned() }));
        call
    }

    /// alice's client, with a tunnel to the agent.
    pub(crate) fn tunnel(&self, replica: &Replica) -> Call {
        let mut call = self.client(replica, "alice-token", CLIENT);
        assert_eq!(self.told(&mut call), [""; 0], "there is nobody yet");
        call.say(self.add_tunnel());
        call
    }

    pub(crate) fn add_tunnel(&self) -> Kind {
        Kind::AddTunnel(v1::AddTunnel { agent_id: self.agent.clone() })
    }

    /// What the next answer says, by kinds and nodes; an answer has to be there.
    pub(crate) fn told(&self, call: &mut Call) -> Vec<String> {
        let answer = self.world.next(&mut call.answers).expect("there is an answer").expect("all is well");
        let line = |update: v1::PeerUpdate| match update.kind() {
            peer_update::Kind::Node => format!("at {}", update.node.expect("a node").endpoints.join(",")),
            other => other.as_str_name().to_owned(),
        };
        answer.updates.into_iter().map(line).collect()
    }

    pub(crate) fn secret(&self, call: &mut Call) -> String {
        let answer = self.world.next(&mut call.answers).expect("there is an answer").expect("all is well");
        assert_eq!(answer.updates.len(), 1);
        answer.updates[0].secret.clone()
    }

    pub(crate) fn nothing_more(&self, call: &mut Call) {
        assert!(self.world.next(&mut call.answers).is_none());
    }

    pub(crate) fn end(&self, call: &mut Call) -> Status {
        loop {
            match self.world.next(&mut call.answers).expect("it ended") {
                Ok(_) => {}
                Err(status) => return status,
            }
        }
    }

    pub(crate) fn told_of_peers(&self) -> Vec<String> {
        self.world.record.take().into_iter().filter(|line| line.starts_with("peer.")).collect()
    }
}

pub(crate) fn at(endpoint: &str) -> v1::Node {
    v1::Node { endpoints: vec![endpoint.to_owned()], relay: 0 }
}

pub(crate) const LOST: &str = "KIND_LOST";
pub(crate) const GONE: &str = "KIND_DISCONNECTED";

#[test]
fn a_tunnel_tells_each_of_the_other_with_one_secret() {
    let site = Site::new();
    let replica = site.replica();
    let mut agent = site.agent(&replica);
    let mut client = site.tunnel(&replica);
    let (of_agent, of_client) = (site.secret(&mut client), site.secret(&mut agent));
    assert_eq!((of_agent.len(), &of_agent), (64, &of_client));
    client.say(Kind::UpdateSelf(at("laptop:7000")));
    assert_eq!(site.told(&mut agent), ["at laptop:7000"]);
    agent.say(Kind::UpdateSelf(at("dev.main:4200")));
    assert_eq!(site.told(&mut client), ["at dev.main:4200"]);
    client.say(Kind::RemoveTunnel(v1::RemoveTunnel { agent_id: site.agent.clone() }));
    assert_eq!((site.told(&mut agent), site.told(&mut client)), (vec![GONE.to_owned()], vec![GONE.to_owned()]));
    client.say(site.add_tunnel());
    assert_ne!(site.secret(&mut client), of_agent, "another tunnel, another secret");
}

#[test]
fn an_agent_that_comes_later_is_told_then_and_knows_of_the_client_at_once() {
    let site = Site::new();
    let replica = site.replica();
    let mut client = site.tunnel(&replica);
    site.nothing_more(&mut client);
    let (sender, stream) = requests();
    let mut service = replica.agents();
    let answers = service.coordinate_agent(by(&site.session, stream));
    let answers = site.world.machine.block_on(answers).expect("it is let in").into_inner();
    let mut agent = Call { requests: sender, answers };
    assert_eq!(site.told(&mut agent), ["at "], "the client has not said where it is");
    site.nothing_more(&mut client);
    agent.say(Kind::UpdateSelf(at("dev.main:4100")));
    assert_eq!(site.told(&mut client), ["at dev.main:4100"]);
}

#[test]
fn an_agent_whose_call_breaks_is_lost_and_back_when_it_comes_back() {
    let site = Site::new();
    let replica = site.replica();
    let agent = site.agent(&replica);
    let mut client = site.tunnel(&replica);
    let secret = site.secret(&mut client);
    drop(agent);
    assert_eq!(site.told(&mut client), [LOST]);
    assert!(site.told_of_peers().contains(&"peer.lost peer=peer".to_owned()));
    site.world.advance(Duration::from_secs(14 * 60));
    let mut agent = site.agent(&replica);
    assert_eq!(site.secret(&mut client), secret, "the same tunnel");
    drop(client);
    assert_eq!(site.told(&mut agent), [LOST]);
    site.world.advance(Duration::from_secs(15 * 60 + 15));
    assert_eq!(site.told(&mut agent), [GONE], "lost for too long");
}

#[test]
fn who_says_that_it_goes_has_gone() {
    let site = Site::new();
    let replica = site.replica();
    let mut agent = site.agent(&replica);
    let mut client = site.tunnel(&replica);
    assert_eq!(site.secret(&mut client), site.secret(&mut agent));
    agent.say(Kind::Disconnect(v1::Disconnect {}));
    assert_eq!(site.told(&mut client), [GONE]);
    assert!(site.world.is_over(&mut agent.answers));
    let mut agent = site.agent(&replica);
    assert_eq!(site.told(&mut client), ["at dev.main:4100"], "it was started again");
    client.say(Kind::Disconnect(v1::Disconnect {}));
    assert_eq!(site.told(&mut agent), [GONE]);
    assert!(site.world.is_over(&mut client.answers));
    let told = site.told_of_peers();
    assert_eq!(told.iter().filter(|line| line.starts_with("peer.gone")).count(), 2);
    assert!(!told.iter().any(|line| line.starts_with("peer.lost")), "{told:?}");
}

#[test]
fn an_agent_whose_build_is_outdated_has_gone() {
    let site = Site::new();
    let replica = site.replica();
    let mut agent = site.agent(&replica);
    let mut client = site.tunnel(&replica);
    site.secret(&mut client);
    let job = site.world.rebuilding("dev", v1::Transition::Start);
    site.world.complete("prov-1", &made(job, vec![crate::support::agents::agent("token-1")])).expect("it runs");
    // What it says next is refused.
    agent.say(Kind::UpdateSelf(at("dev.main:4300")));
    assert_eq!(site.end(&mut agent).message(), "build is outdated");
    assert_eq!(site.told(&mut client), [GONE]);
}

#[test]
fn a_newer_call_of_a_peer_takes_over() {
    let site = Site::new();
    let (here, there) = (site.replica(), site.replica());
    let mut older = site.agent(&here);
    let mut client = site.tunnel(&here);
    site.secret(&mut client);
    let _newer = site.agent(&there);
    assert_eq!(site.end(&mut older).code(), Code::Aborted);
    drop(older);
    site.nothing_more(&mut client);
    assert!(!site.told_of_peers().iter().any(|line| line.starts_with("peer.lost")));
}

#[test]
fn peers_at_two_replicas_find_each_other_even_if_every_notice_is_lost() {
    let site = Site::new();
    let deaf = |world: &World| {
        Replica::new(world, |config| config.notices = NoticeConfig { loss: 1.0, ..NoticeConfig::default() })
    };
    let (here, there) = (deaf(&site.world), deaf(&site.world));
    let mut agent = site.agent(&here);
    let mut client = site.tunnel(&there);
    assert_eq!(site.told(&mut client), ["at dev.main:4100"], "it looked after its own commit");
    site.nothing_more(&mut agent);
    site.world.advance(Duration::from_secs(16));
    assert_eq!(site.told(&mut agent), ["at "], "a round has found it");
}

#[test]
fn a_replica_that_dies_takes_its_peers_with_it_and_others_notice() {
    let site = Site::new();
    let replica = site.replica();
    // A replica that has said that it lives, and says so no more.
    let dead = Uuid::from_u128(9);
    let gone = |call: End| site.world.tx(|tx| coordination::connect(tx, &call, dead)).expect("it is let in");
    let agent = site.world.by_agent(&site.session, |_, agent| Ok(agent.clone())).expect("it is let in");
    let call = gone(End::Agent(agent.clone()));
    let node = v1::CoordinateRequest { kind: Some(Kind::UpdateSelf(at("dev.main:4100"))) };
    let config = &site.world.config.agents.peers;
    let end = End::Agent(agent);
    site.world.tx(|tx| coordination::handle(tx, &end, call, &node, config)).expect("it is its own");
    let mut client = site.tunnel(&replica);
    assert_eq!(site.told(&mut client), ["at dev.main:4100"]);
    site.world.advance(Duration::from_secs(44));
    site.nothing_more(&mut client);
    site.world.advance(Duration::from_secs(16));
    assert_eq!(site.told(&mut client), [LOST]);
    site.world.advance(Duration::from_secs(16 * 60));
    assert_eq!(site.told(&mut client), [GONE]);
    let told = site.told_of_peers();
    assert_eq!(told.iter().filter(|line| line.starts_with("peer.lost")).count(), 1, "{told:?}");
}

#[test]
fn anothers_agent_does_not_exist_and_anothers_id_is_refused() {
    let site = Site::new();
    let replica = site.replica();
    let _alice = site.tunnel(&replica);
    site.world.machine.settle();
    let mut bob = site.client(&replica, "bob-token", CLIENT);
    assert_eq!(site.end(&mut bob).code(), Code::AlreadyExists);
    let mut bob = site.client(&replica, "bob-token", &site.agent);
    assert_eq!(site.end(&mut bob).code(), Code::AlreadyExists);
    let mut bob = site.client(&replica, "bob-token", &CLIENT.replace('c', "b"));
    bob.say(site.add_tunnel());
    let status = site.end(&mut bob);
    assert_eq!(
        (status.code(), status.message()),
        (Code::NotFound, format!("there is no agent {}", site.agent).as_str())
    );
    let mut root = site.client(&replica, "root-token", &CLIENT.replace('c', "d"));
    assert_eq!(site.told(&mut root), [""; 0]);
    root.say(site.add_tunnel());
    site.world.machine.settle();
    let mut agent = site.agent(&replica);
    assert_eq!(site.told(&mut root), ["at dev.main:4100"], "an administrator may");
    site.nothing_more(&mut agent);
}

#[test]
fn a_client_says_first_who_it_is_and_soon() {
    let site = Site::new();
    let replica = site.replica();
    let open = || {
        let (sender, stream) = requests();
        let mut service = replica.people();
        let answers = service.coordinate_client(by("alice-token", stream));
        let answers = site.world.machine.block_on(answers).expect("a person").into_inner();
        Call { requests: sender, answers }
    };
    let mut hasty = open();
    hasty.say(site.add_tunnel());
    assert_eq!(site.end(&mut hasty).code(), Code::InvalidArgument);
    let mut silent = open();
    site.world.advance(Duration::from_secs(11));
    assert_eq!(site.end(&mut silent).code(), Code::InvalidArgument);
    let mut agent = site.agent(&replica);
    agent.say(site.add_tunnel());
    assert_eq!(site.end(&mut agent).code(), Code::InvalidArgument);
}

#[test]
fn a_replica_without_peers_does_nothing() {
    let site = Site::new();
    let replica = site.replica();
    let agent = site.agent(&replica);
    drop(agent);
    site.world.advance(Duration::from_secs(60));
    let heard =
        |world: &World| world.tx(|tx| Ok(groundhog_control::store::peers::silent(tx, i64::MAX)?)).expect("sound");
    let before = heard(&site.world);
    site.world.advance(Duration::from_secs(600));
    assert_eq!(heard(&site.world), before);
    let peer: PeerId = site.agent.parse().expect("an id");
    assert_eq!(before.iter().map(|silent| silent.peer).collect::<Vec<_>>(), [peer]);
}

#[test]
fn a_workspace_that_was_destroyed_leaves_its_client_alone() {
    let site = Site::new();
    let replica = site.replica();
    let mut agent = site.agent(&replica);
    let mut client = site.tunnel(&replica);
    site.secret(&mut client);
    let job = site.world.rebuilding("dev", v1::Transition::Destroy);
    agent.say(Kind::Disconnect(v1::Disconnect {}));
    assert_eq!(site.told(&mut client), [GONE]);
    site.world.complete("prov-1", &success(job, b"")).expect("it runs");
    assert!(site.world.is_over(&mut agent.answers));
    site.nothing_more(&mut client);
}

#[test]
fn who_had_a_workspace_before_it_was_claimed_loses_the_way_to_it() {
    let world = World::new();
    let job = world.running("ahead", "pool", "prov-1");
    world.complete("prov-1", &made(job, vec![agent("token-1")])).expect("it runs");
    let opened = world.by_token("token-1", groundhog_control::operations::agent::session::open).expect("known");
    let site = Site { world, session: opened.session_token, agent: opened.agent_id };
    let replica = site.replica();
    let mut agent = site.agent(&replica);
    let mut client = site.client(&replica, "ahead-token", CLIENT);
    assert_eq!(site.told(&mut client), [""; 0]);
    client.say(site.add_tunnel());
    assert_eq!(site.secret(&mut client), site.secret(&mut agent));
    let request = v1::ClaimWorkspaceRequest {
        workspace_id: site.world.latest("ahead", "pool").workspace_id,
        owner: "bob".to_owned(),
        name: String::new(),
    };
    site.world.by_user("ahead", |tx, user| claim::claim(tx, user, &request)).expect("it is free");
    assert_eq!((site.told(&mut client), site.told(&mut agent)), (vec![GONE.to_owned()], vec![GONE.to_owned()]));
}
