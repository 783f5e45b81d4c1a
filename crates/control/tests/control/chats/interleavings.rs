//! Every transaction of two callers, of builds, agents and time, one after the other in any order: a chat's workspace is
//! replaced only when it is dead, as somebody sees it who reads it in that very instant by the calls that people have; and
//! who knows the truth is not refused.

use std::time::Duration;

use groundhog_control::{
    operations::{
        agent::presence,
        create::{self, Creation},
    },
    refusal::{CallError, Refusal},
    store::{Tx, agents::Agent, users::User},
};
use groundhog_wire::{id::WorkspaceId, v1};
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};

use crate::support::{
    World,
    chats::{bind, dead, for_chat},
    pools::{Site, preset},
};

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A caller looks at the chat and what it has.
    Look(usize),
    /// A caller who has looked asks, and says what it saw, or something else.
    Ask(usize, Said),
    /// A caller who was told what could be given to it asks for that.
    Take(usize),
    /// A caller sends its last request again.
    Again(usize),
    /// The latest build of the chat's workspace is taken, or comes to its end.
    Build(Ending),
    /// A build of the chat's workspace is asked for.
    Wish(v1::Transition),
    /// The agent of the chat's workspace connects, beats, or goes.
    Agent(Presence),
    /// So many seconds pass.
    Wait(u64),
    /// Another workspace of the owner's is given to the chat.
    Attach,
    /// The chat goes on with its workspace's latest build.
    GoOn,
}

/// What a caller says of the workspace that the chat has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// What it saw.
    Seen,
    /// That it is dead, whatever it saw: by its build, or by having no agents.
    Dead,
    /// That it is dead by its agent.
    DeadByAgent,
    /// That there is none.
    Nothing,
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Made,
    MadeWithoutAgents,
    Failed,
    Cancel,
}

#[derive(Clone, Copy, Debug)]
enum Presence {
    Connects,
    Beats,
    Goes,
}

fn step() -> impl Strategy<Value = Step> {
    let caller = || 0_usize..2;
    let said = prop_oneof![4 => Just(Said::Seen), 1 => Just(Said::Dead), 1 => Just(Said::DeadByAgent), 1 => Just(Said::Nothing)];
    let ending = prop_oneof![
        3 => Just(Ending::Made),
        1 => Just(Ending::MadeWithoutAgents),
        1 => Just(Ending::Failed),
        1 => Just(Ending::Cancel)
    ];
    let presence = prop_oneof![Just(Presence::Connects), Just(Presence::Beats), Just(Presence::Goes)];
    let wish = prop_oneof![Just(v1::Transition::Start), Just(v1::Transition::Stop), Just(v1::Transition::Destroy)];
    prop_oneof![
        4 => caller().prop_map(Step::Look),
        5 => (caller(), said).prop_map(|(caller, said)| Step::Ask(caller, said)),
        3 => caller().prop_map(Step::Take),
        1 => caller().prop_map(Step::Again),
        4 => ending.prop_map(Step::Build),
        1 => wish.prop_map(Step::Wish),
        3 => presence.prop_map(Step::Agent),
        2 => (1_u64..200).prop_map(Step::Wait),
        1 => Just(Step::Attach),
        1 => Just(Step::GoOn),
    ]
}

/// What somebody sees of a chat's workspace.
#[derive(Clone, Debug, PartialEq)]
struct Sight {
    workspace: String,
    number: u32,
    build: String,
    gone: bool,
    transition: v1::Transition,
    status: v1::JobStatus,
    agents: Vec<v1::AgentView>,
}

