//! A workspace build: plan, quota, apply.
//!
//! Before the quota and before the apply the run waits for a flush, so that the control plane has the lines so far
//! and the runner the latest word on a cancel.

use groundhog_wire::v1::{
    CommitQuotaRequest, CommitQuotaResponse, CompleteJobRequest, CompletedWorkspaceBuild, LogLevel, ParameterValue,
    ResourceReplacement, Timing, Transition, WorkspaceBuild, complete_job_request,
};

use super::{
    super::{
        core::{Next, Runner, Stage},
        ending::Message,
        event::{CallError, Effect, Moment, Phase},
        texts,
    },
    Work,
};
use crate::session::{Applied, Config, Metadata, Plan, Planned, Request, Value, Variable};

/// What is built, and what came out of it so far.
#[derive(Clone, Debug)]
pub(in super::super) struct Build {
    metadata: Metadata,
    state: Vec<u8>,
    variable_values: Vec<Variable>,
    parameter_values: Vec<ParameterValue>,
    log_level: LogLevel,
    replacements: Vec<ResourceReplacement>,
    /// How long the phases so far took, which a failure tells too.
    pub(super) timings: Vec<Timing>,
}

impl From<WorkspaceBuild> for Build {
    fn from(build: WorkspaceBuild) -> Self {
        let (transition, log_level) = (build.transition(), build.log_level());
        let token = Some(build.owner_session_token).filter(|token| !token.is_empty());
        Self {
            metadata: Metadata {
                transition,
                workspace_name: build.workspace_name,
                workspace_owner: build.workspace_owner,
                template_name: build.template_name,
                template_version: build.template_version,
                owner_session_token: token.map(Value::sensitive),
            },
            state: build.state,
            variable_values: build.variable_values.into_iter().map(Into::into).collect(),
            parameter_values: build.parameter_values,
            log_level,
            replacements: Vec::new(),
            timings: Vec::new(),
        }
    }
}

impl Build {
    pub(in super::super) fn is_destroy(&self) -> bool {
        self.metadata.transition == Transition::Destroy
    }

    pub(super) fn configure(&self, config: Config) -> Config {
        Config { state: self.state.clone(), log_level: self.log_level, ..config }
    }
}

impl Runner {
    pub(super) fn plan_build(&mut self) {
        let Work::Build(build) = &self.work else { return };
        let plan = Plan {
            metadata: build.metadata.clone(),
            variable_values: build.variable_values.clone(),
            parameter_values: build.parameter_values.clone(),
        };
        self.ask(Phase::Plan, texts::PLANNING, Request::Plan(plan));
    }

    pub(super) fn build_planned(&mut self, at: Moment, planned: Planned) {
        let Work::Build(build) = &mut self.work else { return };
        build.timings.extend(planned.timings);
        if let Some(error) = planned.error {
            let timings = build.timings.clone();
            self.finish(at, Message::Fail(texts::failed_verbatim(error, None, timings)));
            return;
        }
        let warnings: Vec<String> = planned.replacements.iter().map(texts::replacement).collect();
        build.replacements = planned.replacements;
        let transition = build.metadata.transition;
        for warning in warnings {
            self.logs.push_provisioner(at, LogLevel::Warn, texts::PLANNING, &warning);
        }
        if self.cancel.is_some() {
            // The provisioner did not obey, or was done before it heard. The apply would only have to be undone.
            self.finish(at, self.canceled_between_phases());
            return;
        }
        let cost = planned.resources.iter().fold(0, |sum: i32, resource| sum.saturating_add(resource.daily_cost));
        let next = match transition {
            Transition::Start | Transition::Stop if cost != 0 => Next::Quota { cost },
            _ => Next::Apply,
        };
        self.flush_before(at, next);
    }

    pub(super) fn begin_quota(&mut self, cost: i32) {
        self.begin_phase(Phase::Quota);
        self.stage = Stage::Quota { cost, call: self.own_call() };
    }

    pub(in super::super) fn commit_quota(&mut self, cost: i32) {
        let request = CommitQuotaRequest { job_id: self.id.to_string(), daily_cost: cost };
        self.effects.push(Effect::CommitQuota(request));
    }

    pub(in super::super) fn quota_answered(&mut self, at: Moment, result: Result<CommitQuotaResponse, CallError>) {
        let Stage::Quota { cost, call } = &mut self.stage else { return };
        if !call.is_in_flight() {
            return;
        }
        let cost = *cost;
        match result {
            Err(CallError::Lost(_)) => call.lost(at.now),
            Err(CallError::Over(error)) => {
                call.answered();
                self.let_go(error);
            }
            Err(CallError::Refused(error)) => {
                call.answered();
                let line = format!("Failed to commit quota: {error}");
                self.push_quota_line(at, LogLevel::Error, &line);
                self.finish(at, Message::Fail(texts::failed(format!("commit quota: {error}"))));
            }
            Ok(answer) => {
                call.answered();
                for line in texts::quota_lines(cost, &answer) {
                    self.push_quota_line(at, LogLevel::Info, &line);
                }
                if answer.ok {
                    self.flush_before(at, Next::Apply);
                } else {
                    self.push_quota_line(at, LogLevel::Warn, texts::QUOTA_EXCEEDED);
                    let Work::Build(build) = &self.work else { return };
                    let message = Message::Fail(texts::insufficient_quota(build.timings.clone()));
                    self.finish(at, message);
                }
            }
        }
    }

    fn push_quota_line(&mut self, at: Moment, level: LogLevel, line: &str) {
        self.logs.push_provisioner(at, level, texts::COMMIT_QUOTA, line);
    }

    pub(super) fn begin_apply(&mut self, at: Moment) {
        let Work::Build(build) = &self.work else { return };
        let metadata = build.metadata.clone();
        let log_stage = texts::apply_stage(metadata.transition);
        self.logs.push_own(at, LogLevel::Info, log_stage, "");
        self.ask(Phase::Apply, log_stage, Request::Apply(metadata));
    }

    pub(super) fn applied(&mut self, at: Moment, applied: Applied) {
        let Work::Build(build) = &mut self.work else { return };
        build.timings.extend(applied.timings);
        let timings = std::mem::take(&mut build.timings);
        let message = match applied.error {
            Some(error) => Message::Fail(texts::failed_verbatim(error, applied.state, timings)),
            None => {
                let completed = CompletedWorkspaceBuild {
                    state: applied.state.unwrap_or_else(|| std::mem::take(&mut build.state)),
                    resources: applied.resources,
                    timings,
                    replacements: std::mem::take(&mut build.replacements),
                };
                let kind = Some(complete_job_request::Kind::WorkspaceBuild(completed));
                Message::Complete(CompleteJobRequest { job_id: String::new(), kind })
            }
        };
        self.finish(at, message);
    }
}
