//! The acquirer's state machine: single steps, and a model that no waiter starves in.

use std::collections::{BTreeMap, BTreeSet};

use groundhog_control::{
    acquirer::core::{Answer, Core, Effect, Event, WaiterId},
    operations::{Posting, acquire::Want},
    tags::Tags,
};
use proptest::{prelude::*, test_runner::RngSeed};

use crate::support::world::{map, want};

const A: WaiterId = WaiterId(1);
const B: WaiterId = WaiterId(2);
const C: WaiterId = WaiterId(3);

fn posting(tags: &[(&str, &str)]) -> Posting {
    let tags = Tags::for_job(&map(tags), "alice").expect("few and short");
    Posting { provisioner_type: "scripted".to_owned(), tags }
}

fn arrived(waiter: WaiterId, tags: &[(&str, &str)]) -> Event {
    Event::Arrived { waiter, want: want(tags) }
}

fn check(events: impl IntoIterator<Item = (Event, Vec<Effect>)>) -> Core {
    let mut core = Core::new();
    for (event, effects) in events {
        assert_eq!(core.handle(event.clone()), effects, "{event:?}");
    }
    core
}

fn answered(waiter: WaiterId, answer: Answer) -> Event {
    Event::Answered { waiter, answer }
}

#[test]
fn one_question_at_a_time_in_a_domain_and_the_turn_passes_on() {
    let core = check([
        (arrived(A, &[]), vec![Effect::Ask(A)]),
        (arrived(B, &[]), vec![]),
        (arrived(C, &[("gpu", "yes")]), vec![Effect::Ask(C)]),
        (answered(A, Answer::Job), vec![Effect::Give(A), Effect::Ask(B)]),
        (answered(B, Answer::Failed), vec![Effect::Fail(B)]),
        (answered(C, Answer::Nothing), vec![]),
    ]);
    assert_eq!(core.waiting(), 1);
}

#[test]
fn a_posting_during_a_question_has_it_asked_again() {
    check([
        (arrived(A, &[]), vec![Effect::Ask(A)]),
        (Event::Posted(posting(&[])), vec![]),
        (Event::Posted(posting(&[])), vec![]),
        (answered(A, Answer::Nothing), vec![Effect::Ask(A)]),
        (answered(A, Answer::Nothing), vec![]),
    ]);
}

#[test]
fn a_posting_wakes_those_who_take_it_and_nobody_else() {
    check([
        (arrived(A, &[]), vec![Effect::Ask(A)]),
        (answered(A, Answer::Nothing), vec![]),
        (arrived(B, &[("gpu", "yes")]), vec![Effect::Ask(B)]),
        (answered(B, Answer::Nothing), vec![]),
        // J13: an untagged job is not for B, so B must not be woken in A's place.
        (Event::Posted(posting(&[])), vec![Effect::Ask(A)]),
        (answered(A, Answer::Nothing), vec![]),
        (Event::Posted(posting(&[("gpu", "yes")])), vec![Effect::Ask(B)]),
        (answered(B, Answer::Nothing), vec![]),
        (Event::Posted(posting(&[("gpu", "no")])), vec![]),
        (Event::Posted(Posting { provisioner_type: "other".to_owned(), ..posting(&[]) }), vec![]),
    ]);
}

#[test]
fn a_poll_wakes_every_sleeping_domain() {
    check([
        (arrived(A, &[]), vec![Effect::Ask(A)]),
        (arrived(B, &[("gpu", "yes")]), vec![Effect::Ask(B)]),
        (answered(A, Answer::Nothing), vec![]),
        (Event::Polled, vec![Effect::Ask(A)]),
        (answered(A, Answer::Nothing), vec![]),
        // B's question was under way, so it is asked again.
        (answered(B, Answer::Nothing), vec![Effect::Ask(B)]),
    ]);
}

#[test]
fn who_leaves_lets_the_next_one_ask() {
    let core = check([
        (arrived(A, &[]), vec![Effect::Ask(A)]),
        (arrived(B, &[]), vec![]),
        (Event::Left { waiter: A }, vec![]),
        // A's question had no job for it, but B never looked.
        (answered(A, Answer::Nothing), vec![Effect::Ask(B)]),
        (Event::Left { waiter: B }, vec![]),
        (arrived(C, &[]), vec![]),
        (answered(B, Answer::Job), vec![Effect::PutBack(B), Effect::Ask(C)]),
        (Event::Left { waiter: C }, vec![]),
        (answered(C, Answer::Failed), vec![]),
        // Answers and farewells that come twice mean nothing.
        (answered(C, Answer::Job), vec![]),
        (Event::Left { waiter: C }, vec![]),
    ]);
    assert_eq!(core.waiting(), 0);
}

