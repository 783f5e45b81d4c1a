//! Acting a script out.

use std::time::Duration;

use groundhog_host::{Host, Instant};
use groundhog_wire::v1::{self, Transition};

use super::{
    CANCELED,
    script::{OnCancel, Phase, Script},
};
use crate::{
    deadline::until,
    session::{Canceled, Logs, Order, Peer, Response, SessionError},
};

/// Serves one session until either end closes it.
pub(super) async fn serve(host: Host, mut peer: Peer) {
    // Whatever ends a session was told to the runner where there was something to tell.
    if let Err(error) = converse(&host, &mut peer).await {
        tracing::debug!(%error, "a scripted session is over");
    }
}

async fn converse(host: &Host, peer: &mut Peer) -> Result<(), SessionError> {
    let mut script = Ok(Script::default());
    let mut planned = Vec::new();
    loop {
        match peer.next().await? {
            Order::Config { source, .. } => script = Script::parse(&source).map_err(|error| error.to_string()),
            Order::Plan(metadata) => {
                let script = &script;
                planned = match script {
                    Ok(script) if metadata.transition != Transition::Destroy => resources(&script.plan),
                    _ => Vec::new(),
                };
                let planned = planned.clone();
                peer.work(async |logs, canceled| match script {
                    Err(error) => Response::Planned { error: Some(error.clone()), resources: Vec::new() },
                    Ok(script) => match act(host, &script.plan, logs, canceled).await {
                        Ok(()) => Response::Planned { error: None, resources: planned },
                        Err(error) => Response::Planned { error: Some(error), resources: Vec::new() },
                    },
                })
                .await?;
            }
            Order::Apply(metadata) => {
                // An apply follows a plan that succeeded, which it does for a script only.
                let phase = script.as_ref().map(|script| script.apply.clone()).unwrap_or_default();
                let destroys = metadata.transition == Transition::Destroy;
                let planned = std::mem::take(&mut planned);
                peer.work(async |logs, canceled| {
                    let error = act(host, &phase, logs, canceled).await.err();
                    let state = phase.state.as_ref().map(|state| state.clone().into_bytes());
                    match error {
                        None if destroys => Response::Applied { error, state: Some(Vec::new()), resources: Vec::new() },
                        None if phase.resources.is_empty() => Response::Applied { error, state, resources: planned },
                        _ => Response::Applied { error, state, resources: resources(&phase) },
                    }
                })
                .await?;
            }
        }
    }
}

fn resources(phase: &Phase) -> Vec<v1::Resource> {
    phase.resources.iter().map(v1::Resource::from).collect()
}

/// Acts one phase out. Fails with what the phase fails with.
async fn act(host: &Host, phase: &Phase, logs: Logs, canceled: Canceled) -> Result<(), String> {
    let begin = host.now();
    let natural_end = (!phase.hangs).then(|| begin + Duration::from_millis(phase.takes_ms));
    let mut canceled_end: Option<Instant> = None;
    let mut listening = matches!(phase.on_cancel, OnCancel::Obey { .. });
    let mut written: u64 = 0;
    loop {
        let next_line =
            phase.logs.as_ref().filter(|logs| logs.count.is_none_or(|count| written < count)).map(|logs| {
                begin + Duration::from_millis(logs.every_ms.get().saturating_mul(written.saturating_add(1)))
            });
        let end = [natural_end, canceled_end].into_iter().flatten().min();
        tokio::select! {
            biased;
            // The cancel first: one that came in time counts, even at the instant of the phase's end.
            () = canceled.requested(), if listening => {
                listening = false;
                if let OnCancel::Obey { after_ms } = phase.on_cancel {
                    canceled_end = Some(host.now() + Duration::from_millis(after_ms));
                }
            }
            // A line due at the instant of the end is still written.
            () = until(host, next_line) => {
                if let Some(script) = &phase.logs {
                    written += 1;
                    logs.line(script.level.into(), script.line.replace("{n}", &written.to_string())).await;
                }
            }
            () = until(host, end) => {
                return match &phase.fails {
                    // At one and the same instant the cancel wins, as above.
                    _ if canceled_end.is_some_and(|at| natural_end.is_none_or(|natural| at <= natural)) => {
                        Err(CANCELED.to_owned())
                    }
                    Some(error) => Err(error.clone()),
                    None => Ok(()),
                };
            }
        }
    }
}
