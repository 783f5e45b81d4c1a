//! `cancel-heeded`: a cancel that has come is passed on, once, whatever the job is at.
//!
//! A runner that learns of a cancel while its job's outcome is open (`runner.canceled`) passes it on to its
//! provisioner in that instant, or in that instant has nobody to pass it to and is on its way to the end. It does so
//! once, however often the cancel comes. It begins no further phase; nor does any runner of a daemon that was told,
//! before that instant, to cancel what it has, be it a job that came just after.
//!
//! All of this is one machine's business, so no network excuses anything. A host that goes down takes its daemon and
//! its runners along, and what the daemon was told with them.

use std::{collections::BTreeMap, time::Duration};

use super::{Invariant, Violation, begins_anew};
use crate::{Record, scenario::units::show_duration};

/// See the module.
#[derive(Default)]
pub(super) struct CancelHeeded {
    /// By host: when its daemon was told to cancel what it has.
    told: BTreeMap<String, Duration>,
    /// By host and job: a cancel that came.
    canceled: BTreeMap<(String, String), Cancel>,
    /// How many of these are not heeded yet.
    unheeded: usize,
}

struct Cancel {
    at: Duration,
    ordinal: u64,
    heeded: bool,
    forwarded: bool,
}

impl CancelHeeded {
    /// Finds a cancel that nothing was done about in its instant.
    fn look(&mut self, now: Duration) -> Option<Violation> {
        if self.unheeded == 0 {
            return None;
        }
        let id = self.id();
        let late = self.canceled.iter_mut().find(|(_, cancel)| !cancel.heeded && cancel.at < now);
        let ((host, job), cancel) = late?;
        cancel.heeded = true;
        self.unheeded -= 1;
        let at = show_duration(cancel.at);
        let message = format!("{host}'s runner of {job} learned of a cancel at {at} and did not pass it on");
        Some(Violation { id, message, ordinal: cancel.ordinal })
    }

    fn heeded(&mut self, runner: &(String, String)) {
        if let Some(cancel) = self.canceled.get_mut(runner)
            && !std::mem::replace(&mut cancel.heeded, true)
        {
            self.unheeded -= 1;
        }
    }

    fn forget(&mut self, which: impl Fn(&(String, String)) -> bool) {
        self.canceled.retain(|runner, _| !which(runner));
        self.unheeded = self.canceled.values().filter(|cancel| !cancel.heeded).count();
    }

    fn runner(&mut self, job: &str, record: &Record) -> Option<String> {
        let runner = (record.host.clone(), job.to_owned());
        match record.event.as_str() {
            "runner.canceled" => {
                let heeded = record.field("settled") == Some("true");
                // Told twice, it is still one cancel.
                self.canceled.entry(runner).or_insert_with(|| {
                    self.unheeded += usize::from(!heeded);
                    Cancel { at: record.at, ordinal: record.ordinal, heeded, forwarded: false }
                });
            }
            "runner.cancel_forwarded" => {
                self.heeded(&runner);
                let forwarded = |cancel: &mut Cancel| std::mem::replace(&mut cancel.forwarded, true);
                if self.canceled.get_mut(&runner).is_some_and(forwarded) {
                    return Some(format!("{}'s runner of {job} passed its cancel on again", record.host));
                }
            }
            "runner.force_cancel" => self.heeded(&runner),
            "runner.sent" if matches!(record.field("message"), Some("fail" | "complete")) => self.heeded(&runner),
            "runner.ended" => self.forget(|other| *other == runner),
            "runner.phase" => {
                let phase = record.field("phase").unwrap_or_default();
                if self.canceled.contains_key(&runner) {
                    return Some(format!(
                        "{}'s runner of {job} was cancelled, and then began its {phase}",
                        record.host
                    ));
                }
                if let Some(told) = self.told.get(&record.host).filter(|told| **told < record.at) {
                    let told = show_duration(*told);
                    return Some(format!(
                        "{} was told at {told} to cancel what it has, and {job} began its {phase}",
                        record.host
                    ));
                }
            }
            _ => {}
        }
        None
    }
}

