//! A worker is heard of: it lives, and hands over log lines.

use groundhog_wire::v1;

use super::{import, owned};
use crate::{
    config::LogConfig,
    events,
    log_limit::{Admission, LogUse, OVERFLOW_TEXT},
    names::truncated,
    refusal::{CallError, Refusal},
    store::{
        Tx,
        daemons::Worker,
        jobs::{self, Job},
        logs::{self, SEQUENCE_MAX},
        notices::Notice,
    },
};

/// How much of a line's stage is kept, in bytes. The log's limit counts output only, so a stage needs one of its
/// own; the longest in use has about thirty.
const STAGE_BYTES_MAX: usize = 256;

/// What comes of an update. It is taken in either case; refused is only what it declares, see [`import::declare`].
pub type Updated = Result<v1::UpdateJobResponse, Refusal>;

/// Takes an update: the job counts as alive, each line is stored whose number is new (J2), and what an import has
/// found in its source is kept. The answer says whether the job's end was asked for.
pub fn update(
    tx: &Tx<'_>,
    worker: &Worker,
    request: v1::UpdateJobRequest,
    limits: &LogConfig,
) -> Result<Updated, CallError> {
    let job = owned::running(tx, worker, &request.job_id)?;
    if let Some(line) = request.logs.iter().find(|line| !(1..=SEQUENCE_MAX).contains(&line.sequence)) {
        let text = format!("log line number {}: expected numbers from 1 to {SEQUENCE_MAX}", line.sequence);
        return Err(Refusal::Invalid(text).into());
    }
    jobs::touch(tx, job.id)?;
    store_lines(tx, &job, request.logs, limits)?;
    let values = match request.declarations {
        Some(declared) => import::declare(tx, &job, declared)?,
        None => Ok(Vec::new()),
    };
    let canceled = job.canceled_at.is_some();
    let (id, name) = (job.id.event(), worker.name.clone());
    tx.after_commit(move || events::job_updated(id, &name, canceled));
    Ok(values.map(|variable_values| v1::UpdateJobResponse { canceled, variable_values }))
}

fn store_lines(tx: &Tx<'_>, job: &Job, lines: Vec<v1::LogLine>, limits: &LogConfig) -> Result<(), CallError> {
    let mut log_use: LogUse = job.log_use;
    let mut stored: Option<(u64, u64, u64)> = None;
    for mut line in lines {
        // A number that is there already was told twice; it counts once.
        if log_use.overflowed || logs::is_stored(tx, job.id, line.sequence)? {
            continue;
        }
        line.stage.truncate(truncated(&line.stage, STAGE_BYTES_MAX).len());
        match log_use.admit(line.output.len() as u64, limits) {
            Admission::Store => {}
            Admission::Overflow => {
                line.level = v1::LogLevel::Warn.into();
                line.output = OVERFLOW_TEXT.to_owned();
                let id = job.id.event();
                tx.after_commit(move || events::job_log_overflow(id));
            }
            Admission::Drop => continue,
        }
        logs::insert(tx, job.id, &line)?;
        let (first, _, count) = stored.unwrap_or((line.sequence, 0, 0));
        stored = Some((first, line.sequence, count + 1));
    }
    if let Some((first, last, count)) = stored {
        jobs::set_log_use(tx, job.id, log_use)?;
        let id = job.id.event();
        tx.after_commit(move || events::job_logs_stored(id, first, last, count));
        tx.notify(Notice::JobLogs { job: job.id });
    }
    Ok(())
}
