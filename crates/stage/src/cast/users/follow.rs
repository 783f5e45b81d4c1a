//! A person who reads a job's log as it grows.
//!
//! When the connection breaks they go on after the last line that they saw, so that nothing is seen twice and nothing
//! is missed.

use groundhog_host::Host;
use groundhog_wire::{
    call,
    id::JobId,
    retryable,
    v1::{BuildSelector, FollowLogsRequest, FollowLogsResponse, GetBuildRequest, build_selector},
};
use tonic::{Code, Status};

use super::{
    CALL_TIMEOUT, Clients, PATIENCE, RETRY_WAIT, Shared, agents::latest_build, followed_logs, gave_up, refused,
};
use crate::scenario::Action;

/// What the step is called.
const NAME: &str = "follow_logs";

/// Whose log is read by whom.
pub(super) struct Follow {
    by: String,
    owner: String,
    workspace: String,
    /// The workspace's id, if it is known.
    id: Option<String>,
}

/// What has been read so far.
#[derive(Default)]
struct Read {
    lines: u64,
    last_id: u64,
    last_sequence: u64,
    /// A line came out of turn.
    disordered: bool,
}

impl Read {
    /// Takes what came. Tells whether it was the end.
    fn take(&mut self, response: FollowLogsResponse) -> bool {
        for stored in response.lines {
            let sequence = stored.line.map_or(0, |line| line.sequence);
            self.disordered |= stored.id <= self.last_id || sequence <= self.last_sequence;
            self.lines += 1;
            (self.last_id, self.last_sequence) = (stored.id, sequence);
        }
        response.end_of_logs
    }
}

impl Follow {
    /// What a step asks for, if it is that. `id` is the workspace's, if it is known.
    pub(super) fn of(action: &Action, id: Option<&String>) -> Option<Self> {
        let Action::FollowLogs { workspace, owner, by } = action else { return None };
        Some(Self { by: by.clone(), owner: owner.clone(), workspace: workspace.clone(), id: id.cloned() })
    }

    /// Reads to the end of the log, or until patience ends.
    pub(super) async fn read(self, host: &Host, people: &Shared) {
        let (Some(mut owner), Some(mut reader)) = (people.clients(host, &self.owner), people.clients(host, &self.by))
        else {
            return;
        };
        let (mut job, mut read) = (None, Read::default());
        let mut until = host.now() + PATIENCE;
        loop {
            let before = read.lines;
            let error = match self.once(host, &mut owner, &mut reader, &mut job, &mut read).await {
                Ok(job) => return followed_logs(&self.by, job.event(), read.lines, !read.disordered),
                Err(error) => error,
            };
            if !retryable(&error) {
                return refused(&self.by, NAME, &format!("{:?}", error.code()), error.message());
            }
            if read.lines > before {
                until = host.now() + PATIENCE;
            }
            if host.now() >= until {
                return gave_up(&self.by, NAME, error.message());
            }
            host.sleep(RETRY_WAIT).await;
        }
    }

    /// Reads for as long as the connection holds. The owner tells which job it is.
    async fn once(
        &self,
        host: &Host,
        owner: &mut Clients,
        reader: &mut Clients,
        job: &mut Option<JobId>,
        read: &mut Read,
    ) -> Result<JobId, Status> {
        let known = match *job {
            Some(known) => known,
            None => *job.insert(self.latest_job(host, owner).await?),
        };
        let request = FollowLogsRequest { job_id: known.to_string(), after_id: read.last_id };
        let mut stream = call(host, CALL_TIMEOUT, reader.jobs.follow_logs(request)).await?.into_inner();
        // A log may be silent for long; that the other side is gone is for the connection to find out.
        while let Some(response) = stream.message().await? {
            if read.take(response) {
                return Ok(known);
            }
        }
        Err(Status::unavailable("the log ended before its end was told"))
    }

    async fn latest_job(&self, host: &Host, owner: &mut Clients) -> Result<JobId, Status> {
        let build = match &self.id {
            Some(id) => latest_build(host, owner, id).await?,
            None => {
                let build = BuildSelector { kind: Some(build_selector::Kind::Workspace(self.workspace.clone())) };
                let request = GetBuildRequest { build: Some(build) };
                call(host, CALL_TIMEOUT, owner.workspaces.get_build(request)).await?.into_inner()
            }
        };
        build.job_id.parse().map_err(|error| Status::new(Code::Internal, format!("{error}")))
    }
}
