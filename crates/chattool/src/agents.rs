//! Which of a workspace's agents a chat goes on with.

use groundhog_wire::v1::{self, Transition};

use crate::texts;

/// What the name of an agent ends with that is there for chats, whatever the case of its letters.
pub const CHAT_SUFFIX: &str = "-coderd-chat";

/// Which agent it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Choice<'a> {
    /// The workspace has none.
    None,
    /// This one.
    One(&'a v1::AgentView),
    /// Several are there for chats.
    Ambiguous(Ambiguous<'a>),
}

/// Several agents are there for chats, which is a mistake in the template.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ambiguous<'a> {
    /// The first of all agents, not only of those: whoever has to go on with some agent takes this one.
    pub first: &'a v1::AgentView,
    /// The first two of those that are there for chats, in order.
    pub matches: [&'a v1::AgentView; 2],
}

impl Ambiguous<'_> {
    /// Why none was chosen.
    pub fn text(&self) -> String {
        let [one, other] = self.matches;
        format!(
            "multiple agents match the chat suffix {CHAT_SUFFIX:?}, such as {:?} and {:?}; expected at most one in a template",
            one.name, other.name
        )
    }
}

/// The agent that a chat goes on with: the one that is there for chats, or else the first by display order, name (whatever
/// the case of its letters) and id.
pub fn choose(agents: &[v1::AgentView]) -> Choice<'_> {
    let mut sorted: Vec<&v1::AgentView> = agents.iter().collect();
    sorted.sort_by_cached_key(|agent| (agent.display_order, agent.name.to_ascii_lowercase(), agent.agent_id.clone()));
    let Some(first) = sorted.first().copied() else {
        return Choice::None;
    };
    let mut matches = sorted.iter().copied().filter(|agent| is_for_chats(&agent.name));
    match (matches.next(), matches.next()) {
        (None, _) => Choice::One(first),
        (Some(only), None) => Choice::One(only),
        (Some(one), Some(other)) => Choice::Ambiguous(Ambiguous { first, matches: [one, other] }),
    }
}

/// The same for a workspace that the chat has already: its person had better go on with some agent than with none.
pub fn choose_some(agents: &[v1::AgentView]) -> Option<&v1::AgentView> {
    match choose(agents) {
        Choice::None => None,
        Choice::One(agent) => Some(agent),
        Choice::Ambiguous(ambiguous) => Some(ambiguous.first),
    }
}

/// Why an agent wasn't reached, given what came of the last try. What helps is different if somebody else runs it (#24969).
pub fn not_reached(agent: &v1::AgentView, error: &str) -> String {
    if !agent.external {
        return error.to_owned();
    }
    format!(
        "the agent {:?} is externally managed: the platform does not start it. Ask the user to start it on the machine \
         where it is meant to run, and to check that it is connected. The last attempt to reach it: {error}",
        agent.name
    )
}

/// Why nobody need wait for an agent any more, given the latest build of its workspace (#23707).
pub fn overtaken(agent: &v1::AgentView, latest: &v1::Build) -> Option<&'static str> {
    if agent.build_id.is_empty() || agent.build_id == latest.build_id {
        return None;
    }
    match latest.transition() {
        Transition::Stop | Transition::Destroy => Some(texts::STOPPED_MEANWHILE),
        Transition::Start => Some(texts::BUILT_MEANWHILE),
        Transition::Unspecified => None,
    }
}

fn is_for_chats(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(CHAT_SUFFIX)
}
