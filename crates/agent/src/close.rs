//! How an agent closes (A5).
//!
//! The stop scripts take as long as their own time-outs let them, and nothing comes before them that could hold them up
//! (F4). Everything else together has [`close_timeout`](crate::AgentConfig::close_timeout): to end what is left of the
//! start scripts, to tell the last step, the last log lines, the scripts' ends, and to say good-bye to coordination.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::{
    events,
    lifecycle::core::State,
    scripts::outcome::{Stage, StageEnd},
    several::Several,
    shared::Shared,
};

/// Why an agent closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It ends.
    End,
    /// Another one begins in its place, and is the same one to the control plane. So it goes through no steps that the
    /// next one would have to go back from.
    GiveWay,
}

/// Closes the agent. Its run loop goes on meanwhile: what is left to say may take another connection.
pub(crate) async fn close(shared: &Arc<Shared>, why: Why) {
    let process = events::process(shared.process);
    let advance = |state| match why {
        Why::End => shared.lifecycle.advance(state, &shared.identity),
        Why::GiveWay => {}
    };
    events::agent_closing(process);
    advance(State::ShuttingDown);
    shared.orders.graceful.cancel();
    // Nothing cancels stop scripts but their own time-outs, and the machine's end.
    let end = shared.scripts.stage(Stage::Stop, &CancellationToken::new()).await;
    advance(match end {
        StageEnd::Well => State::Off,
        StageEnd::TimedOut => State::ShutdownTimeout,
        StageEnd::Failed => State::ShutdownError,
    });
    let mut script_task = shared.take_script_task();
    let ended = async {
        // The terminals before the scripts: what they take is bounded.
        shared.terminals.close().await;
        if let Some(task) = &mut script_task {
            task.await;
        }
    };
    if shared.host.timeout(shared.config().close_timeout, all_said(shared, ended)).await.is_err() {
        tracing::warn!("the agent has closed without having said everything");
        if let Some(task) = &script_task {
            task.abort();
        }
    }
    shared.orders.hard.cancel();
    events::agent_closed(process);
}

/// Says what is left to say, while the last things end; and then what came of those.
async fn all_said(shared: &Shared, ended: impl Future<Output = ()> + Send) {
    let mut rest = Several::new()
        .with(ended)
        .with(shared.lifecycle.all_told())
        .with(shared.network.left())
        .with(shared.logs.drained());
    while !rest.is_empty() {
        rest.next().await;
    }
    shared.connections.drained().await;
    shared.reports.drained().await;
    shared.logs.drained().await;
}