const TAG_SETS: [&[(&str, &str)]; 4] =
    [&[], &[("gpu", "yes")], &[("gpu", "yes"), ("arch", "arm")], &[("scope", "user"), ("owner", "alice")]];

#[derive(Clone, Debug)]
enum Op {
    Arrive(usize),
    Leave(usize),
    /// A job begins to wait; `false`: its posting is lost, as when another process queued it.
    Queue(usize, bool),
    /// A question that was asked reaches the database.
    Look(usize),
    /// A question that reached the database fails instead.
    Break(usize),
    /// An answer comes back.
    Answer(usize),
    Poll,
    /// A job that waits is cancelled.
    Cancel(usize),
    /// So many seconds go by; every question takes less than one.
    Pass(u64),
}

/// How often every domain is polled, in seconds.
const BACKUP_POLL_S: u64 = 30;

fn op() -> impl Strategy<Value = Op> {
    let place = any::<u8>().prop_map(usize::from);
    let place_again = place.clone();
    prop_oneof![
        3 => (0..TAG_SETS.len()).prop_map(Op::Arrive),
        1 => place.clone().prop_map(Op::Leave),
        3 => (0..TAG_SETS.len(), any::<bool>()).prop_map(|(tags, posted)| Op::Queue(tags, posted)),
        4 => place.clone().prop_map(Op::Look),
        1 => place.clone().prop_map(Op::Break),
        4 => place.prop_map(Op::Answer),
        1 => Just(Op::Poll),
        1 => place_again.prop_map(Op::Cancel),
        2 => (1_u64..40).prop_map(Op::Pass),
    ]
}

/// The world around the core: a queue of jobs, and questions on their way.
#[derive(Default)]
struct Model {
    core: Core,
    last: u64,
    waiting: BTreeMap<WaiterId, Want>,
    /// What everyone who ever came wants: a question may outlive its waiter.
    wants: BTreeMap<WaiterId, Want>,
    /// The jobs that wait, and since when.
    jobs: Vec<(Posting, u64)>,
    /// Since when everyone who ever came has been there.
    since: BTreeMap<WaiterId, u64>,
    /// The time, in seconds.
    now: u64,
    asked: Vec<WaiterId>,
    looked: Vec<(WaiterId, Option<Posting>, bool)>,
    /// Whether every job's posting was heard since the last poll.
    lost: bool,
}

