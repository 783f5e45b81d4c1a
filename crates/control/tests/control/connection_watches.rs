//! Watches of a workspace, from the call to its end.

use std::time::Duration;

use groundhog_control::{
    Config, NoticeConfig, Store, StoreConfig,
    operations::{acquire, agent::life, claim},
    store::notices::Notice,
};
use groundhog_wire::{
    id::JobId,
    v1::{self, AgentLifecycle, Transition, connection_news::Kind, watch_connection_request::Workspace},
};
use tonic::{Code, Status, Streaming};

use crate::support::{
    World,
    agents::{agent, made},
    replica::{Replica, by},
    world::{failure, session_token, success},
};

type Watch = Streaming<v1::ConnectionNews>;

struct Site {
    world: World,
    replica: Replica,
}

impl Site {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Config)) -> Self {
        let world = World::new();
        let replica = Replica::new(&world, change);
        Self { world, replica }
    }

    fn ask(&self, token: &str, workspace: Workspace, agent_name: &str) -> Result<Watch, Status> {
        let mut people = self.replica.people();
        let request = v1::WatchConnectionRequest { workspace: Some(workspace), agent_name: agent_name.to_owned() };
        let watch = people.watch_connection(by(token, request));
        self.world.machine.block_on(watch).map(tonic::Response::into_inner)
    }

    /// alice's watch of her workspace "dev".
    fn watch(&self) -> Watch {
        self.ask("alice-token", Workspace::Name("dev".to_owned()), "").expect("it is hers")
    }

    /// All that a watch tells by now, in words.
    fn told(&self, watch: &mut Watch) -> Vec<String> {
        let mut parts = Vec::new();
        while let Some(news) = self.world.next(watch) {
            parts.push(match news.map(|news| news.kind) {
                Ok(Some(Kind::End(end))) => {
                    assert!(!end.message.is_empty());
                    format!("{} {}", end.kind().as_str_name(), if end.retryable { "retryable" } else { "for good" })
                }
                Ok(Some(part)) => groundhog_control::connection_watch::words(&part),
                Ok(None) => "nothing".to_owned(),
                Err(status) => format!("{:?}: {}", status.code(), status.message()),
            });
        }
        parts
    }

    fn step(&self, session: &str, state: AgentLifecycle) {
        let request = v1::UpdateLifecycleRequest { state: state.into(), changed_at_ms: 1 };
        self.world.by_agent(session, |tx, agent| life::step(tx, agent, &request)).expect("it comes next");
    }

    /// A build of "dev" that is carried out, and makes an agent if it is a start.
    fn built(&self, transition: Transition) {
        let job = self.world.rebuilding("dev", transition);
        let agents = if transition == Transition::Start { vec![agent("token-1")] } else { vec![] };
        self.world.complete("prov-1", &made(job, agents)).expect("it runs");
    }
}

#[test]
fn a_watch_tells_every_step_of_a_workspaces_life_when_it_happens() {
    let site = Site::new();
    let (world, told) = (&site.world, |watch: &mut Watch| site.told(watch));
    let build = world.create("alice", "dev", "plain").expect("the name is free");
    let mut watch = site.watch();
    assert_eq!(told(&mut watch), ["build 1 start pending"]);
    let job = world.acquire("prov-1").expect("it waits").job;
    assert_eq!(told(&mut watch), ["build 1 start running"]);
    world.complete("prov-1", &made(job, vec![agent("token-1")])).expect("it runs");
    assert_eq!(told(&mut watch), ["build 1 start succeeded", "agent main created"]);
    let session = world.session("token-1").expect("known");
    for (state, word) in [(AgentLifecycle::Starting, "starting"), (AgentLifecycle::Ready, "ready")] {
        site.step(&session, state);
        assert_eq!(told(&mut watch), [format!("agent main {word}")]);
        site.step(&session, state);
        assert_eq!(told(&mut watch), [""; 0], "the same step again is no news");
    }
    let job = world.rebuilding("dev", Transition::Stop);
    assert_eq!(told(&mut watch), ["build 2 stop running"], "it was pending for no time at all");
    site.step(&session, AgentLifecycle::ShuttingDown);
    assert_eq!(told(&mut watch), [""; 0], "the agent is not the latest build's");
    world.fail("prov-1", &failure(job, "broken", None)).expect("it runs");
    assert_eq!(told(&mut watch), ["build 2 stop failed"]);
    world.build("alice", "dev", Transition::Start).expect("none is active");
    assert_eq!(told(&mut watch), ["build 3 start pending"]);
    world.cancel("alice", "dev", v1::JobStatus::Unspecified).expect("it waits");
    assert_eq!(told(&mut watch), ["build 3 start canceled"]);
    let job = world.rebuilding("dev", Transition::Start);
    assert_eq!(told(&mut watch), ["build 4 start running"]);
    world.cancel("alice", "dev", v1::JobStatus::Running).expect("it runs");
    assert_eq!(told(&mut watch), ["build 4 start canceling"]);
    world.advance(Duration::from_secs(301));
    assert!(world.reap(job));
    assert_eq!(told(&mut watch), ["build 4 start failed"]);
    site.built(Transition::Destroy);
    assert_eq!(told(&mut watch), ["build 5 destroy succeeded"], "by its name it could not be found any more");
    world.create("alice", "dev", "plain").expect("the name is free again");
    assert_eq!(told(&mut watch), [""; 0], "another workspace");
    // Whoever has its id may still learn that it is gone.
    let by_id = || Workspace::WorkspaceId(build.workspace_id.clone());
    let mut again = site.ask("root-token", by_id(), "main").expect("an administrator may");
    assert_eq!(told(&mut again), ["build 5 destroy succeeded"]);
    let told = world.record.take();
    assert!(told.contains(&"watch.told ws=ws what=agent main ready".to_owned()), "{told:?}");
}

