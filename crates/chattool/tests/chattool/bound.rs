//! Whatever happens: each call ends within its time, and makes one workspace at most.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use groundhog_chattool::{Answer, timing};
use groundhog_sim::Fault;
use groundhog_wire::v1::{AgentLifecycle, AgentStatus, JobStatus, Transition};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{RngSeed, TestRunner},
};
use tonic::Status;

use crate::world::{AgentPlan, Manner, Plan, Play, create_arguments, play_seeded};

/// How many stories are told. They take a few seconds together.
const STORIES: u32 = 64;

/// What happens besides the calls.
#[derive(Clone, Debug)]
enum Trouble {
    /// The control plane dies, and is back after so many seconds.
    Kill(u64),
    /// Calls of one kind are taken and not answered, for so many seconds.
    Hang(&'static str, u64),
    /// All of one kind fail, for so many seconds.
    Fail(&'static str, u64),
    /// The next answers of one kind are lost.
    Lose(&'static str, u32),
    /// The agents of the chat's workspace are gone.
    Agents(AgentStatus),
    /// Somebody builds the chat's workspace.
    Build(Transition),
}

/// A story: which calls begin when, in which runtime; what comes of builds and dials; and what else happens when.
#[derive(Clone, Debug)]
struct Story {
    seed: u64,
    calls: Vec<(u64, bool, &'static str)>,
    plans: Vec<Plan>,
    manners: Vec<Manner>,
    troubles: Vec<(u64, Trouble)>,
}

/// What is asked in a story, and may go wrong.
const REQUESTS: [&str; 11] = [
    "get_chat",
    "get_workspace",
    "list_agents",
    "get_template",
    "get_choices",
    "get_chat_settings",
    "create_workspace",
    "create_build",
    "bind_chat",
    "get_build",
    "get_agent",
];

fn request() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&REQUESTS[..])
}

fn agent() -> impl Strategy<Value = AgentPlan> {
    let ends = prop::sample::select(vec![AgentLifecycle::Ready, AgentLifecycle::Ready, AgentLifecycle::StartError]);
    let name = prop::sample::select(vec!["main", "a-coderd-chat", "b-coderd-chat"]);
    (name, prop::option::weighted(0.8, 0..200_u64), prop_oneof![3 => 0..10_u64, 1 => 0..900_u64], ends).prop_map(
        |(name, connects, scripts, ends)| AgentPlan {
            connects: connects.map(Duration::from_secs),
            scripts: Duration::from_secs(scripts),
            ends,
            ..AgentPlan::named(name)
        },
    )
}

fn plan() -> impl Strategy<Value = Plan> {
    let ends = prop_oneof![
        6 => Just((JobStatus::Succeeded, "", "")),
        1 => Just((JobStatus::Failed, "boom", "")),
        1 => Just((JobStatus::Failed, "no credits", "INSUFFICIENT_QUOTA")),
        1 => Just((JobStatus::Canceled, "", "")),
    ];
    let takes = prop_oneof![3 => 0..20_u64, 1 => 0..900_u64];
    (takes, ends, vec(agent(), 0..3)).prop_map(|(takes, (ends, error, error_code), agents)| Plan {
        takes: Duration::from_secs(takes),
        ends,
        error,
        error_code,
        agents,
    })
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let agents = prop::sample::select(vec![AgentStatus::Disconnected, AgentStatus::TimedOut, AgentStatus::Connected]);
    let build = prop::sample::select(vec![Transition::Start, Transition::Stop, Transition::Destroy]);
    prop_oneof![
        (0..60_u64).prop_map(Trouble::Kill),
        (request(), 0..300_u64).prop_map(|(request, seconds)| Trouble::Hang(request, seconds)),
        (request(), 0..300_u64).prop_map(|(request, seconds)| Trouble::Fail(request, seconds)),
        (request(), 0..8_u32).prop_map(|(request, times)| Trouble::Lose(request, times)),
        agents.prop_map(Trouble::Agents),
        build.prop_map(Trouble::Build),
    ]
}

fn story() -> impl Strategy<Value = Story> {
    let tools = prop::sample::select(vec!["create_workspace", "create_workspace", "start_workspace", "stop_workspace"]);
    let manners = prop::sample::select(vec![Manner::Answers, Manner::Answers, Manner::Fails, Manner::Hangs]);
    (
        any::<u64>(),
        vec((0..120_u64, any::<bool>(), tools), 1..7),
        vec(plan(), 0..4),
        vec(manners, 0..4),
        vec((0..200_u64, trouble()), 0..4),
    )
        .prop_map(|(seed, calls, plans, manners, troubles)| Story { seed, calls, plans, manners, troubles })
}

/// Something that begins or ends at its second.
#[derive(Clone, Debug)]
enum Turn {
    Call(bool, &'static str),
    Begin(Trouble),
    End(Trouble),
}

/// What happens, by the second.
fn agenda(story: &Story) -> Vec<(u64, Turn)> {
    let mut agenda: Vec<_> = story.calls.iter().map(|(at, second, tool)| (*at, Turn::Call(*second, tool))).collect();
    for (at, trouble) in &story.troubles {
        agenda.push((*at, Turn::Begin(trouble.clone())));
        if let Trouble::Hang(_, seconds) | Trouble::Fail(_, seconds) = trouble {
            agenda.push((at + seconds, Turn::End(trouble.clone())));
        }
    }
    agenda.sort_by_key(|(at, _)| *at);
    agenda
}

fn happen(play: &mut Play<'_>, trouble: &Trouble) {
    let mut state = play.control.state();
    match trouble {
        Trouble::Kill(seconds) => {
            drop(state);
            play.fault(&Fault::Kill { host: "control".to_owned() }, *seconds);
        }
        Trouble::Hang(request, _) => _ = state.hangs.insert(request),
        Trouble::Fail(request, _) => _ = state.refuses.insert(request, Status::unavailable("no database")),
        Trouble::Lose(request, times) => _ = state.loses_answers.insert(request, *times),
        Trouble::Agents(status) if !state.chat().workspace_id.is_empty() => {
            state.workspace().agents.iter_mut().for_each(|agent| agent.set_status(*status));
        }
        Trouble::Build(transition) if !state.chat().workspace_id.is_empty() => {
            if !state.workspace().is_deleted() {
                let workspace = state.chat().workspace_id.clone();
                state.add_build(&workspace, *transition, Plan::default());
            }
        }
        Trouble::Agents(_) | Trouble::Build(_) => {}
    }
}

fn cease(play: &mut Play<'_>, trouble: &Trouble) {
    let mut state = play.control.state();
    match trouble {
        Trouble::Hang(request, _) => _ = state.hangs.remove(request),
        Trouble::Fail(request, _) => _ = state.refuses.remove(request),
        Trouble::Kill(_) | Trouble::Lose(..) | Trouble::Agents(_) | Trouble::Build(_) => {}
    }
}

/// Tells a story, and says what its calls were answered.
fn tell(play: &mut Play<'_>, story: &Story) -> Result<Vec<Answer>, TestCaseError> {
    play.control.state().plans = story.plans.iter().cloned().collect();
    play.dials(&story.manners);
    let (mut calls, began) = (Vec::new(), play.host("runtime").now());
    for (at, turn) in agenda(story) {
        // A fault takes time of its own: what was due meanwhile happens late.
        let now = play.host("runtime").now().since(began).as_secs();
        play.run(at.saturating_sub(now));
        match turn {
            Turn::Call(second, tool) => {
                let arguments = if tool == "create_workspace" { create_arguments("") } else { String::new() };
                let host = if second { "runtime-2" } else { "runtime" };
                calls.push(play.begin(host, 1, tool, &arguments));
            }
            Turn::Begin(trouble) => happen(play, &trouble),
            Turn::End(trouble) => cease(play, &trouble),
        }
    }
    play.run(timing::CALL_MAX.as_secs() + 1);
    let mut answers = Vec::new();
    for call in calls {
        let Some((answer, took)) = play.answer(call) else {
            return Err(TestCaseError::fail(format!("call {call} is not answered: {:#?}", play.story())));
        };
        // Less: the toolbox makes sure of the bound, and each of the waits keeps to its own, so that it has nothing to do.
        prop_assert!(took < timing::CALL_MAX, "call {call} took {took:?}");
        answers.push(answer);
    }
    Ok(answers)
}

/// What of a workspace's life a story must not have.
fn check(play: &Play<'_>, answers: &[Answer]) -> Result<(), TestCaseError> {
    let mut state = play.control.state();
    let bound = state.chat().workspace_id.clone();
    // Every other one was proved dead when it was replaced, and one that is not started again stays dead.
    let requests: Vec<_> = state.creates.iter().filter_map(|request| request.chat.clone()).collect();
    prop_assert_eq!(requests.len(), state.creates.len(), "each request is for the chat");
    let created: Vec<_> = answers
        .iter()
        .filter_map(|answer| match answer {
            Answer::Fields(fields) if fields.get("created") == Some(&true.into()) => fields.get("build_id"),
            Answer::Fields(_) | Answer::Error(_) => None,
        })
        .collect();
    let mut once = created.clone();
    once.sort_by_key(ToString::to_string);
    once.dedup();
    prop_assert_eq!(once.len(), created.len(), "a workspace is created once");
    prop_assert!(created.len() <= state.workspaces.len());
    prop_assert!(bound.is_empty() == state.workspaces.is_empty(), "what was made is the chat's");
    Ok(())
}

#[test]
fn each_call_ends_within_its_time_and_makes_one_workspace_at_most() {
    let outcomes: RefCell<BTreeMap<String, u32>> = RefCell::default();
    let config = ProptestConfig {
        cases: STORIES,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(8),
        ..ProptestConfig::default()
    };
    let told = TestRunner::new(config).run(&story(), |story| {
        let words = play_seeded(story.seed, |play| {
            let answers = tell(play, &story)?;
            check(play, &answers)?;
            Ok::<_, TestCaseError>(play.fields("tool.answered", "outcome"))
        })?;
        for word in words {
            *outcomes.borrow_mut().entry(word).or_default() += 1;
        }
        Ok(())
    });
    told.unwrap_or_else(|failure| panic!("{failure}"));
    // The stories are worth something: calls end in many ways.
    let outcomes = outcomes.into_inner();
    for word in
        ["created", "already_exists", "stopped", "started", "already_running", "already_stopped", "failed", "error"]
    {
        assert!(outcomes.get(word) >= Some(&3), "{word}: {outcomes:?}");
    }
}
