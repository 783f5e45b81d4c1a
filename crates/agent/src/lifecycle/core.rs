//! The rule of an agent's life, as a pure value.

use groundhog_wire::{id::AgentId, v1::AgentLifecycle};

/// How far an agent has come. Its life goes through these in this order, and leaves some out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// Its start scripts run.
    Starting,
    /// One of them took too long.
    StartTimeout,
    /// One of them failed, or could not be run (A3).
    StartError,
    /// All of them went well.
    Ready,
    /// It is being closed; its stop scripts run.
    ShuttingDown,
    /// One of those took too long.
    ShutdownTimeout,
    /// One of those failed.
    ShutdownError,
    /// All of those went well.
    Off,
}

impl State {
    /// As events name it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::StartTimeout => "start_timeout",
            Self::StartError => "start_error",
            Self::Ready => "ready",
            Self::ShuttingDown => "shutting_down",
            Self::ShutdownTimeout => "shutdown_timeout",
            Self::ShutdownError => "shutdown_error",
            Self::Off => "off",
        }
    }

    /// As messages name it.
    pub(crate) const fn message(self) -> AgentLifecycle {
        match self {
            Self::Starting => AgentLifecycle::Starting,
            Self::StartTimeout => AgentLifecycle::StartTimeout,
            Self::StartError => AgentLifecycle::StartError,
            Self::Ready => AgentLifecycle::Ready,
            Self::ShuttingDown => AgentLifecycle::ShuttingDown,
            Self::ShutdownTimeout => AgentLifecycle::ShutdownTimeout,
            Self::ShutdownError => AgentLifecycle::ShutdownError,
            Self::Off => AgentLifecycle::Off,
        }
    }
}

/// One step of an agent's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// What it came to.
    pub(crate) state: State,
    /// When, by the machine's wall clock, in milliseconds since 1970.
    pub(crate) at_ms: i64,
    index: usize,
}

/// The steps that an agent has gone through, and which of them its control plane knows.
///
/// They outlive every connection: a connection that breaks in the middle leaves the next one to go on where the control
/// plane's last answer came (A1). To another agent id, which the control plane knows nothing of, all is told again (A11).
/// "Created" is no step: it is what an agent is before anything was heard of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Core {
    /// At most one for each [`State`].
    steps: Vec<Step>,
    agent: Option<AgentId>,
    told: usize,
}

impl Core {
    /// Goes on to `state`. False, and nothing happens, if that is not ahead.
    pub(crate) fn advance(&mut self, state: State, at_ms: i64) -> bool {
        let ahead = self.steps.last().is_none_or(|last| last.state < state);
        if ahead {
            self.steps.push(Step { state, at_ms, index: self.steps.len() });
        }
        ahead
    }

    /// There is a connection, under this id.
    pub(crate) fn connected(&mut self, agent: AgentId) {
        if self.agent != Some(agent) {
            self.agent = Some(agent);
            self.told = 0;
        }
    }

    /// The next step to tell of under this id.
    pub(crate) fn due(&self, agent: AgentId) -> Option<Step> {
        if self.agent == Some(agent) { self.steps.get(self.told).copied() } else { None }
    }

    /// The control plane has answered to that step, which was [due](Self::due).
    pub(crate) fn told(&mut self, agent: AgentId, step: Step) {
        if self.agent == Some(agent) && self.told == step.index {
            self.told += 1;
        }
    }

    /// Whether there is nothing left to tell.
    pub(crate) fn all_told(&self) -> bool {
        self.told == self.steps.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, test_runner::RngSeed};
    use uuid::Uuid;

    use super::*;

    const ALL: [State; 8] = [
        State::Starting,
        State::StartTimeout,
        State::StartError,
        State::Ready,
        State::ShuttingDown,
        State::ShutdownTimeout,
        State::ShutdownError,
        State::Off,
    ];

    fn agent(number: u128) -> AgentId {
        AgentId(Uuid::from_u128(number))
    }

