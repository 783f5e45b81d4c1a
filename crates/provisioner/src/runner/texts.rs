//! Stage names, error texts and error codes, as the platform's users and tools know them.

use groundhog_wire::v1::{
    CommitQuotaResponse, FailJobRequest, FailedWorkspaceBuild, LogLevel, ResourceReplacement, Timing, Transition,
    fail_job_request,
};
use tracing::Level;

pub(super) const SETTING_UP: &str = "Setting up";
pub(super) const PLANNING: &str = "Planning infrastructure";
pub(super) const PARSING_PARAMETERS: &str = "Parsing template parameters";
pub(super) const PARSE_PARAMETERS: &str = "Parse parameters";
pub(super) const DETECTING_PERSISTENT: &str = "Detecting persistent resources";
pub(super) const DETECTING_EPHEMERAL: &str = "Detecting ephemeral resources";
pub(super) const COMMIT_QUOTA: &str = "Commit quota";
pub(super) const CLEANING_UP: &str = "Cleaning Up";

pub(super) const QUOTA_EXCEEDED: &str = "This build would exceed your quota. Failing.";
pub(super) const CANCEL_TIMED_OUT: &str = "Cancel timed out";
pub(super) const COMPLETE_REFUSED: &str = "internal provisionerserver error";

/// What a job fails with that was cancelled while none of its phases was under way: the words that a provisioner
/// uses for a cancelled phase.
pub(super) const CANCELED_BETWEEN_PHASES: &str = "provisioning was canceled";

pub(super) const INSUFFICIENT_QUOTA: &str = "INSUFFICIENT_QUOTA";
const MISSING_TEMPLATE_PARAMETER: &str = "MISSING_TEMPLATE_PARAMETER";
const REQUIRED_TEMPLATE_VARIABLES: &str = "REQUIRED_TEMPLATE_VARIABLES";

/// The stage in which a transition is applied.
pub(super) fn apply_stage(transition: Transition) -> &'static str {
    match transition {
        Transition::Start => "Starting workspace",
        Transition::Stop => "Stopping workspace",
        Transition::Destroy => "Destroying workspace",
        // A build without a transition fails before it is applied.
        Transition::Unspecified => "Applying",
    }
}

/// The lines that say how a build's cost stands to the budget.
pub(super) fn quota_lines(cost: i32, answer: &CommitQuotaResponse) -> [String; 3] {
    [
        format!("Build cost       —   {cost}"),
        format!("Budget           —   {}", answer.budget),
        format!("Credits consumed —   {}", answer.credits_consumed),
    ]
}

/// The line that says what a build makes anew.
pub(super) fn replacement(replacement: &ResourceReplacement) -> String {
    format!("{} will be replaced: can't change {} in place", replacement.resource, replacement.paths.join(", "))
}

pub(super) fn unknown_kind() -> String {
    "unknown job type \"\"; ensure your provisioner daemon is up-to-date".to_owned()
}

pub(super) fn unknown_transition(transition: i32) -> String {
    format!("unknown transition {transition}; ensure your provisioner daemon is up-to-date")
}

/// What of a session was under way when it went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    Parse,
    ImportStart,
    ImportStop,
    DryRun,
    Build,
}

