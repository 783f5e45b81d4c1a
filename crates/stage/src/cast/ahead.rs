//! The workspaces that the platform builds ahead, by the order in which it does.
//!
//! The platform draws their names. A story calls them by their number, so somebody has to keep count: this is done from
//! the log, the only place where all that the platform does comes by in its order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use groundhog_sim::{Record, World};

use crate::scenario::{Scenario, ahead_number};

/// The workspaces that were built ahead so far. Cheap to clone; every clone is the same.
#[derive(Clone, Default)]
pub(crate) struct Ahead(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// By workspace of the log: its name. Only such as may still turn out to be built ahead.
    fresh: BTreeMap<String, String>,
    /// Those that were built ahead, the first one first, as the log calls them.
    all: Vec<String>,
    /// By name: the place in that list, and the template.
    by_name: BTreeMap<String, (usize, String)>,
    claimed: BTreeSet<String>,
}

/// What is known of a workspace that was built ahead.
pub(super) struct BuiltAhead {
    /// Counted from 1.
    pub(super) number: usize,
    /// Its template's name.
    pub(super) template: String,
}

pub(super) fn cast(scenario: &Scenario, world: &mut World) -> Ahead {
    let ahead = Ahead::default();
    if scenario.control.prebuilds.enabled {
        let noting = ahead.clone();
        world.observe(move |record| {
            noting.note(record);
            None
        });
    }
    ahead
}

impl Ahead {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what a record says.
    pub(super) fn note(&self, record: &Record) {
        self.known().note(record);
    }

    /// What is known of the workspace that the platform calls so, if it was built ahead.
    pub(super) fn of_name(&self, name: &str) -> Option<BuiltAhead> {
        let known = self.known();
        let (place, template) = known.by_name.get(name)?;
        Some(BuiltAhead { number: place + 1, template: template.clone() })
    }

    /// Whether somebody has claimed the workspace with this number.
    pub(super) fn is_claimed(&self, number: usize) -> bool {
        let known = self.known();
        let workspace = number.checked_sub(1).and_then(|place| known.all.get(place));
        workspace.is_some_and(|workspace| known.claimed.contains(workspace))
    }

    /// The id of the workspace that a story calls `prebuild-3`; none if that has not been built yet.
    pub(crate) fn id(&self, world: &World, workspace: &str) -> Option<String> {
        let place = ahead_number(workspace)?.checked_sub(1)?;
        let of_log = self.known().all.get(place).cloned()?;
        world.id(&of_log)
    }
}

impl Known {
    fn note(&mut self, record: &Record) -> Option<()> {
        match record.event.as_str() {
            "workspace.created" => {
                // Told in one instant with what it is for.
                self.fresh = [(record.field("ws")?.to_owned(), record.field("name")?.to_owned())].into();
            }
            "prebuild.created" => {
                let workspace = record.field("ws")?;
                let name = self.fresh.remove(workspace)?;
                let (template, _) = record.field("preset")?.split_once('/')?;
                self.by_name.insert(name, (self.all.len(), template.to_owned()));
                self.all.push(workspace.to_owned());
            }
            "workspace.claimed" => {
                self.claimed.insert(record.field("ws")?.to_owned());
            }
            _ => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Log;

    #[test]
    fn they_are_counted_as_they_are_made() {
        let made = |log: Log, ws, name| {
            let log = log.add(1, "control", "workspace.created", &[("ws", ws), ("name", name), ("owner", "prebuilds")]);
            log.add(1, "control", "prebuild.created", &[("ws", ws), ("preset", "vm/p"), ("version", "v1")])
        };
        let log = made(Log::new(), "ws#1", "prebuild-q");
        let log = log.add(2, "control", "workspace.created", &[("ws", "ws#2"), ("name", "dev"), ("owner", "alice")]);
        let log = made(log, "ws#3", "prebuild-a").add(3, "control", "workspace.claimed", &[("ws", "ws#1")]);
        let ahead = Ahead::default();
        for record in &log.records {
            ahead.note(record);
        }
        let number = |name| ahead.of_name(name).map(|one| (one.number, one.template));
        assert_eq!(number("prebuild-q"), Some((1, "vm".to_owned())));
        assert_eq!(number("prebuild-a"), Some((2, "vm".to_owned())));
        assert_eq!(number("dev"), None);
        assert!(ahead.is_claimed(1) && !ahead.is_claimed(2));
    }
}
