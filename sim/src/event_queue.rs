//! The one queue of everything that is going to happen: deliveries, timers and faults, ordered by time and,
//! at one time, by the order in which they were put in.

use std::collections::VecDeque;

/// A queue of `(time, event)` that is only ever asked for the earliest, and never given anything earlier than
/// what it last gave out.
///
/// That promise allows a radix heap. An entry lies in the bucket of the highest bit in which its time differs
/// from the queue's own; as time moves on, the lowest bucket in use is spread over those below it. Pushing is
/// one append, popping moves an entry at most once per bit, and all of it walks memory in order, which a binary
/// heap of ten thousand timers does not.
///
/// Entries of one time always lie in one bucket, in the order in which they came, and spreading keeps that
/// order: first in, first out at one time, without a sequence number being stored.
pub(crate) struct EventQueue<E> {
    /// The time of the entries in `due`; nothing earlier is in the queue.
    time: u64,
    /// What happens at `time`, in order.
    due: VecDeque<E>,
    /// Bucket `b`: entries whose time differs from `time` in bit `b` and no higher one.
    buckets: [Vec<(u64, E)>; 64],
    /// Bit `b` is set when bucket `b` is in use.
    occupied: u64,
    /// Keeps the allocation of the bucket that is being spread.
    spare: Vec<(u64, E)>,
}

impl<E> EventQueue<E> {
    pub(crate) fn new() -> Self {
        Self {
            time: 0,
            due: VecDeque::new(),
            buckets: std::array::from_fn(|_| Vec::new()),
            occupied: 0,
            spare: Vec::new(),
        }
    }

    /// Adds `event` at `time`, or at the queue's own time if that is later.
    #[inline]
    pub(crate) fn push(&mut self, time: u64, event: E) {
        if time <= self.time {
            self.due.push_back(event);
        } else {
            self.put(time, event);
        }
    }

    #[inline]
    fn put(&mut self, time: u64, event: E) {
        let bucket = 63 - (time ^ self.time).leading_zeros() as usize;
        self.buckets[bucket].push((time, event));
        self.occupied |= 1 << bucket;
    }

    /// The time of the earliest event, if that is not after `horizon`. The queue's own time moves there, so the
    /// caller's clock must follow.
    #[inline]
    pub(crate) fn advance(&mut self, horizon: u64) -> Option<u64> {
        if !self.due.is_empty() {
            return (self.time <= horizon).then_some(self.time);
        }
        if self.occupied == 0 {
            return None;
        }
        let bucket = self.occupied.trailing_zeros() as usize;
        let earliest = self.buckets[bucket].iter().map(|(time, _)| *time).min()?;
        if earliest > horizon {
            return None;
        }
        self.time = earliest;
        self.occupied &= !(1 << bucket);
        let mut entries = std::mem::replace(&mut self.buckets[bucket], std::mem::take(&mut self.spare));
        for (time, event) in entries.drain(..) {
            if time == earliest { self.due.push_back(event) } else { self.put(time, event) }
        }
        self.spare = entries;
        Some(earliest)
    }

    /// The next event at the time that [`advance`](Self::advance) last told.
    #[inline]
    pub(crate) fn pop_due(&mut self) -> Option<E> {
        self.due.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Push(u64),
        Advance(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0u64..50).prop_map(Step::Push),
            (0u64..10_000_000).prop_map(Step::Push),
            (0u64..100).prop_map(Step::Advance),
            (0u64..20_000_000).prop_map(Step::Advance),
        ]
    }

    proptest! {
        /// Against the obvious model: a map from (time, order of arrival) to the event.
        #[test]
        fn gives_events_by_time_and_then_by_order(steps in proptest::collection::vec(step(), 1..300)) {
            let mut queue = EventQueue::new();
            let mut model = BTreeMap::new();
            let mut now = 0;
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push(delay) => {
                        queue.push(now + delay, number);
                        model.insert((now + delay, number), number);
                    }
                    Step::Advance(by) => {
                        let horizon = now + by;
                        let expected = model.first_key_value().map(|((time, _), _)| *time).filter(|t| *t <= horizon);
                        prop_assert_eq!(queue.advance(horizon), expected);
                        now = expected.unwrap_or(horizon);
                        while expected.is_some() && model.first_key_value().is_some_and(|((t, _), _)| *t == now) {
                            prop_assert_eq!(queue.pop_due(), model.pop_first().map(|(_, number)| number));
                        }
                    }
                }
            }
        }
    }
}
