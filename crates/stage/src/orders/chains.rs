//! What each host tells about each thing, in its order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::{
    difference::{Difference, Told},
    events::{Event, Found, History},
    repeats,
};

/// What one host tells about one thing.
type Chain<'a> = Vec<&'a Event>;

/// All chains of a log, by host and thing. What is told again and again is told once.
fn chains(log: &History) -> BTreeMap<(&str, &str), Chain<'_>> {
    let mut chains: BTreeMap<_, Chain<'_>> = BTreeMap::new();
    for event in &log.events {
        for about in &event.about {
            chains.entry((event.told.host.as_str(), about.as_str())).or_default().push(event);
        }
    }
    chains.into_iter().map(|(key, chain)| (key, repeats::once(chain, |one, other| one.told == other.told))).collect()
}

/// Where the chains of two logs differ, each with when it came about.
pub(super) fn differences(ours: &History, theirs: &History) -> Vec<Found> {
    let (our_chains, their_chains) = (chains(ours), chains(theirs));
    let keys: BTreeSet<_> = our_chains.keys().chain(their_chains.keys()).collect();
    let mut found = Vec::new();
    for key in keys {
        let [our_chain, their_chain] =
            [&our_chains, &their_chains].map(|chains| chains.get(key).cloned().unwrap_or_default());
        found.extend(Apart::of(&our_chain, &their_chain).told([ours, theirs]));
    }
    elsewhere(found)
}

/// Where two chains part.
struct Apart<'a> {
    chains: [&'a [&'a Event]; 2],
    /// What stands in both, in the same order: its places in each.
    shared: Vec<[usize; 2]>,
    /// What does not, in each.
    apart: [Vec<usize>; 2],
}

impl<'a> Apart<'a> {
    fn of(ours: &'a [&'a Event], theirs: &'a [&'a Event]) -> Self {
        let told = |chain: &[&'a Event]| -> Vec<&'a Told> { chain.iter().map(|event| &event.told).collect() };
        let (mut shared, mut apart) = (Vec::new(), [Vec::new(), Vec::new()]);
        for operation in capture_diff_slices(Algorithm::Myers, &told(ours), &told(theirs)) {
            if let DiffOp::Equal { old_index, new_index, len } = operation {
                shared.extend((0..len).map(|step| [old_index + step, new_index + step]));
            } else {
                apart[0].extend(operation.old_range());
                apart[1].extend(operation.new_range());
            }
        }
        Self { chains: [ours, theirs], shared, apart }
    }

    /// Takes what is apart here and there in pairs that are alike by `key`, the first with the first.
    fn pairs<K: Ord>(&mut self, key: impl Fn(&'a Event) -> K) -> Vec<[usize; 2]> {
        let mut alike: BTreeMap<K, VecDeque<usize>> = BTreeMap::new();
        for their in &self.apart[1] {
            alike.entry(key(self.chains[1][*their])).or_default().push_back(*their);
        }
        let [ours, _] = self.chains;
        let (mut pairs, mut taken) = (Vec::new(), BTreeSet::new());
        self.apart[0].retain(|our| {
            let their = alike.get_mut(&key(ours[*our])).and_then(VecDeque::pop_front);
            pairs.extend(their.map(|their| [*our, their]));
            taken.extend(their);
            their.is_none()
        });
        self.apart[1].retain(|their| !taken.contains(their));
        pairs
    }

    /// What there is to tell. `logs` are the whole of both.
    fn told(mut self, logs: [&History; 2]) -> Vec<Found> {
        let mut found = Vec::new();
        let moved = self.pairs(|event| &event.told);
        found.extend(moved.into_iter().filter_map(|places| self.moved(places)));
        for [our, their] in self.pairs(|event| &event.name) {
            let (ours, theirs) = (self.chains[0][our], self.chains[1][their]);
            let told = [ours.told.clone(), theirs.told.clone()];
            found.push((ours.at, Difference::Otherwise { about: ours.subject().to_owned(), told }));
        }
        let mut again = Vec::new();
        for (side, other) in [(0, 1), (1, 0)] {
            for place in &self.apart[side] {
                let event = self.chains[side][*place];
                let is_told = logs[other].has(&event.told);
                let difference = Difference::Missing {
                    about: event.subject().to_owned(),
                    told: event.told.clone(),
                    from: other,
                    again: is_told,
                };
                (if is_told { &mut again } else { &mut found }).push((event.at, difference));
            }
        }
        // That something comes once more is what follows from what came between, if anything did.
        if found.is_empty() { again } else { found }
    }

    /// What is in both, elsewhere: the nearest of what is shared that it has overtaken.
    fn moved(&self, [our, their]: [usize; 2]) -> Option<Found> {
        let overtaken = |[a, b]: &&[usize; 2]| (our < *a) != (their < *b);
        let nearest = self.shared.iter().filter(overtaken).min_by_key(|[a, _]| our.abs_diff(*a))?;
        let (moved, stayed) = (self.chains[0][our], self.chains[0][nearest[0]]);
        let (first, then) = if our < nearest[0] { (moved, stayed) } else { (stayed, moved) };
        Some((first.at, first.before(then)))
    }
}

/// What one host has in one log, and another one in the other.
fn elsewhere(found: Vec<Found>) -> Vec<Found> {
    let mut hosts: BTreeMap<String, [BTreeSet<Told>; 2]> = BTreeMap::new();
    for (_, difference) in &found {
        if let Difference::Missing { told, from, again: false, .. } = difference {
            hosts.entry(told.what.clone()).or_default()[*from].insert(told.clone());
        }
    }
    let together = |(at, difference): Found| {
        let Difference::Missing { about, told, from, again: false } = difference else {
            return Some((at, difference));
        };
        // Only what each has once can be said to be the same.
        let pair = hosts.get(&told.what).map(|[theirs, ours]| (ours.iter().collect(), theirs.iter().collect()));
        let pair: Option<(Vec<&Told>, Vec<&Told>)> = pair;
        match pair {
            Some((ours, theirs)) if ours.len() == 1 && theirs.len() == 1 => {
                (from == 1).then(|| (at, Difference::Elsewhere { about, told: [ours[0].clone(), theirs[0].clone()] }))
            }
            _ => Some((at, Difference::Missing { about, told, from, again: false })),
        }
    };
    found.into_iter().filter_map(together).collect()
}
