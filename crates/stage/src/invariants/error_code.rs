//! `error-code`: who asks why a build failed is told so in the one code that belongs to it.
//!
//! A job whose last quota decision refused its plan, and which then fails with the words for that, says so in its
//! code too. Nothing is said of other failures: their texts are a provisioner's own.

use std::collections::BTreeSet;

use super::{Invariant, Violation};
use crate::Record;

const REFUSED: &str = "insufficient quota";
const CODE: &str = "INSUFFICIENT_QUOTA";

/// See the module.
#[derive(Default)]
pub(super) struct ErrorCode {
    /// Jobs whose last quota decision was a refusal.
    refused: BTreeSet<String>,
}

impl Invariant for ErrorCode {
    fn id(&self) -> &'static str {
        "error-code"
    }

    fn about(&self) -> &'static str {
        "a build that is refused for its cost fails with the code for that"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        let job = record.field("job")?;
        match record.event.as_str() {
            "quota.committed" if record.field("ok") == Some("false") => {
                self.refused.insert(job.to_owned());
            }
            "quota.committed" => {
                self.refused.remove(job);
            }
            "job.failed" if self.refused.contains(job) && record.field("error") == Some(REFUSED) => {
                let code = record.field("code").unwrap_or_default();
                return (code != CODE).then(|| Violation {
                    id: self.id(),
                    message: format!("{job} was refused for its cost, and failed with the code {code:?}, not {CODE}"),
                    ordinal: record.ordinal,
                });
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

    fn failed(ok: &'static str, error: &'static str, code: &'static str) -> Log {
        Log::new().add(1, "control", "quota.committed", &[("job", "job#1"), ("ok", ok)]).add(
            2,
            "control",
            "job.failed",
            &[("job", "job#1"), ("error", error), ("code", code)],
        )
    }

    #[test]
    fn kept() {
        assert_kept(ErrorCode::default(), &failed("false", REFUSED, CODE));
        assert_kept(ErrorCode::default(), &failed("false", "Cancel timed out", ""));
        // A template's own words.
        assert_kept(ErrorCode::default(), &failed("true", REFUSED, ""));
    }

    #[test]
    fn broken_by_another_code_or_none() {
        for code in ["", "MISSING_TEMPLATE_PARAMETER"] {
            assert_broken(ErrorCode::default(), &failed("false", REFUSED, code), 1, &["job#1", CODE]);
        }
    }
}
