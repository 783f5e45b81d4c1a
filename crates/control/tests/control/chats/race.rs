//! Many ask at once for the same chat's workspace, at two replicas with few connections or many, while something becomes
//! of those that were made: whatever comes in between, the chat has one, and who is refused has left nothing.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use groundhog_control::StoreConfig;
use groundhog_host::Host;
use groundhog_wire::v1::{self, chats_client::ChatsClient, workspaces_client::WorkspacesClient};
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};
use tonic::{Code, Status};

use crate::support::{
    World,
    chats::{bind, dead, for_chat},
    pools::{Site, preset},
    replica::{Local, Replica, by},
};

/// Looks at the chat and requests, before a caller gives up.
const ROUNDS_MAX: u32 = 12;

/// How far the clock is turned at a time, in milliseconds.
const STEP_MS: usize = 3;

/// By when everybody's call has ended, in milliseconds.
const OVER_AFTER_MS: u64 = 9_000;

/// What happens, and after how many milliseconds each thing begins.
#[derive(Clone, Debug)]
struct Race {
    prebuilt: i32,
    connections: usize,
    /// Who asks: at the one replica or the other, for what was built ahead or not, and when.
    asks: Vec<(bool, bool, u64)>,
    /// A build that waits or runs is cancelled or fails: whose turn it is, and when.
    ends: Vec<(bool, u64)>,
    /// When a workspace of alice's is given to the chat.
    attached_after: Option<u64>,
}

fn race() -> impl Strategy<Value = Race> {
    let when = || 0_u64..700;
    (
        0_i32..3,
        prop_oneof![Just(1_usize), Just(2), Just(10)],
        prop::collection::vec((any::<bool>(), any::<bool>(), when()), 1..6),
        prop::collection::vec((any::<bool>(), when()), 0..4),
        prop_oneof![2 => Just(None), 1 => when().prop_map(Some)],
    )
        .prop_map(|(prebuilt, connections, asks, ends, attached_after)| Race {
            prebuilt,
            connections,
            asks,
            ends,
            attached_after,
        })
}

/// Somebody who asks for the chat's workspace until there is one, as the tool does: what is alive is taken, what is dead
/// is replaced, and who is late looks anew.
struct Caller {
    host: Host,
    chats: ChatsClient<Local>,
    workspaces: WorkspacesClient<Local>,
    chat: String,
    request: v1::CreateWorkspaceRequest,
}

/// How it ended for a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    /// By this build.
    Made(Box<v1::Build>),
    /// The chat had this one.
    Found(String),
}

impl Caller {
    async fn run(mut self, after: u64, refused: Arc<Mutex<u32>>) -> End {
        self.host.sleep(Duration::from_millis(after)).await;
        for _ in 0..ROUNDS_MAX {
            let get = v1::GetChatRequest { chat_id: self.chat.clone() };
            let chat = self.chats.get_chat(by("alice-token", get)).await.expect("it is there").into_inner();
            let replaces = match self.standing(&chat).await {
                Some(Ok(alive)) => return End::Found(alive),
                Some(Err(dead)) => Some(dead),
                None => None,
            };
            let mut request = self.request.clone();
            request.chat.as_mut().expect("it is for a chat").replaces = replaces;
            // Sent twice, as by somebody who lost the first answer.
            let first = self.workspaces.create_workspace(by("alice-token", request.clone())).await;
            let second = self.workspaces.create_workspace(by("alice-token", request)).await;
            match (first, second) {
                (Ok(build), again) => {
                    if let Ok(again) = again {
                        assert_eq!(again.get_ref().build_id, build.get_ref().build_id);
                    }
                    return End::Made(Box::new(build.into_inner()));
                }
                // What was refused at first may be right the next time.
                (Err(late), Ok(build)) if is_late(&late) => return End::Made(Box::new(build.into_inner())),
                (Err(late), Err(later)) if is_late(&late) && is_late(&later) => {
                    *refused.lock().expect("no test panics in here") += 1;
                }
                (first, second) => panic!("{first:?}, {second:?}"),
            }
        }
        panic!("it never came to an end");
    }

    /// The workspace that the chat has, if it is alive, or what is to be said of it.
    async fn standing(&mut self, chat: &v1::Chat) -> Option<Result<String, v1::DeadWorkspace>> {
        if chat.workspace_id.is_empty() {
            return None;
        }
        let workspace_id = chat.workspace_id.clone();
        let get = v1::GetWorkspaceRequest { workspace_id, ..v1::GetWorkspaceRequest::default() };
        let seen = self.workspaces.get_workspace(by("alice-token", get)).await.expect("it is hers").into_inner();
        let latest = seen.latest_build.expect("it has one");
        Some(match latest.status() {
            v1::JobStatus::Failed | v1::JobStatus::Canceled | v1::JobStatus::Canceling => {
                Err(dead(&seen.workspace_id, latest.number, "").expect("it was named"))
            }
            _ => Ok(seen.workspace_id),
        })
    }
}

fn is_late(status: &Status) -> bool {
    status.code() == Code::Aborted
}

/// What came of it all.
struct Outcome {
    ends: Vec<End>,
    refused: u32,
    attached: bool,
}

