//! Agents and their clients find each other whatever fails on the way: what platforms of this kind have met in the field.

use std::time::Duration;

use groundhog_control::{
    NoticeConfig, StoreConfig,
    operations::coordination::{self, End, Handled},
};
use groundhog_wire::{
    id::PeerId,
    v1::{self, coordinate_request::Kind},
};
use tonic::Code;
use uuid::Uuid;

use crate::{
    coordination::{CLIENT, Call, GONE, LOST, Site, at},
    support::{
        World,
        agents::agent,
        replica::{Replica, by, requests},
    },
};

/// A call of alice's client at a replica that is gone since: the client has told where it is and has a tunnel.
fn client_at_a_dead_replica(site: &Site, endpoint: &str) {
    let peer = PeerId(CLIENT.parse().expect("an id"));
    let kinds = [Kind::UpdateSelf(at(endpoint)), site.add_tunnel()];
    let config = &site.world.config.agents.peers;
    let done = site.world.by_user("alice", |tx, user| {
        let end = End::Client(peer, user.clone());
        let call = coordination::connect(tx, &end, Uuid::from_u128(9))?;
        for kind in kinds {
            let request = v1::CoordinateRequest { kind: Some(kind) };
            assert_eq!(coordination::handle(tx, &end, call, &request, config)?, Handled::On);
        }
        Ok(())
    });
    done.expect("it is hers");
}

#[test]
fn a_replica_that_stops_leaves_its_peers_lost_and_not_gone_and_tells_at_once() {
    let site = Site::new();
    let (here, there) = (site.replica(), site.replica());
    let mut agent = site.agent(&here);
    let mut client = site.tunnel(&there);
    let (_, secret) = (site.secret(&mut agent), site.secret(&mut client));
    here.stop.cancel();
    assert_eq!(site.end(&mut agent).code(), Code::Unavailable);
    assert_eq!(site.told(&mut client), [LOST], "no beat has to be missed for it");
    // The agent goes to the other one, and its client's tunnel is as it was.
    let _agent = site.agent(&there);
    assert_eq!(site.secret(&mut client), secret);
    assert!(!site.told_of_peers().iter().any(|line| line.starts_with("peer.gone")));
}

#[test]
fn a_peer_that_comes_while_the_database_is_away_is_refused_before_it_counts() {
    let (world, file) = World::in_file();
    world.started("dev", vec![agent("token-1")]);
    let opened = world.by_token("token-1", groundhog_control::operations::agent::session::open).expect("known");
    let site = Site { world, session: opened.session_token, agent: opened.agent_id };
    let replica = site.replica();
    let agent = site.agent(&replica);
    let mut client = site.tunnel(&replica);
    site.secret(&mut client);
    site.told_of_peers();
    let other = file.connect();
    other.execute_batch("BEGIN EXCLUSIVE").expect("nobody else writes");
    for _ in 0..20 {
        let (_sender, stream) = requests();
        let mut service = replica.agents();
        let answer = site.world.machine.block_on(service.coordinate_agent(by(&site.session, stream)));
        assert_eq!(answer.expect_err("nothing can be looked up").code(), Code::Unavailable);
    }
    site.world.machine.settle();
    other.execute_batch("COMMIT").expect("it began");
    site.nothing_more(&mut client);
    assert_eq!(site.told_of_peers(), [""; 0], "nobody came, so nobody has gone");
    // Those who are there are as they were.
    agent.say(Kind::UpdateSelf(at("dev.main:4200")));
    assert_eq!(site.told(&mut client), ["at dev.main:4200"]);
}

#[test]
fn no_update_is_lost_between_the_first_look_and_the_wait() {
    // The agent says where it is at every instant while the client's call begins and its tunnel comes to be, each step
    // of which takes a while here.
    for late_ms in (0..120).step_by(3) {
        let site = Site::new();
        let latency = Duration::from_millis(5);
        let replica = Replica::new(&site.world, |config| {
            config.store = StoreConfig { latency_min: latency, latency_max: latency, ..StoreConfig::default() };
            // The round that would find it is far away.
            config.agents.peers.beat_interval = Duration::from_secs(3_600);
        });
        let fast = site.replica();
        let agent = site.agent(&fast);
        let (sender, stream) = requests();
        let mut service = replica.people();
        let mut answers = std::pin::pin!(service.coordinate_client(by("alice-token", stream)));
        let mut open = None;
        let introduce = Kind::Introduce(v1::Introduce { peer_id: CLIENT.to_owned() });
        for kind in [introduce, site.add_tunnel()] {
            sender.try_send(v1::CoordinateRequest { kind: Some(kind) }).expect("there is room");
        }
        for now_ms in 0..200 {
            if now_ms == late_ms {
                agent.say(Kind::UpdateSelf(at("dev.main:4200")));
            }
            site.world.advance(Duration::from_millis(1));
            let context = &mut std::task::Context::from_waker(std::task::Waker::noop());
            if open.is_none()
                && let std::task::Poll::Ready(answer) = answers.as_mut().poll(context)
            {
                open = Some(answer.expect("a person").into_inner());
            }
        }
        let mut client = Call { requests: sender, answers: open.expect("it is let in") };
        let mut last = None;
        while let Some(answer) = site.world.next(&mut client.answers) {
            site.world.advance(Duration::from_millis(50));
            let updates = answer.expect("all is well").updates;
            last = updates.last().and_then(|update| update.node.clone()).or(last);
        }
        assert_eq!(last, Some(at("dev.main:4200")), "told {late_ms} ms after the client came");
    }
}

