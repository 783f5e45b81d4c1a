//! The part of a case file that says what happened.

/// What a case file says of the failure that it holds. The rest of the file is the scenario, as it was drawn and
/// made small, with the seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What names the failure: the rule, and the message without numbers.
    pub signature: String,
    /// The whole message.
    pub message: String,
    /// Which code failed: a version, and the commit if it is known.
    pub version: String,
    /// The digest of the log of the run that failed.
    pub log_digest: String,
    /// The digest of every step of that run.
    pub trace_digest: String,
    /// Where it was found, if in a campaign: its name, the run's index, and the scenario that was drawn from.
    pub found: Option<String>,
}
