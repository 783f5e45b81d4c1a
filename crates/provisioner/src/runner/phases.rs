//! The order of a workspace build: session, plan, quota, apply.
//!
//! Before the quota and before the apply the run waits for a flush, so that the control plane has the lines so far
//! and the runner the latest word on a cancel. A cancelled job begins no further phase.

use groundhog_wire::v1::{
    CommitQuotaRequest, CommitQuotaResponse, CompleteJobRequest, CompletedWorkspaceBuild, LogLevel, Resource,
    Transition, WorkspaceBuild, complete_job_request,
};

use super::{
    attempt::Attempt,
    core::{Next, Runner, Stage},
    ending::Message,
    event::{CallError, Effect, Moment, Phase, Tale},
    texts,
};
use crate::session::{Metadata, Request, Response};

impl Runner {
    pub(super) fn opened(&mut self, at: Moment, result: Result<(), String>) {
        if let Err(error) = result {
            // Nothing was queued, so there is nothing to flush.
            self.begin_terminal(Message::Fail(texts::failed(format!("open session: {error}"))));
            return;
        }
        self.session_open = true;
        self.stage = Stage::Planning;
        self.logs.push_own(at, LogLevel::Info, texts::SETTING_UP, "");
        let Some(metadata) = self.metadata() else {
            self.finish(at, Message::Fail(texts::failed(self.unknown_kind())));
            return;
        };
        let state = self.build.as_ref().map(|build| build.state.clone()).unwrap_or_default();
        self.effects.push(Effect::Send(Request::Config { source: std::mem::take(&mut self.source), state }));
        self.log_stage = texts::PLANNING;
        if self.cancel.is_some() {
            // The cancel came before the job had begun.
            self.forward_cancel();
            self.finish(at, canceled_between_phases());
            return;
        }
        self.begin_phase(Phase::Plan);
        self.effects.push(Effect::Send(Request::Plan { metadata }));
    }

    /// What the provisioner is told about the build; none for a job that this daemon can't run.
    fn metadata(&self) -> Option<Metadata> {
        let build = self.build.as_ref().filter(|build| build.transition() != Transition::Unspecified)?;
        Some(Metadata {
            transition: build.transition(),
            workspace_name: build.workspace_name.clone(),
            workspace_owner: build.workspace_owner.clone(),
        })
    }

    fn unknown_kind(&self) -> String {
        match &self.build {
            None => "unknown job type \"\"; ensure your provisioner daemon is up-to-date".to_owned(),
            Some(WorkspaceBuild { transition, .. }) => {
                format!("unknown transition {transition}; ensure your provisioner daemon is up-to-date")
            }
        }
    }

    fn begin_phase(&mut self, phase: Phase) {
        self.phase = phase;
        self.tell(Tale::Phase(phase));
    }

    pub(super) fn send_failed(&mut self, at: Moment, request: &str, error: &str) {
        // Only the first failure counts, and a cancel that can't be sent has no one to reach.
        match (&self.stage, request) {
            (Stage::Planning | Stage::Applying, "Config") => {
                self.finish(at, Message::Fail(texts::failed(format!("send config: {error}"))));
            }
            (Stage::Planning | Stage::Applying, "Plan" | "Apply") => {
                self.finish(at, Message::Fail(texts::failed_build(format!("start provision: {error}"))));
            }
            _ => {}
        }
    }

    /// The session has ended. Between phases that is found when the next request can't be sent.
    pub(super) fn session_ended(&mut self, at: Moment, error: &str) {
        if matches!(self.stage, Stage::Planning | Stage::Applying) {
            self.finish(at, Message::Fail(texts::failed_build(format!("recv workspace provision: {error}"))));
        }
    }