#[test]
fn a_client_that_removes_and_adds_its_tunnel_in_one_breath_is_let_in_by_the_new_secret() {
    let site = Site::new();
    let replica = site.replica();
    let mut agent = site.agent(&replica);
    let mut client = site.tunnel(&replica);
    let before = site.secret(&mut client);
    assert_eq!(site.secret(&mut agent), before);
    client.say(Kind::RemoveTunnel(v1::RemoveTunnel { agent_id: site.agent.clone() }));
    client.say(site.add_tunnel());
    site.world.machine.settle();
    let last = |call: &mut Call| {
        let secrets = std::iter::from_fn(|| site.world.next(&mut call.answers)).flat_map(|answer| {
            answer.expect("all is well").updates.into_iter().map(|update| update.secret).collect::<Vec<_>>()
        });
        secrets.last().expect("there is an answer")
    };
    let (of_agent, of_client) = (last(&mut agent), last(&mut client));
    assert_eq!(of_agent, of_client);
    assert_ne!(of_client, before);
}

#[test]
fn a_client_that_comes_back_at_another_replica_is_where_it_says_now() {
    let site = Site::new();
    let replica = site.replica();
    let mut agent = site.agent(&replica);
    client_at_a_dead_replica(&site, "laptop:7000");
    assert_eq!(site.told(&mut agent), ["at laptop:7000"]);
    let mut client = site.client(&replica, "alice-token", CLIENT);
    let secret = site.secret(&mut client);
    client.say(Kind::UpdateSelf(at("laptop:9000")));
    client.say(site.add_tunnel());
    let answer = site.world.next(&mut agent.answers).expect("there is an answer").expect("all is well");
    let update = answer.updates.first().expect("it has moved");
    assert_eq!((update.node.clone(), update.secret.as_str()), (Some(at("laptop:9000")), secret.as_str()));
    assert_eq!(answer.updates.len(), 1, "it never was lost, let alone gone");
    site.nothing_more(&mut agent);
    site.nothing_more(&mut client);
    site.world.advance(Duration::from_secs(60));
    site.nothing_more(&mut agent);
}

#[test]
fn an_agent_that_comes_back_is_told_who_is_there_and_of_nobody_who_has_gone() {
    let site = Site::new();
    let replica = site.replica();
    let agent = site.agent(&replica);
    let mut first = site.tunnel(&replica);
    site.secret(&mut first);
    drop(agent);
    site.world.machine.settle();
    first.say(Kind::Disconnect(v1::Disconnect {}));
    site.world.machine.settle();
    let second = CLIENT.replace('c', "d");
    let mut call = site.client(&replica, "alice-token", &second);
    assert_eq!(site.told(&mut call), [""; 0]);
    call.say(site.add_tunnel());
    site.world.machine.settle();
    let (_sender, stream) = requests();
    let mut service = replica.agents();
    let answers = site.world.machine.block_on(service.coordinate_agent(by(&site.session, stream)));
    let mut answers = answers.expect("it is let in").into_inner();
    let answer = site.world.next(&mut answers).expect("the first answer").expect("all is well");
    let told: Vec<_> = answer.updates.iter().map(|update| update.peer_id.as_str()).collect();
    assert_eq!(told, [second.as_str()], "what it is not told of has gone");
}

#[test]
fn a_client_that_goes_while_its_agent_is_elsewhere_is_gone_there_too_even_if_no_notice_arrives() {
    let site = Site::new();
    let deaf =
        || Replica::new(&site.world, |config| config.notices = NoticeConfig { loss: 1.0, ..NoticeConfig::default() });
    let (here, there) = (deaf(), deaf());
    let mut agent = site.agent(&here);
    let mut client = site.tunnel(&there);
    site.secret(&mut client);
    site.world.advance(Duration::from_secs(16));
    site.secret(&mut agent);
    client.say(Kind::Disconnect(v1::Disconnect {}));
    site.world.advance(Duration::from_secs(16));
    assert_eq!(site.told(&mut agent), [GONE]);
}
