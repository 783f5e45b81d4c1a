//! The call that is the connection: the agent counts as connected while it is open and beats arrive.

use std::time::Duration;

use groundhog_host::Host;
use groundhog_wire::v1::{ConnectRequest, ConnectResponse};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::{Connection, Failure};

/// The name of the call.
const CALL: &str = "connect";
/// How often to beat, if the control plane does not say.
const BEAT_INTERVAL: Duration = Duration::from_secs(15);
/// The least interval that the control plane may ask for: below it, an agent would do nothing else.
const BEAT_INTERVAL_MIN: Duration = Duration::from_millis(100);

/// The connection as it stands.
#[derive(Debug)]
pub(crate) struct Presence {
    beats: mpsc::Sender<ConnectRequest>,
    answers: Streaming<ConnectResponse>,
    interval: Duration,
}

impl Connection<'_> {
    /// Connects: returns once the control plane has said that the agent is.
    pub(crate) async fn connect(&self) -> Result<Presence, Failure> {
        // One beat may wait to be taken by the network. There is no use in more.
        let (beats, receiver) = mpsc::channel(1);
        say(&beats, false);
        let begin = async {
            let mut answers = self.client.clone().connect(ReceiverStream::new(receiver)).await?.into_inner();
            let first = answers.message().await?;
            Ok((answers, first))
        };
        let answer = groundhog_wire::call(&self.shared.host, self.shared.config().call_timeout, begin).await;
        let (answers, first) = answer.map_err(|status: Status| Failure::of_call(CALL, &status))?;
        let first = first.ok_or_else(|| Failure::new(CALL, "the control plane ended the call without an answer"))?;
        let interval = match first.beat_interval_ms {
            0 => BEAT_INTERVAL,
            ms => Duration::from_millis(ms.into()).max(BEAT_INTERVAL_MIN),
        };
        Ok(Presence { beats, answers, interval })
    }
}

impl Presence {
    /// Beats until the connection ends, and tells why it did.
    pub(crate) async fn hold(&mut self, host: &Host) -> Failure {
        let mut beats = host.interval(self.interval);
        loop {
            tokio::select! {
                biased;
                // The end first: there is no beat after it.
                answer = self.answers.message() => match answer {
                    // What it says now is for agents that know more.
                    Ok(Some(_)) => {}
                    Ok(None) => return Failure::new(CALL, "the control plane ended the connection"),
                    Err(status) => return Failure::of_call(CALL, &status),
                },
                _ = beats.tick() => say(&self.beats, true),
            }
        }
    }
}

fn say(beats: &mpsc::Sender<ConnectRequest>, beat: bool) {
    // If the one before still waits, this one is not needed; if the call has ended, the answers say so.
    let _ = beats.try_send(ConnectRequest { beat });
}
