//! `audit-once`: who did what to a workspace can be read afterwards, once.
//!
//! The end of a build (`job.completed`, `job.failed` or `job.canceled` of a job that was queued for one) and its entry
//! in the audit trail (`audit.written`) are one transaction, so they are told in one instant. Nothing else is entered:
//! neither what has not ended nor anything twice.

use std::{collections::BTreeMap, time::Duration};

use super::{Invariant, Violation, is_terminal};
use crate::{Record, scenario::units::show_duration};

/// See the module.
#[derive(Default)]
pub(super) struct AuditOnce {
    /// By job: what is known of a build's end.
    builds: BTreeMap<String, Build>,
    /// A build of which one of the two has been told and not yet the other.
    half: Option<String>,
}

#[derive(Default)]
struct Build {
    /// When it ended, in which record.
    ended: Option<(Duration, u64)>,
    /// When that was entered, in which record.
    entered: Option<(Duration, u64)>,
}

impl AuditOnce {
    /// Finds a build of which one of the two was not told in the other's instant.
    fn look(&mut self, now: Option<Duration>) -> Option<Violation> {
        let job = self.half.as_ref()?;
        let Build { ended, entered } = self.builds.get(job)?;
        let (message, at, ordinal) = match (*ended, *entered) {
            (Some((at, ordinal)), None) => ("ended, and that was not entered in the audit trail", at, ordinal),
            (None, Some((at, ordinal))) => ("was entered in the audit trail, and had not ended", at, ordinal),
            _ => return None,
        };
        if now.is_some_and(|now| now <= at) {
            return None;
        }
        let message = format!("{job} {message} at {}", show_duration(at));
        self.half = None;
        Some(Violation { id: self.id(), message, ordinal })
    }
}

impl Invariant for AuditOnce {
    fn id(&self) -> &'static str {
        "audit-once"
    }

    fn about(&self) -> &'static str {
        "the end of each workspace build is entered in the audit trail in its instant, once, and nothing else is"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        let late = self.look(Some(record.at));
        let Some(job) = record.field("job") else { return late };
        match record.event.as_str() {
            "build.queued" => {
                self.builds.insert(job.to_owned(), Build::default());
            }
            "audit.written" => {
                let Some(build) = self.builds.get_mut(job) else {
                    let message = format!("{job} was entered in the audit trail, and is no build");
                    return late.or(Some(Violation { id: self.id(), message, ordinal: record.ordinal }));
                };
                if build.entered.is_some() {
                    let message = format!("{job} was entered in the audit trail twice");
                    return late.or(Some(Violation { id: self.id(), message, ordinal: record.ordinal }));
                }
                build.entered = Some((record.at, record.ordinal));
                self.half = build.ended.is_none().then(|| job.to_owned());
            }
            event if is_terminal(event) => {
                if let Some(build) = self.builds.get_mut(job) {
                    build.ended = build.ended.or(Some((record.at, record.ordinal)));
                    self.half = build.entered.is_none().then(|| job.to_owned());
                }
            }
            _ => {}
        }
        late
    }

    fn finish(&mut self, _end: Duration) -> Option<Violation> {
        self.look(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    const JOB: &[(&str, &str)] = &[("job", "job#1")];

    fn queued() -> Log {
        Log::new().add(1, "control", "build.queued", JOB)
    }

    #[test]
    fn kept() {
        for end in ["job.completed", "job.failed", "job.canceled"] {
            assert_kept(
                AuditOnce::default(),
                &queued().add(2, "control", end, JOB).add(2, "control", "audit.written", JOB),
            );
            let before = queued().add(2, "control", "audit.written", JOB).add(2, "control", end, JOB);
            assert_kept(AuditOnce::default(), &before.end(9));
        }
        assert_kept(AuditOnce::default(), &queued().end(9));
        let import = Log::new().add(1, "control", "version.queued", JOB).add(2, "control", "job.completed", JOB);
        assert_kept(AuditOnce::default(), &import.end(9));
    }

    #[test]
    fn broken() {
        let ended = || queued().add(2, "control", "job.failed", JOB);
        assert_broken(AuditOnce::default(), &ended().end(9), 1, &["job#1", "2s"]);
        let late = ended().add(3, "control", "audit.written", JOB);
        assert_broken(AuditOnce::default(), &late, 1, &["job#1"]);
        let twice = ended().add(2, "control", "audit.written", JOB).add(2, "control", "audit.written", JOB);
        assert_broken(AuditOnce::default(), &twice, 3, &["job#1", "twice"]);
        assert_broken(AuditOnce::default(), &queued().add(2, "control", "audit.written", JOB).end(9), 1, &["job#1"]);
        let import = Log::new().add(1, "control", "version.queued", JOB).add(2, "control", "audit.written", JOB);
        assert_broken(AuditOnce::default(), &import, 1, &["job#1", "no build"]);
    }
}
