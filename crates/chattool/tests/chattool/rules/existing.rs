//! What a chat has, and what create_workspace makes of it: every state that can be read.

use groundhog_chattool::existing::{Existing, Latest, Seen, Vacancy, decide};
use groundhog_wire::{
    Fault,
    v1::{AgentStatus, AgentView, Build, Chat, DeadWorkspace, JobStatus, Transition, Workspace},
};
use tonic::Status;

const WORKSPACE: &str = "018f3c3e-0000-7c4e-8d52-000000000001";
const OTHER: &str = "018f3c3e-0000-7c4e-8d52-000000000002";
const BUILD: &str = "018f3c3e-0000-7c4e-8d52-000000000003";
const BUILD_BEFORE: &str = "018f3c3e-0000-7c4e-8d52-000000000004";
const AGENT: &str = "018f3c3e-0000-7c4e-8d52-000000000005";
const HELPER: &str = "018f3c3e-0000-7c4e-8d52-000000000006";

/// More than the protocol knows: what a newer control plane may say.
const NEWER: i32 = 99;

fn chat(workspace: &str, build: &str, agent: &str) -> Chat {
    Chat {
        workspace_id: workspace.to_owned(),
        build_id: build.to_owned(),
        agent_id: agent.to_owned(),
        ..Chat::default()
    }
}

fn bound() -> Chat {
    chat(WORKSPACE, BUILD, "")
}

fn workspace(transition: impl Into<i32>, status: impl Into<i32>) -> Workspace {
    let latest = Build {
        build_id: BUILD.to_owned(),
        number: 3,
        transition: transition.into(),
        status: status.into(),
        ..Build::default()
    };
    Workspace { workspace_id: WORKSPACE.to_owned(), latest_build: Some(latest), ..Workspace::default() }
}

fn agent(id: &str, name: &str, status: impl Into<i32>) -> AgentView {
    AgentView {
        agent_id: id.to_owned(),
        name: name.to_owned(),
        build_id: BUILD.to_owned(),
        status: status.into(),
        ..AgentView::default()
    }
}

fn running() -> Workspace {
    workspace(Transition::Start, JobStatus::Succeeded)
}

fn with_agents(agents: &[AgentView]) -> Existing {
    decide(Seen { chat: &bound(), workspace: Some(&running()), agents: Some(Ok(agents)) })
}

fn vacant(state: &'static str, agent_id: &str) -> Existing {
    let replaces = DeadWorkspace { workspace_id: WORKSPACE.to_owned(), build_number: 3, agent_id: agent_id.to_owned() };
    Existing::Create(Vacancy { state, replaces: Some(replaces) })
}

fn id<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().expect("an id")
}

#[test]
fn a_chat_without_a_workspace_gets_one() {
    let none = chat("", "", "");
    let create = Existing::Create(Vacancy { state: "none", replaces: None });
    assert_eq!(decide(Seen { chat: &none, workspace: None, agents: None }), create);
    // Whatever else was read is not the chat's.
    assert_eq!(decide(Seen { chat: &none, workspace: Some(&running()), agents: Some(Ok(&[])) }), create);
}

#[test]
fn what_is_needed_is_read_and_no_more() {
    assert_eq!(decide(Seen { chat: &bound(), workspace: None, agents: None }), Existing::ReadWorkspace(id(WORKSPACE)));
    for (transition, status) in statuses() {
        let workspace = workspace(transition, status);
        let existing = decide(Seen { chat: &bound(), workspace: Some(&workspace), agents: None });
        let runs = (transition, status) == (Transition::Start.into(), JobStatus::Succeeded.into());
        assert_eq!(existing == Existing::ReadAgents(id(WORKSPACE)), runs, "{existing:?}");
    }
}

#[test]
fn each_state_of_the_latest_build_has_its_outcome() {
    use JobStatus::{Canceled, Canceling, Failed, Pending, Running, Succeeded};
    use Transition::{Destroy, Start, Stop};
    let build = || id(BUILD);
    for (transition, status, expected) in [
        (Start, Pending, Existing::WaitForStart(build())),
        (Start, Running, Existing::WaitForStart(build())),
        (Stop, Pending, Existing::WaitForEnd(build())),
        (Stop, Running, Existing::WaitForEnd(build())),
        (Destroy, Pending, Existing::WaitForEnd(build())),
        (Destroy, Running, Existing::WaitForEnd(build())),
        (Stop, Succeeded, Existing::Stopped),
        (Destroy, Succeeded, vacant("deleted", "")),
        (Start, Failed, vacant("failed", "")),
        (Stop, Failed, vacant("failed", "")),
        (Destroy, Failed, vacant("failed", "")),
        (Start, Canceled, vacant("canceled", "")),
        (Stop, Canceled, vacant("canceled", "")),
        (Destroy, Canceled, vacant("canceled", "")),
        (Start, Canceling, vacant("canceled", "")),
        (Stop, Canceling, vacant("canceled", "")),
        (Destroy, Canceling, vacant("canceled", "")),
    ] {
        let workspace = workspace(transition, status);
        let existing = decide(Seen { chat: &bound(), workspace: Some(&workspace), agents: None });
        assert_eq!(existing, expected, "{transition:?} {status:?}");
    }
}

