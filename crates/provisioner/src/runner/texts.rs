//! Stage names, error texts and error codes, as the platform's users and tools know them.

use groundhog_wire::v1::{CommitQuotaResponse, FailJobRequest, FailedWorkspaceBuild, Transition, fail_job_request};

pub(super) const SETTING_UP: &str = "Setting up";
pub(super) const PLANNING: &str = "Planning infrastructure";
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

/// The code that goes with an error text. Only the runner's own texts are looked at, never a provisioner's
/// verdict on a plan or an apply, and the order decides when two match (J19).
fn code_of(error: &str) -> &'static str {
    if error.contains("missing parameter") {
        MISSING_TEMPLATE_PARAMETER
    } else if error.contains("required template variables") {
        REQUIRED_TEMPLATE_VARIABLES
    } else {
        ""
    }
}

/// A failure that says nothing about the build.
pub(super) fn failed(error: String) -> FailJobRequest {
    let error_code = code_of(&error).to_owned();
    FailJobRequest { job_id: String::new(), error, error_code, kind: None }
}

/// A failure of the build for a reason of the runner's; the state before it stands.
pub(super) fn failed_build(error: String) -> FailJobRequest {
    FailJobRequest { kind: build_kind(None), ..failed(error) }
}

/// A failure in the provisioner's own words, with the state that it left if it told one.
pub(super) fn failed_verbatim(error: String, state: Option<Vec<u8>>) -> FailJobRequest {
    FailJobRequest { job_id: String::new(), error, error_code: String::new(), kind: build_kind(state) }
}

/// The refusal of the build's cost. Its code is set here and never inferred from the text.
pub(super) fn insufficient_quota() -> FailJobRequest {
    FailJobRequest {
        error_code: INSUFFICIENT_QUOTA.to_owned(),
        ..failed_verbatim("insufficient quota".to_owned(), None)
    }
}

fn build_kind(state: Option<Vec<u8>>) -> Option<fail_job_request::Kind> {
    Some(fail_job_request::Kind::WorkspaceBuild(FailedWorkspaceBuild { state, timings: Vec::new() }))
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
            assert_eq!(failed_build(error.to_owned()).error_code, code, "{error}");
            assert_eq!(failed_verbatim(error.to_owned(), None).error_code, "", "{error}");
        }
        assert_eq!(insufficient_quota().error_code, "INSUFFICIENT_QUOTA");
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
