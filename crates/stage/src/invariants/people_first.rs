//! `people-first`: nobody waits for what is built ahead.
//!
//! The accounts for which workspaces are built ahead have their jobs taken only while no person's job waits that the
//! same daemon could take instead. A daemon that takes the one can take the other where both ask the same tags of it,
//! so that is what is looked at: when such an account's build is locked (`job.acquired`), no person's build of the
//! same tags has been waiting (`build.queued`, `job.returned`).
//!
//! A workspace that is claimed (`workspace.claimed`) is a person's from then on, and so is the build that was queued with
//! the claim.
//!
//! What the platform builds ahead by itself is known by its own words: the first build of what it has made
//! (`prebuild.created`), and the one by which it deletes it (`prebuild.deleting`, `prebuild.withdrawn`). Whatever else is
//! built of such a workspace somebody asked for, and it comes when it comes.
//!
//! What a lock is given is decided in the instant in which it is told, so nothing is an excuse. Builds of workspaces
//! whose tags are not the same throughout the story are left out, and so are imports and dry runs.

use std::collections::{BTreeMap, BTreeSet};

use super::{Bounds, Invariant, Violation, bounds::Queue, is_terminal};
use crate::Record;

/// See the module.
pub(super) struct PeopleFirst {
    queue: Queue,
    /// By workspace: whose it is, and what its builds ask of a daemon.
    workspaces: BTreeMap<String, Workspace>,
    /// By job: the workspace that it builds.
    builds: BTreeMap<String, String>,
    /// Jobs of people that wait, and what they ask of a daemon.
    waiting: BTreeMap<String, Tags>,
}

type Tags = BTreeMap<String, String>;

struct Workspace {
    is_ahead: bool,
    /// The platform has made it by itself, and these are the jobs that it wants of it.
    own: Option<BTreeSet<String>>,
    tags: Tags,
    /// The job of the build that was queued last.
    latest: Option<String>,
}

impl PeopleFirst {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self {
            queue: bounds.queue.clone(),
            workspaces: BTreeMap::new(),
            builds: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }

    fn created(&mut self, record: &Record) -> Option<()> {
        let (owner, name) = (record.field("owner")?.to_owned(), record.field("name")?.to_owned());
        let is_ahead = self.queue.prebuilds.contains(&owner);
        let tags = self.queue.workspaces.get(&(owner, name))?.clone();
        let workspace = Workspace { is_ahead, own: None, tags, latest: None };
        self.workspaces.insert(record.field("ws")?.to_owned(), workspace);
        Some(())
    }

    /// The platform has made a workspace by itself, and its first build waits.
    fn made(&mut self, record: &Record) -> Option<()> {
        let (ws, preset) = (record.field("ws")?, record.field("preset")?);
        let (template, _) = preset.split_once('/')?;
        let tags = self.queue.templates.get(template)?.clone();
        let first = self.builds.iter().find(|(_, of)| *of == ws).map(|(job, _)| job.clone());
        let own = Some(first.iter().cloned().collect());
        self.workspaces.insert(ws.to_owned(), Workspace { is_ahead: true, own, tags, latest: first });
        Some(())
    }

    /// The platform does away with a workspace of its own.
    fn unmade(&mut self, record: &Record) -> Option<()> {
        let workspace = self.workspaces.get_mut(record.field("ws")?)?;
        workspace.own.as_mut()?.extend(workspace.latest.clone());
        Some(())
    }

    /// A workspace is somebody else's now, and so is its build that was queued with that.
    fn claimed(&mut self, record: &Record) -> Option<()> {
        let workspace = self.workspaces.get_mut(record.field("ws")?)?;
        workspace.is_ahead = self.queue.prebuilds.contains(record.field("owner")?);
        let latest = workspace.latest.clone()?;
        self.waits(&latest)
    }

    /// A build waits for a daemon.
    fn waits(&mut self, job: &str) -> Option<()> {
        let workspace = self.workspaces.get(self.builds.get(job)?)?;
        if !workspace.is_ahead {
            self.waiting.insert(job.to_owned(), workspace.tags.clone());
        }
        Some(())
    }

    fn acquired(&mut self, job: &str, record: &Record) -> Option<Violation> {
        self.waiting.remove(job);
        let workspace = self.workspaces.get(self.builds.get(job)?)?;
        let is_ahead = workspace.is_ahead && workspace.own.as_ref().is_none_or(|own| own.contains(job));
        let (first, _) = self.waiting.iter().find(|(_, tags)| is_ahead && **tags == workspace.tags)?;
        let worker = record.field("worker").unwrap_or_default();
        let message = format!("{worker} was given {job}, which is built ahead, while {first} of a person waited");
        Some(Violation { id: self.id(), message, ordinal: record.ordinal })
    }
}

