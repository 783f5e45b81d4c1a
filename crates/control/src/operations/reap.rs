//! Ending a job that nothing is heard of.
//!
//! The texts name the product that they were read from: tools and people search logs for them.

use groundhog_wire::{id::JobId, v1};

use super::{
    ended::{self, Outcome},
    finish,
};
use crate::{
    config::ReaperConfig,
    events,
    millis::millis,
    store::{
        StoreError, Tx, builds,
        jobs::{self, End, Job, Silence},
        logs,
        notices::Notice,
    },
};

/// What is wrong with a silent job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silent {
    /// A worker took it and fell silent, before or after the job's end was asked for.
    Hung,
    /// No worker took it.
    Pending,
}

impl Silent {
    /// The word that texts and events use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hung => "hung",
            Self::Pending => "pending",
        }
    }
}

/// The times before which a job's last sign of life is too old, at `now_ms` (milliseconds since 1970).
pub fn silence(now_ms: i64, config: &ReaperConfig) -> Silence {
    let before = |after: std::time::Duration| now_ms.saturating_sub(millis(after));
    Silence { hung_before: before(config.hung_after), pending_before: before(config.pending_after) }
}

/// The jobs to look at in one run: at most [`ReaperConfig::jobs_per_run`], the longest silent first, then by id.
pub fn candidates(tx: &Tx<'_>, config: &ReaperConfig) -> Result<Vec<JobId>, StoreError> {
    jobs::silent(tx, silence(tx.now_ms(), config), config.jobs_per_run)
}

/// Ends a job if it still is as silent as it was when it became a candidate; whether it was ended.
///
/// Five lines are added to its log, a millisecond apart, so that who reads the log learns why it stops. A build
/// keeps the state before it. Its worker is not told: its next message is refused.
pub fn reap(tx: &Tx<'_>, id: JobId, config: &ReaperConfig) -> Result<bool, StoreError> {
    let Some(job) = jobs::by_id(tx, id)? else { return Ok(false) };
    let Some(silent) = classify(&job, silence(tx.now_ms(), config)) else { return Ok(false) };
    let minutes = match silent {
        Silent::Hung => config.hung_after,
        Silent::Pending => config.pending_after,
    }
    .as_secs_f64()
        / 60.0;
    let found = format!("Coder: Build has been detected as {} for {minutes:.0} minutes and", silent.as_str());
    let error = format!("{found} has been terminated by the reaper.");
    if silent == Silent::Pending {
        jobs::set_started(tx, id)?;
    }
    jobs::end(tx, id, &End { error: &error, error_code: "", terminal_digest: None })?;
    explain(tx, &job, &format!("{found} will be terminated."))?;
    let build = builds::by_job(tx, id)?;
    if let Some(build) = &build {
        let own = builds::state(tx, build.id)?;
        if own.is_none_or(|state| state.is_empty()) {
            finish::keep_state_before(tx, build)?;
        }
    }
    let silent_s = tx.now_ms().saturating_sub(job.updated_at) / 1_000;
    let text = error.clone();
    tx.after_commit(move || {
        events::job_reaped(id.event(), silent.as_str(), silent_s);
        events::job_failed(id.event(), "reaper", &text, "");
    });
    if let Some(build) = &build {
        ended::audit(tx, build, job.initiator, Outcome::Failed(&error))?;
    }
    tx.notify(Notice::JobLogs { job: id });
    ended::notify(tx, id, build.map(|build| build.workspace));
    Ok(true)
}

fn classify(job: &Job, silence: Silence) -> Option<Silent> {
    let (silent, before) = match job.started_at {
        Some(_) => (Silent::Hung, silence.hung_before),
        None => (Silent::Pending, silence.pending_before),
    };
    (job.completed_at.is_none() && job.updated_at < before).then_some(silent)
}

fn explain(tx: &Tx<'_>, job: &Job, text: &str) -> Result<(), StoreError> {
    const RULE: &str = "====================";
    let (stage, last) = logs::last(tx, job.id)?.unwrap_or_default();
    let stage = if stage.is_empty() { "Unknown".to_owned() } else { stage };
    // Past the largest number that is kept no line can follow; the job's error tells the same.
    if last > logs::SEQUENCE_MAX - 5 {
        return Ok(());
    }
    for (at, output) in (0_u32..).zip(["", RULE, text, RULE, ""]) {
        let line = v1::LogLine {
            sequence: last + 1 + u64::from(at),
            source: v1::LogSource::ProvisionerDaemon.into(),
            level: v1::LogLevel::Error.into(),
            created_at_ms: tx.now_ms() + i64::from(at),
            stage: stage.clone(),
            output: output.to_owned(),
        };
        logs::insert(tx, job.id, &line)?;
    }
    Ok(())
}
