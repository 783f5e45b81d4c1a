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
    /// Nothing is in progress; `planned` if a plan has succeeded since the last apply.
    Idle {
        /// Whether an apply is permitted.
        planned: bool,
    },
    /// A plan or an apply is in progress.
    Processing,
}

impl Contract {
    /// Judges the next request, and takes the state that follows from it.
    pub fn request(&mut self, request: &Request) -> Result<Verdict, ContractError> {
        match (*self, request) {
            (Self::Fresh, Request::Config { .. }) => {
                *self = Self::Idle { planned: false };
                Ok(Verdict::Act)
            }
            (Self::Fresh, _) => Err(ContractError::ConfigFirst),
            (Self::Idle { .. }, Request::Cancel) => Ok(Verdict::Ignore),
            (Self::Idle { .. }, Request::Config { .. }) => Err(ContractError::ConfigAgain),
            (Self::Idle { .. }, Request::Plan { .. }) | (Self::Idle { planned: true }, Request::Apply { .. }) => {
                *self = Self::Processing;
                Ok(Verdict::Act)
            }
            (Self::Idle { planned: false }, Request::Apply { .. }) => Err(ContractError::ApplyBeforePlan),
            (Self::Processing, Request::Cancel) => Ok(Verdict::Cancel),
            (Self::Processing, other) => Err(ContractError::WhileProcessing(other.name())),
        }
    }

    /// The request in progress was answered.
    pub fn answered(&mut self, response: &Response) {
        *self = match response {
            Response::Log { .. } => *self,
            Response::Planned { error, .. } => Self::Idle { planned: error.is_none() },
            Response::Applied { .. } => Self::Idle { planned: false },
        };
    }
}

#[cfg(test)]
mod tests {
    use groundhog_wire::v1::Transition;

    use super::*;
    use crate::session::Metadata;

    /// Plays a session written as words; a word in upper case is a request, in lower case an answer.
    fn play(words: &str) -> String {
        let metadata = || Metadata {
            transition: Transition::Start,
            workspace_name: "dev".to_owned(),
            workspace_owner: "alice".to_owned(),
        };
        let mut contract = Contract::default();
        let mut outcome = String::new();
        for word in words.split_whitespace() {
            let request = match word {
                "CONFIG" => Request::Config { source: Vec::new(), state: Vec::new() },
                "PLAN" => Request::Plan { metadata: metadata() },
                "APPLY" => Request::Apply { metadata: metadata() },
                "CANCEL" => Request::Cancel,
                "planned" => {
                    contract.answered(&Response::Planned { error: None, resources: Vec::new() });
                    continue;
                }
                "failed" => {
                    let error = Some("no".to_owned());
                    contract.answered(&Response::Planned { error, resources: Vec::new() });
                    continue;
                }
                "applied" => {
                    contract.answered(&Response::Applied { error: None, state: None, resources: Vec::new() });
                    continue;
                }
                other => panic!("no such word: {other}"),
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
            ("CANCEL", "first request must be Config"),
            ("CONFIG", "Act"),
            ("CONFIG CONFIG", "cannot config more than once per session"),
            ("CONFIG CANCEL", "Ignore"),
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