impl Sight {
    /// What is to be said of it if it is dead: by what a person would say who reads it.
    fn dead(&self) -> Option<v1::DeadWorkspace> {
        let by_build =
            [v1::JobStatus::Failed, v1::JobStatus::Canceled, v1::JobStatus::Canceling].contains(&self.status);
        let runs = self.status == v1::JobStatus::Succeeded && self.transition == v1::Transition::Start;
        if self.gone || by_build || (runs && self.agents.is_empty()) {
            return dead(&self.workspace, self.number, "");
        }
        let away = |agent: &&v1::AgentView| {
            [v1::AgentStatus::Disconnected, v1::AgentStatus::TimedOut].contains(&agent.status())
        };
        let agent = self.agents.iter().filter(|_| runs).find(away)?;
        dead(&self.workspace, self.number, &agent.agent_id)
    }
}

/// Somebody who asks for the chat's workspace.
#[derive(Clone, Debug, Default)]
struct Caller {
    requests: u128,
    seen: Option<Option<Sight>>,
    /// What it has asked for, and may be given.
    found: Option<(v1::CreateWorkspaceRequest, Vec<WorkspaceId>)>,
    last: Option<(v1::CreateWorkspaceRequest, v1::Build)>,
}

struct Story {
    site: Site,
    chat: String,
    callers: [Caller; 2],
    connection: Option<(String, Agent, i64)>,
    /// A workspace of the owner's that nobody made for the chat.
    own: String,
    names: u32,
}

fn new() -> Story {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 2)], true);
    site.settle();
    let chat = site.world.chat("alice");
    let own = site.world.create("alice", "own", "plain").expect("it is free");
    let job = own.job_id.parse().expect("an id");
    site.take(job);
    site.succeed(job);
    Story { site, chat, callers: Default::default(), connection: None, own: own.workspace_id, names: 0 }
}

impl Story {
    fn world(&self) -> &World {
        &self.site.world
    }

