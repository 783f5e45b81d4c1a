//! `pool-bound`: nothing is built ahead beyond what is wanted.
//!
//! When a workspace is built ahead (`prebuild.created`), there are no more of its preset and version, itself included, than
//! was wanted when that was decided (`prebuild.decided`, of the same replica). Counted are those that nobody has claimed and
//! that are being built or run. Not counted are those of which the platform has said that it deletes or withdraws them, or
//! tried to; those whose first build was cancelled or has failed; and those that somebody else has built again: what
//! becomes of them is not the platform's doing.
//!
//! Each of these is told in the instant in which it is committed, so nothing is an excuse.

use std::collections::{BTreeMap, BTreeSet};

use super::{Invariant, Violation};
use crate::Record;

/// See the module.
#[derive(Default)]
pub(super) struct PoolBound {
    /// By replica and pool: how many were wanted when that was last decided.
    wanted: BTreeMap<(String, Pool), u64>,
    /// By pool: those that count.
    there: BTreeMap<Pool, BTreeSet<String>>,
    /// By workspace: its pool.
    pools: BTreeMap<String, Pool>,
    /// By job: the workspace that it builds.
    builds: BTreeMap<String, String>,
}

/// A preset, with its template, and the version's name.
type Pool = (String, String);

impl PoolBound {
    fn no_longer_counts(&mut self, workspace: &str) {
        if let Some(there) = self.pools.get(workspace).and_then(|pool| self.there.get_mut(pool)) {
            there.remove(workspace);
        }
    }
}

fn pool(record: &Record) -> Option<Pool> {
    Some((record.field("preset")?.to_owned(), record.field("version")?.to_owned()))
}

impl Invariant for PoolBound {
    fn id(&self) -> &'static str {
        "pool-bound"
    }

    fn about(&self) -> &'static str {
        "no more workspaces of a preset are built ahead than are wanted"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        match record.event.as_str() {
            "prebuild.decided" => {
                let wanted = record.field("desired")?.parse().ok()?;
                self.wanted.insert((record.host.clone(), pool(record)?), wanted);
            }
            "prebuild.created" => {
                let (workspace, pool) = (record.field("ws")?, pool(record)?);
                self.pools.insert(workspace.to_owned(), pool.clone());
                let there = self.there.entry(pool.clone()).or_default();
                there.insert(workspace.to_owned());
                let there = there.len() as u64;
                let wanted = self.wanted.get(&(record.host.clone(), pool)).copied().unwrap_or(0);
                let (preset, version) = (record.field("preset")?, record.field("version")?);
                let message = format!(
                    "{workspace} makes {there} built ahead of {preset} in {version}, where {wanted} were wanted"
                );
                return (there > wanted).then(|| Violation { id: self.id(), message, ordinal: record.ordinal });
            }
            "build.queued" => {
                let workspace = record.field("ws")?;
                self.builds.insert(record.field("job")?.to_owned(), workspace.to_owned());
                // Its first one was queued before it was known what it is for.
                self.no_longer_counts(workspace);
            }
            "workspace.claimed" | "prebuild.deleting" | "prebuild.delete_failed" | "prebuild.withdrawn" => {
                self.no_longer_counts(record.field("ws")?);
            }
            "job.failed" | "job.canceled" | "job.cancel_requested" => {
                let workspace = self.builds.get(record.field("job")?)?.clone();
                self.no_longer_counts(&workspace);
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

    const POOL: [(&str, &str); 2] = [("preset", "vm/p"), ("version", "v1")];

    fn decided(log: Log, host: &str, desired: &'static str) -> Log {
        log.add(1, host, "prebuild.decided", &[POOL[0], POOL[1], ("desired", desired)])
    }

    fn created(log: Log, ws: &str, job: &str) -> Log {
        let log = log.add(2, "control", "build.queued", &[("ws", ws), ("job", job), ("number", "1")]);
        log.add(2, "control", "prebuild.created", &[("ws", ws), POOL[0], POOL[1]])
    }

    fn two_of_two() -> Log {
        created(created(decided(Log::new(), "control", "2"), "ws#1", "job#1"), "ws#2", "job#2")
    }

    #[test]
    fn kept() {
        assert_kept(PoolBound::default(), &two_of_two());
        let gone = [
            ("workspace.claimed", ("ws", "ws#1")),
            ("prebuild.deleting", ("ws", "ws#1")),
            ("prebuild.delete_failed", ("ws", "ws#1")),
            ("prebuild.withdrawn", ("ws", "ws#1")),
            ("build.queued", ("ws", "ws#1")),
            ("job.failed", ("job", "job#1")),
            ("job.canceled", ("job", "job#1")),
            ("job.cancel_requested", ("job", "job#1")),
        ];
        for (event, field) in gone {
            let log = two_of_two().add(
                3,
                "control",
                event,
                &[field, if field.0 == "ws" { ("job", "job#9") } else { ("x", "") }],
            );
            assert_kept(PoolBound::default(), &created(log, "ws#3", "job#3"));
        }
        let other = decided(two_of_two(), "control-2", "0");
        let log = other.add(3, "control", "prebuild.decided", &[POOL[0], ("version", "v2"), ("desired", "1")]);
        let log = log.add(3, "control", "prebuild.created", &[("ws", "ws#3"), POOL[0], ("version", "v2")]);
        assert_kept(PoolBound::default(), &log);
    }

    #[test]
    fn broken_by_one_too_many() {
        assert_broken(PoolBound::default(), &created(two_of_two(), "ws#3", "job#3"), 6, &["ws#3", "3 built", "2 were"]);
        let completed = two_of_two().add(3, "control", "job.completed", &[("job", "job#1")]);
        assert_broken(PoolBound::default(), &created(completed, "ws#3", "job#3"), 7, &["ws#3"]);
        let fewer = decided(two_of_two(), "control", "1");
        assert_broken(PoolBound::default(), &created(fewer, "ws#3", "job#3"), 7, &["3 built", "1 were"]);
    }

    #[test]
    fn broken_by_what_nobody_has_decided() {
        let log = created(decided(Log::new(), "control-2", "2"), "ws#1", "job#1");
        assert_broken(PoolBound::default(), &log, 2, &["ws#1", "0 were"]);
    }
}
