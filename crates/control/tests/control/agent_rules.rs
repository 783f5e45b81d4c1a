//! The pure rules about agents and peers, as tables and properties.

use std::{collections::BTreeMap, time::Duration};

use groundhog_control::{
    PeersConfig,
    agent_status::{AgentStatus, Contact, session_is_good, status},
    claim_state::{self, Claim, ClaimState},
    job_status::JobStatus,
    lifecycle::{self, Step},
    limits,
    outdated::is_outdated,
    peer_status::{self, Known, PeerStatus, Telling, updates},
    store::users::Role,
};
use groundhog_wire::{
    id::{JobId, PeerId, UserId},
    v1::{self, AgentLifecycle, peer_update::Kind},
};
use proptest::{prelude::*, test_runner::RngSeed};
use uuid::Uuid;

use crate::support::{agents::agent, world::resource};

const INACTIVE: Duration = Duration::from_secs(45);

#[test]
fn an_agents_status_by_clocks() {
    let never = Contact { created_at: 1_000, connection_timeout_ms: 120_000, ..Contact::default() };
    let connected = Contact { first_connected_at: Some(2_000), last_connected_at: Some(50_000), ..never };
    let left = Contact { disconnected_at: Some(51_000), ..connected };
    let cases = [
        (never, 1_000, AgentStatus::Connecting),
        (never, 121_000, AgentStatus::Connecting),
        (never, 121_001, AgentStatus::TimedOut),
        // The clock was set back: nothing is late.
        (never, 0, AgentStatus::Connecting),
        (connected, 50_000, AgentStatus::Connected),
        (connected, 94_999, AgentStatus::Connected),
        (connected, 95_000, AgentStatus::Disconnected),
        (connected, 0, AgentStatus::Connected),
        (left, 51_000, AgentStatus::Disconnected),
        // It was there once, so it never counts as timed out.
        (left, i64::MAX, AgentStatus::Disconnected),
    ];
    for (contact, now_ms, expected) in cases {
        assert_eq!(status(&contact, now_ms, INACTIVE), expected, "{contact:?} at {now_ms}");
    }
}

#[test]
fn a_session_by_clocks() {
    let hour = Duration::from_secs(3_600);
    let cases = [
        (0, None, 3_599_999, true),
        (0, None, 3_600_000, false),
        (0, Some(1_000_000), 4_599_999, true),
        (0, Some(1_000_000), 4_600_000, false),
        // A beat of an earlier connection does not make it older than it is.
        (2_000_000, Some(1_000_000), 5_599_999, true),
    ];
    for (opened_at, last, now_ms, good) in cases {
        assert_eq!(session_is_good(opened_at, last, now_ms, hour), good, "{opened_at} {last:?} {now_ms}");
    }
}

#[test]
fn a_peers_status_by_clocks() {
    let config = PeersConfig::default();
    let there = Known { lost_at: None, heard_at: 0, gone: false };
    let lost = Known { lost_at: Some(10_000), heard_at: 1_000_000, ..there };
    let cases = [
        (there, 44_999, PeerStatus::There),
        (there, 45_000, PeerStatus::Lost),
        (there, 45_000 + 899_999, PeerStatus::Lost),
        (there, 45_000 + 900_000, PeerStatus::Gone),
        (lost, 10_000, PeerStatus::Lost),
        (lost, 909_999, PeerStatus::Lost),
        (lost, 910_000, PeerStatus::Gone),
        (Known { gone: true, ..there }, 0, PeerStatus::Gone),
        (Known { gone: true, ..lost }, 0, PeerStatus::Gone),
    ];
    for (known, now_ms, expected) in cases {
        assert_eq!(peer_status::status(known, now_ms, &config), expected, "{known:?} at {now_ms}");
    }
}

#[test]
fn only_a_later_build_that_was_carried_out_outdates_an_agent() {
    let cases = [(1, None, false), (1, Some(1), false), (2, Some(1), false), (1, Some(2), true), (1, Some(9), true)];
    for (own, done, expected) in cases {
        assert_eq!(is_outdated(own, done), expected, "{own} {done:?}");
    }
}

#[test]
fn what_an_agent_is_told_of_a_claim() {
    let (owner, job) = (UserId(Uuid::from_u128(1)), JobId(Uuid::from_u128(2)));
    let unclaimed = |owner| claim_state::state(claim_state::Facts { owner, claim: None });
    assert_eq!(unclaimed(Role::Prebuilds), ClaimState::Waiting);
    assert_eq!((unclaimed(Role::Member), unclaimed(Role::Admin)), (ClaimState::Never, ClaimState::Never));
    let cases = [
        (JobStatus::Pending, ClaimState::Building(job)),
        (JobStatus::Running, ClaimState::Building(job)),
        (JobStatus::Canceling, ClaimState::Building(job)),
        (JobStatus::Canceled, ClaimState::Failed),
        (JobStatus::Failed, ClaimState::Failed),
    ];
    for (status, expected) in cases {
        for role in [Role::Member, Role::Admin, Role::Prebuilds] {
            let claimed = |started| {
                let claim = Some(Claim { owner, job, status, started });
                claim_state::state(claim_state::Facts { owner: role, claim })
            };
            assert_eq!(claimed(false), expected, "{status:?}");
            assert_eq!(claimed(true), ClaimState::Claimed(owner), "a later start makes up for it");
        }
    }
}