impl Invariant for PeopleFirst {
    fn id(&self) -> &'static str {
        "people-first"
    }

    fn about(&self) -> &'static str {
        "no build that is made ahead is taken while a person's build waits that the same daemon could take"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        if self.queue.prebuilds.is_empty() {
            return None;
        }
        if record.event == "workspace.created" {
            self.created(record);
        }
        match record.event.as_str() {
            "workspace.claimed" => self.claimed(record),
            "prebuild.created" => self.made(record),
            "prebuild.deleting" | "prebuild.withdrawn" => self.unmade(record),
            _ => None,
        };
        let job = record.field("job")?;
        match record.event.as_str() {
            "build.queued" => {
                let ws = record.field("ws")?;
                self.builds.insert(job.to_owned(), ws.to_owned());
                if let Some(workspace) = self.workspaces.get_mut(ws) {
                    workspace.latest = Some(job.to_owned());
                }
                self.waits(job);
            }
            "job.returned" => {
                self.waits(job);
            }
            "job.acquired" => return self.acquired(job, record),
            event if is_terminal(event) => {
                self.waiting.remove(job);
                // It has not to wait again when its workspace becomes somebody's.
                let of = self.builds.remove(job)?;
                let workspace = self.workspaces.get_mut(&of)?;
                workspace.latest = workspace.latest.take().filter(|latest| latest != job);
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    const ONE: &[(&str, &str)] = &[("job", "job#1"), ("ws", "ws#1"), ("worker", "prov-1")];
    const AHEAD: &[(&str, &str)] = &[("job", "job#2"), ("ws", "ws#2"), ("worker", "prov-1")];

    fn invariant(zone: &str) -> PeopleFirst {
        let tags = |zone: &str| Tags::from([("zone".to_owned(), zone.to_owned())]);
        let workspace = |owner: &str| (owner.to_owned(), "dev".to_owned());
        let queue = Queue {
            prebuilds: ["robot".to_owned()].into(),
            workspaces: [(workspace("alice"), tags("eu")), (workspace("robot"), tags(zone))].into(),
            templates: [("vm".to_owned(), tags(zone))].into(),
        };
        PeopleFirst::new(&Bounds { queue, ..Bounds::default() })
    }

    fn both_queued() -> Log {
        let created = |ws, owner| [("ws", ws), ("name", "dev"), ("owner", owner)];
        Log::new()
            .add(1, "control", "workspace.created", &created("ws#2", "robot"))
            .add(1, "control", "build.queued", AHEAD)
            .add(2, "control", "workspace.created", &created("ws#1", "alice"))
            .add(2, "control", "build.queued", ONE)
    }

    #[test]
    fn kept() {
        let log = both_queued().add(3, "control", "job.acquired", ONE).add(3, "control", "job.acquired", AHEAD);
        assert_kept(invariant("eu"), &log);
        assert_kept(invariant("us"), &both_queued().add(3, "control", "job.acquired", AHEAD));
        let claimed = both_queued().add(3, "control", "workspace.claimed", &[("ws", "ws#2"), ("owner", "bob")]);
        assert_kept(invariant("eu"), &claimed.add(4, "control", "job.acquired", AHEAD));
        let canceled = both_queued().add(3, "control", "job.canceled", ONE);
        assert_kept(invariant("eu"), &canceled.add(4, "control", "job.acquired", AHEAD));
    }

    /// A workspace that the platform has made by itself, and a person's that waits.
    fn made_by_itself() -> Log {
        let made = [("ws", "ws#2"), ("preset", "vm/p"), ("version", "v1")];
        Log::new()
            .add(1, "control", "workspace.created", &[("ws", "ws#2"), ("name", "prebuild-x"), ("owner", "prebuilds")])
            .add(1, "control", "build.queued", AHEAD)
            .add(1, "control", "prebuild.created", &made)
            .add(2, "control", "workspace.created", &[("ws", "ws#1"), ("name", "dev"), ("owner", "alice")])
            .add(2, "control", "build.queued", ONE)
    }

    const NEXT: &[(&str, &str)] = &[("job", "job#3"), ("ws", "ws#2"), ("worker", "prov-1")];

    #[test]
    fn what_the_platform_makes_by_itself_comes_last() {
        let first = made_by_itself().add(3, "control", "job.acquired", AHEAD);
        assert_broken(invariant("eu"), &first, 5, &["job#2", "job#1"]);
        assert_kept(invariant("us"), &first);
        let deleting = made_by_itself().add(3, "control", "build.queued", NEXT);
        let deleting = deleting.add(3, "control", "prebuild.deleting", &[("ws", "ws#2")]);
        assert_broken(invariant("eu"), &deleting.add(4, "control", "job.acquired", NEXT), 7, &["job#3", "job#1"]);
    }

    #[test]
    fn what_somebody_asked_for_may_come_first() {
        let asked = made_by_itself().add(3, "control", "build.queued", NEXT);
        assert_kept(invariant("eu"), &asked.add(4, "control", "job.acquired", NEXT));
        let claimed = made_by_itself().add(3, "control", "job.completed", AHEAD);
        let claimed = claimed.add(4, "control", "workspace.claimed", &[("ws", "ws#2"), ("owner", "bob")]);
        let claimed = claimed.add(4, "control", "build.queued", NEXT).add(5, "control", "job.acquired", ONE);
        assert_kept(invariant("eu"), &claimed.add(6, "control", "job.acquired", NEXT));
    }

    #[test]
    fn broken_by_a_build_ahead_that_comes_first() {
        let log = both_queued().add(3, "control", "job.acquired", AHEAD);
        assert_broken(invariant("eu"), &log, 4, &["prov-1", "job#2", "job#1"]);
        let returned = both_queued().add(3, "control", "job.acquired", ONE).add(4, "control", "job.returned", ONE);
        assert_broken(invariant("eu"), &returned.add(5, "control", "job.acquired", AHEAD), 6, &["job#2"]);
    }
}
