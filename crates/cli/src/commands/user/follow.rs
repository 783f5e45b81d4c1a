//! Logs that are read as they grow.
//!
//! When the connection breaks, they are read on after the last line that was seen: nothing is seen twice, and nothing is
//! missed.

use std::{future::Future, time::Duration};

use groundhog_host::{Backoff, Instant};
use groundhog_wire::{
    Limited, call, retryable,
    v1::{self, JobStatus, JobView, jobs_client::JobsClient, workspace_agents_client::WorkspaceAgentsClient},
};
use tonic::{Response, Status};

use super::{caller::Caller, failure::Failure, log::Log, tell, words};
use crate::{arguments::Format, exit::Exit};

/// How long a call may take to be taken up.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The waits between attempts to read on: a restart of the control plane takes a second or so, and is to be bridged at once.
const RETRY: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

/// How long a lost log is asked for before that is given up. Above any planned interruption.
const PATIENCE: Duration = Duration::from_mins(10);

/// Writes a job's log until the job has ended, and tells how it ended.
pub(super) async fn job(caller: &Caller, job_id: &str) -> Result<Exit, Failure> {
    let mut log = Log::new(caller.format);
    let mut reading = Reading::new(caller);
    let mut after_id = 0;
    while let Err(status) = job_pages(caller, job_id, &mut after_id, &mut log, &mut reading).await? {
        reading.lost(status).await?;
    }
    let job = loop {
        match get_job(caller, job_id).await {
            Ok(job) => break job,
            Err(Failure::Status(status)) => reading.lost(*status).await?,
            Err(other) => return Err(other),
        }
    };
    ended(caller, &job)
}

/// A job as it stands.
pub(super) async fn get_job(caller: &Caller, job_id: &str) -> Result<JobView, Failure> {
    let request = v1::GetJobRequest { job_id: job_id.to_owned() };
    let job = caller
        .ask(request, |channel, request| async move { JobsClient::new(channel).limited().get_job(request).await });
    job.await
}

/// Tells how a job ended.
pub(super) fn ended(caller: &Caller, job: &JobView) -> Result<Exit, Failure> {
    if caller.format == Format::Json {
        tell::line("job", tell::job(job))?;
    } else {
        let because = if job.error.is_empty() { String::new() } else { format!(": {}", job.error) };
        anstream::eprintln!("job {} {}{because}", job.job_id, words::job_status(job.status()));
    }
    Ok(if job.status() == JobStatus::Succeeded { Exit::Good } else { Exit::Failed })
}

/// Writes pages for as long as the connection holds. The inner result says whether the log's end was told.
async fn job_pages(
    caller: &Caller,
    job_id: &str,
    after_id: &mut u64,
    log: &mut Log,
    reading: &mut Reading<'_>,
) -> Result<Result<(), Status>, Failure> {
    let request = v1::FollowLogsRequest { job_id: job_id.to_owned(), after_id: *after_id };
    let mut jobs = JobsClient::new(caller.channel.clone()).limited();
    let mut pages = match open(caller, jobs.follow_logs(request)).await {
        Ok(pages) => pages,
        Err(status) => return Ok(Err(status)),
    };
    reading.holds();
    loop {
        // A log may be silent for long; that the other side is gone is for the connection to find out.
        let page = match pages.message().await {
            Ok(Some(page)) => page,
            Ok(None) => return Ok(Err(Status::unavailable("the log ended before its end was told"))),
            Err(status) => return Ok(Err(status)),
        };
        for line in &page.lines {
            log.job(line)?;
            *after_id = line.id;
        }
        if page.end_of_logs {
            return Ok(Ok(()));
        }
    }
}

/// Writes an agent's log until its build is outdated.
pub(super) async fn agent(caller: &Caller, agent_id: &str) -> Result<Exit, Failure> {
    let mut log = Log::new(caller.format);
    let mut reading = Reading::new(caller);
    let mut after_id = 0;
    while let Err(status) = agent_pages(caller, agent_id, &mut after_id, &mut log, &mut reading).await? {
        reading.lost(status).await?;
    }
    Ok(Exit::Good)
}

async fn agent_pages(
    caller: &Caller,
    agent_id: &str,
    after_id: &mut u64,
    log: &mut Log,
    reading: &mut Reading<'_>,
) -> Result<Result<(), Status>, Failure> {
    let request = v1::ListAgentLogsRequest { agent_id: agent_id.to_owned(), after_id: *after_id };
    let mut agents = WorkspaceAgentsClient::new(caller.channel.clone()).limited();
    let mut pages = match open(caller, agents.follow_agent_logs(request)).await {
        Ok(pages) => pages,
        Err(status) => return Ok(Err(status)),
    };
    reading.holds();
    loop {
        match pages.message().await {
            Ok(Some(page)) => {
                for line in &page.lines {
                    log.agent(line)?;
                    *after_id = line.id;
                }
            }
            Ok(None) => return Ok(Ok(())),
            Err(status) => return Ok(Err(status)),
        }
    }
}

async fn open<T>(caller: &Caller, opening: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Status> {
    call(&caller.host, CALL_TIMEOUT, opening).await.map(Response::into_inner)
}

/// Whether a log is being read, and what becomes of it if it is not.
struct Reading<'a> {
    caller: &'a Caller,
    /// It was read once: what is lost now may come back.
    begun: bool,
    /// Until when it is asked for; none while it is read.
    until: Option<Instant>,
    backoff: Backoff,
}

impl<'a> Reading<'a> {
    fn new(caller: &'a Caller) -> Self {
        Self { caller, begun: false, until: None, backoff: RETRY }
    }

    fn holds(&mut self) {
        self.begun = true;
        self.until = None;
        self.backoff.reset();
    }

    /// Waits until the log is to be asked for again, or gives up.
    async fn lost(&mut self, status: Status) -> Result<(), Failure> {
        let host = &self.caller.host;
        if !self.begun || !retryable(&status) {
            return Err(status.into());
        }
        match self.until {
            None => {
                anstream::eprintln!("groundhog: {}; reading on as soon as that is possible", status.message());
                self.until = Some(host.now() + PATIENCE);
            }
            Some(until) if host.now() >= until => return Err(status.into()),
            Some(_) => {}
        }
        host.sleep(self.backoff.next_wait()).await;
        Ok(())
    }
}