    /// What the chat has, as people see it.
    fn sight(&self) -> Option<Sight> {
        let chat = self.world().get_chat("alice", &self.chat).expect("hers");
        if chat.workspace_id.is_empty() {
            return None;
        }
        let seen = self.world().seen(&chat.workspace_id);
        let latest = seen.latest_build.expect("it has one");
        let id: WorkspaceId = chat.workspace_id.parse().expect("an id");
        Some(Sight {
            workspace: chat.workspace_id.clone(),
            number: latest.number,
            build: latest.build_id.clone(),
            gone: self.site.is_deleted(id),
            transition: latest.transition(),
            status: latest.status(),
            agents: self.world().agents(&chat.workspace_id),
        })
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Look(caller) => self.callers[caller].seen = Some(self.sight()),
            Step::Ask(caller, said) => return self.ask(caller, said),
            Step::Take(caller) => return self.take(caller),
            Step::Again(caller) => return self.again(caller),
            Step::Build(ending) => self.build(ending),
            Step::Wish(transition) => self.wish(transition),
            Step::Agent(presence) => self.agent(presence),
            Step::Wait(seconds) => self.world().machine.jump(Duration::from_secs(seconds)),
            Step::Attach => return self.attach(),
            Step::GoOn => {
                if let Some(Sight { workspace, build, .. }) = self.sight() {
                    let bound = self.world().bind("alice", &bind(&self.chat, &workspace, "", ""));
                    prop_assert_eq!(bound.expect("it is the chat's own").build_id, build);
                }
            }
        }
        Ok(())
    }

    fn ask(&mut self, caller: usize, said: Said) -> Result<(), TestCaseError> {
        let Some(seen) = self.callers[caller].seen.clone() else { return Ok(()) };
        let replaces = match (said, &seen) {
            (Said::Nothing, _) | (_, None) => None,
            (Said::Dead, Some(sight)) => dead(&sight.workspace, sight.number, ""),
            (Said::DeadByAgent, Some(sight)) => {
                let agent = sight.agents.first().map_or("", |agent| agent.agent_id.as_str());
                dead(&sight.workspace, sight.number, agent)
            }
            (Said::Seen, Some(sight)) => match sight.dead() {
                Some(dead) => Some(dead),
                // It is alive: there is nothing to ask for.
                None => return Ok(()),
            },
        };
        self.callers[caller].requests += 1;
        self.names += 1;
        let id = (caller as u128 + 1) << 64 | self.callers[caller].requests;
        let preset = if self.names.is_multiple_of(2) { "one" } else { "" }.to_owned();
        let request = for_chat(&self.chat, &format!("w{}", self.names), id, replaces);
        let request = v1::CreateWorkspaceRequest { template: "pool".to_owned(), preset, ..request };
        let (before, count) = (self.sight(), self.count());
        let inactive_after = self.world().config.agents.inactive_after;
        let asked = |tx: &Tx<'_>, user: &User| create::workspace(tx, user, &request, inactive_after);
        match self.world().by_user("alice", asked) {
            Ok(Creation::Candidates(found)) => {
                self.callers[caller].found = Some((request.clone(), found));
                // Nothing was done so far.
                prop_assert_eq!((self.sight(), self.count()), (before.clone(), count));
                check_may(&before, &request)
            }
            Ok(Creation::Queued(build)) => self.made(caller, &request, *build, &before, count),
            Err(error) => self.refused(error, &request, &before, count),
        }
    }

    fn take(&mut self, caller: usize) -> Result<(), TestCaseError> {
        let Some((request, found)) = self.callers[caller].found.take() else { return Ok(()) };
        let (before, count) = (self.sight(), self.count());
        let inactive_after = self.world().config.agents.inactive_after;
        let taken = self
            .world()
            .by_user("alice", |tx, user| create::from_candidates(tx, user, &request, inactive_after, &found));
        match taken {
            Ok(build) => self.made(caller, &request, build, &before, count),
            Err(error) => self.refused(error, &request, &before, count),
        }
    }

    /// A request was carried out: it was right to, and the chat has what came of it.
    fn made(
        &mut self,
        caller: usize,
        request: &v1::CreateWorkspaceRequest,
        build: v1::Build,
        before: &Option<Sight>,
        count: usize,
    ) -> Result<(), TestCaseError> {
        check_may(before, request)?;
        let after = self.sight().expect("it has one now");
        prop_assert_eq!((&after.workspace, &after.build), (&build.workspace_id, &build.build_id));
        prop_assert_eq!(self.count(), count + 1);
        self.connection = None;
        self.callers[caller].last = Some((request.clone(), build));
        Ok(())
    }

    /// A request was refused: it was not right, and nothing came of it.
    fn refused(
        &self,
        error: CallError,
        request: &v1::CreateWorkspaceRequest,
        before: &Option<Sight>,
        count: usize,
    ) -> Result<(), TestCaseError> {
        prop_assert!(matches!(error, CallError::Refused(Refusal::Overtaken(_))), "{error}");
        prop_assert_eq!((&self.sight(), self.count()), (before, count));
        prop_assert!(check_may(before, request).is_err(), "{error}: {request:?} at {before:?}");
        Ok(())
    }

    /// How many live workspaces the chat's owner has.
    fn count(&self) -> usize {
        self.world().alices()
    }

    fn again(&mut self, caller: usize) -> Result<(), TestCaseError> {
        let Some((request, build)) = self.callers[caller].last.clone() else { return Ok(()) };
        let (before, count) = (self.sight(), self.count());
        let still = before.as_ref().is_some_and(|sight| sight.workspace == build.workspace_id);
        match self.world().create_with("alice", &request) {
            Ok(again) => prop_assert_eq!((again.build_id, still), (build.build_id, true)),
            Err(error) => {
                prop_assert!(matches!(error, CallError::Refused(Refusal::Overtaken(_))), "{error}");
                prop_assert!(!still, "it is what the chat has");
            }
        }
        prop_assert_eq!((self.sight(), self.count()), (before, count));
        Ok(())
    }

    fn attach(&mut self) -> Result<(), TestCaseError> {
        let before = self.sight();
        let free = before.as_ref().is_none_or(|sight| sight.gone);
        let own: WorkspaceId = self.own.parse().expect("an id");
        let is_own = before.as_ref().is_some_and(|sight| sight.workspace == self.own);
        let bound = self.world().bind("alice", &bind(&self.chat, &self.own, "", ""));
        prop_assert_eq!(bound.is_ok(), is_own || (free && !self.site.is_deleted(own)));
        if !is_own && bound.is_ok() {
            self.connection = None;
        }
        Ok(())
    }

    fn build(&mut self, ending: Ending) {
        let Some(sight) = self.sight() else { return };
        let job = self.site.latest(sight.workspace.parse().expect("an id")).job;
        match (sight.status, ending) {
            (v1::JobStatus::Pending, Ending::Cancel) => self.site.cancel(job),
            (v1::JobStatus::Pending, _) => self.site.take(job),
            (v1::JobStatus::Running, Ending::Cancel) => self.site.cancel(job),
            (v1::JobStatus::Running, Ending::Failed) => self.site.fail(job),
            (v1::JobStatus::Running, Ending::MadeWithoutAgents) => {
                let done = crate::support::world::success(job, b"state");
                self.world().complete("prov-1", &done).expect("it runs");
            }
            (v1::JobStatus::Running, Ending::Made) => self.site.succeed(job),
            _ => {}
        }
    }

    fn wish(&mut self, transition: v1::Transition) {
        let Some(sight) = self.sight() else { return };
        let request = v1::CreateBuildRequest {
            workspace_id: sight.workspace,
            transition: transition.into(),
            ..v1::CreateBuildRequest::default()
        };
        let daemons = &self.world().config.daemons;
        let work = |tx: &Tx<'_>, user: &User| {
            groundhog_control::operations::workspace::create_build(tx, user, &request, daemons)
        };
        // Refused while another one is under way, or once it is gone.
        let _ = self.world().by_user("alice", work);
    }

    fn agent(&mut self, presence: Presence) {
        let Some(sight) = self.sight().filter(|sight| !sight.agents.is_empty()) else { return };
        let open = self.connection.clone().filter(|(build, ..)| *build == sight.build);
        match (presence, open) {
            (Presence::Connects, _) => {
                let Ok(session) = self.world().session(&format!("token-{}", sight.workspace)) else { return };
                let (agent, connection) = self.world().connect(&session);
                self.connection = Some((sight.build, agent, connection));
            }
            (Presence::Beats, Some((_, agent, connection))) => {
                self.world().tx(|tx| Ok(presence::beat(tx, &agent, connection)?)).expect("works");
            }
            (Presence::Goes, Some((_, agent, connection))) => {
                self.world().tx(|tx| Ok(presence::disconnect(tx, &agent, connection, "test")?)).expect("works");
            }
            (_, None) => {}
        }
    }
}

