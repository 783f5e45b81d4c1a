//! `import-activates`: nobody gets a template that could not be read.
//!
//! A version that was queued for its import (`version.queued`) is imported (`version.imported`) only as its job ends
//! well, and active (`version.activated`) only after that. Versions that were there from the first need no import.

use std::collections::{BTreeMap, BTreeSet};

use super::{Invariant, Violation};
use crate::Record;

/// See the module.
#[derive(Default)]
pub(super) struct ImportActivates {
    /// By version: the job of its import.
    imports: BTreeMap<String, String>,
    /// Jobs that failed or were canceled.
    failed: BTreeSet<String>,
    /// Versions that were imported.
    imported: BTreeSet<String>,
}

impl Invariant for ImportActivates {
    fn id(&self) -> &'static str {
        "import-activates"
    }

    fn about(&self) -> &'static str {
        "a template's version is activated only after its import has succeeded"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        let message = match record.event.as_str() {
            "version.queued" => {
                self.imports.insert(record.field("version")?.to_owned(), record.field("job")?.to_owned());
                return None;
            }
            "job.failed" | "job.canceled" => {
                self.failed.insert(record.field("job")?.to_owned());
                return None;
            }
            "job.completed" if record.field("status") != Some("succeeded") => {
                self.failed.insert(record.field("job")?.to_owned());
                return None;
            }
            "version.imported" => {
                let version = record.field("version")?;
                self.imported.insert(version.to_owned());
                let job = self.imports.get(version).filter(|job| self.failed.contains(*job))?;
                format!("{version} was imported although {job} had not succeeded")
            }
            "version.activated" => {
                let version = record.field("version")?;
                let job = self.imports.get(version).filter(|_| !self.imported.contains(version))?;
                format!("{version} was activated before {job} had imported it")
            }
            _ => return None,
        };
        Some(Violation { id: self.id(), message, ordinal: record.ordinal })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    const VERSION: &[(&str, &str)] = &[("job", "job#1"), ("version", "version#1"), ("status", "succeeded")];

    fn queued() -> Log {
        Log::new().add(1, "control", "version.queued", VERSION)
    }

    #[test]
    fn kept() {
        let log = queued().add(2, "control", "job.completed", VERSION).add(2, "control", "version.imported", VERSION);
        assert_kept(ImportActivates::default(), &log.add(2, "control", "version.activated", VERSION));
        let from_the_first = Log::new().add(2, "control", "version.activated", VERSION);
        assert_kept(ImportActivates::default(), &from_the_first);
        assert_kept(ImportActivates::default(), &queued().add(2, "control", "job.failed", VERSION));
    }

    #[test]
    fn broken() {
        let early = queued().add(2, "control", "version.activated", VERSION);
        assert_broken(ImportActivates::default(), &early, 1, &["version#1", "job#1"]);
        for (event, fields) in [("job.failed", VERSION), ("job.completed", &[("job", "job#1"), ("status", "canceled")])]
        {
            let failed = queued().add(2, "control", event, fields).add(2, "control", "version.imported", VERSION);
            assert_broken(ImportActivates::default(), &failed, 2, &["version#1", "job#1"]);
        }
    }
}
