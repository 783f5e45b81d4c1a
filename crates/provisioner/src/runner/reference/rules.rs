//! The rules of a run, acted out: what a runner says to whom, and when, in whole seconds.

use groundhog_wire::v1::Transition;

pub(super) const HEARTBEAT: u64 = 5;
pub(super) const FORCE_CANCEL: u64 = 20;
pub(super) const PHASE_FLUSH: u64 = 7;
pub(super) const LAST_FLUSH: u64 = 4;
pub(super) const CLOSING_FLUSH: u64 = 3;
pub(super) const RETRY: u64 = 1;
/// How many lines a message carries.
const MESSAGE_LINES: u64 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Answer<T> {
    Ok(T),
    Lost,
    Refused,
    Over,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Start,
    /// The update is answered; accepted, it tells whether a user has cancelled the job.
    Update(Answer<bool>),
    /// The quota is answered; whether it suffices.
    Quota(Answer<bool>),
    Terminal(Answer<()>),
    Logs(u64),
    Planned {
        fails: bool,
        cost: i32,
    },
    Applied {
        fails: bool,
    },
    SessionEnds,
    Shutdown,
    Close,
    Stop,
    Pass(u64),
}

/// A terminal message: completed, or failed with an error and its code.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum End {
    Completed,
    Failed(String, &'static str),
}

fn failed(error: impl Into<String>) -> End {
    End::Failed(error.into(), "")
}

/// A call: in flight, or to be made at this time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Call {
    InFlight,
    From(u64),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    New,
    Planning,
    FlushBeforeQuota(i32),
    Quota(i32, Call),
    FlushBeforeApply,
    Applying,
    LastFlush(End),
    Terminal(End, Call),
    Over(String),
}

/// A wait for an update that is begun after it, and for lines up to a number.
#[derive(Clone, Copy, Debug)]
struct Wait {
    lines: u64,
    until: u64,
    heard: bool,
}

/// What can be seen of a runner from outside.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Seen {
    pub(super) requests: Vec<&'static str>,
    pub(super) session: bool,
    /// The numbers of the lines that the update in flight carries.
    pub(super) update: Option<Vec<u64>>,
    pub(super) quota: Option<i32>,
    pub(super) terminal: Option<String>,
    pub(super) outcome: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) transition: Transition,
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
    pub(super) fn new(transition: Transition) -> Self {
        Self {
            transition,
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
            Step::Start => {
                self.seen.session = true;
                self.lines += 1;
                self.seen.requests.push("Config");
                if self.canceled_at.is_some() {
                    self.seen.requests.push("Cancel");
                    self.decide(failed("provisioning was canceled"), LAST_FLUSH);
                } else {
                    self.seen.requests.push("Plan");
                    self.place = Place::Planning;
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
            Step::Planned { fails: true, .. } | Step::Applied { fails: true } => self.decide(failed("no"), LAST_FLUSH),
            // A cancelled job begins no further phase.
            Step::Planned { .. } if self.canceled_at.is_some() => {
                self.decide(failed("provisioning was canceled"), LAST_FLUSH);
            }
            Step::Planned { cost, .. } => {
                let asks = cost != 0 && self.transition != Transition::Destroy;
                self.wait_for_flush(PHASE_FLUSH);
                self.place = if asks { Place::FlushBeforeQuota(cost) } else { Place::FlushBeforeApply };
            }
            Step::Applied { .. } => self.decide(End::Completed, LAST_FLUSH),
            Step::SessionEnds => self.decide(failed("recv workspace provision: gone"), LAST_FLUSH),
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

    /// The first cancel is forwarded in every phase (J7) and starts the force-cancel timer (J6).
    fn cancel(&mut self) {
        if self.canceled_at.is_some() {
            return;
        }
        self.canceled_at = Some(self.now);
        match self.place {
            Place::Planning | Place::Applying => self.seen.requests.push("Cancel"),
            Place::FlushBeforeQuota(_) | Place::Quota(..) | Place::FlushBeforeApply => {
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
            Place::New if !self.seen.session => return self.tell(end),
            // The commit is dropped, and whatever else is in flight with it.
            Place::Quota(_, Call::InFlight) => self.update = None,
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
                    _ => self.tell(failed(format!("send periodic update: {reason}"))),
                }
            }
        }
    }

    fn quota_answered(&mut self, answer: Answer<bool>) {
        let Place::Quota(cost, _) = self.place else { return };
        match answer {
            Answer::Lost => self.place = Place::Quota(cost, Call::From(self.now + RETRY)),
            Answer::Refused | Answer::Over => {
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
        if let Place::Quota(_, call) | Place::Terminal(_, call) = &mut self.place
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

pub(super) fn reason<T>(answer: Answer<T>) -> &'static str {
    match answer {
        Answer::Over => "job already completed",
        _ => "refused",
    }
}