    pub(super) fn responded(&mut self, at: Moment, response: Response) {
        match (&self.stage, response) {
            (Stage::New | Stage::LastFlush(_) | Stage::Terminal { .. } | Stage::Ended(_), _) => {}
            (_, Response::Log { level, output }) => {
                self.logs.push_provisioner(at, level, self.log_stage, &output);
            }
            (Stage::Planning, Response::Planned { error, resources }) => self.planned(at, error, &resources),
            (Stage::Applying, Response::Applied { error, state, resources }) => {
                self.applied(at, error, state, resources);
            }
            (_, other) => {
                let error = format!("invalid message type {:?} received from provisioner", other.name());
                self.close_session();
                self.finish(at, Message::Fail(texts::failed_build(error)));
            }
        }
    }

    fn planned(&mut self, at: Moment, error: Option<String>, resources: &[Resource]) {
        if let Some(error) = error {
            self.finish(at, Message::Fail(texts::failed_verbatim(error, None)));
            return;
        }
        if self.cancel.is_some() {
            // The provisioner did not obey, or was done before it heard. The apply would only have to be undone.
            self.finish(at, canceled_between_phases());
            return;
        }
        let cost = resources.iter().fold(0, |sum: i32, resource| sum.saturating_add(resource.daily_cost));
        let next = match self.transition() {
            Transition::Start | Transition::Stop if cost != 0 => Next::Quota { cost },
            _ => Next::Apply,
        };
        self.flush_before(at, next);
    }

    fn transition(&self) -> Transition {
        self.build.as_ref().map_or(Transition::Unspecified, WorkspaceBuild::transition)
    }

    fn flush_before(&mut self, at: Moment, next: Next) {
        self.flush(at.now + self.config.update_timeout);
        self.stage = Stage::Flushing(next);
    }

    pub(super) fn begin_quota(&mut self, cost: i32) {
        self.begin_phase(Phase::Quota);
        let call = Attempt::new(self.config.retry_wait_min, self.config.retry_wait_max);
        self.stage = Stage::Quota { cost, call };
    }

    pub(super) fn commit_quota(&mut self, cost: i32) {
        let request = CommitQuotaRequest { job_id: self.id.to_string(), daily_cost: cost };
        self.effects.push(Effect::CommitQuota(request));
    }

    pub(super) fn quota_answered(&mut self, at: Moment, result: Result<CommitQuotaResponse, CallError>) {
        let Stage::Quota { cost, call } = &mut self.stage else { return };
        if !call.is_in_flight() {
            return;
        }
        let cost = *cost;
        match result {
            Err(CallError::Lost(_)) => call.lost(at.now),
            Err(CallError::Refused(error) | CallError::Over(error)) => {
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
                    self.finish(at, Message::Fail(texts::insufficient_quota()));
                }
            }
        }
    }

    fn push_quota_line(&mut self, at: Moment, level: LogLevel, line: &str) {
        self.logs.push_provisioner(at, level, texts::COMMIT_QUOTA, line);
    }

    pub(super) fn begin_apply(&mut self, at: Moment) {
        // Without metadata the run has ended long before.
        let Some(metadata) = self.metadata() else { return };
        self.begin_phase(Phase::Apply);
        self.log_stage = texts::apply_stage(metadata.transition);
        self.logs.push_own(at, LogLevel::Info, self.log_stage, "");
        self.effects.push(Effect::Send(Request::Apply { metadata }));
        self.stage = Stage::Applying;
    }

    fn applied(&mut self, at: Moment, error: Option<String>, state: Option<Vec<u8>>, resources: Vec<Resource>) {
        if let Some(error) = error {
            self.finish(at, Message::Fail(texts::failed_verbatim(error, state)));
            return;
        }
        let state = state.unwrap_or_else(|| self.build.as_ref().map(|build| build.state.clone()).unwrap_or_default());
        let build = CompletedWorkspaceBuild { state, resources, ..CompletedWorkspaceBuild::default() };
        let kind = Some(complete_job_request::Kind::WorkspaceBuild(build));
        self.finish(at, Message::Complete(CompleteJobRequest { job_id: String::new(), kind }));
    }
}

pub(super) fn canceled_between_phases() -> Message {
    Message::Fail(texts::failed_build(texts::CANCELED_BETWEEN_PHASES.to_owned()))
}
