//! Telling the control plane how scripts have ended.

use groundhog_wire::v1::ScriptCompletedRequest;

use super::outcome::{Outcome, Stage};
use crate::{
    connection::{Connection, Failure},
    outbox::Outbox,
};

/// How many wait to be told; more are dropped. A manifest has fewer scripts, and one that runs by the clock is worth no
/// more.
const REPORTS_MAX: usize = 256;

/// The ends of scripts that the control plane has not been told of. They outlive every connection.
#[derive(Debug)]
pub(crate) struct Reports {
    outbox: Outbox<ScriptCompletedRequest>,
}

impl Reports {
    pub(crate) fn new() -> Self {
        Self { outbox: Outbox::new(REPORTS_MAX) }
    }

    /// A script has ended.
    pub(crate) fn add(&self, script: &str, stage: Stage, outcome: Outcome, started_at_ms: i64, ended_at_ms: i64) {
        let kept = self.outbox.add(ScriptCompletedRequest {
            script_id: script.to_owned(),
            stage: stage.message().into(),
            status: outcome.status.message().into(),
            exit_code: outcome.exit_code,
            started_at_ms,
            ended_at_ms,
        });
        if !kept {
            tracing::warn!(script, "the end of a script is not told: too many wait to be");
        }
    }

    /// Waits until none waits any more. Cancel safe.
    pub(crate) async fn drained(&self) {
        self.outbox.drained().await;
    }
}

impl Connection<'_> {
    /// Tells how scripts have ended, as they do.
    pub(crate) async fn report_scripts(&self) -> Failure {
        let send = |report| self.call(|mut client| async move { client.script_completed(report).await });
        self.deliver(&self.shared.reports.outbox, "script_completed", send).await
    }
}
