//! What a watch of a workspace tells next, as a pure decision.
//!
//! A connection has to know of the workspace's latest build and, once that has started the workspace, of one agent. It
//! is told one part at a time, the build before the agent, and each part once: what is the same as what was told last
//! is not told again. What came and went between two looks is never told; what is there at the last one always is.

use groundhog_wire::v1::{self, connection_news, watch_end};

use crate::lifecycle;

/// What is there.
#[derive(Clone, Debug, PartialEq)]
pub enum Facts {
    /// The workspace is gone, or the caller may not see it any more.
    NotFound,
    /// The workspace is there, or was destroyed by its latest build.
    Found {
        /// Its latest build.
        build: v1::BuildNews,
        /// That build's agents, by their names; none unless it is a start that succeeded.
        agents: Vec<v1::AgentNews>,
    },
}

/// What a watch has told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    build: Option<v1::BuildNews>,
    /// The agent that was told after that build.
    agent: Option<v1::AgentNews>,
}

/// What it tells next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Nothing until something changes.
    Nothing,
    /// A part; there may be more.
    Tell(connection_news::Kind),
    /// That it is over, and that asking again would not help.
    End(watch_end::Kind, String),
}

/// Decides what is told to a watch that has told `told` and asks for the agent called `agent_name`, the only one if that
/// is empty. Afterwards `told` has it.
///
/// Which agent is meant is judged on those of a start that succeeded: before it, there is none to judge on.
pub fn next(told: &mut Told, facts: Facts, agent_name: &str) -> Next {
    let Facts::Found { build, agents } = facts else {
        let text = "the workspace is gone, or is no longer yours".to_owned();
        return Next::End(watch_end::Kind::NotFound, text);
    };
    if told.build.as_ref() != Some(&build) {
        *told = Told { build: Some(build.clone()), agent: None };
        return Next::Tell(connection_news::Kind::Build(build));
    }
    if !has_started(&build) {
        return Next::Nothing;
    }
    let workspace = &build.workspace_name;
    let agent = match chosen(agents, agent_name) {
        Ok(agent) => agent,
        Err(Unchosen::None) => {
            let text = format!("the workspace {workspace:?} has no agent: its template makes none");
            return Next::End(watch_end::Kind::NoAgents, text);
        }
        Err(Unchosen::Several(names)) => {
            let text = format!("the workspace {workspace:?} has several agents: choose one of {names}");
            return Next::End(watch_end::Kind::TooManyAgents, text);
        }
        Err(Unchosen::Unknown(names)) => {
            let shown = crate::limits::shown(agent_name);
            let text = format!("the workspace {workspace:?} has no agent {shown:?}: choose one of {names}");
            return Next::End(watch_end::Kind::NameNotFound, text);
        }
    };
    if told.agent.as_ref() == Some(&agent) {
        return Next::Nothing;
    }
    told.agent = Some(agent.clone());
    Next::Tell(connection_news::Kind::Agent(agent))
}

/// Whether a build is a start that succeeded: the agents that it made are there to be connected to.
pub fn has_started(build: &v1::BuildNews) -> bool {
    build.transition() == v1::Transition::Start && build.status() == v1::JobStatus::Succeeded
}

/// Why there is no agent to tell of. The names are for people.
enum Unchosen {
    None,
    Several(String),
    Unknown(String),
}

/// How many names of agents a text names.
const NAMES_MAX: usize = 10;

fn chosen(mut agents: Vec<v1::AgentNews>, name: &str) -> Result<v1::AgentNews, Unchosen> {
    let names = |agents: &[v1::AgentNews]| {
        let shown: Vec<_> = agents.iter().take(NAMES_MAX).map(|agent| format!("{:?}", agent.name)).collect();
        let more = if agents.len() > NAMES_MAX { ", and others" } else { "" };
        format!("{}{more}", shown.join(", "))
    };
    match agents.iter().position(|agent| name.is_empty() || agent.name == name) {
        None if agents.is_empty() => Err(Unchosen::None),
        None => Err(Unchosen::Unknown(names(&agents))),
        Some(_) if name.is_empty() && agents.len() > 1 => Err(Unchosen::Several(names(&agents))),
        Some(position) => Ok(agents.swap_remove(position)),
    }
}

/// A part in the words that events use, such as "build 2 stop running" or "agent main ready".
pub fn words(part: &connection_news::Kind) -> String {
    match part {
        connection_news::Kind::Build(build) => {
            let transition = build.transition().as_str_name().trim_start_matches("TRANSITION_").to_ascii_lowercase();
            let status = build.status().as_str_name().trim_start_matches("JOB_STATUS_").to_ascii_lowercase();
            format!("build {} {transition} {status}", build.number)
        }
        connection_news::Kind::Agent(agent) => format!("agent {} {}", agent.name, lifecycle::word(agent.lifecycle())),
        connection_news::Kind::End(end) => format!("end {}", end_word(end.kind())),
    }
}

/// The word for the end of a watch that events use.
pub const fn end_word(kind: watch_end::Kind) -> &'static str {
    match kind {
        watch_end::Kind::Unspecified => "",
        watch_end::Kind::TooManyAgents => "too_many_agents",
        watch_end::Kind::NameNotFound => "name_not_found",
        watch_end::Kind::NoAgents => "no_agents",
        watch_end::Kind::Shutdown => "shutdown",
        watch_end::Kind::Database => "database",
        watch_end::Kind::Internal => "internal",
        watch_end::Kind::NotFound => "not_found",
    }
}
