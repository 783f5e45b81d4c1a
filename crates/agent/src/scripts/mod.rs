//! What an agent runs by itself.
//!
//! - [`outcome`]: how scripts end. [`order`]: which may begin when. [`schedule`]: when one is to run by the clock.
//! - [`run`]: one script, from its begin to its end.
//! - [`reports`]: telling the control plane how scripts have ended.
//! - [`Scripts`] (here): the stages.

pub(crate) mod order;
pub(crate) mod outcome;
pub(crate) mod reports;
mod run;
pub(crate) mod schedule;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use groundhog_host::{Host, Instant, until};
use groundhog_wire::v1::{AgentScript, LogLevel};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::{
    order::{Order, OrderError, StageRun, Step},
    outcome::{Outcome, Stage, StageEnd},
    reports::Reports,
    schedule::{Schedule, ScheduleError},
};
use crate::{events, identity::Identity, logs::Logs, manifest::Manifest, several::Several, surroundings::Surroundings};

/// How often a script that waits for others says so in its log.
const WAITING_INTERVAL: Duration = Duration::from_secs(30);
/// The longest sleep until a script's next time. The machine may be suspended, or its clock be set, meanwhile: so late
/// is it noticed.
const SCHEDULE_SLEEP_MAX: Duration = Duration::from_secs(60);

/// One script of a manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Script {
    pub(crate) id: String,
    pub(crate) log_source: String,
    pub(crate) name: String,
    /// Handed to the shell.
    pub(crate) text: String,
    /// Where its output goes beside the log; empty for a file that is called after the log source.
    pub(crate) log_path: String,
    pub(crate) on_start: bool,
    pub(crate) on_stop: bool,
    /// Empty for none.
    pub(crate) schedule: String,
    pub(crate) timeout: Option<Duration>,
    pub(crate) after: Vec<After>,
}

/// Another script that one waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct After {
    /// Its display name.
    pub(crate) script: String,
    /// It is enough that it has ended, well or not.
    pub(crate) completion: bool,
}

impl From<AgentScript> for Script {
    fn from(message: AgentScript) -> Self {
        let timeout = Duration::from_millis(message.timeout_ms.into());
        Self {
            id: message.script_id,
            log_source: message.log_source_id,
            name: message.display_name,
            text: message.script,
            log_path: message.log_path,
            on_start: message.run_on_start,
            on_stop: message.run_on_stop,
            schedule: message.cron,
            timeout: (!timeout.is_zero()).then_some(timeout),
            after: message
                .after
                .into_iter()
                .map(|after| After { script: after.script, completion: after.completion })
                .collect(),
        }
    }
}

/// The scripts can't be run. Found out before any of them is (A3).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanError {
    /// They can't be put in order.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// One has a schedule that is none.
    #[error("script {script:?}: {error}")]
    Schedule {
        /// Which one.
        script: String,
        /// What is wrong with it.
        error: ScheduleError,
    },
}

/// Scripts that can be run.
#[derive(Debug)]
struct Plan {
    scripts: Vec<Script>,
    order: Order,
    schedules: Vec<(usize, Schedule)>,
}

impl Plan {
    fn new(scripts: Vec<Script>) -> Result<Self, PlanError> {
        let order = Order::new(&scripts)?;
        let scheduled = scripts.iter().enumerate().filter(|(_, script)| !script.schedule.is_empty());
        let schedule = |(at, script): (usize, &Script)| match Schedule::parse(&script.schedule) {
            Ok(schedule) => Ok((at, schedule)),
            Err(error) => Err(PlanError::Schedule { script: script.name.clone(), error }),
        };
        let schedules = scheduled.map(schedule).collect::<Result<_, _>>()?;
        Ok(Self { scripts, order, schedules })
    }

    fn in_stage(&self, stage: Stage) -> Vec<usize> {
        let takes_part = |script: &Script| match stage {
            Stage::Start => script.on_start,
            Stage::Stop => script.on_stop,
            Stage::Cron => false,
        };
        self.scripts.iter().enumerate().filter(|(_, script)| takes_part(script)).map(|(at, _)| at).collect()
    }
}

/// Runs the scripts of an agent's first manifest.
#[derive(Debug)]
pub(crate) struct Scripts {
    host: Host,
    process: Uuid,
    identity: Arc<Identity>,
    surroundings: Arc<Surroundings>,
    logs: Arc<Logs>,
    reports: Arc<Reports>,
    plan: Mutex<Option<Arc<Plan>>>,
}

impl Scripts {
    pub(crate) fn new(
        host: &Host,
        process: Uuid,
        identity: Arc<Identity>,
        surroundings: Arc<Surroundings>,
        logs: Arc<Logs>,
        reports: Arc<Reports>,
    ) -> Self {
        Self { host: host.clone(), process, identity, surroundings, logs, reports, plan: Mutex::default() }
    }