#[test]
fn a_build_says_all_that_a_connection_needs() {
    let site = Site::new();
    let job = site.world.running("alice", "dev", "prov-1");
    site.world.fail("prov-1", &failure(job, "no room", None)).expect("it runs");
    let build = site.world.latest("alice", "dev");
    let mut watch = site.watch();
    let news = site.world.next(&mut watch).expect("there is a message").expect("all is well");
    let expected = v1::BuildNews {
        workspace_id: build.workspace_id,
        workspace_name: "dev".to_owned(),
        build_id: build.build_id,
        number: 1,
        transition: Transition::Start.into(),
        status: v1::JobStatus::Failed.into(),
        job_id: job.to_string(),
        error: "no room".to_owned(),
    };
    assert_eq!(news.kind, Some(Kind::Build(expected)));
}

#[test]
fn a_job_that_comes_back_from_a_daemon_is_told() {
    let site = Site::new();
    let job = site.world.running("alice", "dev", "prov-1");
    let mut watch = site.watch();
    assert_eq!(site.told(&mut watch), ["build 1 start running"]);
    let back = site.world.by_daemon("prov-1", |tx, worker| acquire::put_back(tx, job, worker, "gone"));
    assert!(back.expect("the database works").is_some());
    assert_eq!(site.told(&mut watch), ["build 1 start pending"]);
}

#[test]
fn who_reads_slowly_is_told_less_and_in_the_end_the_last_of_it() {
    let site = Site::new();
    site.world.started("dev", vec![agent("token-1")]);
    let mut watch = site.watch();
    // Nothing is read while the workspace is stopped, started, stopped and started again.
    for transition in [Transition::Stop, Transition::Start, Transition::Stop, Transition::Start] {
        site.built(transition);
        site.world.machine.settle();
    }
    let told = site.told(&mut watch);
    assert!(told.len() <= 4, "two were under way: {told:?}");
    assert_eq!(told.last_chunk(), Some(&["build 5 start succeeded".to_owned(), "agent main created".to_owned()]));
}

#[test]
fn an_agent_that_cannot_be_chosen_ends_the_watch_for_good() {
    let site = Site::new();
    let side = v1::Agent { name: "side".to_owned(), ..agent("token-2") };
    site.world.started("dev", vec![agent("token-1"), side]);
    let ask = |name: &str| site.ask("alice-token", Workspace::Name("dev".to_owned()), name).expect("it is hers");
    let first = "build 1 start succeeded";
    for (name, second) in [
        ("", "KIND_TOO_MANY_AGENTS for good"),
        ("other", "KIND_NAME_NOT_FOUND for good"),
        ("side", "agent side created"),
    ] {
        assert_eq!(site.told(&mut ask(name)), [first, second]);
    }
    site.world.record.take();
    let job = site.world.running("alice", "bare", "prov-1");
    let mut watch = site.ask("alice-token", Workspace::Name("bare".to_owned()), "main").expect("it is hers");
    assert_eq!(site.told(&mut watch), ["build 1 start running"], "its agents are not known yet");
    site.world.complete("prov-1", &success(job, b"")).expect("it runs");
    assert_eq!(site.told(&mut watch), [first, "KIND_NO_AGENTS for good"]);
    assert!(site.world.record.take().contains(&"watch.ended ws=ws kind=no_agents".to_owned()));
}