    #[test]
    fn it_goes_forward_only() {
        for from in ALL {
            for to in ALL {
                let mut core = Core::default();
                assert!(core.advance(from, 0));
                assert_eq!(core.advance(to, 1), to > from, "{from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn each_step_is_told_once_in_order() {
        let mut core = Core::default();
        core.connected(agent(1));
        assert!(core.all_told());
        for state in [State::Starting, State::Ready] {
            core.advance(state, 0);
        }
        let first = core.due(agent(1)).expect("there is a step");
        assert_eq!(first.state, State::Starting);
        core.told(agent(1), first);
        // Twice is as good as once.
        core.told(agent(1), first);
        let second = core.due(agent(1)).expect("there is another");
        assert_eq!(second.state, State::Ready);
        assert!(!core.all_told());
        core.told(agent(1), second);
        assert!(core.all_told() && core.due(agent(1)).is_none());
        // The same id over another connection has nothing to say again.
        core.connected(agent(1));
        assert!(core.all_told());
    }

    #[test]
    fn another_id_is_told_from_the_start() {
        let mut core = Core::default();
        core.connected(agent(1));
        core.advance(State::Starting, 5);
        let step = core.due(agent(1)).expect("there is a step");
        core.connected(agent(2));
        // An answer that came late is the other id's.
        core.told(agent(1), step);
        assert_eq!(core.due(agent(1)), None);
        assert_eq!(core.due(agent(2)), Some(step));
    }

    /// What happens to an agent.
    #[derive(Clone, Copy, Debug)]
    enum Event {
        /// It comes to a state.
        Advance(usize),
        /// It gets a connection, under the id of this number.
        Connect(u128),
        /// It tells of what is due; the control plane hears it, and perhaps the answer is lost.
        Tell { answered: bool },
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let event = prop_oneof![
            3 => (0..ALL.len()).prop_map(Event::Advance),
            2 => prop_oneof![5 => Just(1), 1 => 2_u128..4].prop_map(Event::Connect),
            6 => any::<bool>().prop_map(|answered| Event::Tell { answered }),
        ];
        proptest::collection::vec(event, 1..60)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(0), ..ProptestConfig::default() })]

        /// Whatever is lost on the way: to each id the steps come in the order in which the agent went through them,
        /// none left out, and one twice only if its answer was lost. In the end, everything has come to the last id.
        #[test]
        fn every_id_hears_the_steps_in_order_whatever_is_lost(events in events()) {
            let mut core = Core::default();
            let mut current = None;
            let mut heard: std::collections::BTreeMap<AgentId, Vec<State>> = std::collections::BTreeMap::new();
            let mut gone_through = Vec::new();
            let mut connections = std::collections::BTreeMap::<AgentId, usize>::new();
            let ending = [Event::Connect(1)].into_iter().chain([Event::Tell { answered: true }; 8]);
            for event in events.into_iter().chain(ending) {
                match event {
                    Event::Advance(state) => {
                        if core.advance(ALL[state], 0) {
                            gone_through.push(ALL[state]);
                        }
                    }
                    Event::Connect(number) => {
                        if current != Some(agent(number)) {
                            // The control plane may know it from before: what is told again is answered alike.
                            *connections.entry(agent(number)).or_default() += 1;
                            heard.insert(agent(number), Vec::new());
                        }
                        current = Some(agent(number));
                        core.connected(agent(number));
                    }
                    Event::Tell { answered } => {
                        let Some(agent) = current else { continue };
                        let Some(step) = core.due(agent) else { continue };
                        let heard = heard.entry(agent).or_default();
                        if heard.last() != Some(&step.state) {
                            heard.push(step.state);
                        }
                        if answered {
                            core.told(agent, step);
                        }
                    }
                }
                for heard in heard.values() {
                    prop_assert_eq!(heard.as_slice(), &gone_through[..heard.len()]);
                }
            }
            prop_assert_eq!(&heard[&agent(1)], &gone_through);
            prop_assert!(core.all_told());
        }
    }
}