fn run(site: &Site, race: &Race, chat: &str) -> Outcome {
    let world = &site.world;
    let config = StoreConfig {
        connections: race.connections,
        latency_min: Duration::from_millis(1),
        latency_max: Duration::from_millis(9),
    };
    let replicas = [(); 2].map(|()| Replica::new(world, |replica| replica.store = config));
    let (ends, refused) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
    for (at, (other, ahead, after)) in (0_u128..).zip(&race.asks) {
        let replica = &replicas[usize::from(*other)];
        let request = for_chat(chat, &format!("w{at}"), at + 1, None);
        let ahead = v1::CreateWorkspaceRequest {
            template: "pool".to_owned(),
            preset: if *ahead { "one" } else { "" }.to_owned(),
            ..request
        };
        let caller = Caller {
            host: world.host.clone(),
            chats: replica.chats(),
            workspaces: replica.workspaces(),
            chat: chat.to_owned(),
            request: ahead,
        };
        let (ends, refused, after) = (ends.clone(), refused.clone(), *after);
        let ask = async move {
            let end = caller.run(after, refused).await;
            ends.lock().expect("no test panics in here").push(end);
        };
        world.host.spawn("ask", ask).detach();
    }
    let attached = Arc::new(Mutex::new(false));
    if let Some(after) = race.attached_after {
        let own = world.create("alice", "own", "plain").expect("it is free").workspace_id;
        let (host, mut chats, request, attached) =
            (world.host.clone(), replicas[0].chats(), bind(chat, &own, "", ""), attached.clone());
        let attach = async move {
            host.sleep(Duration::from_millis(after)).await;
            let bound = chats.bind_chat(by("alice-token", request)).await;
            *attached.lock().expect("no test panics in here") = bound.is_ok();
        };
        world.host.spawn("attach", attach).detach();
    }
    happenings(site, race);
    let ends = std::mem::take(&mut *ends.lock().expect("no test panics in here"));
    let (refused, attached) = (refused.lock().expect("no test panics in here"), attached.lock().expect("nor here"));
    Outcome { ends, refused: *refused, attached: *attached }
}

/// Time passes; builds of people's workspaces are taken, and come to an end.
fn happenings(site: &Site, race: &Race) {
    for now in (0..OVER_AFTER_MS).step_by(STEP_MS) {
        let due = |(_, after): &&(bool, u64)| (now..now + STEP_MS as u64).contains(after);
        for (cancelled, _) in race.ends.iter().filter(due) {
            let Some(acquired) = site.world.acquire("prov-1") else { continue };
            if *cancelled {
                site.cancel(acquired.job);
            } else {
                site.fail(acquired.job);
            }
        }
        // In short steps: each ends every wait that is due by then, and a statement takes a few milliseconds.
        site.world.advance(Duration::from_millis(STEP_MS as u64));
    }
}

fn check(world: &World, outcome: &Outcome, race: &Race, chat: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(outcome.ends.len(), race.asks.len(), "everybody's call has ended");
    let made = |end: &End| match end {
        End::Made(build) => Some(build.workspace_id.clone()),
        End::Found(_) => None,
    };
    let all: Vec<_> = outcome.ends.iter().filter_map(made).collect();
    let different: BTreeSet<_> = all.iter().cloned().collect();
    prop_assert_eq!(different.len(), all.len(), "what a call made is its own");
    let own = usize::from(race.attached_after.is_some());
    prop_assert_eq!(world.alices(), all.len() + own, "who was refused has left nothing");
    let told = world.record.take();
    let count = |how: &str| told.iter().filter(|line| line.starts_with("chat.") && line.ends_with(how)).count();
    let bound = count("how=created") + count("how=claimed");
    prop_assert_eq!(bound, all.len(), "each was the chat's in the instant in which it was made");
    prop_assert_eq!(count("how=attached"), usize::from(outcome.attached));
    // One at a time: between two that were bound, the first one was released, and never while it was alive.
    let mut has_one = false;
    for line in told.iter().filter(|line| line.starts_with("chat.bound") || line.starts_with("chat.released")) {
        let binds = line.starts_with("chat.bound");
        prop_assert_eq!(binds, !has_one, "{:?}", told);
        has_one = binds;
        prop_assert!(binds || line.ends_with("why=failed") || line.ends_with("why=canceled"), "{}", line);
    }
    let shown = world.get_chat("alice", chat).expect("hers");
    let found = |end: &End| matches!(end, End::Found(workspace) if *workspace == shown.workspace_id);
    let attached = outcome.attached && !all.contains(&shown.workspace_id);
    prop_assert!(all.contains(&shown.workspace_id) || outcome.ends.iter().all(found) || attached);
    if race.ends.is_empty() {
        let made_here = all.len() + usize::from(outcome.attached);
        prop_assert_eq!(made_here, 1, "nothing died, so one was enough ({} were refused)", outcome.refused);
    }
    Ok(())
}

proptest! {
    #![proptest_config(Config {
        cases: 120,
        rng_seed: RngSeed::Fixed(8),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn whatever_comes_in_between_the_chat_has_one_workspace(race in race()) {
        let site = Site::new();
        site.publish("pool", "v1", vec![preset("one", race.prebuilt)], true);
        site.settle();
        let chat = site.world.chat("alice");
        site.world.record.take();
        let outcome = run(&site, &race, &chat);
        check(&site.world, &outcome, &race, &chat)?;
    }
}
