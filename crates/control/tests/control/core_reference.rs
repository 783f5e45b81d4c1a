//! The acquirer's state machine against a reference, effect by effect.
//!
//! The reference is one sentence: a domain asks for its front waiter whenever no question is under way, unless it
//! knows that there is nothing. It knows once a question for somebody who still waits found nothing, and forgets
//! with every posting of a job that it takes, with every poll, with every waiter served, and when nobody waits.
//! Which job is for whom (J13) is written down a second time here, over plain tags.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use groundhog_control::{
    acquirer::core::{Answer, Core, Effect, Event, WaiterId},
    operations::{Posting, acquire::Want},
    tags::Tags,
};
use proptest::{prelude::*, sample::Index, strategy::Union, test_runner::RngSeed};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use crate::support::world::map;

/// What a job asks for, or a daemon offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Label {
    /// Of a job: that it is of the second type. Of a daemon: that it has both types and not only the first.
    second_type: bool,
    owner: Option<&'static str>,
    gpu: Option<&'static str>,
    arm: bool,
}

impl Label {
    fn extras(self) -> Vec<(&'static str, &'static str)> {
        let gpu = self.gpu.map(|model| ("gpu", model));
        let arm = self.arm.then_some(("arch", "arm"));
        gpu.into_iter().chain(arm).collect()
    }

    fn tags(self) -> BTreeMap<String, String> {
        let mut tags = self.extras();
        if let Some(owner) = self.owner {
            tags.extend([("scope", "user"), ("owner", owner)]);
        }
        map(&tags)
    }

    fn posting(self) -> Posting {
        let provisioner_type = if self.second_type { "second" } else { "first" }.to_owned();
        let tags = Tags::for_job(&self.tags(), self.owner.unwrap_or("alice")).expect("few and short");
        Posting { provisioner_type, tags }
    }

    fn want(self) -> Want {
        let types: &[&str] = if self.second_type { &["first", "second"] } else { &["first"] };
        let provisioner_types = types.iter().map(|name| (*name).to_owned()).collect();
        Want { provisioner_types, tags: Tags::for_daemon(&self.tags()).expect("few and short") }
    }

    /// Whether this job is for that daemon: it has the type, belongs to the same person or to everybody, and has
    /// every tag that is asked for. Nothing asked for by everybody's job means nothing had by everybody's daemon.
    fn is_for(self, daemon: Self) -> bool {
        let (asked, had) = (self.extras(), daemon.extras());
        let tagged = match (self.owner, asked.is_empty()) {
            (None, true) => had.is_empty(),
            _ => asked.iter().all(|tag| had.contains(tag)),
        };
        (daemon.second_type || !self.second_type) && self.owner == daemon.owner && tagged
    }
}

