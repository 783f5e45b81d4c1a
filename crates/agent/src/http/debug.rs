//! What an agent shows of itself to whoever looks for a fault, on a port of its own machine.
//!
//! | path | answer |
//! |---|---|
//! | `/debug/logs` | the last 10 MiB of the agent's log file; with `?after=N` from byte N on, 10 MiB at most |
//! | `/debug/network` | what the agent knows of its peers; 500 if there is no network yet |
//! | `/debug/manifest` | what the control plane told it to be, without secrets; 500 if it was told nothing yet |

use std::{collections::BTreeMap, convert::Infallible, path::PathBuf, time::Duration};

use bytes::Bytes;
use groundhog_host::{Backoff, Host, Stream};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use super::{Answer, Asked, answer, json, not_found, only_get, parameter, text};

/// How much of the log is shown at once, in bytes.
const LOG_BYTES_MAX: usize = 10 << 20;

/// The waits before the port is listened on again: the agent before this one has it while it closes.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));

/// What the pages are made of.
pub trait Knowledge: Send + Sync + 'static {
    /// The agent's log file.
    fn log_file(&self) -> PathBuf;

    /// What is known of the network, once there is one.
    fn network(&self) -> Option<Value>;

    /// The manifest, once there is one.
    fn manifest(&self) -> Option<ManifestPage>;
}

/// What of a manifest may be shown: of its variables the names, and of its secrets nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ManifestPage {
    /// The agent's name.
    pub agent_name: String,
    /// Its workspace.
    pub workspace_id: String,
    /// That one's name.
    pub workspace_name: String,
    /// Whose it is.
    pub owner_name: String,
    /// Where processes begin.
    pub directory: String,
    /// The names of the scripts.
    pub scripts: Vec<String>,
    /// The keys of the metadata.
    pub metadata: Vec<String>,
    /// The slugs of the apps.
    pub apps: Vec<String>,
    /// The variables' names.
    pub environment: BTreeMap<String, Redacted>,
}

/// Stands in the place of a value that may be a secret. Written `[redacted]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redacted;

impl Serialize for Redacted {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("[redacted]")
    }
}

/// Serves the pages on `port`, for ever. One request at a time: this is for one person with `curl`. A port that is taken
/// is asked for again.
pub async fn listen(host: &Host, port: u16, knowledge: &dyn Knowledge) -> Infallible {
    let mut backoff = BACKOFF;
    loop {
        match host.listen(port).await {
            Ok(mut listener) => {
                while let Ok(stream) = listener.accept().await {
                    backoff.reset();
                    serve(host, stream, knowledge).await;
                }
            }
            Err(error) => tracing::debug!(%error, "the debug pages can't be shown"),
        }
        host.sleep(backoff.next_wait()).await;
    }
}

/// Serves one request on `stream`, within a minute.
pub async fn serve(host: &Host, stream: Stream, knowledge: &dyn Knowledge) {
    super::serve(host, stream, |asked| respond(host, knowledge, asked)).await;
}

async fn respond(host: &Host, knowledge: &dyn Knowledge, asked: Asked) -> Answer {
    if let Some(refused) = only_get(&asked) {
        return refused;
    }
    match asked.path.as_str() {
        "/debug/logs" => logs(host, knowledge, &asked).await,
        "/debug/network" => match knowledge.network() {
            Some(network) => json(&network),
            None => text(StatusCode::INTERNAL_SERVER_ERROR, "network is not ready yet"),
        },
        "/debug/manifest" => match knowledge.manifest().map(serde_json::to_value) {
            Some(Ok(manifest)) => json(&manifest),
            Some(Err(error)) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
            None => text(StatusCode::INTERNAL_SERVER_ERROR, "no manifest"),
        },
        _ => not_found(&asked),
    }
}

async fn logs(host: &Host, knowledge: &dyn Knowledge, asked: &Asked) -> Answer {
    let after = match parameter(&asked.query, "after").map(str::parse::<usize>) {
        Some(Ok(after)) => Some(after),
        None => None,
        Some(Err(_)) => {
            return text(StatusCode::BAD_REQUEST, "after: expected how many bytes of the log have been seen");
        }
    };
    let file = knowledge.log_file();
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        return text(StatusCode::NOT_FOUND, "no log is kept");
    };
    match host.files(folder).read(name).await {
        Ok(content) => answer(StatusCode::OK, "text/plain; charset=utf-8", shown(content.into(), after)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => text(StatusCode::NOT_FOUND, "no log is kept"),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// What of a log is shown: its end, or what follows so many bytes.
fn shown(log: Bytes, after: Option<usize>) -> Bytes {
    let from = after.unwrap_or_else(|| log.len().saturating_sub(LOG_BYTES_MAX)).min(log.len());
    let to = from.saturating_add(LOG_BYTES_MAX).min(log.len());
    log.slice(from..to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_log_the_end_is_shown_or_what_follows() {
        let mut log = vec![b'a'; 100];
        log.extend(vec![b'b'; LOG_BYTES_MAX]);
        let log = Bytes::from(log);
        assert!(shown(log.clone(), None) == log.slice(100..));
        assert!(shown(log.clone(), Some(0)) == log.slice(..LOG_BYTES_MAX));
        assert_eq!(shown(log.clone(), Some(log.len() - 3)), "bbb");
        assert_eq!(shown(log.clone(), Some(log.len())), "");
        assert_eq!(shown(log, Some(usize::MAX)), "");
    }
}