/// Whether a request may be carried out for a chat that has what was seen in that very instant.
fn check_may(before: &Option<Sight>, request: &v1::CreateWorkspaceRequest) -> Result<(), TestCaseError> {
    let said = request.chat.as_ref().expect("it is for a chat").replaces.as_ref();
    match (before, said) {
        (None, None) => Ok(()),
        (Some(sight), Some(said)) => {
            let truth = sight.dead();
            prop_assert!(truth.is_some(), "what is alive is not replaced: {sight:?}");
            prop_assert_eq!((&sight.workspace, sight.number), (&said.workspace_id, said.build_number));
            // By its build it is dead whatever agent is named.
            let by_agent = truth.as_ref().is_some_and(|dead| !dead.agent_id.is_empty());
            prop_assert!(!by_agent || truth.as_ref() == Some(said));
            Ok(())
        }
        (Some(_), None) | (None, Some(_)) => Err(TestCaseError::fail("it is not what the chat has")),
    }
}

proptest! {
    #![proptest_config(Config {
        cases: 150,
        rng_seed: RngSeed::Fixed(9),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn what_is_alive_is_not_replaced_and_who_knows_the_truth_is_not_refused(
        steps in prop::collection::vec(step(), 10..60)
    ) {
        let mut site = new();
        for step in steps {
            site.step(step)?;
        }
    }
}
