//! Which thing of one log is which of the other.
//!
//! A thing is known by how it first came to be told of: by which event, on which host, with what else in it. Of things that
//! came about alike, the first is the first. What can't be found so is looked for with less and less: without the host,
//! for another replica may have told of it; without the other fields; in the end by its kind alone.

use std::collections::BTreeMap;

use super::{
    measured::is_measured,
    words::{kind, renamed, things},
};
use crate::Record;

/// From words of a log to those that both logs use.
pub(super) type Names = BTreeMap<String, String>;

/// By what a thing is known, from the most to the least.
const LEVELS: [Level; 4] = [Level::Host, Level::Fields, Level::Event, Level::Kind];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// Host, event, and all fields.
    Host,
    /// Event and all fields.
    Fields,
    /// Event, and the things in it that are known already.
    Event,
    /// Nothing but what kind of thing it is.
    Kind,
}

/// A thing, as one log has it.
struct Thing<'a> {
    name: &'a str,
    kind: &'a str,
    /// What first told of it, and in which field.
    record: &'a Record,
    field: &'static str,
}

/// The things that one log tells of.
struct Side<'a> {
    /// In the order in which they came about.
    things: Vec<Thing<'a>>,
    /// The event that first told of each, by its ordinal.
    came_with: BTreeMap<&'a str, u64>,
}

