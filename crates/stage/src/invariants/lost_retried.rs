//! `lost-retried`: what had no answer is said again, and soon.
//!
//! An update that was lost (`runner.lost`) is followed by another call about the job within the back-off that belongs
//! to the number of losses in a row, and a second; the call may be the terminal message, which makes updates needless.
//! An update without lines that was sent sooner than a heartbeat was due is an exception: it was to end a wait, and the
//! wait may be over.
//!
//! A terminal message that was lost is followed by another one in the same way. A runner says that it has ended only
//! when it was heard: not straight after a loss, unless its daemon has closed.
//!
//! A host that was suspended, or whose clock was touched, has all of that time before it.

use std::{collections::BTreeMap, time::Duration};

use groundhog_provisioner::RunnerConfig;

use super::{Bounds, Invariant, Violation, begins_anew, weather::Weather};
use crate::{Record, scenario::units::show_duration};

/// See the module.
pub(super) struct LostRetried {
    wait_min: Duration,
    wait_max: Duration,
    /// What a machine takes, at most, to act on a timer.
    machine: Duration,
    /// The longest time between two heartbeats.
    update_interval: Duration,
    weather: Weather,
    /// By host and job.
    runners: BTreeMap<(String, String), Losses>,
}

/// What a runner has lost.
#[derive(Default)]
struct Losses {
    updates: Call,
    terminals: Call,
    /// What an import has found is being handed over, beside the updates.
    declaring: bool,
}

/// The losses of one kind of call.
#[derive(Default)]
struct Call {
    /// How many in a row, at least.
    in_a_row: u32,
    /// The control plane has taken the last one, and nothing is known that would keep its answer away. A call that
    /// was dropped, as a cancel may do with it, shows neither an answer nor a loss.
    is_heard: bool,
    /// The control plane has taken it, or something else that an import said.
    may_be_heard: bool,
    /// When the last one was sent.
    sent: Option<Duration>,
    /// When the last one that was answered was sent.
    answered: Option<Duration>,
    /// Whether it has to be sent again if it is lost.
    matters: bool,
    /// When the last one that matters was lost, in which record; none if another call was begun since.
    open: Option<(Duration, u64)>,
}

impl Call {
    fn lost(&mut self, record: &Record) {
        self.in_a_row = self.in_a_row.saturating_add(1);
        (self.is_heard, self.may_be_heard) = (false, false);
        self.open = self.matters.then_some((record.at, record.ordinal));
    }

    /// Another call is begun; it matters by itself after so long a silence.
    fn begun(&mut self, at: Duration, silence: Duration) {
        let (is_heard, may_be_heard) = (std::mem::take(&mut self.is_heard), std::mem::take(&mut self.may_be_heard));
        if is_heard {
            self.in_a_row = 0;
        }
        if is_heard || may_be_heard {
            self.matters = false;
            self.answered = self.sent.or(self.answered);
        }
        self.matters |= self.answered.is_none_or(|answered| at.saturating_sub(answered) >= silence);
        (self.sent, self.open) = (Some(at), None);
    }
}

impl LostRetried {
    pub(super) fn new(bounds: &Bounds) -> Self {
        let RunnerConfig { retry_wait_min, retry_wait_max, .. } = RunnerConfig::default();
        Self {
            wait_min: retry_wait_min,
            wait_max: retry_wait_max,
            machine: bounds.machine,
            update_interval: bounds.update_interval,
            weather: Weather::default(),
            runners: BTreeMap::new(),
        }
    }

    /// By when the call must have been tried again.
    fn deadline(&self, host: &str, call: &Call) -> Option<Duration> {
        let (lost, _) = call.open?;
        let well_since = self.weather.host_well_since(host)?;
        // Waits grow by less than two.
        let grown = 2_u32.saturating_pow(call.in_a_row);
        let wait = self.wait_min.saturating_mul(grown).min(self.wait_max).saturating_add(self.machine);
        Some(lost.max(well_since).saturating_add(self.weather.stretched(wait)))
    }

