//! A template import: parse, declare, plan for a start, plan for a stop.
//!
//! The declarations are handed over by a call of their own, beside the updates. It waits for no flush: the answer, the
//! values to plan with, has nothing to do with lines.

use groundhog_wire::v1::{
    CompleteJobRequest, CompletedTemplateImport, Declarations, LogLevel, Transition, UpdateJobRequest,
    complete_job_request,
};

use super::{
    super::{
        core::{Runner, Stage},
        ending::Message,
        event::{By, CallError, Declared, Effect, Moment, Phase},
        texts::{self, Trouble},
    },
    Work,
};
use crate::session::{Metadata, Parsed, Plan, Planned, Request, Variable};

/// What an import has found so far.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Import {
    /// The values that the control plane has answered the declarations with.
    variable_values: Vec<Variable>,
    /// What a start would bring about.
    start: Planned,
}

impl Runner {
    pub(super) fn parse(&mut self, at: Moment) {
        self.logs.push_own(at, LogLevel::Info, texts::PARSING_PARAMETERS, "");
        self.ask(Phase::Parse, texts::PARSE_PARAMETERS, Request::Parse);
    }

    pub(super) fn parsed(&mut self, at: Moment, parsed: Parsed) {
        if let Some(error) = parsed.error {
            let message = self.trouble(Trouble::Verdict(&error));
            self.finish(at, message);
            return;
        }
        if self.cancel.is_some() {
            self.finish(at, self.canceled_between_phases());
            return;
        }
        self.begin_phase(Phase::Declare);
        self.stage = Stage::Declaring { declarations: parsed.declarations, call: self.own_call() };
    }

    pub(in super::super) fn declare(&mut self, declarations: Declarations) {
        let job_id = self.id.to_string();
        let declarations = Some(declarations);
        self.effects.push(Effect::Declare(UpdateJobRequest { job_id, logs: Vec::new(), declarations }));
    }

    pub(in super::super) fn declared(&mut self, at: Moment, result: Result<Declared, CallError>) {
        let Stage::Declaring { call, .. } = &mut self.stage else { return };
        if !call.is_in_flight() {
            return;
        }
        match result {
            Err(CallError::Lost(_)) => call.lost(at.now),
            Err(CallError::Over(error)) => {
                call.answered();
                self.let_go(error);
            }
            Err(CallError::Refused(error)) => {
                call.answered();
                self.finish(at, Message::Fail(texts::failed(format!("update job: {error}"))));
            }
            Ok(declared) => {
                call.answered();
                self.updates.heard(at.now);
                if declared.canceled {
                    // Looked at as every update's is (J3).
                    self.cancel(at, By::User);
                    return;
                }
                if let Work::Import(import) = &mut self.work {
                    import.variable_values = declared.variable_values;
                }
                self.plan_import(at, Phase::Plan, texts::DETECTING_PERSISTENT, Transition::Start);
            }
        }
    }

    fn plan_import(&mut self, at: Moment, phase: Phase, log_stage: &'static str, transition: Transition) {
        let Work::Import(import) = &self.work else { return };
        let plan = Plan {
            metadata: Metadata { transition, ..Metadata::default() },
            variable_values: import.variable_values.clone(),
            parameter_values: Vec::new(),
        };
        self.logs.push_own(at, LogLevel::Info, log_stage, "");
        self.ask(phase, log_stage, Request::Plan(plan));
    }

    pub(super) fn planned_for_start(&mut self, at: Moment, planned: Planned) {
        if let Some(error) = planned.error {
            let message = self.trouble(Trouble::Verdict(&error));
            self.finish(at, message);
            return;
        }
        if self.cancel.is_some() {
            self.finish(at, self.canceled_between_phases());
            return;
        }
        if let Work::Import(import) = &mut self.work {
            import.start = planned;
        }
        self.plan_import(at, Phase::PlanStop, texts::DETECTING_EPHEMERAL, Transition::Stop);
    }

    pub(super) fn planned_for_stop(&mut self, at: Moment, planned: Planned) {
        if let Some(error) = planned.error {
            let message = self.trouble(Trouble::Verdict(&error));
            self.finish(at, message);
            return;
        }
        let Work::Import(import) = &mut self.work else { return };
        let start = std::mem::take(&mut import.start);
        let import = CompletedTemplateImport {
            start_resources: start.resources,
            stop_resources: planned.resources,
            parameters: start.parameters,
            presets: start.presets,
            external_auth_providers: start.external_auth_providers,
        };
        let kind = Some(complete_job_request::Kind::TemplateImport(import));
        self.finish(at, Message::Complete(CompleteJobRequest { job_id: String::new(), kind }));
    }
}
