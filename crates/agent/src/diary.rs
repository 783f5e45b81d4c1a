//! The agent's own log file: what became of its connections, for whoever looks for a fault on its machine.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use groundhog_host::{Files, Host};

use crate::config::AgentConfig;

/// The file's name, in the folder for logs.
pub(crate) const FILE: &str = "agent.log";
/// What it is called when it is full, and a new one begins.
const OLD_FILE: &str = "agent.log.old";
/// How much it may have, in bytes. With the old one there is twice that.
const BYTES_MAX: usize = 10 << 20;
/// How long a line may take: the disk may be another machine's.
const NOTE_TIMEOUT: Duration = Duration::from_secs(1);

/// The log file.
#[derive(Debug)]
pub(crate) struct Diary {
    host: Host,
    files: Files,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// How much is in the file; none before the first look, which also counts what an agent before this one wrote.
    bytes: Option<usize>,
    /// Whether the disk did not take the last line.
    failed: bool,
}

impl Diary {
    pub(crate) fn new(host: &Host, config: &AgentConfig) -> Self {
        Self { host: host.clone(), files: host.files(&config.log_folder), state: Mutex::default() }
    }

    /// Adds a line, if the disk takes it in time: an agent lives on without its diary.
    pub(crate) async fn note(&self, text: &str) {
        if self.host.timeout(NOTE_TIMEOUT, self.write(text)).await.is_err() {
            tracing::debug!("a line of the agent's log file takes long");
        }
    }

    /// Adds a line. A disk that refuses it is told of once.
    async fn write(&self, text: &str) {
        let line = format!("{} {}\n", self.host.wall(), text.replace('\n', " "));
        let State { bytes, failed } = *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = match bytes {
            Some(bytes) => bytes,
            // None is there yet, or it can't be read.
            None => self.files.read(FILE).await.map_or(0, |content| content.len()),
        };
        let length = line.len();
        let (written, bytes) = if bytes + length > BYTES_MAX {
            let renamed = self.files.rename(FILE, OLD_FILE).await;
            (renamed.and(self.files.append(FILE, line).await), length)
        } else {
            (self.files.append(FILE, line).await, bytes + length)
        };
        if let (Err(error), false) = (&written, failed) {
            tracing::warn!(%error, "the agent's log file takes no more");
        }
        let state = State { bytes: Some(bytes), failed: written.is_err() };
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}