#[test]
fn each_state_of_the_agent_has_its_outcome() {
    let of = |status: AgentStatus| with_agents(&[agent(AGENT, "main", status)]);
    assert_eq!(of(AgentStatus::Connected), Existing::Connected(id(AGENT)));
    assert_eq!(of(AgentStatus::Connecting), Existing::Connecting(id(AGENT)));
    assert_eq!(of(AgentStatus::Disconnected), vacant("disconnected", AGENT));
    assert_eq!(of(AgentStatus::TimedOut), vacant("timed_out", AGENT));
    assert_eq!(of(AgentStatus::Unspecified), Existing::Ping(id(AGENT)));
    assert_eq!(with_agents(&[agent(AGENT, "main", NEWER)]), Existing::Ping(id(AGENT)));
    assert_eq!(with_agents(&[]), vacant("no_agent", ""));
}

#[test]
fn it_is_the_agent_for_chats_whose_state_counts() {
    let [up, down] = [AgentStatus::Connected, AgentStatus::Disconnected];
    let agents = [agent(HELPER, "main", down), agent(AGENT, "x-coderd-chat", up)];
    assert_eq!(with_agents(&agents), Existing::Connected(id(AGENT)));
    let agents = [agent(HELPER, "main", up), agent(AGENT, "x-coderd-chat", down)];
    assert_eq!(with_agents(&agents), vacant("disconnected", AGENT));
    // Where several are, the first of all: a workspace that is there is no reason to fail.
    let agents = [agent(HELPER, "x-coderd-chat", down), agent(AGENT, "y-coderd-chat", down), agent(OTHER, "a", up)];
    assert_eq!(with_agents(&agents), Existing::Connected(id(OTHER)));
}

#[test]
fn a_build_that_came_in_between_is_looked_at() {
    let later = AgentView { build_id: BUILD_BEFORE.to_owned(), ..agent(AGENT, "main", AgentStatus::Disconnected) };
    assert_eq!(with_agents(&[later]), Existing::LookAnew);
    let moved = Workspace { workspace_id: OTHER.to_owned(), ..running() };
    assert_eq!(decide(Seen { chat: &bound(), workspace: Some(&moved), agents: None }), Existing::LookAnew);
}

/// The seed's way to find out, which is left for the case that the control plane can't say.
#[test]
fn an_agent_whose_status_is_unknown_is_asked_itself() {
    let status = Status::unavailable("no database");
    let of =
        |chat: &Chat, status: &Status| decide(Seen { chat, workspace: Some(&running()), agents: Some(Err(status)) });
    assert_eq!(of(&chat(WORKSPACE, BUILD, AGENT), &status), Existing::Ping(id(AGENT)));
    let unknown = Existing::Unknown("list agents: no database".to_owned());
    assert_eq!(of(&chat(WORKSPACE, BUILD, ""), &status), unknown, "the chat knows no agent");
    assert_eq!(of(&chat(WORKSPACE, BUILD_BEFORE, AGENT), &status), unknown, "only one of an earlier build (#22442)");
    assert_eq!(of(&chat(WORKSPACE, "", AGENT), &status), unknown);
    let signed_out = Status::unauthenticated("no session");
    let expected = Existing::Unknown("load user authorization: no session".to_owned());
    assert_eq!(of(&chat(WORKSPACE, BUILD, AGENT), &signed_out), expected);
}

#[test]
fn what_is_not_understood_is_told_and_replaces_nothing() {
    let told = |workspace: &Workspace| match decide(Seen {
        chat: &bound(),
        workspace: Some(workspace),
        agents: Some(Ok(&[])),
    }) {
        Existing::Unknown(text) => text,
        other => panic!("{workspace:?}: {other:?}"),
    };
    let start = Transition::Start;
    assert_eq!(told(&workspace(start, NEWER)), "load workspace: unexpected job status: 99");
    assert_eq!(told(&workspace(start, JobStatus::Unspecified)), "load workspace: unexpected job status: 0");
    let newer = told(&workspace(NEWER, JobStatus::Succeeded));
    assert_eq!(newer, "load workspace: unexpected transition of its latest build: 99");
    let no_build = Workspace { latest_build: None, ..running() };
    assert_eq!(told(&no_build), "load workspace: it has no build");
    let no_id = Workspace { workspace_id: "dev".to_owned(), ..running() };
    assert!(told(&no_id).starts_with("load workspace: \"dev\" is not a ws id"));
    let chat = chat("dev", "", "");
    let of_chat = decide(Seen { chat: &chat, workspace: None, agents: None });
    assert!(matches!(of_chat, Existing::Unknown(text) if text.starts_with("load chat: \"dev\"")));
    assert!(matches!(with_agents(&[agent("x", "main", 2)]), Existing::Unknown(text) if text.contains("list agents")));
}

/// All transitions and job statuses, with what no version knows yet.
fn statuses() -> Vec<(i32, i32)> {
    let transitions = [0, 1, 2, 3, NEWER];
    let statuses = [0, 1, 2, 3, 4, 5, 6, NEWER];
    transitions.iter().flat_map(|transition| statuses.iter().map(|status| (*transition, *status))).collect()
}

