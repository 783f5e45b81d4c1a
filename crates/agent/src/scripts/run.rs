//! One script, from its begin to its end.

use std::{io, pin::pin, time::Duration};

use groundhog_host::{
    Files, Instant, Process,
    process::{Exit, Output, Signal},
    until,
};
use groundhog_wire::v1::LogLevel;
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

use super::{
    Script, Scripts,
    outcome::{Outcome, Stage},
};
use crate::{
    events,
    logs::Writer,
    several::Several,
    surroundings::{NoManifest, Surroundings},
};

/// How long a script that was told to end may take before it is killed.
const HANGUP_GRACE: Duration = Duration::from_secs(10);
/// How long a script's pipes may stay open when it has ended.
const PIPES_GRACE: Duration = Duration::from_secs(10);
/// How much is read at a time, in bytes.
const READ_BYTES: usize = 8 * 1024;

/// A script could not be run.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    NoManifest(#[from] NoManifest),
    #[error("could not make a folder for the script: {0}")]
    Folder(io::Error),
    #[error("could not start {program:?}: {error}")]
    Start { program: String, error: io::Error },
    #[error("could not wait for the script: {0}")]
    Wait(io::Error),
}

impl Scripts {
    /// Runs a script, and tells of its begin and end.
    pub(super) async fn run(&self, script: &Script, stage: Stage, cancel: &CancellationToken) -> Outcome {
        let script = self.known_as(script);
        let (agent, process) = (self.identity.event(), events::process(self.process));
        let started_at_ms = self.host.wall().as_millisecond();
        events::agent_script_started(agent, process, &script.name, stage.name());
        let outcome = match self.carry_out(&script, cancel).await {
            Ok(outcome) => outcome,
            Err(error) => {
                self.logs.line(&script.log_source, LogLevel::Error, error.to_string().as_bytes());
                Outcome::NOT_RUN
            }
        };
        self.ended(&script, stage, outcome, started_at_ms);
        outcome
    }

    async fn carry_out(&self, script: &Script, cancel: &CancellationToken) -> Result<Outcome, RunError> {
        let mut process = self.start(script).await?;
        let deadline = script.timeout.map(|timeout| self.host.now() + timeout);
        let file = LogFile::of(script, &self.surroundings, &self.host);
        let mut pipes = Several::new();
        for (pipe, level) in [(process.output.take(), LogLevel::Info), (process.error.take(), LogLevel::Error)] {
            if let Some(pipe) = pipe {
                pipes.add(copy(pipe, self.logs.writer(&script.log_source, level), file.clone()));
            }
        }
        let mut pipes = pin!(all(pipes));
        let mut pipes_open = true;
        let mut timed_out = false;
        let mut kill_at: Option<Instant> = None;
        let mut told_to_end = false;
        let exit: Exit = loop {
            tokio::select! {
                biased;
                // The output first, so that what was written before the end comes before it.
                () = &mut pipes, if pipes_open => pipes_open = false,
                exit = process.wait() => break exit.map_err(RunError::Wait)?,
                () = cancel.cancelled(), if !told_to_end => {
                    told_to_end = true;
                    kill_at = Some(self.end(&mut process));
                }
                () = until(&self.host, deadline), if !told_to_end => {
                    (told_to_end, timed_out) = (true, true);
                    kill_at = Some(self.end(&mut process));
                }
                () = until(&self.host, kill_at) => {
                    kill_at = None;
                    // It may have ended in this instant.
                    let _ = process.signal(Signal::Kill);
                }
            }
        };
        let left_open = pipes_open && self.host.timeout(PIPES_GRACE, pipes).await.is_err();
        if left_open {
            let text = format!("the script has ended, but its output is still open after {PIPES_GRACE:?}");
            self.logs.line(&script.log_source, LogLevel::Warn, text.as_bytes());
        }
        Ok(Outcome::of(Some(exit), timed_out, left_open))
    }

    async fn start(&self, script: &Script) -> Result<Process, RunError> {
        let folder = &self.surroundings.config().script_folder;
        let files = self.host.files(folder);
        // The log source's id is the control plane's word: as a folder's name it may not lead elsewhere, which the
        // files see to.
        for name in [script.log_source.as_str(), "bin"] {
            files.create_folder(name).await.map_err(RunError::Folder)?;
        }
        let data = folder.join(&script.log_source).to_string_lossy().into_owned();
        let command = self.surroundings.shell(&script.text).await?;
        let command = command
            .variable("GROUNDHOG_SCRIPT_DATA_DIR", data)
            .variable("GROUNDHOG_SCRIPT_BIN_DIR", self.surroundings.programs());
        let program = command.program.clone();
        let mut process = self.host.start(command).await.map_err(|error| RunError::Start { program, error })?;
        // It gets no input, and is to know it.
        drop(process.input.take());
        Ok(process)
    }

    /// Tells a script to end, by the signal that a terminal's end gives. When it is to be killed.
    fn end(&self, process: &mut Process) -> Instant {
        // It may have ended in this instant.
        let _ = process.signal(Signal::Hangup);
        self.host.now() + HANGUP_GRACE
    }
}

/// The file that a script's output goes to, beside the log.
#[derive(Clone, Debug)]
struct LogFile {
    files: Files,
    name: String,
}

impl LogFile {
    fn of(script: &Script, surroundings: &Surroundings, host: &groundhog_host::Host) -> Self {
        let folder = &surroundings.config().log_folder;
        let own = || (folder.clone(), format!("groundhog-script-{}.log", script.log_source));
        let path = folder.join(&script.log_path);
        let (folder, name) = match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) if !script.log_path.is_empty() => {
                (parent.to_owned(), name.to_string_lossy().into_owned())
            }
            _ => own(),
        };
        Self { files: host.files(folder), name }
    }
}

/// Copies a pipe to the log and to the file, up to its end.
async fn copy(mut pipe: Output, mut writer: Writer, file: LogFile) {
    let mut buffer = vec![0; READ_BYTES];
    let mut file = Some(file);
    loop {
        match pipe.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(read) => {
                writer.write(&buffer[..read]);
                let written = match &file {
                    Some(file) => file.files.append(&file.name, &buffer[..read]).await,
                    None => Ok(()),
                };
                if let Err(error) = written {
                    tracing::warn!(%error, "a script's output goes to no file any more, only to the log");
                    file = None;
                }
            }
        }
    }
}

async fn all(mut pipes: Several<'_, ()>) {
    while !pipes.is_empty() {
        pipes.next().await;
    }
}