impl Invariant for CancelHeeded {
    fn id(&self) -> &'static str {
        "cancel-heeded"
    }

    fn about(&self) -> &'static str {
        "a runner that learns of a cancel passes it on at once, in every phase, once, and begins no further phase"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        let violation = self.look(record.at);
        if let Some(host) = begins_anew(record) {
            self.told.remove(host);
            self.forget(|(other, _)| other == host);
        }
        match record.event.as_str() {
            "daemon.told_to_stop" if record.field("cancel") == Some("true") => {
                self.told.entry(record.host.clone()).or_insert(record.at);
            }
            event if event.starts_with("runner.") => {
                let message = record.field("job").and_then(|job| self.runner(job, record));
                let broken = message.map(|message| Violation { id: self.id(), message, ordinal: record.ordinal });
                return violation.or(broken);
            }
            _ => {}
        }
        violation
    }

    fn finish(&mut self, end: Duration) -> Option<Violation> {
        self.look(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    const APPLY: &[(&str, &str)] = &[("job", "job#1"), ("phase", "apply")];
    const CANCEL: &[(&str, &str)] = &[("cancel", "true")];

    fn canceled(settled: &'static str) -> Log {
        let fields = [("job", "job#1"), ("by", "user"), ("settled", settled)];
        Log::new().add(1, "prov-1", "runner.started", APPLY).add(9, "prov-1", "runner.canceled", &fields)
    }

    #[test]
    fn kept() {
        assert_kept(
            CancelHeeded::default(),
            &canceled("false").add(9, "prov-1", "runner.cancel_forwarded", APPLY).end(99),
        );
        assert_kept(CancelHeeded::default(), &canceled("true").end(99));
        assert_kept(CancelHeeded::default(), &canceled("false"));
        let fail = [("job", "job#1"), ("message", "fail")];
        assert_kept(CancelHeeded::default(), &canceled("false").add(9, "prov-1", "runner.sent", &fail).end(99));
        let killed = [("host", "prov-1")];
        assert_kept(CancelHeeded::default(), &canceled("false").add(9, "-", "host.killed", &killed).end(99));
        let told = |at| Log::new().add(at, "prov-1", "daemon.told_to_stop", CANCEL);
        assert_kept(CancelHeeded::default(), &told(9).add(9, "prov-1", "runner.phase", APPLY));
        assert_kept(CancelHeeded::default(), &told(5).add(9, "prov-2", "runner.phase", APPLY));
        let restarted = told(5).add(6, "-", "host.killed", &killed);
        assert_kept(CancelHeeded::default(), &restarted.add(9, "prov-1", "runner.phase", APPLY));
        let drained = Log::new().add(5, "prov-1", "daemon.told_to_stop", &[("cancel", "false")]);
        assert_kept(CancelHeeded::default(), &drained.add(9, "prov-1", "runner.phase", APPLY));
        // The same job, run again.
        let ended = canceled("true").add(10, "prov-1", "runner.ended", APPLY);
        assert_kept(CancelHeeded::default(), &ended.add(11, "prov-1", "runner.phase", APPLY));
    }

    #[test]
    fn broken_by_a_cancel_that_is_not_passed_on() {
        assert_broken(CancelHeeded::default(), &canceled("false").end(10), 1, &["prov-1", "job#1", "9s"]);
        let late = canceled("false").add(10, "prov-1", "runner.cancel_forwarded", APPLY);
        assert_broken(CancelHeeded::default(), &late, 1, &["job#1"]);
    }

    #[test]
    fn broken_by_a_cancel_that_is_passed_on_again() {
        let log = canceled("false").add(9, "prov-1", "runner.cancel_forwarded", APPLY);
        let log = log.add(14, "prov-1", "runner.cancel_forwarded", APPLY);
        assert_broken(CancelHeeded::default(), &log, 3, &["job#1", "again"]);
    }

    #[test]
    fn broken_by_a_further_phase() {
        let log = canceled("false").add(9, "prov-1", "runner.cancel_forwarded", APPLY);
        assert_broken(CancelHeeded::default(), &log.add(20, "prov-1", "runner.phase", APPLY), 3, &["job#1", "apply"]);
        let told = Log::new().add(5, "prov-1", "daemon.told_to_stop", CANCEL);
        assert_broken(CancelHeeded::default(), &told.add(9, "prov-1", "runner.phase", APPLY), 1, &["job#1", "5s"]);
    }
}