impl<'a> Side<'a> {
    fn of(log: &[&'a Record]) -> Self {
        let (mut all, mut came_with) = (Vec::new(), BTreeMap::new());
        for record in log {
            for (field, value) in &record.fields {
                for name in things(value) {
                    let Some(kind) = kind(name).filter(|_| !came_with.contains_key(name)) else { continue };
                    came_with.insert(name, record.ordinal);
                    all.push(Thing { name, kind, record, field });
                }
            }
        }
        Self { things: all, came_with }
    }

    /// What `thing` is known by, in common names; none if it came with another that has none yet.
    fn description(&self, thing: &Thing<'_>, names: &Names, level: Level) -> Option<String> {
        let record = thing.record;
        if level == Level::Kind {
            return Some(String::new());
        }
        let mut description = format!("{} {}", record.event, thing.field);
        if level == Level::Host {
            description = format!("{} {description}", record.host);
        }
        for (field, value) in &record.fields {
            if is_measured(&record.event, field) {
                continue;
            }
            let unknown = |name: &&str| !names.contains_key(*name);
            let earlier = |name: &&str| self.came_with.get(*name).is_some_and(|ordinal| *ordinal < record.ordinal);
            if level != Level::Event && things(value).any(|name| unknown(&name) && earlier(&name)) {
                return None;
            }
            let has_thing = things(value).next().is_some();
            if level == Level::Event && !has_thing {
                continue;
            }
            // What comes about together can't be told apart by its names.
            let veiled: Names = things(value)
                .map(|name| (name.to_owned(), names.get(name).map_or("?", String::as_str).to_owned()))
                .collect();
            description.push_str(&format!(" {field}={}", renamed(value, &veiled)));
        }
        Some(description)
    }
}

/// The names by which each of two logs calls what both have, in the words of the second. What only one has keeps its name,
/// with a star.
pub(super) fn names(logs: [&[&Record]; 2]) -> [Names; 2] {
    let sides = logs.map(Side::of);
    let mut names = [Names::new(), Names::new()];
    while LEVELS.into_iter().any(|level| matched(&sides, &mut names, level)) {}
    for (side, names) in std::iter::zip(&sides, &mut names) {
        for thing in &side.things {
            names.entry(thing.name.to_owned()).or_insert_with(|| format!("{}*", thing.name));
        }
    }
    names
}

/// Matches what can be matched at this level. False if nothing can.
fn matched(sides: &[Side<'_>; 2], names: &mut [Names; 2], level: Level) -> bool {
    let mut alike: BTreeMap<(&str, String), [Vec<usize>; 2]> = BTreeMap::new();
    for (number, side) in sides.iter().enumerate() {
        for (index, thing) in side.things.iter().enumerate() {
            if names[number].contains_key(thing.name) {
                continue;
            }
            if let Some(description) = side.description(thing, &names[number], level) {
                alike.entry((thing.kind, description)).or_default()[number].push(index);
            }
        }
    }
    let mut any = false;
    for [ours, theirs] in alike.into_values() {
        for (ours, theirs) in std::iter::zip(ours, theirs) {
            any = true;
            let (ours, theirs) = (&sides[0].things[ours], &sides[1].things[theirs]);
            names[0].insert(ours.name.to_owned(), theirs.name.to_owned());
            names[1].insert(theirs.name.to_owned(), theirs.name.to_owned());
            let [a, b] = drawn(ours.record, theirs.record);
            names[0].extend(a);
            names[1].extend(b);
        }
    }
    any
}

/// What else names a thing: if a field `name` of what first told of it is not the same in both, it was drawn.
fn drawn(ours: &Record, theirs: &Record) -> [Option<(String, String)>; 2] {
    const NAME: &str = "name";
    match (ours.field(NAME), theirs.field(NAME)) {
        (Some(our_name), Some(their_name)) if our_name != their_name => {
            let common = |name: &str| Some((name.to_owned(), their_name.to_owned()));
            [common(our_name), None]
        }
        _ => [None, None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Log;

    fn matches(ours: &Log, theirs: &Log) -> Vec<(String, String)> {
        let refer = |log: &'_ Log| -> Vec<Record> { log.records.clone() };
        let (ours, theirs) = (refer(ours), refer(theirs));
        let [names, _] = names([&ours.iter().collect::<Vec<_>>(), &theirs.iter().collect::<Vec<_>>()]);
        names.into_iter().collect()
    }

    fn made(log: Log, host: &str, [ws, name, build, job]: [&str; 4]) -> Log {
        log.add(1, host, "workspace.created", &[("ws", ws), ("name", name), ("owner", "alice")]).add(
            1,
            host,
            "build.queued",
            &[("build", build), ("ws", ws), ("number", "1"), ("job", job)],
        )
    }

    #[track_caller]
    fn check(ours: &Log, theirs: &Log, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(matches(ours, theirs), expected);
    }

    #[test]
    fn things_are_known_by_what_they_came_with() {
        let ours = made(
            made(Log::new(), "control", ["ws#1", "dev", "build#1", "job#1"]),
            "control",
            ["ws#2", "test", "build#2", "job#2"],
        );
        let theirs = made(
            made(Log::new(), "control", ["ws#1", "test", "build#1", "job#1"]),
            "control-2",
            ["ws#2", "dev", "build#2", "job#2"],
        );
        check(
            &ours,
            &theirs,
            &[
                ("build#1", "build#2"),
                ("build#2", "build#1"),
                ("job#1", "job#2"),
                ("job#2", "job#1"),
                ("ws#1", "ws#2"),
                ("ws#2", "ws#1"),
            ],
        );
    }

    #[test]
    fn what_came_about_alike_is_matched_in_its_order_and_what_is_left_has_a_star() {
        let started = |names: &[&str]| {
            names.iter().fold(Log::new(), |log, name| log.add(1, "dev.main", "agent.started", &[("process", name)]))
        };
        check(
            &started(&["process#1", "process#2"]),
            &started(&["process#1"]),
            &[("process#1", "process#1"), ("process#2", "process#2*")],
        );
    }

    #[test]
    fn a_name_that_was_drawn_is_another_in_each_log_and_the_same_workspace() {
        let ours = made(Log::new(), "control", ["ws#1", "vm-51f1", "build#1", "job#1"]);
        let theirs = made(Log::new(), "control", ["ws#1", "vm-0000", "build#1", "job#1"]);
        check(&ours, &theirs, &[("build#1", "build#1"), ("job#1", "job#1"), ("vm-51f1", "vm-0000"), ("ws#1", "ws#1")]);
    }
}