/// How a session went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble<'a> {
    /// The request could not be sent.
    Send(&'a str),
    /// The session ended before there was an answer.
    Ended(&'a str),
    /// The answer was one to something else, of this name.
    WrongAnswer(&'a str),
    /// The provisioner says that it failed.
    Verdict(&'a str),
}

/// What a job fails with when its session goes wrong.
pub(super) fn trouble(context: Context, trouble: Trouble<'_>) -> String {
    let inner = match (trouble, context) {
        (Trouble::Send(error), Context::Parse) => format!("parse source: {error}"),
        (Trouble::Ended(error), Context::Parse) => format!("recv parse source: {error}"),
        (Trouble::Verdict(error), Context::Parse) => format!("parse error: {error}"),
        (Trouble::Send(error), _) => format!("start provision: {error}"),
        (Trouble::Ended(error), Context::Build) => format!("recv workspace provision: {error}"),
        (Trouble::Ended(error), _) => format!("recv import provision: {error}"),
        (Trouble::Verdict(error), _) => error.to_owned(),
        (Trouble::WrongAnswer(name), _) => format!("invalid message type {name:?} received from provisioner"),
    };
    match context {
        Context::Parse => format!("run parse: {inner}"),
        Context::ImportStart => format!("template import provision for start: {inner}"),
        Context::ImportStop => format!("template import provision for stop: {inner}"),
        Context::DryRun => format!("run dry-run provision job: {inner}"),
        Context::Build => inner,
    }
}

/// The level at which a provisioner's line goes into the daemon's own log. Only a build's lines are told apart there:
/// who imports or tries a template reads them with the job.
///
/// A provisioner's error is a warning to the daemon: what failed is somebody's template, while an error in the
/// daemon's log means that the daemon itself is broken, and fails a simulated run.
pub(super) fn daemon_level(level: LogLevel, is_build: bool) -> Level {
    match level {
        _ if !is_build => Level::DEBUG,
        LogLevel::Trace | LogLevel::Debug => Level::DEBUG,
        LogLevel::Warn | LogLevel::Error => Level::WARN,
        LogLevel::Info | LogLevel::Unspecified => Level::INFO,
    }
}

/// The code that goes with an error text. Looked at is what the runner itself says, which for an import or a dry run
/// includes what its provisioner said; never a provisioner's bare verdict on a build's plan or apply. The order
/// decides when two match (J19).
fn code_of(error: &str) -> &'static str {
    if error.contains("missing parameter") {
        MISSING_TEMPLATE_PARAMETER
    } else if error.contains("required template variables") {
        REQUIRED_TEMPLATE_VARIABLES
    } else {
        ""
    }
}

/// A failure that says nothing about a build. It has no kind: those of an import and of a dry run hold nothing.
pub(super) fn failed(error: String) -> FailJobRequest {
    let error_code = code_of(&error).to_owned();
    FailJobRequest { job_id: String::new(), error, error_code, kind: None }
}

/// A failure of the build for a reason of the runner's; the state before it stands.
pub(super) fn failed_build(error: String, timings: Vec<Timing>) -> FailJobRequest {
    FailJobRequest { kind: build_kind(None, timings), ..failed(error) }
}

/// A failure of the build in the provisioner's own words, with the state that it left if it told one.
pub(super) fn failed_verbatim(error: String, state: Option<Vec<u8>>, timings: Vec<Timing>) -> FailJobRequest {
    FailJobRequest { job_id: String::new(), error, error_code: String::new(), kind: build_kind(state, timings) }
}

/// The refusal of the build's cost. Its code is set here and never inferred from the text.
pub(super) fn insufficient_quota(timings: Vec<Timing>) -> FailJobRequest {
    FailJobRequest {
        error_code: INSUFFICIENT_QUOTA.to_owned(),
        ..failed_verbatim("insufficient quota".to_owned(), None, timings)
    }
}

fn build_kind(state: Option<Vec<u8>>, timings: Vec<Timing>) -> Option<fail_job_request::Kind> {
    Some(fail_job_request::Kind::WorkspaceBuild(FailedWorkspaceBuild { state, timings }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_go_by_the_text_in_a_fixed_order() {
        for (error, code) in [
            ("start provision: missing parameter: region", "MISSING_TEMPLATE_PARAMETER"),
            ("required template variables need values: a", "REQUIRED_TEMPLATE_VARIABLES"),
            ("required template variables, and a missing parameter", "MISSING_TEMPLATE_PARAMETER"),
            ("insufficient quota", ""),
            ("Cancel timed out", ""),
        ] {
            assert_eq!(failed(error.to_owned()).error_code, code, "{error}");
            assert_eq!(failed_build(error.to_owned(), Vec::new()).error_code, code, "{error}");
            assert_eq!(failed_verbatim(error.to_owned(), None, Vec::new()).error_code, "", "{error}");
        }
    }

    #[test]
    fn the_quota_code_is_set_and_never_inferred() {
        assert_eq!(insufficient_quota(Vec::new()).error_code, "INSUFFICIENT_QUOTA");
        assert_eq!(failed_build("insufficient quota".to_owned(), Vec::new()).error_code, "");
    }

    #[test]
    fn a_session_that_goes_wrong_is_told_by_what_was_under_way() {
        use Context::{Build, DryRun, ImportStart, ImportStop, Parse};
        use Trouble::{Ended, Send, Verdict, WrongAnswer};
        let wrong = "invalid message type \"Applied\" received from provisioner";
        for (context, send, ended, verdict, prefix) in [
            (Parse, "parse source: x", "recv parse source: x", "parse error: x", "run parse: "),
            (
                ImportStart,
                "start provision: x",
                "recv import provision: x",
                "x",
                "template import provision for start: ",
            ),
            (ImportStop, "start provision: x", "recv import provision: x", "x", "template import provision for stop: "),
            (DryRun, "start provision: x", "recv import provision: x", "x", "run dry-run provision job: "),
            (Build, "start provision: x", "recv workspace provision: x", "x", ""),
        ] {
            for (how, inner) in
                [(Send("x"), send), (Ended("x"), ended), (Verdict("x"), verdict), (WrongAnswer("Applied"), wrong)]
            {
                assert_eq!(trouble(context, how), format!("{prefix}{inner}"));
            }
        }
    }

    #[test]
    fn a_provisioner_s_lines_are_told_apart_for_builds_only() {
        use LogLevel::{Debug, Error, Info, Trace, Unspecified, Warn};
        let levels = [Unspecified, Trace, Debug, Info, Warn, Error];
        let (debug, info, warn) = (Level::DEBUG, Level::INFO, Level::WARN);
        assert_eq!(levels.map(|level| daemon_level(level, true)), [info, debug, debug, info, warn, warn]);
        assert_eq!(levels.map(|level| daemon_level(level, false)), [debug; 6]);
    }

    #[test]
    fn quota_lines_read_as_a_table() {
        let answer = CommitQuotaResponse { ok: false, credits_consumed: 17, budget: 20 };
        assert_eq!(
            quota_lines(25, &answer),
            ["Build cost       —   25", "Budget           —   20", "Credits consumed —   17"],
        );
    }

    #[test]
    fn stages_go_by_the_transition() {
        for (transition, stage) in [
            (Transition::Start, "Starting workspace"),
            (Transition::Stop, "Stopping workspace"),
            (Transition::Destroy, "Destroying workspace"),
        ] {
            assert_eq!(apply_stage(transition), stage);
        }
    }
}
