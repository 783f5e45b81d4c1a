//! The order of a job's phases: what all kinds of jobs have in common.
//!
//! - `build`: plan, quota, apply. `import`: parse, declare, plan for a start, plan for a stop. `dry_run`: plan.
//!
//! A cancelled job begins no further phase. When a job's last phase succeeds all the same, its result counts.

mod build;
mod dry_run;
mod import;

use groundhog_wire::v1::{Job, LogLevel, Transition, job};

use self::{build::Build, dry_run::DryRun, import::Import};
use super::{
    attempt::Attempt,
    core::{Next, Runner, Stage},
    ending::Message,
    event::{Effect, Moment, Phase, Tale},
    texts::{self, Trouble},
};
use crate::session::{Config, Planned, Request, Response};

/// What there is to do, and what came out of it so far. It holds no text of a job that may be secret in a form that
/// prints.
#[derive(Clone, Debug)]
pub(super) enum Work {
    Build(Build),
    Import(Import),
    DryRun(DryRun),
    /// This daemon knows no such job, and fails it with this text.
    Unknown(String),
}

impl Work {
    /// The job's work, and its source.
    pub(super) fn of(job: Job) -> (Self, Vec<u8>) {
        let work = match job.kind {
            Some(job::Kind::WorkspaceBuild(build)) if build.transition() == Transition::Unspecified => {
                Self::Unknown(texts::unknown_transition(build.transition))
            }
            Some(job::Kind::WorkspaceBuild(build)) => Self::Build(Build::from(build)),
            // What the author has set comes back, completed, in the answer to the declarations.
            Some(job::Kind::TemplateImport(_)) => Self::Import(Import::default()),
            Some(job::Kind::TemplateDryRun(run)) => Self::DryRun(DryRun::new(run, job.initiator)),
            None => Self::Unknown(texts::unknown_kind()),
        };
        (work, job.template_source)
    }

    /// The first phase.
    pub(super) fn first_phase(&self) -> Phase {
        match self {
            Self::Import(_) => Phase::Parse,
            Self::Build(_) | Self::DryRun(_) | Self::Unknown(_) => Phase::Plan,
        }
    }

    /// Whether it is a workspace's build.
    pub(super) fn is_build(&self) -> bool {
        matches!(self, Self::Build(_))
    }
}

impl Runner {
    pub(super) fn opened(&mut self, at: Moment, result: Result<(), String>) {
        if !matches!(self.stage, Stage::Opening) {
            return;
        }
        if let Err(error) = result {
            // Nothing was queued, so there is nothing to flush.
            self.begin_terminal(Message::Fail(texts::failed(format!("open session: {error}"))));
            return;
        }
        self.session_open = true;
        self.stage = Stage::Provisioning;
        self.logs.push_own(at, LogLevel::Info, texts::SETTING_UP, "");
        let config = Config { source: std::mem::take(&mut self.source), ..Config::default() };
        let config = match &self.work {
            Work::Unknown(error) => {
                let error = error.clone();
                self.finish(at, Message::Fail(texts::failed(error)));
                return;
            }
            Work::Build(build) => build.configure(config),
            Work::Import(_) | Work::DryRun(_) => config,
        };
        self.effects.push(Effect::Send(Request::Config(config)));
        if self.cancel.is_some() {
            // The cancel came before the job had begun.
            self.forward_cancel();
            self.finish(at, self.canceled_between_phases());
            return;
        }
        match &self.work {
            Work::Build(_) => self.plan_build(),
            Work::Import(_) => self.parse(at),
            Work::DryRun(_) => self.plan_dry_run(),
            // Over by now.
            Work::Unknown(_) => {}
        }
    }

    /// Begins a phase that consists of a request; the provisioner's lines are filed under `log_stage`.
    fn ask(&mut self, phase: Phase, log_stage: &'static str, request: Request) {
        self.begin_phase(phase);
        self.log_stage = log_stage;
        self.effects.push(Effect::Send(request));
        self.stage = Stage::Provisioning;
    }

    fn begin_phase(&mut self, phase: Phase) {
        self.phase = phase;
        self.tell(Tale::Phase(phase));
    }

