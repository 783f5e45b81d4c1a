//! A log in names that it has in common with another one.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    difference::{Difference, Told},
    matching::{self, Names},
    measured::is_measured,
    texts,
    words::{is_thing, renamed},
};
use crate::{Loudness, Record};

/// A difference, and when it came about.
pub(super) type Found = ((Duration, usize), Difference);

/// A record, reduced to what is compared.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// When it was told, and how many were before it. It decides nothing but in which order differences are told.
    pub(super) at: (Duration, usize),
    /// The event's name.
    pub(super) name: String,
    pub(super) told: Told,
    /// What it is about, once each: the things that it names, or else what the event's name begins with.
    pub(super) about: Vec<String>,
    /// Whether it names things, which all hosts know by the same name.
    pub(super) names_things: bool,
}

/// A log, reduced to what is compared, in its order.
pub(super) struct History {
    pub(super) events: Vec<Event>,
    /// Where each thing that is told stands.
    places: BTreeMap<Told, BTreeSet<usize>>,
}

impl History {
    fn new(log: &[&Record], names: &Names) -> Self {
        let events: Vec<_> = log.iter().enumerate().map(|(place, record)| Event::of(record, place, names)).collect();
        let mut places: BTreeMap<Told, BTreeSet<usize>> = BTreeMap::new();
        for (place, event) in events.iter().enumerate() {
            places.entry(event.told.clone()).or_default().insert(place);
        }
        Self { events, places }
    }

    /// Whether it is told at all.
    pub(super) fn has(&self, told: &Told) -> bool {
        self.places.contains_key(told)
    }

    /// Whether `first` is told, and `then` after it.
    pub(super) fn has_in_order(&self, first: &Told, then: &Told) -> bool {
        let place = |told: &Told| self.places.get(told);
        let first = place(first).and_then(BTreeSet::first);
        first.zip(place(then).and_then(BTreeSet::last)).is_some_and(|(first, then)| first < then)
    }
}

impl Event {
    /// What it is about first of all.
    pub(super) fn subject(&self) -> &str {
        self.about.first().map_or("", String::as_str)
    }

    /// That it comes before `then` in the first log, and after it in the second.
    pub(super) fn before(&self, then: &Self) -> Difference {
        let about = self.about.iter().find(|about| then.about.contains(about)).map_or(self.subject(), String::as_str);
        Difference::Order { about: about.to_owned(), first: self.told.clone(), then: then.told.clone() }
    }

    fn of(record: &Record, place: usize, names: &Names) -> Self {
        let fields: Vec<_> = record
            .fields
            .iter()
            .filter(|(field, _)| !is_measured(&record.event, field))
            .map(|(field, value)| (*field, renamed(&texts::compared(value), names).into_owned()))
            .collect();
        // A value that is a thing, and not a text that mentions one.
        let values = record.fields.iter().filter(|(_, value)| is_thing(value));
        let mut about = Vec::new();
        for (_, value) in values {
            let name = renamed(value, names).into_owned();
            if !about.contains(&name) {
                about.push(name);
            }
        }
        let names_things = !about.is_empty();
        if !names_things {
            // Nothing that has a number: then it is what the name of the event begins with, such as the daemon, and which
            // one, if its first field says that in a word.
            let subject = record.event.split('.').next().unwrap_or_default();
            let which = fields.first().filter(|(_, value)| !value.contains(char::is_whitespace));
            about.push(which.map_or(subject.to_owned(), |(_, value)| format!("{subject} {value}")));
        }
        let text = groundhog_sim::text::fields(fields.iter().map(|(field, value)| (*field, value.as_str())));
        let what = format!("{} {text}", record.event).trim_end().to_owned();
        Self {
            at: (record.at, place),
            name: record.event.clone(),
            told: Told { host: record.host.clone(), what },
            about,
            names_things,
        }
    }
}

/// Both logs, in the same names.
pub(super) fn in_common(ours: &[Record], theirs: &[Record]) -> [History; 2] {
    let logs = [ours, theirs].map(|records| -> Vec<&Record> {
        records.iter().filter(|record| record.loudness != Loudness::Quiet).collect()
    });
    let names = matching::names([&logs[0], &logs[1]]);
    [History::new(&logs[0], &names[0]), History::new(&logs[1], &names[1])]
}