fn label() -> impl Strategy<Value = Label> {
    let gpu = prop_oneof![3 => Just(None), 1 => Just(Some("a")), 1 => Just(Some("b"))];
    let owner = prop_oneof![4 => Just(None), 1 => Just(Some("alice")), 1 => Just(Some("bob"))];
    let label = (prop::bool::weighted(0.2), owner, gpu, prop::bool::weighted(0.2));
    let plain = Label { second_type: false, owner: None, gpu: None, arm: false };
    prop_oneof![
        1 => Just(plain),
        1 => label.prop_map(|(second_type, owner, gpu, arm)| Label { second_type, owner, gpu, arm }),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Arrive(Label),
    /// One who waits leaves.
    Leave(Index),
    Post(Label),
    Poll,
    /// One of the questions under way is answered.
    Answer(Index, Answer),
    /// A farewell and an answer of somebody who is long gone, or never came.
    Stale(u64),
}

#[derive(Clone, Debug, Default)]
struct Domain {
    waiting: VecDeque<WaiterId>,
    question: Option<WaiterId>,
    /// Something was heard since the question began.
    news: bool,
    knows_there_is_nothing: bool,
}

#[derive(Clone, Debug, Default)]
struct Reference {
    domains: BTreeMap<Label, Domain>,
    arrived: u64,
    /// What the last step was to the machine, and what had to be done.
    events: Vec<Event>,
    effects: Vec<Effect>,
}

impl Reference {
    fn waiting(&self) -> Vec<WaiterId> {
        self.domains.values().flat_map(|domain| domain.waiting.iter().copied()).collect()
    }

    fn questions(&self) -> Vec<(Label, WaiterId)> {
        let asking = |(label, domain): (&Label, &Domain)| domain.question.map(|waiter| (*label, waiter));
        self.domains.iter().filter_map(asking).collect()
    }

    fn hear(&mut self, concerns: impl Fn(Label) -> bool) {
        for (_, domain) in self.domains.iter_mut().filter(|(label, _)| concerns(**label)) {
            domain.news = true;
            domain.knows_there_is_nothing = false;
        }
    }

    fn answered(&mut self, label: Label, waiter: WaiterId, answer: Answer) {
        let Some(domain) = self.domains.get_mut(&label) else { return };
        domain.question = None;
        let waits = domain.waiting.contains(&waiter);
        domain.knows_there_is_nothing = waits && answer == Answer::Nothing && !domain.news;
        let effect = match (answer, waits) {
            (Answer::Nothing, _) | (Answer::Failed, false) => None,
            (Answer::Job, true) => Some(Effect::Give(waiter)),
            (Answer::Job, false) => Some(Effect::PutBack(waiter)),
            (Answer::Failed, true) => Some(Effect::Fail(waiter)),
        };
        if answer != Answer::Nothing {
            domain.waiting.retain(|other| *other != waiter);
        }
        self.effects.extend(effect);
    }

    /// The one sentence.
    fn ask(&mut self) {
        for domain in self.domains.values_mut() {
            if domain.question.is_none() && !domain.knows_there_is_nothing {
                domain.question = domain.waiting.front().copied();
                domain.news = false;
                self.effects.extend(domain.question.map(Effect::Ask));
            }
        }
    }
}

impl ReferenceStateMachine for Reference {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::default()).boxed()
    }

    fn transitions(state: &Self) -> BoxedStrategy<Step> {
        let answer = prop_oneof![3 => Just(Answer::Nothing), 2 => Just(Answer::Job), 1 => Just(Answer::Failed)];
        let mut possible = vec![
            (5, label().prop_map(Step::Arrive).boxed()),
            (4, label().prop_map(Step::Post).boxed()),
            (1, Just(Step::Poll).boxed()),
            (1, (0_u64..3).prop_map(Step::Stale).boxed()),
        ];
        if !state.waiting().is_empty() {
            possible.push((2, any::<Index>().prop_map(Step::Leave).boxed()));
        }
        if !state.questions().is_empty() {
            possible
                .push((8, (any::<Index>(), answer).prop_map(|(which, answer)| Step::Answer(which, answer)).boxed()));
        }
        Union::new_weighted(possible).boxed()
    }

    fn preconditions(state: &Self, step: &Step) -> bool {
        match step {
            Step::Leave(_) => !state.waiting().is_empty(),
            Step::Answer(..) => !state.questions().is_empty(),
            _ => true,
        }
    }

    fn apply(mut state: Self, step: &Step) -> Self {
        state.events.clear();
        state.effects.clear();
        match step {
            Step::Arrive(label) => {
                state.arrived += 1;
                let waiter = WaiterId(state.arrived);
                let domain = state.domains.entry(*label).or_default();
                if domain.waiting.is_empty() {
                    domain.knows_there_is_nothing = false;
                }
                domain.waiting.push_back(waiter);
                state.events.push(Event::Arrived { waiter, want: label.want() });
            }
            Step::Leave(which) => {
                let waiter = *which.get(&state.waiting());
                for domain in state.domains.values_mut() {
                    domain.waiting.retain(|other| *other != waiter);
                }
                state.events.push(Event::Left { waiter });
            }
            Step::Post(job) => {
                state.hear(|daemon| job.is_for(daemon));
                state.events.push(Event::Posted(job.posting()));
            }
            Step::Poll => {
                state.hear(|_| true);
                state.events.push(Event::Polled);
            }
            Step::Answer(which, answer) => {
                let (label, waiter) = *which.get(&state.questions());
                state.answered(label, waiter, *answer);
                state.events.push(Event::Answered { waiter, answer: *answer });
            }
            Step::Stale(back) => {
                // Either one who never came, or one who came so long ago that nobody may know of it any more.
                let waiter = WaiterId(if *back == 0 { u64::MAX } else { *back });
                let known: BTreeSet<_> = state.questions().into_iter().map(|(_, waiter)| waiter).collect();
                if !known.contains(&waiter) && !state.waiting().contains(&waiter) {
                    state.events.push(Event::Left { waiter });
                    state.events.push(Event::Answered { waiter, answer: Answer::Job });
                }
            }
        }
        state.ask();
        state
    }
}

struct Tested(Core);

impl StateMachineTest for Tested {
    type SystemUnderTest = Self;
    type Reference = Reference;

    fn init_test(_reference: &Reference) -> Self {
        Self(Core::new())
    }

    fn apply(mut tested: Self, reference: &Reference, step: Step) -> Self {
        let mut effects: Vec<Effect> =
            reference.events.iter().flat_map(|event| tested.0.handle(event.clone())).collect();
        let mut expected = reference.effects.clone();
        if matches!(step, Step::Post(_) | Step::Poll) {
            // In which order several domains are woken is nobody's business.
            effects.sort_by_key(|effect| format!("{effect:?}"));
            expected.sort_by_key(|effect| format!("{effect:?}"));
        }
        assert_eq!(effects, expected, "effects of {:?}", reference.events);
        tested
    }

    fn check_invariants(tested: &Self, reference: &Reference) {
        assert_eq!(tested.0.waiting(), reference.waiting().len());
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_domain_asks_unless_it_knows_that_there_is_nothing(sequential 1..60 => Tested);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0),
        ..ProptestConfig::default()
    })]

    /// J13: what the acquirer wakes by is what jobs are taken by, and it is this rule.
    #[test]
    fn a_job_is_for_whom_the_rule_says(job in label(), daemon in label()) {
        let posting = job.posting();
        prop_assert_eq!(daemon.want().takes(&posting.provisioner_type, &posting.tags), job.is_for(daemon));
    }
}
