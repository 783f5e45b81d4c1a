//! Who asks the database for a job, and when, as a pure state machine: event in, effects out.
//!
//! Daemons that want the same kinds of jobs form a *domain*. In each domain at most one question to the database
//! is under way, asked for the waiter at the front; the others wait behind it, since they would be told the same.
//!
//! - A question that finds nothing leaves its waiter at the front, asleep. If a job was posted meanwhile the
//!   domain was marked, and the question is asked again at once: the posting may have come just after the look.
//! - One that ends in any other way (a job, an error, the waiter gone) passes the turn to the next waiter.
//! - A posting wakes every domain that takes the job, by the rule by which jobs are acquired (J13). Waking one
//!   only would lose the job for the others when that one's waiter goes away between waking and asking.
//! - A poll wakes every domain: the backup for postings that this process never heard of.

use std::collections::{BTreeMap, VecDeque};

use crate::operations::{Posting, acquire::Want};

/// Names a waiter. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WaiterId(pub u64);

/// What happens to the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A daemon wants a job.
    Arrived {
        /// Its waiter, new.
        waiter: WaiterId,
        /// The domain that it belongs to.
        want: Want,
    },
    /// A daemon no longer wants a job, or is gone.
    Left {
        /// Its waiter.
        waiter: WaiterId,
    },
    /// A job began to wait.
    Posted(Posting),
    /// The backup poll's time has come.
    Polled,
    /// The question that was asked for `waiter` was answered.
    Answered {
        /// The waiter that it was asked for.
        waiter: WaiterId,
        /// What the answer was.
        answer: Answer,
    },
}

/// What a question to the database came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A job was locked for the waiter.
    Job,
    /// There was none.
    Nothing,
    /// It could not be answered: the database failed, or the waiter may not have a job.
    Failed,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask the database for a job for this waiter, and report the answer.
    Ask(WaiterId),
    /// Give the waiter the job that was locked for it.
    Give(WaiterId),
    /// The waiter is gone: put the job back that was locked for it.
    PutBack(WaiterId),
    /// Tell the waiter that its question could not be answered.
    Fail(WaiterId),
}

#[derive(Clone, Debug, Default)]
struct Domain {
    /// In the order in which they came. The front one asks.
    waiters: VecDeque<WaiterId>,
    /// For whom a question is under way. It may have left since.
    asking: Option<WaiterId>,
    /// Something was posted, or a poll was due, while the question was under way.
    marked: bool,
}

/// The machine.
#[derive(Clone, Debug, Default)]
pub struct Core {
    domains: BTreeMap<Want, Domain>,
    /// The domain of each waiter that is waiting or is being asked for.
    homes: BTreeMap<WaiterId, Want>,
}

impl Core {
    /// No waiters.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many daemons wait.
    pub fn waiting(&self) -> usize {
        self.domains.values().map(|domain| domain.waiters.len()).sum()
    }

    /// Takes an event; what is to be done because of it, in this order.
    pub fn handle(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Arrived { waiter, want } => self.arrived(waiter, want),
            Event::Left { waiter } => self.left(waiter),
            Event::Posted(posting) => self.wake(|want| want.takes(&posting.provisioner_type, &posting.tags)),
            Event::Polled => self.wake(|_| true),
            Event::Answered { waiter, answer } => self.answered(waiter, answer),
        }
    }

    fn arrived(&mut self, waiter: WaiterId, want: Want) -> Vec<Effect> {
        self.homes.insert(waiter, want.clone());
        let domain = self.domains.entry(want).or_default();
        domain.waiters.push_back(waiter);
        // Only the first of a domain asks of itself: if others sleep here, the last look found nothing, and
        // whatever was posted since has woken them.
        if domain.waiters.len() == 1 && domain.asking.is_none() { domain.ask() } else { Vec::new() }
    }

    fn left(&mut self, waiter: WaiterId) -> Vec<Effect> {
        let Some(want) = self.homes.get(&waiter) else { return Vec::new() };
        let Some(domain) = self.domains.get_mut(want) else { return Vec::new() };
        domain.waiters.retain(|other| *other != waiter);
        // A question under way can't be taken back: its answer settles what becomes of the turn.
        if domain.asking != Some(waiter) {
            self.forget(waiter);
        }
        Vec::new()
    }

    fn wake(&mut self, takes: impl Fn(&Want) -> bool) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (_, domain) in self.domains.iter_mut().filter(|(want, _)| takes(want)) {
            if domain.asking.is_some() {
                domain.marked = true;
            } else {
                effects.extend(domain.ask());
            }
        }
        effects
    }

    fn answered(&mut self, waiter: WaiterId, answer: Answer) -> Vec<Effect> {
        let Some(domain) = self.homes.get(&waiter).and_then(|want| self.domains.get_mut(want)) else {
            return Vec::new();
        };
        if domain.asking != Some(waiter) {
            return Vec::new();
        }
        domain.asking = None;
        let marked = std::mem::take(&mut domain.marked);
        let waits = domain.waiters.front() == Some(&waiter);
        let mut effects = Vec::new();
        match answer {
            Answer::Nothing if waits => {
                // Still the front waiter, so asking again is asking for it.
                return if marked { domain.ask() } else { effects };
            }
            Answer::Nothing => {}
            Answer::Job if waits => effects.push(Effect::Give(waiter)),
            Answer::Job => effects.push(Effect::PutBack(waiter)),
            Answer::Failed if waits => effects.push(Effect::Fail(waiter)),
            Answer::Failed => {}
        }
        if waits {
            domain.waiters.pop_front();
        }
        // The turn passes on. The next waiter asks at once, marked or not: after a job there may be a second one,
        // and after a failure nobody has looked.
        effects.extend(domain.ask());
        self.forget(waiter);
        effects
    }

    fn forget(&mut self, waiter: WaiterId) {
        if let Some(want) = self.homes.remove(&waiter)
            && self.domains.get(&want).is_some_and(|domain| domain.waiters.is_empty() && domain.asking.is_none())
        {
            self.domains.remove(&want);
        }
    }
}

impl Domain {
    /// Asks for the front waiter, if there is one. No question may be under way.
    fn ask(&mut self) -> Vec<Effect> {
        self.asking = self.waiters.front().copied();
        self.asking.map(Effect::Ask).into_iter().collect()
    }
}