    /// Takes the scripts of the first manifest. Nothing runs, and nothing will, if they can't be run.
    pub(crate) fn prepare(&self, manifest: &Manifest) -> Result<(), PlanError> {
        let plan = Plan::new(manifest.scripts.clone())?;
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(plan));
        Ok(())
    }

    /// Says in the log of every start script why none is run.
    pub(crate) fn refused(&self, manifest: &Manifest, error: &PlanError) {
        for script in manifest.scripts.iter().filter(|script| script.on_start) {
            self.logs.line(&script.log_source, LogLevel::Error, format!("not run: {error}").as_bytes());
        }
    }

    /// Runs a stage. Cancelling ends what runs, and what waits is not begun. Without a plan there is nothing to run.
    pub(crate) async fn stage(&self, stage: Stage, cancel: &CancellationToken) -> StageEnd {
        let Some(plan) = self.plan() else { return StageEnd::Well };
        let mut progress = StageRun::new(&plan.order, plan.in_stage(stage));
        let mut running = Several::new();
        let mut waiting_told = self.host.now();
        loop {
            for step in if cancel.is_cancelled() { Vec::new() } else { progress.next() } {
                match step {
                    Step::Start(at) => {
                        let script = &plan.scripts[at];
                        running.add(async move { (at, self.run(script, stage, cancel).await.status) });
                    }
                    Step::Skip(at) => self.skip(&plan.scripts[at], stage),
                }
            }
            if running.is_empty() {
                return progress.end();
            }
            let waiting = progress.waiting();
            let tell_at: Option<Instant> = (!waiting.is_empty()).then(|| waiting_told + WAITING_INTERVAL);
            tokio::select! {
                biased;
                // An end first: who waits for it waits no longer.
                (at, status) = running.next() => progress.ended(at, status),
                () = until(&self.host, tell_at) => {
                    waiting_told = self.host.now();
                    self.tell_waiting(&plan, &waiting);
                }
            }
        }
    }

    /// Runs scripts by the clock until it is cancelled.
    pub(crate) async fn by_the_clock(&self, cancel: &CancellationToken) {
        let Some(plan) = self.plan() else { return };
        let mut scheduled = Several::new();
        for (at, schedule) in &plan.schedules {
            scheduled.add(self.on_schedule(&plan.scripts[*at], schedule, cancel));
        }
        while !scheduled.is_empty() {
            scheduled.next().await;
        }
    }

    /// Runs a script at its times. One that comes while it still runs is left out; of those that the machine slept
    /// through, one is made up for.
    async fn on_schedule(&self, script: &Script, schedule: &Schedule, cancel: &CancellationToken) {
        let mut next = schedule.next_after(self.host.wall());
        while let Some(at) = next {
            let now = self.host.wall();
            if now < at {
                tokio::select! {
                    biased;
                    // The cancel first: nothing is begun after it.
                    () = cancel.cancelled() => return,
                    () = self.host.sleep(between(now, at).min(SCHEDULE_SLEEP_MAX)) => {}
                }
                // If the clock was set back meanwhile, there may be an earlier time.
                next = schedule.next_after(self.host.wall()).map(|fresh| fresh.min(at));
                continue;
            }
            self.run(script, Stage::Cron, cancel).await;
            if cancel.is_cancelled() {
                return;
            }
            next = schedule.next_after(self.host.wall());
        }
    }

    fn plan(&self) -> Option<Arc<Plan>> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn skip(&self, script: &Script, stage: Stage) {
        let script = self.known_as(script);
        self.logs.line(&script.log_source, LogLevel::Warn, b"not run: a script that it waits for did not go well");
        let at_ms = self.host.wall().as_millisecond();
        self.ended(&script, stage, Outcome::SKIPPED, at_ms);
    }

    /// Tells of a script's end: as an event, and the control plane.
    fn ended(&self, script: &Script, stage: Stage, outcome: Outcome, started_at_ms: i64) {
        let Outcome { status, exit_code } = outcome;
        let (agent, process) = (self.identity.event(), events::process(self.process));
        events::agent_script_ended(agent, process, &script.name, stage.name(), status.name(), exit_code);
        self.reports.add(&script.id, stage, outcome, started_at_ms, self.host.wall().as_millisecond());
    }

    /// The script under the ids by which the control plane knows it now: over a connection the agent may have become
    /// another one, whose manifest has ids of its own (A11).
    fn known_as(&self, script: &Script) -> Script {
        let manifest = self.surroundings.manifest();
        let now = manifest.as_ref().and_then(|manifest| manifest.scripts.iter().find(|now| now.name == script.name));
        let ids = now.map_or((&script.id, &script.log_source), |now| (&now.id, &now.log_source));
        Script { id: ids.0.clone(), log_source: ids.1.clone(), ..script.clone() }
    }

    fn tell_waiting(&self, plan: &Plan, waiting: &[(usize, Vec<usize>)]) {
        for (at, needs) in waiting {
            let mut names: Vec<&str> = needs.iter().map(|need| plan.scripts[*need].name.as_str()).collect();
            names.sort_unstable();
            let text = format!("waiting for {}", names.join(", "));
            self.logs.line(&self.known_as(&plan.scripts[*at]).log_source, LogLevel::Info, text.as_bytes());
        }
    }
}

/// How long it is from `now` to `at`; zero if that is past.
fn between(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
}
