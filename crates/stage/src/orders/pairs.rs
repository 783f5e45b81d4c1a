//! Two hosts about one thing: which of them comes first.
//!
//! Where one host tells something about a job and then another one does, the second mostly does it because of the first: a
//! message went between them. Nobody says which message, so every two that follow each other are looked at. What is told
//! more often than once counts where it is told for the first time.

use std::collections::BTreeMap;

use super::{
    difference::Told,
    events::{Event, Found, History},
};

/// What is told of one thing, on all hosts: each for the first time.
#[derive(Default)]
struct Story<'a> {
    events: Vec<&'a Event>,
    places: BTreeMap<&'a Told, usize>,
}

/// By thing.
fn stories(log: &History) -> BTreeMap<&str, Story<'_>> {
    let mut stories: BTreeMap<&str, Story<'_>> = BTreeMap::new();
    // What has no number, such as the daemon, is another on each host.
    for event in log.events.iter().filter(|event| event.names_things) {
        for about in &event.about {
            let story = stories.entry(about).or_default();
            if !story.places.contains_key(&event.told) {
                story.places.insert(&event.told, story.events.len());
                story.events.push(event);
            }
        }
    }
    stories
}

impl<'a> Story<'a> {
    /// Two hosts' events that follow each other here, and stand the other way round in `other`.
    fn reversed<'b>(&'b self, other: &'b Story<'_>) -> impl Iterator<Item = [&'a Event; 2]> + 'b {
        let pairs = std::iter::zip(&self.events, self.events.iter().skip(1));
        pairs.filter(|(first, then)| first.told.host != then.told.host).filter_map(move |(first, then)| {
            let place = |event: &Event| other.places.get(&event.told);
            place(first).zip(place(then)).is_some_and(|(first, then)| then < first).then_some([*first, *then])
        })
    }
}

/// The pairs that stand in different orders, each with when it came about.
pub(super) fn differences(ours: &History, theirs: &History) -> Vec<Found> {
    let (ours, theirs) = (stories(ours), stories(theirs));
    let mut found = Vec::new();
    for (about, ours) in &ours {
        let Some(theirs) = theirs.get(about) else { continue };
        found.extend(ours.reversed(theirs).map(|[first, then]| (first.at, first.before(then))));
        found.extend(theirs.reversed(ours).map(|[then, first]| (first.at, first.before(then))));
    }
    found
}