    /// A call of a phase's own, which may begin at once.
    fn own_call(&self) -> Attempt {
        Attempt::new(self.config.retry_wait_min, self.config.retry_wait_max)
    }

    pub(super) fn send_failed(&mut self, at: Moment, request: &str, error: &str) {
        // Only the first failure counts, and a cancel that can't be sent has no one to reach.
        match (&self.stage, request) {
            (Stage::Provisioning, "Config") => {
                self.finish(at, Message::Fail(texts::failed(format!("send config: {error}"))));
            }
            (Stage::Provisioning, "Parse" | "Plan" | "Apply") => {
                let message = self.trouble(Trouble::Send(error));
                self.finish(at, message);
            }
            _ => {}
        }
    }

    /// The session has ended. Between phases that is found when the next request can't be sent.
    pub(super) fn session_ended(&mut self, at: Moment, error: &str) {
        if matches!(self.stage, Stage::Provisioning) {
            let message = self.trouble(Trouble::Ended(error));
            self.finish(at, message);
        }
    }

    pub(super) fn responded(&mut self, at: Moment, response: Response) {
        match (&self.stage, response) {
            (Stage::New | Stage::Opening | Stage::LastFlush(_) | Stage::Terminal { .. } | Stage::Ended(_), _) => {}
            (_, Response::Log { level, output }) => {
                self.logs.push_provisioner(at, level, self.log_stage, &output);
                let level = texts::daemon_level(level, self.work.is_build());
                self.tell(Tale::Line { level, stage: self.log_stage, output });
            }
            (Stage::Provisioning, Response::Parsed(parsed)) if self.phase == Phase::Parse => self.parsed(at, parsed),
            (Stage::Provisioning, Response::Planned(planned))
                if matches!(self.phase, Phase::Plan | Phase::PlanStop) =>
            {
                self.planned(at, planned);
            }
            (Stage::Provisioning, Response::Applied(applied)) if self.phase == Phase::Apply => {
                self.applied(at, applied);
            }
            (_, other) => {
                let message = self.trouble(Trouble::WrongAnswer(other.name()));
                self.close_session();
                self.finish(at, message);
            }
        }
    }

    fn planned(&mut self, at: Moment, planned: Planned) {
        match (&self.work, self.phase) {
            (Work::Build(_), _) => self.build_planned(at, planned),
            (Work::Import(_), Phase::PlanStop) => self.planned_for_stop(at, planned),
            (Work::Import(_), _) => self.planned_for_start(at, planned),
            (Work::DryRun(_), _) => self.dry_run_planned(at, planned),
            // It has asked for nothing.
            (Work::Unknown(_), _) => {}
        }
    }

    /// What the job fails with when its session goes wrong in the present phase.
    fn trouble(&self, trouble: Trouble<'_>) -> Message {
        let context = match (&self.work, self.phase) {
            (Work::Build(_) | Work::Unknown(_), _) => texts::Context::Build,
            (Work::DryRun(_), _) => texts::Context::DryRun,
            (Work::Import(_), Phase::Parse | Phase::Declare) => texts::Context::Parse,
            (Work::Import(_), Phase::PlanStop) => texts::Context::ImportStop,
            (Work::Import(_), _) => texts::Context::ImportStart,
        };
        self.failure(texts::trouble(context, trouble))
    }

    /// A failure for a reason of the runner's, of this job's kind.
    fn failure(&self, error: String) -> Message {
        match &self.work {
            Work::Build(build) => Message::Fail(texts::failed_build(error, build.timings.clone())),
            Work::Import(_) | Work::DryRun(_) | Work::Unknown(_) => Message::Fail(texts::failed(error)),
        }
    }

    pub(super) fn canceled_between_phases(&self) -> Message {
        self.failure(texts::CANCELED_BETWEEN_PHASES.to_owned())
    }

    /// Waits for a flush before what is next.
    fn flush_before(&mut self, at: Moment, next: Next) {
        self.flush(at.now + self.config.update_timeout);
        self.stage = Stage::Flushing(next);
    }

    pub(super) fn flushed_before(&mut self, at: Moment, next: Next) {
        match next {
            Next::Quota { cost } => self.begin_quota(cost),
            Next::Apply => self.begin_apply(at),
        }
    }
}