    fn look(&mut self, now: Duration) -> Option<Violation> {
        let late = self.runners.iter().find_map(|(runner, losses)| {
            let is_late = |call: &Call| self.deadline(&runner.0, call).is_some_and(|deadline| deadline < now);
            (is_late(&losses.updates) || is_late(&losses.terminals)).then(|| runner.clone())
        })?;
        let losses = self.runners.remove(&late)?;
        let (lost, ordinal) = losses.terminals.open.or(losses.updates.open)?;
        let (host, job) = late;
        let message =
            format!("{host} had no answer about {job} at {}, and did not soon ask again", show_duration(lost));
        Some(Violation { id: self.id(), message, ordinal })
    }
}

impl Invariant for LostRetried {
    fn id(&self) -> &'static str {
        "lost-retried"
    }

    fn about(&self) -> &'static str {
        "a runner's update or terminal message that had no answer is sent again after a short wait"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        let violation = self.look(record.at);
        self.weather.observe(record);
        if let Some(host) = begins_anew(record) {
            self.runners.retain(|(other, _), _| other != host);
            return violation;
        }
        let Some(job) = record.field("job") else { return violation };
        if let Some(worker) = record.field("worker").filter(|_| record.event == "job.updated") {
            // A daemon's host is called like it. The job may have been given to another one meanwhile.
            if let Some(losses) = self.runners.get_mut(&(worker.to_owned(), job.to_owned())) {
                // What an import hands over is an update too: then it is not told which of the two it was.
                let declaring = losses.declaring;
                if declaring {
                    losses.updates.may_be_heard = true;
                } else {
                    losses.updates.is_heard = true;
                }
            }
        }
        if !record.event.starts_with("runner.") {
            return violation;
        }
        let runner = (record.host.clone(), job.to_owned());
        match (record.event.as_str(), record.field("message").unwrap_or_default()) {
            ("runner.lost", "update") => self.runners.entry(runner).or_default().updates.lost(record),
            ("runner.lost", "terminal") => self.runners.entry(runner).or_default().terminals.lost(record),
            ("runner.started", _) => {
                // What is delivered counts as heard.
                self.runners.entry(runner).or_default().updates.answered = Some(record.at);
            }
            ("runner.canceled", _) => self.runners.entry(runner).or_default().updates.is_heard = false,
            ("runner.sent", "declare") => self.runners.entry(runner).or_default().declaring = true,
            ("runner.lost", "declare") | ("runner.phase", _) => {
                self.runners.entry(runner).or_default().declaring = false;
            }
            ("runner.logs_sent", _) => self.runners.entry(runner).or_default().updates.matters = true,
            ("runner.sent", "update") => {
                self.runners.entry(runner).or_default().updates.begun(record.at, self.update_interval);
            }
            ("runner.sent", "fail" | "complete") => {
                let losses = self.runners.entry(runner).or_default();
                losses.updates.open = None;
                losses.terminals.begun(record.at, Duration::ZERO);
            }
            ("runner.ended", _) => {
                let losses = self.runners.remove(&runner).unwrap_or_default();
                let open = losses.terminals.open.filter(|_| record.field("outcome") != Some("stopped"));
                let broken = open.map(|_| Violation {
                    id: self.id(),
                    message: format!("{}'s runner of {job} ended without an answer to its last word", record.host),
                    ordinal: record.ordinal,
                });
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

    fn invariant() -> LostRetried {
        LostRetried::new(&Bounds::default())
    }

    fn fields(message: &'static str) -> [(&'static str, &'static str); 2] {
        [("job", "job#1"), ("message", message)]
    }

    fn lost(message: &'static str) -> Log {
        let sent = if message == "terminal" { "fail" } else { message };
        Log::new().add(1, "prov-1", "runner.sent", &fields(sent)).add(2, "prov-1", "runner.lost", &fields(message))
    }

    #[test]
    fn kept() {
        for (lost_message, then) in [("update", "update"), ("update", "complete"), ("terminal", "fail")] {
            assert_kept(invariant(), &lost(lost_message).add(3, "prov-1", "runner.sent", &fields(then)).end(99));
        }
        assert_kept(invariant(), &lost("quota").end(99));
        let stopped = [("job", "job#1"), ("outcome", "stopped")];
        assert_kept(invariant(), &lost("terminal").add(2, "prov-1", "runner.ended", &stopped).end(99));
        let host = [("host", "prov-1")];
        assert_kept(invariant(), &lost("update").add(3, "-", "host.killed", &host).end(99));
        let suspended = lost("update").add(3, "-", "host.suspended", &host).add(50, "-", "host.resumed", &host);
        assert_kept(invariant(), &suspended.add(51, "prov-1", "runner.sent", &fields("update")).end(99));
    }

    #[test]
    fn an_update_that_says_nothing_and_was_not_due_may_be_let_be() {
        let sent = |at| {
            Log::new().add(1, "prov-1", "runner.started", &fields("")).add(
                at,
                "prov-1",
                "runner.sent",
                &fields("update"),
            )
        };
        let lost = |log: Log, at| log.add(at, "prov-1", "runner.lost", &fields("update")).end(99);
        assert_kept(invariant(), &lost(sent(3), 4));
        // A heartbeat, and one with lines.
        assert_broken(invariant(), &lost(sent(7), 8), 2, &["prov-1"]);
        assert_broken(invariant(), &lost(sent(3).add(3, "prov-1", "runner.logs_sent", &fields("")), 4), 3, &["prov-1"]);
    }

    #[test]
    fn a_call_that_was_dropped_is_no_answer() {
        let mut log = Log::new();
        for at in 0..9 {
            log = log.add(at, "prov-1", "runner.sent", &fields("update"));
            log = log.add(at, "prov-1", "runner.lost", &fields("update"));
        }
        let log = log.add(9, "prov-1", "runner.sent", &fields("update"));
        let log = log.add(10, "prov-1", "runner.canceled", &fields(""));
        let log = log.add(10, "prov-1", "runner.sent", &fields("update"));
        let log = log.add(11, "prov-1", "runner.lost", &fields("update"));
        assert_kept(invariant(), &log.add(16, "prov-1", "runner.sent", &fields("update")));
    }

    #[test]
    fn an_import_that_is_heard_says_nothing_of_its_heartbeats() {
        let mut log = Log::new().add(0, "prov-1", "runner.sent", &fields("declare"));
        for at in 0..9 {
            log = log.add(at, "prov-1", "runner.sent", &fields("update"));
            log = log.add(at, "prov-1", "runner.lost", &fields("update"));
        }
        let log = log.add(9, "prov-1", "runner.sent", &fields("update"));
        let log = log.add(9, "control", "job.updated", &[("job", "job#1"), ("worker", "prov-1")]);
        let log = log.add(15, "prov-1", "runner.sent", &fields("update"));
        assert_kept(invariant(), &log.add(15, "prov-1", "runner.lost", &fields("update")).end(19));
    }

    #[test]
    fn waits_may_grow_with_losses_in_a_row() {
        let mut log = Log::new();
        for at in 0..9 {
            log = log.add(at, "prov-1", "runner.sent", &fields("update"));
            log = log.add(at, "prov-1", "runner.lost", &fields("update"));
        }
        assert_kept(invariant(), &log.add(14, "prov-1", "runner.sent", &fields("update")));
    }

    #[test]
    fn broken_by_a_wait_that_is_too_long() {
        assert_broken(invariant(), &lost("update").end(4), 1, &["prov-1", "job#1", "2s"]);
        let late = lost("update").add(7, "prov-1", "runner.sent", &fields("update"));
        assert_broken(invariant(), &late, 1, &["job#1"]);
        // An answer in between begins the count again.
        let mut log = Log::new();
        for at in 0..9 {
            log = log.add(at, "prov-1", "runner.sent", &fields("update"));
            log = log.add(at, "prov-1", "runner.lost", &fields("update"));
        }
        let log = log.add(9, "prov-1", "runner.sent", &fields("update"));
        let log = log.add(9, "control", "job.updated", &[("job", "job#1"), ("worker", "prov-1")]);
        let log = log.add(15, "prov-1", "runner.sent", &fields("update"));
        assert_broken(invariant(), &log.add(15, "prov-1", "runner.lost", &fields("update")).end(19), 21, &[]);
    }

    #[test]
    fn broken_by_an_end_that_nobody_heard_of() {
        let refused = [("job", "job#1"), ("outcome", "refused")];
        let log = lost("terminal").add(2, "prov-1", "runner.ended", &refused);
        assert_broken(invariant(), &log, 2, &["prov-1", "job#1"]);
    }
}