#[test]
fn an_agents_description_is_bounded() {
    let check = |change: fn(&mut v1::Agent)| {
        let mut agent = agent("token-1");
        change(&mut agent);
        let resource = v1::Resource { agents: vec![agent], ..resource("vm", &[]) };
        limits::check_resources(&[resource]).err().map(|refusal| refusal.to_string()).unwrap_or_default()
    };
    assert_eq!(check(|_| {}), "");
    let twin = |agent: &mut v1::Agent| agent.scripts[1].display_name = agent.scripts[0].display_name.clone();
    assert_eq!(check(twin), "script \"install\": there are two of this name");
    assert_eq!(check(|agent| agent.apps[1].slug = "web".to_owned()), "app \"web\": there are two of this name");
    let text = "agent \"main\": app \"Web\": expected a slug of small letters, digits and single hyphens";
    assert_eq!(check(|agent| agent.apps[0].slug = "Web".to_owned()), text);
    assert!(check(|agent| agent.scripts = vec![agent.scripts[0].clone(); 101]).contains("at most 100"));
    assert_eq!(
        check(|agent| agent.scripts[0].cron = "*".repeat(257)),
        "the script's cron expression is too big: 257 > 256"
    );
    assert!(check(|agent| agent.scripts[0].script = "x".repeat((64 << 10) + 1)).contains("at most 65536 fit"));
    assert!(check(|agent| drop(agent.environment.insert("A=B".to_owned(), String::new()))).contains("variable's name"));
    assert!(check(|agent| drop(agent.environment.insert("A".to_owned(), "x".repeat(65 << 10)))).contains("65536"));
    let many = |agent: &mut v1::Agent| {
        agent.environment = (0..5).map(|number| (format!("A{number}"), "x".repeat(60 << 10))).collect();
    };
    assert!(check(many).starts_with("the agent's description is too big"));
}

#[test]
fn two_agents_of_a_build_have_two_tokens() {
    let two = |token: &str| {
        let other = v1::Agent { name: "other".to_owned(), ..agent(token) };
        limits::check_resources(&[v1::Resource { agents: vec![agent("token-1"), other], ..resource("vm", &[]) }])
    };
    assert!(two("token-2").is_ok());
    let text = "agent \"other\" has the token of another one: each needs its own";
    assert_eq!(two("token-1").expect_err("it is the same").to_string(), text);
}

fn telling() -> impl Strategy<Value = Telling> {
    prop_oneof![
        Just(Telling::Lost),
        Just(Telling::Gone),
        (0..3_u32, 0..2_u8).prop_map(|(relay, secret)| Telling::Node {
            node: v1::Node { endpoints: vec![], relay },
            secret: secret.to_string(),
        }),
    ]
}

fn views() -> impl Strategy<Value = Vec<BTreeMap<PeerId, Telling>>> {
    let peer = (0..5_u128).prop_map(|number| PeerId(Uuid::from_u128(number)));
    prop::collection::vec(prop::collection::btree_map(peer, telling(), 0..5), 1..8)
}

/// What a peer that was told `updates` takes each other one for; one that has gone is forgotten.
fn believe(known: &mut BTreeMap<String, v1::PeerUpdate>, updates: &[v1::PeerUpdate]) {
    for update in updates {
        if update.kind() == Kind::Disconnected {
            known.remove(&update.peer_id);
        } else {
            known.insert(update.peer_id.clone(), update.clone());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0),
        ..ProptestConfig::default()
    })]

    /// Whatever a peer was told on the way, it knows what it would know had it been told all at once, and is told
    /// nothing twice.
    #[test]
    fn what_is_told_step_by_step_comes_to_what_there_is(views in views()) {
        let (mut told, mut known) = (BTreeMap::new(), BTreeMap::new());
        for view in &views {
            believe(&mut known, &updates(&mut told, view.clone()));
            prop_assert_eq!(updates(&mut told, view.clone()), vec![]);
            let mut at_once = BTreeMap::new();
            believe(&mut at_once, &updates(&mut BTreeMap::new(), view.clone()));
            prop_assert_eq!(&known, &at_once);
        }
    }

    /// However often steps are lost, repeated and swapped on their way: what is stored only grows, in the protocol's
    /// order, has each step once, and nothing that was answered well is missing.
    #[test]
    fn a_life_only_goes_forward(reported in prop::collection::vec(-1..12_i32, 0..30)) {
        let mut stored: Vec<i32> = Vec::new();
        for next in reported {
            let before = stored.clone();
            match lifecycle::step(&stored, next) {
                Step::Forward => stored.push(next),
                Step::Repeated => prop_assert!(stored.contains(&next)),
                Step::Back => prop_assert!(stored.iter().any(|stored| *stored > next)),
                Step::Unknown => prop_assert!(
                    !(AgentLifecycle::Starting as i32..=AgentLifecycle::Off as i32).contains(&next)
                ),
            }
            prop_assert!(stored.starts_with(&before));
            prop_assert!(stored.is_sorted_by(|earlier, later| earlier < later));
        }
    }
}
