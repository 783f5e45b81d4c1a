//! How scripts end, as pure values.

use groundhog_host::process::Exit;
use groundhog_wire::v1::script_completed_request;

/// Why a script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// The agent has begun.
    Start,
    /// The agent closes.
    Stop,
    /// Its time has come.
    Cron,
}

impl Stage {
    /// As events name it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Cron => "cron",
        }
    }

    /// As messages name it.
    pub(crate) const fn message(self) -> script_completed_request::Stage {
        match self {
            Self::Start => script_completed_request::Stage::Start,
            Self::Stop => script_completed_request::Stage::Stop,
            Self::Cron => script_completed_request::Stage::Cron,
        }
    }
}

/// How a script has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    /// Well.
    Ok,
    /// With another exit status than 0, by a signal, or it could not be run at all.
    ExitFailure,
    /// It took longer than it may.
    TimedOut,
    /// Well, but something that it started goes on writing.
    PipesLeftOpen,
    /// It was not run: what it waits for did not go well.
    Skipped,
}

impl Status {
    /// As events name it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ExitFailure => "exit_failure",
            Self::TimedOut => "timed_out",
            Self::PipesLeftOpen => "pipes_left_open",
            Self::Skipped => "skipped",
        }
    }

    /// As messages name it.
    pub(crate) const fn message(self) -> script_completed_request::Status {
        match self {
            Self::Ok => script_completed_request::Status::Ok,
            Self::ExitFailure => script_completed_request::Status::ExitFailure,
            Self::TimedOut => script_completed_request::Status::TimedOut,
            Self::PipesLeftOpen => script_completed_request::Status::PipesLeftOpen,
            Self::Skipped => script_completed_request::Status::Skipped,
        }
    }
}

/// The exit status of a script of which none is known: it was ended by a signal, or could not be run.
pub(crate) const UNKNOWN_EXIT_CODE: i32 = 255;

/// How a script has ended, and with which exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) status: Status,
    /// [`UNKNOWN_EXIT_CODE`] if none is known.
    pub(crate) exit_code: i32,
}

impl Outcome {
    /// Of a script that could not be run.
    pub(crate) const NOT_RUN: Self = Self { status: Status::ExitFailure, exit_code: UNKNOWN_EXIT_CODE };
    /// Of a script that was not to be run.
    pub(crate) const SKIPPED: Self = Self { status: Status::Skipped, exit_code: UNKNOWN_EXIT_CODE };

    /// Of a script that ran. That it took too long counts most; that its pipes were left open counts only if it went
    /// well else.
    pub(crate) fn of(exit: Option<Exit>, timed_out: bool, pipes_left_open: bool) -> Self {
        let exit_code = match exit {
            Some(Exit::Code(code)) => code,
            Some(Exit::Signal(_) | Exit::OtherSignal(_)) | None => UNKNOWN_EXIT_CODE,
        };
        let status = match (timed_out, exit_code, pipes_left_open) {
            (true, ..) => Status::TimedOut,
            (false, 0, false) => Status::Ok,
            (false, 0, true) => Status::PipesLeftOpen,
            (false, ..) => Status::ExitFailure,
        };
        Self { status, exit_code }
    }
}

/// How a stage has ended: as the first of its scripts that did not end well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum StageEnd {
    /// All of them ended well, or there were none.
    #[default]
    Well,
    /// That one took too long.
    TimedOut,
    /// That one failed in another way.
    Failed,
}

impl StageEnd {
    /// One more has ended like this.
    pub(crate) fn add(&mut self, status: Status) {
        if *self == Self::Well {
            *self = match status {
                Status::Ok => Self::Well,
                Status::TimedOut => Self::TimedOut,
                // Open pipes count: who waits for the agent to be ready would use what is not done yet.
                Status::ExitFailure | Status::PipesLeftOpen | Status::Skipped => Self::Failed,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use groundhog_host::process::Signal;

    use super::*;

    #[test]
    fn an_outcome_is_named_by_what_counts_most() {
        let check = |exit, timed_out, pipes_left_open, status, exit_code| {
            assert_eq!(Outcome::of(exit, timed_out, pipes_left_open), Outcome { status, exit_code });
        };
        check(Some(Exit::Code(0)), false, false, Status::Ok, 0);
        check(Some(Exit::Code(7)), false, false, Status::ExitFailure, 7);
        check(Some(Exit::Code(7)), false, true, Status::ExitFailure, 7);
        check(Some(Exit::Code(0)), false, true, Status::PipesLeftOpen, 0);
        check(Some(Exit::Code(0)), true, true, Status::TimedOut, 0);
        check(Some(Exit::Signal(Signal::Hangup)), true, false, Status::TimedOut, 255);
        check(Some(Exit::Signal(Signal::Kill)), false, false, Status::ExitFailure, 255);
        check(Some(Exit::OtherSignal(11)), false, false, Status::ExitFailure, 255);
        check(None, false, false, Status::ExitFailure, 255);
    }

    #[test]
    fn a_stage_ends_as_its_first_script_that_did_not_end_well() {
        let check = |statuses: &[Status], expected| {
            let mut end = StageEnd::default();
            statuses.iter().for_each(|status| end.add(*status));
            assert_eq!(end, expected, "{statuses:?}");
        };
        check(&[], StageEnd::Well);
        check(&[Status::Ok, Status::Ok], StageEnd::Well);
        check(&[Status::Ok, Status::TimedOut, Status::ExitFailure], StageEnd::TimedOut);
        check(&[Status::ExitFailure, Status::TimedOut], StageEnd::Failed);
        check(&[Status::PipesLeftOpen], StageEnd::Failed);
        check(&[Status::Skipped], StageEnd::Failed);
    }
}
