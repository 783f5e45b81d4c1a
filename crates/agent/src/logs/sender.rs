//! Sending log lines (A8).

use groundhog_wire::v1::CreateLogsRequest;

use crate::{
    connection::{Connection, Failure, refused_for_good},
    events,
};

impl Connection<'_> {
    /// Sends what is due, one batch at a time.
    pub(crate) async fn send_logs(&self) -> Failure {
        let (logs, process) = (&self.shared.logs, self.shared.process);
        loop {
            let batch = logs.due().await;
            if let (Some(first), Some(last)) = (batch.lines.first(), batch.lines.last()) {
                let (agent, process) = (self.agent.event(), events::process(process));
                events::agent_logs_sent(agent, process, &batch.source, first.sequence, last.sequence);
            }
            let request = CreateLogsRequest {
                source_id: batch.source.clone(),
                process_id: process.to_string(),
                lines: batch.lines.clone(),
            };
            match self.call(|mut client| async move { client.create_logs(request).await }).await {
                Ok(answer) => {
                    logs.sent(&batch);
                    if answer.limit_exceeded && logs.end() {
                        events::agent_logs_full(self.agent.event());
                    }
                }
                // The same lines would be refused again over every connection, and end it (F6).
                Err(status) if refused_for_good(&status) => {
                    tracing::warn!(source = batch.source, error = status.message(), "log lines were refused");
                    logs.sent(&batch);
                }
                Err(status) => return Failure::of_call("create logs", &status),
            }
        }
    }
}
