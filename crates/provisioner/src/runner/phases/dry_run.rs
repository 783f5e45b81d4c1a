//! A dry run: one plan, for a workspace that nobody will have.

use groundhog_wire::v1::{
    CompleteJobRequest, CompletedTemplateDryRun, TemplateDryRun, Transition, complete_job_request,
};

use super::{
    super::{
        core::Runner,
        ending::Message,
        event::{Moment, Phase},
        texts::{self, Trouble},
    },
    Work,
};
use crate::session::{Metadata, Plan, Planned, Request};

/// A dry run's plan.
#[derive(Clone, Debug)]
pub(in super::super) struct DryRun {
    plan: Plan,
}

impl DryRun {
    /// The dry run that `initiator` has asked for.
    pub(super) fn new(run: TemplateDryRun, initiator: String) -> Self {
        let or = |text: String, default: &str| if text.is_empty() { default.to_owned() } else { text };
        let metadata = Metadata {
            transition: Transition::Start,
            workspace_name: or(run.workspace_name, "dryrun"),
            workspace_owner: or(initiator, "dryrunner"),
            template_name: run.template_name,
            template_version: run.template_version,
            owner_session_token: None,
        };
        let variable_values = run.variable_values.into_iter().map(Into::into).collect();
        Self { plan: Plan { metadata, variable_values, parameter_values: run.parameter_values } }
    }
}

impl Runner {
    pub(super) fn plan_dry_run(&mut self) {
        let Work::DryRun(run) = &self.work else { return };
        let plan = run.plan.clone();
        self.ask(Phase::Plan, texts::DETECTING_PERSISTENT, Request::Plan(plan));
    }

    pub(super) fn dry_run_planned(&mut self, at: Moment, planned: Planned) {
        let message = match planned.error {
            Some(error) => self.trouble(Trouble::Verdict(&error)),
            None => {
                let run = CompletedTemplateDryRun { resources: planned.resources };
                let kind = Some(complete_job_request::Kind::TemplateDryRun(run));
                Message::Complete(CompleteJobRequest { job_id: String::new(), kind })
            }
        };
        self.finish(at, message);
    }
}
