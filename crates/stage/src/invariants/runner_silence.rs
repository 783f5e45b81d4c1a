//! `runner-silence`: who is done says nothing more.
//!
//! On one host, for one job: after `runner.ended` no call about the job is begun until a new `runner.started`.
//! Already after the first `fail` or `complete` there is only more of these, which are repeated until they are
//! answered. A runner dies with its host and without a word; that needs no rule, since nothing is sent then either.

use std::collections::BTreeMap;

use super::{Invariant, Violation};
use crate::Record;

/// See the module.
#[derive(Default)]
pub(super) struct RunnerSilence {
    /// By host and job: what a runner has last said of its end.
    endings: BTreeMap<(String, String), Ending>,
}

#[derive(Clone)]
enum Ending {
    /// Its terminal message is on its way.
    Told(String),
    /// It is done.
    Ended,
}

impl Invariant for RunnerSilence {
    fn id(&self) -> &'static str {
        "runner-silence"
    }

    fn about(&self) -> &'static str {
        "after its terminal message, or after being stopped, a runner sends nothing about that job"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        if !record.event.starts_with("runner.") {
            return None;
        }
        let job = record.field("job")?;
        let runner = (record.host.clone(), job.to_owned());
        match record.event.as_str() {
            "runner.started" => {
                self.endings.remove(&runner);
            }
            "runner.ended" => {
                self.endings.insert(runner, Ending::Ended);
            }
            "runner.sent" => {
                let message = record.field("message").unwrap_or_default();
                let is_terminal = matches!(message, "fail" | "complete");
                let after = match self.endings.get(&runner) {
                    Some(Ending::Ended) => Some("had ended".to_owned()),
                    Some(Ending::Told(told)) if !is_terminal => Some(format!("had sent {told}")),
                    Some(Ending::Told(_)) => None,
                    None => {
                        if is_terminal {
                            self.endings.insert(runner, Ending::Told(message.to_owned()));
                        }
                        None
                    }
                };
                return after.map(|after| Violation {
                    id: self.id(),
                    message: format!("{}'s runner of {job} {after}, and then sent {message}", record.host),
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

    const JOB: &[(&str, &str)] = &[("job", "job#1")];

    fn sent(message: &'static str) -> [(&'static str, &'static str); 2] {
        [("job", "job#1"), ("message", message)]
    }

    fn started() -> Log {
        Log::new().add(1, "prov-1", "runner.started", JOB).add(2, "prov-1", "runner.sent", &sent("update"))
    }

    #[test]
    fn kept() {
        let log = started()
            .add(3, "prov-1", "runner.sent", &sent("complete"))
            .add(4, "prov-1", "runner.sent", &sent("complete"))
            .add(5, "prov-1", "runner.sent", &sent("fail"))
            .add(6, "prov-1", "runner.ended", JOB)
            .add(7, "prov-2", "runner.sent", &sent("update"))
            .add(8, "prov-1", "runner.sent", &[("job", "job#2"), ("message", "update")])
            .add(9, "prov-1", "runner.started", JOB)
            .add(9, "prov-1", "runner.sent", &sent("update"));
        assert_kept(RunnerSilence::default(), &log);
    }

    #[test]
    fn broken_after_the_end() {
        for message in ["update", "quota", "fail", "complete"] {
            let log = started().add(3, "prov-1", "runner.ended", JOB);
            let log = log.add(4, "prov-1", "runner.sent", &sent(message));
            assert_broken(RunnerSilence::default(), &log, 3, &["prov-1", "job#1", "had ended", message]);
        }
    }

    #[test]
    fn broken_after_the_terminal_message() {
        for terminal in ["fail", "complete"] {
            for message in ["update", "quota"] {
                let log = started().add(3, "prov-1", "runner.sent", &sent(terminal));
                let log = log.add(4, "prov-1", "runner.sent", &sent(message));
                assert_broken(RunnerSilence::default(), &log, 3, &["prov-1", "job#1", terminal, message]);
            }
        }
    }
}