impl Model {
    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Arrive(tags) => {
                self.last += 1;
                let (waiter, want) = (WaiterId(self.last), want(TAG_SETS[tags]));
                self.waiting.insert(waiter, want.clone());
                self.wants.insert(waiter, want.clone());
                self.since.insert(waiter, self.now);
                self.handle(Event::Arrived { waiter, want }, None);
            }
            Op::Leave(at) => {
                let Some(waiter) = nth(self.waiting.keys().copied().collect(), at) else { return };
                self.waiting.remove(&waiter);
                self.handle(Event::Left { waiter }, None);
            }
            Op::Queue(tags, posted) => {
                let posting = posting(TAG_SETS[tags]);
                self.jobs.push((posting.clone(), self.now));
                if posted {
                    self.handle(Event::Posted(posting), None);
                } else {
                    self.lost = true;
                }
            }
            Op::Look(at) => self.look(at, false),
            Op::Break(at) => self.look(at, true),
            Op::Answer(at) => {
                if self.looked.is_empty() {
                    return;
                }
                let (waiter, job, failed) = self.looked.remove(at % self.looked.len());
                let answer = match (&job, failed) {
                    (_, true) => Answer::Failed,
                    (Some(_), false) => Answer::Job,
                    (None, false) => Answer::Nothing,
                };
                self.handle(Event::Answered { waiter, answer }, job);
            }
            Op::Poll => {
                self.lost = false;
                self.handle(Event::Polled, None);
            }
            Op::Cancel(at) => {
                if !self.jobs.is_empty() {
                    self.jobs.remove(at % self.jobs.len());
                }
            }
            Op::Pass(seconds) => (0..seconds).for_each(|_| self.second()),
        }
    }

    /// A second goes by. Its questions are answered within it, and at its end nobody has been waiting beside a job of
    /// theirs for longer than a poll's interval.
    fn second(&mut self) {
        self.now += 1;
        if self.now.is_multiple_of(BACKUP_POLL_S) {
            self.apply(&Op::Poll);
        }
        self.drain();
        for (waiter, want) in &self.waiting {
            for (job, since) in &self.jobs {
                let together = self.now - self.since[waiter].max(*since);
                assert!(
                    together < BACKUP_POLL_S || !want.takes(&job.provisioner_type, &job.tags),
                    "{waiter:?} has been waiting beside {job:?} for {together} s"
                );
            }
        }
    }

    fn look(&mut self, at: usize, failed: bool) {
        if self.asked.is_empty() {
            return;
        }
        let waiter = self.asked.remove(at % self.asked.len());
        let want = &self.wants[&waiter];
        let found = self.jobs.iter().position(|(job, _)| !failed && want.takes(&job.provisioner_type, &job.tags));
        let job = found.map(|found| self.jobs.remove(found).0);
        self.looked.push((waiter, job, failed));
    }

    fn handle(&mut self, event: Event, mut locked: Option<Posting>) {
        for effect in self.core.handle(event) {
            match effect {
                Effect::Ask(waiter) => {
                    let domain = &self.wants[&waiter];
                    let busy = self.asked.iter().chain(self.looked.iter().map(|(waiter, ..)| waiter));
                    assert!(busy.clone().all(|other| self.wants[other] != *domain), "two questions in one domain");
                    self.asked.push(waiter);
                }
                Effect::Give(waiter) => {
                    assert!(locked.take().is_some(), "a job was given that nobody locked");
                    assert!(self.waiting.remove(&waiter).is_some(), "a job was given to nobody");
                }
                Effect::PutBack(waiter) => {
                    let job = locked.take().expect("a job was put back that nobody locked");
                    assert!(!self.waiting.contains_key(&waiter), "a job was kept from a waiter");
                    self.jobs.push((job.clone(), self.now));
                    self.handle(Event::Posted(job), None);
                }
                Effect::Fail(waiter) => {
                    assert!(self.waiting.remove(&waiter).is_some(), "a failure was told to nobody");
                }
            }
        }
        assert!(locked.is_none(), "a locked job was forgotten");
        assert_eq!(self.core.waiting(), self.waiting.len());
    }

    fn drain(&mut self) {
        for _ in 0..10_000 {
            if self.asked.is_empty() && self.looked.is_empty() {
                return;
            }
            self.look(0, false);
            self.apply(&Op::Answer(0));
        }
        panic!("the questions do not end");
    }

    fn starving(&self) -> Option<(WaiterId, Posting)> {
        let pairs =
            self.waiting.iter().flat_map(|(waiter, want)| self.jobs.iter().map(move |(job, _)| (waiter, want, job)));
        pairs
            .into_iter()
            .find(|(_, want, job)| want.takes(&job.provisioner_type, &job.tags))
            .map(|(waiter, _, job)| (*waiter, job.clone()))
    }
}

fn nth(waiters: Vec<WaiterId>, at: usize) -> Option<WaiterId> {
    (!waiters.is_empty()).then(|| waiters[at % waiters.len()])
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0),
        ..ProptestConfig::default()
    })]

    /// Whatever happened before: once the questions under way are answered nobody waits for a job that was posted,
    /// and after one poll nobody waits for any job at all that would be theirs. And as time goes by, with postings lost
    /// and heard, waiters leaving, jobs cancelled and databases failing, nobody waits beside a job of theirs for longer
    /// than the backup poll.
    #[test]
    fn no_waiter_starves(ops in prop::collection::vec(op(), 0..80)) {
        let mut model = Model::default();
        for op in &ops {
            model.apply(op);
        }
        model.drain();
        if !model.lost {
            prop_assert_eq!(model.starving(), None, "a posting did not wake");
        }
        model.apply(&Op::Poll);
        model.drain();
        prop_assert_eq!(model.starving(), None, "a poll did not heal");
        let distinct: BTreeSet<_> = model.waiting.keys().collect();
        prop_assert_eq!(distinct.len(), model.core.waiting());
    }
}
