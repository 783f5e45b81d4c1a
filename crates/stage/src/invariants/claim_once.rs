//! `claim-once`: what somebody was given is theirs.
//!
//! A workspace that was built ahead is claimed (`workspace.claimed`) at most once, and once it is, the platform neither
//! deletes it for want of use (`prebuild.deleting`) nor withdraws it (`prebuild.withdrawn`). Nor is one claimed of which
//! that was said before.
//!
//! Each of these is told in the instant in which it is committed, so nothing is an excuse. The one way back is a destroy
//! that failed: what is deleted for good by then nobody can know, so such a workspace may be handed over all the same.

use std::collections::BTreeMap;

use super::{Invariant, Violation};
use crate::Record;

/// See the module.
#[derive(Default)]
pub(super) struct ClaimOnce {
    /// By workspace: who claimed it.
    claimed: BTreeMap<String, String>,
    /// By workspace: how the platform did away with it, and the job that sees to it.
    going: BTreeMap<String, String>,
    /// By job: its workspace.
    builds: BTreeMap<String, String>,
}

impl ClaimOnce {
    fn broken(&self, record: &Record, message: String) -> Option<Violation> {
        Some(Violation { id: "claim-once", message, ordinal: record.ordinal })
    }
}

impl Invariant for ClaimOnce {
    fn id(&self) -> &'static str {
        "claim-once"
    }

    fn about(&self) -> &'static str {
        "a workspace that was built ahead is claimed at most once, and the platform does not delete what is claimed"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        match record.event.as_str() {
            "build.queued" => {
                self.builds.insert(record.field("job")?.to_owned(), record.field("ws")?.to_owned());
            }
            "job.failed" | "job.canceled" => {
                let ws = self.builds.get(record.field("job")?)?;
                self.going.remove(ws);
            }
            "workspace.claimed" => {
                let (ws, owner) = (record.field("ws")?, record.field("owner")?);
                if let Some(first) = self.claimed.insert(ws.to_owned(), owner.to_owned()) {
                    return self.broken(record, format!("{ws} was claimed for {first}, and then for {owner}"));
                }
                if let Some(event) = self.going.get(ws) {
                    return self.broken(record, format!("{ws} was claimed for {owner} after {event}"));
                }
            }
            event @ ("prebuild.deleting" | "prebuild.withdrawn") => {
                let ws = record.field("ws")?;
                if let Some(owner) = self.claimed.get(ws) {
                    return self.broken(record, format!("{ws} had been claimed for {owner}, and then came {event}"));
                }
                self.going.insert(ws.to_owned(), event.to_owned());
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

    fn claimed(log: Log, at: u64, owner: &str) -> Log {
        log.add(at, "control", "workspace.claimed", &[("ws", "ws#1"), ("owner", owner), ("build", "build#2")])
    }

    fn going(log: Log, at: u64, event: &str) -> Log {
        log.add(at, "control", event, &[("ws", "ws#1"), ("preset", "vm/p")])
    }

    #[test]
    fn kept() {
        assert_kept(ClaimOnce::default(), &claimed(Log::new(), 1, "alice"));
        let two =
            claimed(Log::new(), 1, "alice").add(2, "control", "workspace.claimed", &[("ws", "ws#2"), ("owner", "b")]);
        assert_kept(ClaimOnce::default(), &two.add(3, "control", "prebuild.deleting", &[("ws", "ws#3")]));
        let queued = Log::new().add(1, "control", "build.queued", &[("ws", "ws#1"), ("job", "job#1")]);
        let failed = going(queued, 1, "prebuild.deleting").add(2, "control", "job.failed", &[("job", "job#1")]);
        assert_kept(ClaimOnce::default(), &claimed(failed, 3, "alice"));
    }

    #[test]
    fn broken_by_a_second_claim() {
        let log = claimed(claimed(Log::new(), 1, "alice"), 2, "bob");
        assert_broken(ClaimOnce::default(), &log, 1, &["ws#1", "alice", "bob"]);
    }

    #[test]
    fn broken_by_whoever_deletes_what_is_claimed() {
        for event in ["prebuild.deleting", "prebuild.withdrawn"] {
            let log = going(claimed(Log::new(), 1, "alice"), 2, event);
            assert_broken(ClaimOnce::default(), &log, 1, &["ws#1", "alice", event]);
            let log = claimed(going(Log::new(), 1, event), 2, "alice");
            assert_broken(ClaimOnce::default(), &log, 1, &["ws#1", "alice", event]);
        }
    }
}
