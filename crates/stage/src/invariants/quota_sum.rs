//! `quota-sum`: what was allowed adds up.
//!
//! `quota` believes the control plane's own sum. This one adds up itself: each of an owner's workspaces costs what was
//! last allowed for it, until a build of it completes without having asked (then it costs nothing) or destroys it.
//! A plan that is allowed must leave that sum within the budget, unless there is no limit, or the plan costs no more
//! than its workspace did when the build was queued: who is over budget may shrink.

use std::collections::BTreeMap;

use super::{Invariant, Violation};
use crate::Record;

/// See the module.
#[derive(Default)]
pub(super) struct QuotaSum {
    /// By workspace: its owner and what it costs.
    workspaces: BTreeMap<String, Workspace>,
    /// By job: what it builds.
    builds: BTreeMap<String, Build>,
}

struct Workspace {
    owner: String,
    cost: i64,
}

struct Build {
    workspace: String,
    destroys: bool,
    cost_before: i64,
    /// Its own cost was allowed.
    asked: bool,
}

impl QuotaSum {
    fn allowed(&mut self, job: &str, record: &Record) -> Option<String> {
        let number = |field: &str| record.field(field).and_then(|text| text.parse::<i64>().ok());
        let (cost, budget) = (number("cost")?, number("budget")?);
        let build = self.builds.get_mut(job)?;
        build.asked = true;
        let workspace = self.workspaces.get_mut(&build.workspace)?;
        workspace.cost = cost;
        let owner = workspace.owner.clone();
        let sum: i64 = self.workspaces.values().filter(|other| other.owner == owner).map(|other| other.cost).sum();
        (budget >= 0 && sum > budget && cost > build.cost_before)
            .then(|| format!("{job} was allowed {owner}, whose workspaces cost {sum} then, of a budget of {budget}"))
    }

    fn completed(&mut self, job: &str) {
        let Some(build) = self.builds.get(job) else { return };
        if build.destroys {
            self.workspaces.remove(&build.workspace);
        } else if !build.asked
            && let Some(workspace) = self.workspaces.get_mut(&build.workspace)
        {
            workspace.cost = 0;
        }
    }
}

impl Invariant for QuotaSum {
    fn id(&self) -> &'static str {
        "quota-sum"
    }

    fn about(&self) -> &'static str {
        "what an owner's workspaces were allowed to cost, added up, stays within the budget"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        match record.event.as_str() {
            "workspace.created" => {
                let owner = record.field("owner")?.to_owned();
                self.workspaces.insert(record.field("ws")?.to_owned(), Workspace { owner, cost: 0 });
            }
            "workspace.claimed" => {
                // What it costs goes with it.
                self.workspaces.get_mut(record.field("ws")?)?.owner = record.field("owner")?.to_owned();
            }
            "build.queued" => {
                let workspace = record.field("ws")?.to_owned();
                let cost_before = self.workspaces.get(&workspace).map_or(0, |workspace| workspace.cost);
                let destroys = record.field("transition") == Some("destroy");
                let build = Build { workspace, destroys, cost_before, asked: false };
                self.builds.insert(record.field("job")?.to_owned(), build);
            }
            "quota.committed" if record.field("ok") == Some("true") => {
                let message = self.allowed(record.field("job")?, record)?;
                return Some(Violation { id: self.id(), message, ordinal: record.ordinal });
            }
            "job.completed" => self.completed(record.field("job")?),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    fn queued(log: Log, job: &'static str, ws: &'static str, transition: &'static str) -> Log {
        log.add(1, "control", "build.queued", &[("ws", ws), ("job", job), ("transition", transition)])
    }

    fn allowed(log: Log, job: &'static str, cost: &'static str) -> Log {
        let fields = [("job", job), ("cost", cost), ("consumed", "0"), ("budget", "20"), ("ok", "true")];
        log.add(2, "control", "quota.committed", &fields)
    }

    fn completed(log: Log, job: &'static str) -> Log {
        log.add(3, "control", "job.completed", &[("job", job)])
    }

    /// Two workspaces of alice's and one of bob's, a build of each under way.
    fn three() -> Log {
        let mut log = Log::new();
        for (ws, job, owner) in [("ws#1", "job#1", "alice"), ("ws#2", "job#2", "alice"), ("ws#3", "job#3", "bob")] {
            log = log.add(1, "control", "workspace.created", &[("ws", ws), ("owner", owner)]);
            log = queued(log, job, ws, "start");
        }
        log
    }

    #[test]
    fn kept() {
        assert_kept(QuotaSum::default(), &allowed(allowed(three(), "job#1", "15"), "job#3", "15"));
        assert_kept(QuotaSum::default(), &allowed(allowed(three(), "job#1", "15"), "job#2", "5"));
        // The same question again.
        assert_kept(QuotaSum::default(), &allowed(allowed(three(), "job#1", "15"), "job#1", "15"));
        // A workspace that is gone, or costs nothing any more, leaves room.
        for transition in ["destroy", "stop"] {
            let log = completed(allowed(three(), "job#1", "15"), "job#1");
            let log = completed(queued(log, "job#4", "ws#1", transition), "job#4");
            assert_kept(QuotaSum::default(), &allowed(log, "job#2", "15"));
        }
    }

    #[test]
    fn broken_by_two_that_do_not_fit() {
        let log = allowed(allowed(three(), "job#1", "15"), "job#2", "15");
        assert_broken(QuotaSum::default(), &log, 7, &["job#2", "alice", "30", "20"]);
        let log = completed(allowed(three(), "job#1", "15"), "job#1");
        assert_broken(QuotaSum::default(), &allowed(log, "job#2", "6"), 8, &["job#2", "21"]);
    }

    #[test]
    fn who_is_over_budget_may_shrink() {
        let log = completed(allowed(three(), "job#1", "20"), "job#1");
        assert_kept(QuotaSum::default(), &allowed(queued(log, "job#4", "ws#1", "stop"), "job#4", "20"));
    }
}
