//! The rules of a run, acted out: what a runner says to whom, and when, in whole seconds.

use groundhog_wire::v1::Transition;

use super::words::{
    Answer, CLOSING_FLUSH, Call, End, FORCE_CANCEL, HEARTBEAT, Kind, LAST_FLUSH, MESSAGE_LINES, PHASE_FLUSH, Place,
    RETRY, Seen, Step, Wait, failed, reason,
};

#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) kind: Kind,
    pub(super) now: u64,
    pub(super) place: Place,
    canceled_at: Option<u64>,
    lines: u64,
    stored: u64,
    /// When an update was last accepted.
    heard_at: u64,
    /// The update in flight: its last line, and whether it was begun after the present wait.
    update: Option<(u64, bool)>,
    /// When the next one may be made.
    update_from: u64,
    wait: Option<Wait>,
    pub(super) seen: Seen,
}

impl Reference {
    /// A run that has not begun.
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            now: 0,
            place: Place::New,
            canceled_at: None,
            lines: 0,
            stored: 0,
            heard_at: 0,
            update: None,
            update_from: 0,
            wait: None,
            seen: Seen::default(),
        }
    }

    pub(super) fn is_decided(&self) -> bool {
        matches!(self.place, Place::LastFlush(_) | Place::Terminal(..) | Place::Over(_))
    }

    pub(super) fn take(&mut self, step: Step) {
        match step {
            Step::Start(false) => self.tell(failed("open session: no")),
            Step::Start(true) => {
                self.seen.session = true;
                self.lines += 1;
                self.seen.requests.push("Config");
                if self.canceled_at.is_some() {
                    self.seen.requests.push("Cancel");
                    // The session is there, so there is something to clean up.
                    self.place = Place::Planning;
                    self.decide(failed("provisioning was canceled"), LAST_FLUSH);
                } else if self.kind == Kind::Import {
                    self.lines += 1;
                    self.ask("Parse", Place::Parsing);
                } else {
                    self.ask("Plan", Place::Planning);
                }
            }
            Step::Update(answer) => self.update_answered(answer),
            Step::Quota(answer) => self.quota_answered(answer),
            Step::Terminal(answer) => self.terminal_answered(answer),
            Step::Logs(count) => {
                // They come one by one, and the first may be sent before the next is there.
                for _ in 0..count {
                    self.lines += 1;
                    self.settle();
                }
            }
            Step::Declare(answer) => self.declared(answer),
            Step::Parsed { fails } => self.parsed(fails),
            Step::Planned { fails, cost } => self.planned(fails, cost),
            Step::Applied { fails: true } => self.decide(failed("no"), LAST_FLUSH),
            Step::Applied { .. } => self.decide(End::Completed, LAST_FLUSH),
            Step::OutOfTurn => {
                let kind = if self.place == Place::Applying { "Planned" } else { "Applied" };
                let what = format!("invalid message type {kind:?} received from provisioner");
                let end = failed(format!("{}{what}", self.prefix()));
                self.seen.session = false;
                self.decide(end, LAST_FLUSH);
            }
            Step::SessionEnds => {
                let what = match (self.kind, &self.place) {
                    (Kind::Build(_), _) => "recv workspace provision: gone",
                    (_, Place::Parsing) => "recv parse source: gone",
                    _ => "recv import provision: gone",
                };
                self.decide(failed(format!("{}{what}", self.prefix())), LAST_FLUSH);
            }
            Step::Shutdown => self.cancel(),
            Step::Close => match &self.place {
                Place::LastFlush(_) => {
                    let until = self.now + CLOSING_FLUSH;
                    self.wait.iter_mut().for_each(|wait| wait.until = wait.until.min(until));
                }
                Place::Terminal(..) | Place::Over(_) => {}
                _ => {
                    self.seen.session = false;
                    self.decide(failed("closed"), CLOSING_FLUSH);
                }
            },
            Step::Stop => self.end("stopped".to_owned()),
            Step::Pass(_) => {}
        }
    }

    fn ask(&mut self, request: &'static str, place: Place) {
        self.seen.requests.push(request);
        self.place = place;
    }

    /// The words before what went wrong in a session.
    fn prefix(&self) -> &'static str {
        match (self.kind, &self.place) {
            (Kind::Build(_), _) => "",
            (Kind::DryRun, _) => "run dry-run provision job: ",
            (Kind::Import, Place::Parsing | Place::Declaring(_)) => "run parse: ",
            (Kind::Import, Place::PlanningStop) => "template import provision for stop: ",
            (Kind::Import, _) => "template import provision for start: ",
        }
    }

    fn parsed(&mut self, fails: bool) {
        if fails {
            self.decide(failed("run parse: parse error: no"), LAST_FLUSH);
        } else if self.canceled_at.is_some() {
            self.decide(failed("provisioning was canceled"), LAST_FLUSH);
        } else {
            self.place = Place::Declaring(Call::From(self.now));
        }
    }

    fn declared(&mut self, answer: Answer<bool>) {
        match answer {
            Answer::Lost => self.place = Place::Declaring(Call::From(self.now + RETRY)),
            Answer::Over => self.end(format!("refused: {}", reason(answer))),
            Answer::Refused => {
                self.place = Place::Declaring(Call::From(self.now));
                self.decide(failed(format!("update job: {}", reason(answer))), LAST_FLUSH);
            }
            Answer::Ok(canceled) => {
                self.place = Place::Declaring(Call::From(self.now));
                // It proves as much as a heartbeat.
                self.heard_at = self.now;
                if canceled {
                    self.cancel();
                } else {
                    self.lines += 1;
                    self.ask("Plan", Place::Planning);
                }
            }
        }
    }

    fn planned(&mut self, fails: bool, cost: i32) {
        let is_last = self.kind == Kind::DryRun || self.place == Place::PlanningStop;
        if fails {
            self.decide(failed(format!("{}no", self.prefix())), LAST_FLUSH);
        } else if is_last {
            self.decide(End::Completed, LAST_FLUSH);
        } else if self.canceled_at.is_some() {
            // A cancelled job begins no further phase.
            self.decide(failed("provisioning was canceled"), LAST_FLUSH);
        } else if self.kind == Kind::Import {
            self.lines += 1;
            self.ask("Plan", Place::PlanningStop);
        } else {
            let asks = cost != 0 && self.kind != Kind::Build(Transition::Destroy);
            self.wait_for_flush(PHASE_FLUSH);
            self.place = if asks { Place::FlushBeforeQuota(cost) } else { Place::FlushBeforeApply };
        }
    }

    /// The first cancel is forwarded in every phase (J7) and starts the force-cancel timer (J6).
    fn cancel(&mut self) {
        if self.canceled_at.is_some() {
            return;
        }
        self.canceled_at = Some(self.now);
        match self.place {
            Place::Parsing | Place::Planning | Place::PlanningStop | Place::Applying => {
                self.seen.requests.push("Cancel");
            }
            Place::Declaring(_) | Place::FlushBeforeQuota(_) | Place::Quota(..) | Place::FlushBeforeApply => {
                self.seen.requests.push("Cancel");
                self.decide(failed("provisioning was canceled"), LAST_FLUSH);
            }
            Place::New | Place::LastFlush(_) | Place::Terminal(..) | Place::Over(_) => {}
        }
    }

    fn wait_for_flush(&mut self, seconds: u64) {
        self.wait = Some(Wait { lines: self.lines, until: self.now + seconds, heard: false });
        if let Some((_, serves)) = &mut self.update {
            *serves = false;
        }
    }

    /// The outcome is settled: one more line, and everything is flushed before it is told.
    fn decide(&mut self, end: End, flush: u64) {
        match self.place {
            // Nothing was begun.
            Place::New => return self.tell(end),
            // The phase's own call is dropped, and whatever else is in flight with it.
            Place::Declaring(Call::InFlight) | Place::Quota(_, Call::InFlight) => self.update = None,
            _ => {}
        }
        self.lines += 1;
        self.wait_for_flush(flush);
        self.place = Place::LastFlush(end);
    }

    fn tell(&mut self, end: End) {
        self.update = None;
        self.wait = None;
        self.seen.session = false;
        self.place = Place::Terminal(end, Call::From(self.now));
    }

    fn end(&mut self, outcome: String) {
        self.update = None;
        self.wait = None;
        self.seen.session = false;
        self.place = Place::Over(outcome);
    }

    fn update_answered(&mut self, answer: Answer<bool>) {
        let Some((last, serves)) = self.update.take() else { return };
        match answer {
            Answer::Ok(canceled) => {
                self.stored = last;
                // Only this postpones the next heartbeat (J4).
                self.heard_at = self.now;
                if let Some(wait) = self.wait.as_mut().filter(|_| serves) {
                    wait.heard = true;
                }
                if canceled {
                    self.cancel();
                }
            }
            Answer::Lost => self.update_from = self.now + RETRY,
            Answer::Refused | Answer::Over => {
                let reason = reason(answer);
                match self.place.clone() {
                    Place::LastFlush(end) => self.tell(end),
                    // There is nobody to tell any more.
                    _ if answer == Answer::Over => self.end(format!("refused: {reason}")),
                    _ => self.tell(failed(format!("send periodic update: {reason}"))),
                }
            }
        }
    }

    fn quota_answered(&mut self, answer: Answer<bool>) {
        let Place::Quota(cost, _) = self.place else { return };
        match answer {
            Answer::Lost => self.place = Place::Quota(cost, Call::From(self.now + RETRY)),
            Answer::Over => self.end(format!("refused: {}", reason(answer))),
            Answer::Refused => {
                self.place = Place::Quota(cost, Call::From(self.now));
                self.lines += 1;
                self.decide(failed(format!("commit quota: {}", reason(answer))), LAST_FLUSH);
            }
            Answer::Ok(true) => {
                self.lines += 3;
                self.wait_for_flush(PHASE_FLUSH);
                self.place = Place::FlushBeforeApply;
            }
            Answer::Ok(false) => {
                self.place = Place::Quota(cost, Call::From(self.now));
                self.lines += 4;
                self.decide(End::Failed("insufficient quota".to_owned(), "INSUFFICIENT_QUOTA"), LAST_FLUSH);
            }
        }
    }

    /// Terminal messages are retried until they are accepted, or refused for good (J9).
    fn terminal_answered(&mut self, answer: Answer<()>) {
        let Place::Terminal(end, _) = self.place.clone() else { return };
        match (answer, end) {
            (Answer::Ok(()), End::Completed) => self.end("completed".to_owned()),
            (Answer::Ok(()), End::Failed(error, _)) => self.end(format!("failed: {error}")),
            (Answer::Lost, end) => self.place = Place::Terminal(end, Call::From(self.now + RETRY)),
            // A result that can't be taken becomes a failure that can.
            (Answer::Refused, End::Completed) => self.tell(failed("internal provisionerserver error")),
            (Answer::Refused | Answer::Over, _) => self.end(format!("refused: {}", reason(answer))),
        }
    }

    /// Does what is due by now.
    pub(super) fn settle(&mut self) {
        if self.canceled_at.is_some_and(|at| at + FORCE_CANCEL <= self.now) && !self.is_decided() {
            self.seen.session = false;
            self.decide(failed("Cancel timed out"), LAST_FLUSH);
        }
        let over = |wait: &Wait| (wait.heard && wait.lines <= self.stored) || wait.until <= self.now;
        if self.wait.is_some_and(|wait| over(&wait)) {
            self.wait = None;
            match self.place.clone() {
                Place::FlushBeforeQuota(cost) => self.place = Place::Quota(cost, Call::From(self.now)),
                Place::FlushBeforeApply => {
                    self.lines += 1;
                    self.seen.requests.push("Apply");
                    self.place = Place::Applying;
                }
                Place::LastFlush(end) => self.tell(end),
                _ => {}
            }
        }
        if let Place::Declaring(call) | Place::Quota(_, call) | Place::Terminal(_, call) = &mut self.place
            && matches!(call, Call::From(at) if *at <= self.now)
        {
            *call = Call::InFlight;
        }
        // Updates go from the begin until the terminal message, whatever was cancelled meanwhile (J5).
        let reports = !matches!(self.place, Place::New | Place::Terminal(..) | Place::Over(_));
        let wanted = self.lines > self.stored
            || self.heard_at + HEARTBEAT <= self.now
            || self.wait.is_some_and(|wait| !wait.heard);
        if reports && wanted && self.update.is_none() && self.update_from <= self.now {
            self.update = Some((self.lines.min(self.stored + MESSAGE_LINES), true));
        }
        self.look();
    }

    fn look(&mut self) {
        self.seen.update = self.update.map(|(last, _)| (self.stored + 1..=last).collect());
        self.seen.declare = self.place == Place::Declaring(Call::InFlight);
        self.seen.quota = match self.place {
            Place::Quota(cost, Call::InFlight) => Some(cost),
            _ => None,
        };
        self.seen.terminal = match &self.place {
            Place::Terminal(End::Completed, Call::InFlight) => Some("completed".to_owned()),
            Place::Terminal(End::Failed(error, code), Call::InFlight) => Some(format!("failed: {error} {code}")),
            _ => None,
        };
        self.seen.outcome = match &self.place {
            Place::Over(outcome) => Some(outcome.clone()),
            _ => None,
        };
    }
}
