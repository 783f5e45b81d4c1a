//! Whether anything is left of a chat's workspace.

use groundhog_control::{
    agent_status::AgentStatus,
    chat_standing::{Agent, Death, Standing, death},
    job_status::JobStatus,
    transition::Transition,
};

const JOBS: [JobStatus; 6] = [
    JobStatus::Pending,
    JobStatus::Running,
    JobStatus::Canceling,
    JobStatus::Canceled,
    JobStatus::Succeeded,
    JobStatus::Failed,
];
const TRANSITIONS: [Transition; 3] = [Transition::Start, Transition::Stop, Transition::Destroy];
const AGENTS: [Agent; 7] = [
    Agent::NoneMade,
    Agent::NotNamed,
    Agent::NotOfBuild,
    Agent::Known(AgentStatus::Connecting),
    Agent::Known(AgentStatus::Connected),
    Agent::Known(AgentStatus::Disconnected),
    Agent::Known(AgentStatus::TimedOut),
];

/// Every way in which a workspace can stand.
fn all() -> Vec<Standing> {
    let mut all = Vec::new();
    for deleted in [false, true] {
        for transition in TRANSITIONS {
            for job in JOBS {
                all.extend(AGENTS.map(|agent| Standing { deleted, transition, job, agent }));
            }
        }
    }
    all
}

#[test]
fn what_was_destroyed_is_dead_whatever_else_is_known() {
    for standing in all().into_iter().filter(|standing| standing.deleted) {
        assert_eq!(death(standing), Some(Death::Deleted), "{standing:?}");
    }
}

#[test]
fn a_build_that_did_not_come_to_its_end_is_the_end_whatever_it_was_to_do() {
    for standing in all().into_iter().filter(|standing| !standing.deleted) {
        let by_build = match standing.job {
            JobStatus::Failed => Some(Death::Failed),
            JobStatus::Canceled | JobStatus::Canceling => Some(Death::Canceled),
            JobStatus::Pending | JobStatus::Running | JobStatus::Succeeded => continue,
        };
        assert_eq!(death(standing), by_build, "{standing:?}");
    }
}

#[test]
fn only_a_start_that_succeeded_is_dead_by_its_agent() {
    let expected = |agent| match agent {
        Agent::NoneMade => Some(Death::NoAgent),
        Agent::Known(AgentStatus::Disconnected) => Some(Death::Disconnected),
        Agent::Known(AgentStatus::TimedOut) => Some(Death::TimedOut),
        _ => None,
    };
    let by_agent = |standing: &Standing| {
        !standing.deleted && matches!(standing.job, JobStatus::Pending | JobStatus::Running | JobStatus::Succeeded)
    };
    for standing in all().into_iter().filter(by_agent) {
        let started = standing.job == JobStatus::Succeeded && standing.transition == Transition::Start;
        let expected = if started { expected(standing.agent) } else { None };
        assert_eq!(death(standing), expected, "{standing:?}");
    }
}

#[test]
fn each_death_has_a_word_of_its_own() {
    let words = [Death::Deleted, Death::Failed, Death::Canceled, Death::NoAgent, Death::Disconnected, Death::TimedOut];
    let words = words.map(Death::as_str);
    assert_eq!(words, ["deleted", "failed", "canceled", "no_agent", "disconnected", "timed_out"]);
}
