//! The workspaces whose names nobody has written: those that the platform builds ahead, and those that chats' tools make.
//!
//! Their names are drawn. A story calls them by their number, `prebuild-3` or, of the chat `c1`, `c1-2`, so somebody has
//! to keep count: this is done from the log, the only place where all that happens comes by in its order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use groundhog_sim::{Engine, Record};

use crate::scenario::{Scenario, chat_and_number, chat_workspace};

/// What stands before the number of a workspace that was built ahead, as a chat's name stands before that of its own.
pub(super) const BUILT_AHEAD: &str = "prebuild";

/// The workspaces so far whose names nobody has written. Cheap to clone; every clone is the same.
#[derive(Clone, Default)]
pub(crate) struct Unnamed(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// By workspace of the log: its name. Only such as may still turn out to be one of them.
    fresh: BTreeMap<String, String>,
    /// By what stands before their numbers: those that there are, the first one first, as the log calls them.
    all: BTreeMap<String, Vec<String>>,
    /// By name.
    by_name: BTreeMap<String, Numbered>,
    claimed: BTreeSet<String>,
    /// By chat of the log: what the story calls it.
    chats: BTreeMap<String, String>,
    /// By chat of the story: the template of which a workspace was last asked for.
    asked: BTreeMap<String, String>,
}

/// A workspace that is called by its number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Numbered {
    /// What stands before the number: the name of the chat for which it was made, or [`BUILT_AHEAD`].
    pub(super) of: String,
    /// Counted from 1.
    pub(super) number: usize,
    /// Its template's name. With a chat's that is what was asked for last, for the log does not tell; empty if an id was.
    pub(super) template: String,
}

impl Numbered {
    /// Whether it was built ahead.
    pub(super) fn is_ahead(&self) -> bool {
        self.of == BUILT_AHEAD
    }
}

pub(super) fn cast(scenario: &Scenario, world: &mut dyn Engine) -> Unnamed {
    let unnamed = Unnamed::default();
    if scenario.control.prebuilds.enabled || !scenario.chats.is_empty() {
        let noting = unnamed.clone();
        world.observe(move |record| {
            noting.note(record);
            None
        });
    }
    unnamed
}

impl Unnamed {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what a record says.
    pub(super) fn note(&self, record: &Record) {
        self.known().note(record);
    }

    /// A workspace of this template is asked for in a chat.
    pub(super) fn asked(&self, chat: &str, template: &str) {
        self.known().asked.insert(chat.to_owned(), template.to_owned());
    }

    /// What is known of the workspace that the platform calls so, if nobody has written its name.
    pub(super) fn of_name(&self, name: &str) -> Option<Numbered> {
        self.known().by_name.get(name).cloned()
    }

    /// Whether somebody has claimed the workspace with this number.
    pub(super) fn is_claimed(&self, of: &str, number: usize) -> bool {
        let known = self.known();
        let all = known.all.get(of);
        let workspace = all.and_then(|all| all.get(number.checked_sub(1)?));
        workspace.is_some_and(|workspace| known.claimed.contains(workspace))
    }

    /// The id of the workspace that a story calls `prebuild-3` or `c1-2`; none if there is no such thing yet.
    pub(crate) fn id(&self, world: &dyn Engine, workspace: &str) -> Option<String> {
        let (of, number) = chat_and_number(workspace)?;
        let of_log = self.known().all.get(of)?.get(number.checked_sub(1)?).cloned()?;
        world.journal().id(&of_log)
    }
}

impl Known {
    fn note(&mut self, record: &Record) -> Option<()> {
        match record.event.as_str() {
            "user.chat" => {
                self.chats.insert(record.field("chat")?.to_owned(), record.field("name")?.to_owned());
            }
            "workspace.created" => {
                // Told in one instant with what it is for.
                let name = record.field("name")?;
                self.by_name.remove(name);
                self.fresh = [(record.field("ws")?.to_owned(), name.to_owned())].into();
            }
            "prebuild.created" => {
                let workspace = record.field("ws")?;
                let name = self.fresh.remove(workspace)?;
                let (template, _) = record.field("preset")?.split_once('/')?;
                self.add(BUILT_AHEAD, workspace, Some(name), template.to_owned());
            }
            "chat.bound" => {
                let (workspace, chat) = (record.field("ws")?, self.chats.get(record.field("chat")?)?.clone());
                let template = self.asked.get(&chat).cloned().unwrap_or_default();
                match record.field("how")? {
                    "created" => {
                        let name = self.fresh.remove(workspace);
                        self.add(&chat, workspace, name, template);
                    }
                    // Its machines stay where they are: those of what was built ahead.
                    "claimed" => self.add(&chat, workspace, None, template),
                    _ => {}
                }
            }
            "workspace.claimed" => {
                self.claimed.insert(record.field("ws")?.to_owned());
            }
            _ => {}
        }
        Some(())
    }

    fn add(&mut self, of: &str, workspace: &str, name: Option<String>, template: String) {
        let all = self.all.entry(of.to_owned()).or_default();
        all.push(workspace.to_owned());
        let numbered = Numbered { of: of.to_owned(), number: all.len(), template };
        self.by_name.extend(name.map(|name| (name, numbered)));
    }
}

/// What the hosts of a workspace are called by.
pub(super) fn numbered(of: &str, number: usize) -> String {
    chat_workspace(of, number)
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
        let unnamed = noted(&log);
        let number = |name| unnamed.of_name(name).map(|one| (one.number, one.template));
        assert_eq!(number("prebuild-q"), Some((1, "vm".to_owned())));
        assert_eq!(number("prebuild-a"), Some((2, "vm".to_owned())));
        assert_eq!(number("dev"), None);
        assert!(unnamed.is_claimed(BUILT_AHEAD, 1) && !unnamed.is_claimed(BUILT_AHEAD, 2));
    }

    fn noted(log: &Log) -> Unnamed {
        let unnamed = Unnamed::default();
        for record in &log.records {
            unnamed.note(record);
        }
        unnamed
    }

    #[test]
    fn those_of_chats_are_counted_for_each_chat() {
        let bound = |log: Log, chat, ws, how| {
            log.add(2, "control", "chat.bound", &[("chat", chat), ("ws", ws), ("build", "build#1"), ("how", how)])
        };
        let made = |log: Log, ws, name| {
            log.add(2, "control", "workspace.created", &[("ws", ws), ("name", name), ("owner", "alice")])
        };
        let log = Log::new().add(0, "users", "user.chat", &[("chat", "chat#1"), ("name", "c1")]);
        let log = log.add(0, "users", "user.chat", &[("chat", "chat#2"), ("name", "c2")]);
        let log = bound(made(log, "ws#1", "vm-1"), "chat#2", "ws#1", "created");
        let log = bound(made(log, "ws#2", "mine"), "chat#1", "ws#2", "attached");
        let log = bound(log, "chat#1", "ws#9", "claimed");
        let log = bound(made(log, "ws#3", "vm-2"), "chat#1", "ws#3", "created");
        let unnamed = noted(&log);
        let number = |name| unnamed.of_name(name).map(|one| (one.of, one.number));
        assert_eq!(number("vm-1"), Some(("c2".to_owned(), 1)));
        assert_eq!(number("mine"), None, "somebody else made it");
        assert_eq!(number("vm-2"), Some(("c1".to_owned(), 2)), "the first one was claimed");
        // Once a name is somebody else's it means that one's.
        let log = made(log, "ws#4", "vm-2");
        assert_eq!(noted(&log).of_name("vm-2"), None);
    }
}