#[test]
fn to_others_there_is_nothing_to_watch_and_who_loses_the_workspace_is_told_no_more() {
    let site = Site::new();
    let job = site.world.running("ahead", "pool", "prov-1");
    site.world.complete("prov-1", &made(job, vec![agent("token-1")])).expect("it runs");
    let workspace_id = site.world.latest("ahead", "pool").workspace_id;
    let by_id = || Workspace::WorkspaceId(workspace_id.clone());
    for workspace in [by_id(), Workspace::Name("pool".to_owned())] {
        assert_eq!(site.ask("bob-token", workspace, "").expect_err("it is not his").code(), Code::NotFound);
    }
    let mut people = site.replica.people();
    let none = people.watch_connection(by("bob-token", v1::WatchConnectionRequest::default()));
    assert_eq!(site.world.machine.block_on(none).expect_err("of nothing").code(), Code::InvalidArgument);
    let long = site.ask("ahead-token", by_id(), &"a".repeat(64));
    assert_eq!(long.expect_err("no agent is called so").code(), Code::InvalidArgument);
    let mut before = site.ask("ahead-token", by_id(), "").expect("it is theirs");
    let mut root = site.ask("root-token", by_id(), "").expect("an administrator may");
    let first = ["build 1 start succeeded", "agent main created"];
    assert_eq!(
        (site.told(&mut before), site.told(&mut root)),
        (first.map(str::to_owned).into(), first.map(str::to_owned).into())
    );
    let request = v1::ClaimWorkspaceRequest {
        workspace_id: workspace_id.clone(),
        owner: "bob".to_owned(),
        name: "mine".to_owned(),
    };
    site.world.by_user("ahead", |tx, user| claim::claim(tx, user, &request)).expect("it is free");
    assert_eq!(site.told(&mut before), ["KIND_NOT_FOUND for good"]);
    assert_eq!(site.told(&mut root), ["build 2 start pending"]);
    let mut bob = site.ask("bob-token", Workspace::Name("mine".to_owned()), "").expect("it is his now");
    assert_eq!(site.told(&mut bob), ["build 2 start pending"]);
}

#[test]
fn a_session_that_is_over_ends_the_watch() {
    let site = Site::new();
    let build = site.world.create("alice", "dev", "plain").expect("the name is free");
    let acquired = site.world.acquire("prov-1").expect("it waits");
    let token = session_token(&acquired.message);
    let job: JobId = build.job_id.parse().expect("an id");
    site.world.complete("prov-1", &made(job, vec![agent("token-1")])).expect("it runs");
    let mut watch = site.ask(&token, Workspace::Name("dev".to_owned()), "").expect("the workspace calls as its owner");
    assert_eq!(site.told(&mut watch).len(), 2);
    site.world.rebuilding("dev", Transition::Stop);
    assert_eq!(site.told(&mut watch), ["Unauthenticated: unknown session token"]);
}

#[test]
fn a_control_plane_that_stops_says_so_and_takes_no_more_watches() {
    let site = Site::new();
    site.world.started("dev", vec![agent("token-1")]);
    let mut watch = site.watch();
    assert_eq!(site.told(&mut watch).len(), 2);
    site.replica.stop.cancel();
    assert_eq!(site.told(&mut watch), ["KIND_SHUTDOWN retryable"]);
    assert!(site.world.is_over(&mut watch));
    let late = site.ask("alice-token", Workspace::Name("dev".to_owned()), "");
    assert_eq!(late.expect_err("it stops").code(), Code::Unavailable);
}

#[test]
fn a_database_that_fails_ends_a_watch_that_may_be_asked_for_again() {
    let (world, file) = World::in_file();
    let replica = Replica::new(&world, |_| {});
    let site = Site { world, replica };
    site.world.started("dev", vec![agent("token-1")]);
    let mut watch = site.watch();
    assert_eq!(site.told(&mut watch).len(), 2);
    let other = file.connect();
    other.execute_batch("BEGIN EXCLUSIVE").expect("nobody else writes");
    site.world.advance(Duration::from_secs(15));
    assert_eq!(site.told(&mut watch), ["KIND_DATABASE retryable"]);
    other.execute_batch("COMMIT").expect("it began");
    let mut watch = site.watch();
    assert_eq!(site.told(&mut watch), ["build 1 start succeeded", "agent main created"], "all of it is told again");
}

