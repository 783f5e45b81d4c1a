//! What a person who waits is shown: the log of the build and of the agent that are waited for.
//!
//! What can be followed is a convenience: a call that fails is made again, one that is refused is not, and nothing else
//! depends on it.

use std::time::Duration;

use groundhog_host::{Backoff, Host, event::Id};
use groundhog_wire::{
    Channel, Limited, call,
    id::AgentId,
    retryable,
    v1::{
        FollowLogsRequest, ListAgentLogsRequest, jobs_client::JobsClient,
        workspace_agents_client::WorkspaceAgentsClient,
    },
};
use tonic::Status;

use crate::{config::LogWriter, events};

/// The waits between two calls.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));

/// How long the control plane has to take a call.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest line that is shown, in characters. What is longer is cut: nobody reads it on a terminal.
const LINE_CHARS_MAX: usize = 2_000;

/// Where a tunnel's person reads.
#[derive(Clone)]
pub(crate) struct Progress {
    tunnel: Id,
    log: Option<LogWriter>,
}

impl Progress {
    pub(crate) fn new(tunnel: Id, log: Option<LogWriter>) -> Self {
        Self { tunnel, log }
    }

    /// Whether anybody reads logs.
    pub(crate) fn is_read(&self) -> bool {
        self.log.is_some()
    }

    /// Tells why the tunnel waits or ends.
    pub(crate) fn tell(&self, text: &str) {
        events::told(self.tunnel, text);
        self.write(text);
    }

    /// Shows what a log has.
    fn show(&self, output: &str) {
        for line in output.lines() {
            let line: String = line.trim_end_matches('\r').chars().take(LINE_CHARS_MAX).collect();
            events::log_line(self.tunnel, &line);
            self.write(&line);
        }
    }

    fn write(&self, line: &str) {
        if let Some(log) = &self.log {
            log(line);
        }
    }
}

/// How a call that follows a log ended.
enum End {
    /// There is nothing more.
    Complete,
    /// There may be more.
    Broken,
}

/// What follows logs.
#[derive(Clone)]
pub(crate) struct Follower {
    pub(crate) host: Host,
    pub(crate) channel: Channel,
    pub(crate) progress: Progress,
}

impl Follower {
    /// Shows the log of a job until it is complete.
    pub(crate) async fn build(self, job_id: String) {
        let mut random = self.host.random("tunnel-build-log");
        let (mut backoff, mut after_id) = (BACKOFF, 0);
        loop {
            self.host.sleep(backoff.next_wait_drawn(&mut random)).await;
            match self.build_once(&job_id, &mut after_id, &mut backoff).await {
                Ok(End::Complete) => return,
                Ok(End::Broken) => {}
                Err(status) if retryable(&status) => {}
                Err(status) => return tracing::debug!(%status, "the log of a build is not to be had"),
            }
        }
    }

    async fn build_once(&self, job_id: &str, after_id: &mut u64, backoff: &mut Backoff) -> Result<End, Status> {
        let mut client = JobsClient::new(self.channel.clone()).limited();
        let request = FollowLogsRequest { job_id: job_id.to_owned(), after_id: *after_id };
        let mut stream = call(&self.host, CALL_TIMEOUT, client.follow_logs(request)).await?.into_inner();
        while let Some(response) = stream.message().await? {
            for stored in response.lines {
                backoff.reset();
                *after_id = (*after_id).max(stored.id);
                self.progress.show(&stored.line.unwrap_or_default().output);
            }
            if response.end_of_logs {
                return Ok(End::Complete);
            }
        }
        Ok(End::Broken)
    }

    /// Shows the log of an agent until its build is outdated.
    pub(crate) async fn agent(self, agent: AgentId) {
        let mut random = self.host.random("tunnel-agent-log");
        let (mut backoff, mut after_id) = (BACKOFF, 0);
        loop {
            self.host.sleep(backoff.next_wait_drawn(&mut random)).await;
            match self.agent_once(agent, &mut after_id, &mut backoff).await {
                Ok(()) => return,
                Err(status) if retryable(&status) => {}
                Err(status) => return tracing::debug!(%status, "the log of an agent is not to be had"),
            }
        }
    }

    async fn agent_once(&self, agent: AgentId, after_id: &mut u64, backoff: &mut Backoff) -> Result<(), Status> {
        let mut client = WorkspaceAgentsClient::new(self.channel.clone()).limited();
        let request = ListAgentLogsRequest { agent_id: agent.to_string(), after_id: *after_id };
        let mut stream = call(&self.host, CALL_TIMEOUT, client.follow_agent_logs(request)).await?.into_inner();
        while let Some(response) = stream.message().await? {
            for stored in response.lines {
                backoff.reset();
                *after_id = (*after_id).max(stored.id);
                self.progress.show(&stored.line.unwrap_or_default().output);
            }
        }
        Ok(())
    }
}
