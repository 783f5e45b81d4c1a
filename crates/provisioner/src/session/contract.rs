//! Which request may follow which: the rules of a session, as a pure state machine.

use super::{Request, Response};

/// A request came that may not come there. The session ends with this error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContractError {
    /// Something came before [`Request::Config`].
    #[error("first request must be Config")]
    ConfigFirst,
    /// [`Request::Config`] came again.
    #[error("cannot config more than once per session")]
    ConfigAgain,
    /// [`Request::Parse`] came again.
    #[error("cannot parse more than once per session")]
    ParseAgain,
    /// [`Request::Apply`] came without a plan that succeeded and was not applied yet.
    #[error("cannot apply before successful plan")]
    ApplyBeforePlan,
    /// A request other than [`Request::Cancel`] came while another was in progress.
    #[error("got new request {0} while old request still processing")]
    WhileProcessing(&'static str),
    /// The runner closed the session while a request was in progress.
    #[error("got nil while old request still processing")]
    ClosedWhileProcessing,
}

/// What a permitted request means for the provisioner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Act on it.
    Act,
    /// A cancel for the request in progress: end it gracefully.
    Cancel,
    /// A cancel with nothing to cancel: pass over it.
    Ignore,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Contract {
    /// Nothing has come yet.
    #[default]
    Fresh,
    /// Nothing is in progress.
    Idle {
        /// Whether a parse has come.
        parsed: bool,
        /// Whether an apply is permitted: a plan has succeeded since the last apply.
        planned: bool,
    },
    /// A parse, a plan or an apply is in progress.
    Processing {
        /// Whether a parse has come.
        parsed: bool,
    },
}

impl Contract {
    /// Judges the next request, and takes the state that follows from it.
    pub fn request(&mut self, request: &Request) -> Result<Verdict, ContractError> {
        match (*self, request) {
            (Self::Fresh, Request::Config(_)) => {
                *self = Self::Idle { parsed: false, planned: false };
                Ok(Verdict::Act)
            }
            (Self::Fresh, _) => Err(ContractError::ConfigFirst),
            (Self::Idle { .. }, Request::Cancel) => Ok(Verdict::Ignore),
            (Self::Idle { .. }, Request::Config(_)) => Err(ContractError::ConfigAgain),
            (Self::Idle { parsed: true, .. }, Request::Parse) => Err(ContractError::ParseAgain),
            (Self::Idle { planned: false, .. }, Request::Apply(_)) => Err(ContractError::ApplyBeforePlan),
            (Self::Idle { parsed, .. }, Request::Parse | Request::Plan(_) | Request::Apply(_)) => {
                *self = Self::Processing { parsed: parsed || matches!(request, Request::Parse) };
                Ok(Verdict::Act)
            }
            (Self::Processing { .. }, Request::Cancel) => Ok(Verdict::Cancel),
            (Self::Processing { .. }, other) => Err(ContractError::WhileProcessing(other.name())),
        }
    }

    /// The request in progress was answered.
    pub fn answered(&mut self, response: &Response) {
        let Self::Processing { parsed } = *self else { return };
        let planned = match response {
            Response::Log { .. } => return,
            Response::Planned(planned) => planned.error.is_none(),
            Response::Parsed(_) | Response::Applied(_) => false,
        };
        *self = Self::Idle { parsed, planned };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Applied, Config, Metadata, Parsed, Plan, Planned};

    /// Plays a session written as words; a word in upper case is a request, in lower case an answer.
    fn play(words: &str) -> String {
        let mut contract = Contract::default();
        let mut outcome = String::new();
        for word in words.split_whitespace() {
            let request = match word {
                "CONFIG" => Request::Config(Config::default()),
                "PARSE" => Request::Parse,
                "PLAN" => Request::Plan(Plan::default()),
                "APPLY" => Request::Apply(Metadata::default()),
                "CANCEL" => Request::Cancel,
                answer => {
                    contract.answered(&match answer {
                        "parsed" => Response::Parsed(Parsed::default()),
                        "planned" => Response::Planned(Planned::default()),
                        "failed" => {
                            let error = Some("no".to_owned());
                            Response::Planned(Planned { error, ..Planned::default() })
                        }
                        "applied" => Response::Applied(Applied::default()),
                        other => panic!("no such word: {other}"),
                    });
                    continue;
                }
            };
            match contract.request(&request) {
                Ok(verdict) => outcome = format!("{verdict:?}"),
                Err(error) => return error.to_string(),
            }
        }
        outcome
    }

    #[test]
    fn what_may_follow_what() {
        for (words, expected) in [
            ("PLAN", "first request must be Config"),
            ("PARSE", "first request must be Config"),
            ("CANCEL", "first request must be Config"),
            ("CONFIG", "Act"),
            ("CONFIG CONFIG", "cannot config more than once per session"),
            ("CONFIG CANCEL", "Ignore"),
            ("CONFIG PARSE", "Act"),
            ("CONFIG PARSE CANCEL", "Cancel"),
            ("CONFIG PARSE PLAN", "got new request Plan while old request still processing"),
            ("CONFIG PARSE parsed PARSE", "cannot parse more than once per session"),
            ("CONFIG PARSE parsed APPLY", "cannot apply before successful plan"),
            ("CONFIG PARSE parsed PLAN", "Act"),
            ("CONFIG PARSE parsed PLAN planned PARSE", "cannot parse more than once per session"),
            ("CONFIG PLAN planned PARSE", "Act"),
            ("CONFIG APPLY", "cannot apply before successful plan"),
            ("CONFIG PLAN failed APPLY", "cannot apply before successful plan"),
            ("CONFIG PLAN planned APPLY", "Act"),
            ("CONFIG PLAN planned APPLY applied APPLY", "cannot apply before successful plan"),
            ("CONFIG PLAN planned PLAN", "Act"),
            ("CONFIG PLAN CANCEL", "Cancel"),
            ("CONFIG PLAN CANCEL CANCEL", "Cancel"),
            ("CONFIG PLAN planned CANCEL", "Ignore"),
            ("CONFIG PLAN APPLY", "got new request Apply while old request still processing"),
            ("CONFIG PLAN CONFIG", "got new request Config while old request still processing"),
        ] {
            assert_eq!(play(words), expected, "{words}");
        }
    }
}