#[test]
fn what_cannot_be_understood_ends_a_watch_for_good() {
    let (world, file) = World::in_file();
    let replica = Replica::new(&world, |_| {});
    let site = Site { world, replica };
    site.world.started("dev", vec![agent("token-1")]);
    let mut watch = site.watch();
    assert_eq!(site.told(&mut watch).len(), 2);
    let other = file.connect();
    other.execute_batch("UPDATE builds SET asked = x'ff'").expect("nobody else writes");
    site.world.advance(Duration::from_secs(15));
    assert_eq!(site.told(&mut watch), ["KIND_INTERNAL for good"]);
}

#[test]
fn a_notice_that_is_lost_or_a_mailbox_that_overflows_is_made_up_for() {
    let deaf = Site::with(|config| config.notices = NoticeConfig { loss: 1.0, ..NoticeConfig::default() });
    deaf.world.started("dev", vec![agent("token-1")]);
    let mut watch = deaf.watch();
    assert_eq!(deaf.told(&mut watch).len(), 2);
    deaf.built(Transition::Stop);
    assert_eq!(deaf.told(&mut watch), [""; 0]);
    deaf.world.advance(Duration::from_secs(14));
    assert_eq!(deaf.told(&mut watch), [""; 0]);
    deaf.world.advance(Duration::from_secs(1));
    assert_eq!(deaf.told(&mut watch), ["build 2 stop succeeded"]);

    let narrow = Site::with(|config| config.notices = NoticeConfig { queue_max: 1, ..NoticeConfig::default() });
    narrow.world.started("dev", vec![agent("token-1")]);
    let mut watch = narrow.watch();
    assert_eq!(narrow.told(&mut watch).len(), 2);
    narrow.built(Transition::Stop);
    assert_eq!(narrow.told(&mut watch), ["build 2 stop succeeded"], "whoever waits looks at everything");
}

#[test]
fn a_replica_at_which_nobody_watches_is_not_told_of_changes() {
    let site = Site::new();
    let store = Store::new(&site.world.host, site.world.database.clone(), StoreConfig::default());
    let followers = site.replica.followers.clone();
    let mailbox = store.open_mailbox(10, move |notice| followers.wait_for(notice));
    let changes = || {
        let heard = mailbox.take();
        heard.iter().filter(|heard| format!("{heard:?}").contains("WorkspaceChanged")).count()
    };
    site.world.started("dev", vec![agent("token-1")]);
    assert_eq!(changes(), 0);
    let watch = site.watch();
    site.world.machine.settle();
    site.built(Transition::Stop);
    assert_eq!(changes(), 2, "queued and at once taken is one reason to look, and done another");
    site.world.started("other", vec![]);
    assert_eq!(changes(), 0, "another workspace is of no interest");
    drop(watch);
    site.world.machine.settle();
    site.built(Transition::Start);
    assert_eq!(changes(), 0);
    let workspace = groundhog_wire::id::WorkspaceId(uuid::Uuid::nil());
    assert!(Notice::WorkspaceChanged { workspace }.is_on_demand());
}

#[test]
fn a_hang_up_ends_a_watch_at_once_and_leaves_another_one_alone() {
    let site = Site::new();
    site.world.started("dev", vec![agent("token-1")]);
    let (mut one, mut two) = (site.watch(), site.watch());
    assert_eq!(site.told(&mut one), site.told(&mut two), "each is told all");
    assert_eq!(site.replica.followers.count(), 2);
    // One has gone while it waits, and one while a message lies there that it never reads.
    drop(one);
    site.world.machine.settle();
    assert_eq!(site.replica.followers.count(), 1);
    let unread = site.watch();
    for transition in [Transition::Stop, Transition::Start, Transition::Stop] {
        site.built(transition);
        site.world.machine.settle();
    }
    assert_eq!(site.replica.followers.count(), 2);
    drop(unread);
    site.world.machine.settle();
    assert_eq!(site.replica.followers.count(), 1);
    assert_eq!(site.told(&mut two).last().map(String::as_str), Some("build 4 stop succeeded"));
}

#[test]
fn there_are_so_many_watches_and_no_more() {
    let site = Site::with(|config| config.agents.watches.watches_max = 1);
    site.world.started("dev", vec![agent("token-1")]);
    let ask = || site.ask("alice-token", Workspace::Name("dev".to_owned()), "");
    let first = ask().expect("there is room");
    assert_eq!(ask().expect_err("there is none").code(), Code::Unavailable);
    drop(first);
    site.world.machine.settle();
    assert!(ask().is_ok());
}
