//! Telling the control plane of an agent's steps (A1, A11).

use groundhog_wire::v1::UpdateLifecycleRequest;

use crate::connection::{Connection, Failure, refused_for_good};

impl Connection<'_> {
    /// Tells of the steps, one after the other, as they come.
    pub(crate) async fn report_lifecycle(&self) -> Failure {
        let lifecycle = &self.shared.lifecycle;
        loop {
            let step = lifecycle.due(self.agent).await;
            let request = UpdateLifecycleRequest { state: step.state.message().into(), changed_at_ms: step.at_ms };
            match self.call(|mut client| async move { client.update_lifecycle(request).await }).await {
                Ok(_) => {}
                // To tell it again over another connection would end that one too, and so on. The next step may be
                // welcome.
                Err(status) if refused_for_good(&status) => {
                    tracing::warn!(state = step.state.name(), error = status.message(), "a step was refused");
                }
                Err(status) => return Failure::of_call("update lifecycle", &status),
            }
            lifecycle.told(self.agent, step);
        }
    }
}