/// Whether what was read proves that the chat has nothing left of its workspace, in the words of the decision C1 rather than
/// the code's.
fn is_known_dead(workspace: &Workspace, agents: Option<Result<&[AgentView], &Status>>) -> bool {
    let Some(latest) = &workspace.latest_build else { return false };
    let is = |status: JobStatus| latest.status == i32::from(status);
    let known = (1..=3).contains(&latest.transition);
    let lost = is(JobStatus::Failed) || is(JobStatus::Canceled) || is(JobStatus::Canceling);
    let deleted = latest.transition == i32::from(Transition::Destroy) && is(JobStatus::Succeeded);
    let nobody = latest.transition == i32::from(Transition::Start)
        && is(JobStatus::Succeeded)
        && matches!(agents, Some(Ok(agents)) if agents.iter().all(|agent| {
            // Disconnected, or timed out.
            (agent.status == 3 || agent.status == 4) && agent.build_id == latest.build_id
        }));
    known && (lost || deleted || nobody)
}

/// Decision C1, over all that can be read: a workspace is created if and only if the chat is known to have none that lives.
#[test]
fn only_a_known_dead_workspace_is_replaced() {
    let down = [
        Status::unavailable("no database"),
        Status::not_found("gone"),
        Fault::Deadline { after: std::time::Duration::from_secs(1) }.into(),
    ];
    let agent_lists: Vec<Vec<AgentView>> = std::iter::once(Vec::new())
        .chain([0, 1, 2, 3, 4, NEWER].into_iter().flat_map(|status| {
            let fresh = agent(AGENT, "main", status);
            let stale = AgentView { build_id: BUILD_BEFORE.to_owned(), ..fresh.clone() };
            [vec![fresh], vec![stale]]
        }))
        .collect();
    let mut reads: Vec<Option<Result<&[AgentView], &Status>>> = vec![None];
    reads.extend(agent_lists.iter().map(|agents| Some(Ok(agents.as_slice()))));
    reads.extend(down.iter().map(|status| Some(Err(status))));
    let mut created = 0;
    for chat in [bound(), chat(WORKSPACE, BUILD, AGENT), chat(WORKSPACE, BUILD_BEFORE, AGENT), chat(WORKSPACE, "", "")]
    {
        for (transition, status) in statuses() {
            let workspace = workspace(transition, status);
            for agents in &reads {
                let existing = decide(Seen { chat: &chat, workspace: Some(&workspace), agents: *agents });
                let dead = is_known_dead(&workspace, *agents);
                assert_eq!(matches!(existing, Existing::Create(_)), dead, "{workspace:?} {agents:?}: {existing:?}");
                if let Existing::Create(vacancy) = existing {
                    created += 1;
                    let replaces = vacancy.replaces.expect("what it replaces is said");
                    assert_eq!((replaces.workspace_id.as_str(), replaces.build_number), (WORKSPACE, 3));
                    // The agent is named where it is what shows that the workspace is dead, and nowhere else.
                    let by_agent = matches!(vacancy.state, "disconnected" | "timed_out");
                    assert_eq!(replaces.agent_id, if by_agent { AGENT } else { "" });
                }
            }
        }
    }
    // Per chat: nine lost builds and one deletion, whatever the agents; and three lists of nobody.
    assert_eq!(created, 4 * (10 * reads.len() + 3));
}

#[test]
fn each_outcome_is_found_in_a_word_that_the_event_knows() {
    let about = groundhog_chattool::EVENTS
        .iter()
        .find(|event| event.name == "tool.found")
        .and_then(|event| event.fields.iter().find(|field| field.name == "state"))
        .expect("the event has a state")
        .about;
    let words: Vec<&str> = about.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_')).collect();
    for existing in [
        Existing::Create(Vacancy { state: "none", replaces: None }),
        vacant("deleted", ""),
        vacant("failed", ""),
        vacant("canceled", ""),
        vacant("disconnected", AGENT),
        vacant("timed_out", AGENT),
        vacant("no_agent", ""),
        Existing::WaitForStart(id(BUILD)),
        Existing::WaitForEnd(id(BUILD)),
        Existing::Stopped,
        Existing::Connected(id(AGENT)),
        Existing::Connecting(id(AGENT)),
        Existing::Ping(id(AGENT)),
        Existing::Unknown(String::new()),
    ] {
        let state = existing.state().expect("a word");
        assert!(words.contains(&state), "{state} is not in {about:?}");
    }
    for more in [Existing::ReadWorkspace(id(WORKSPACE)), Existing::ReadAgents(id(WORKSPACE)), Existing::LookAnew] {
        assert_eq!(more.state(), None);
    }
}

#[test]
fn a_workspace_is_deleted_once_it_is_destroyed() {
    for (transition, status) in statuses() {
        let expected = (transition, status) == (Transition::Destroy.into(), JobStatus::Succeeded.into());
        let latest = Latest::of(&workspace(transition, status));
        assert_eq!(latest.is_ok_and(|latest| latest.is_deleted()), expected, "{transition} {status}");
    }
}
