//! The other process: this program once more, as the hidden command `elsewhere`.
//!
//! It is one process for all runs, with another environment, another folder to work in and another address layout.
//! On its standard input it reads what to run, a line of JSON each, `{"path", "seed", "plan"}`, to the end; then it writes
//! `{"log_digest", "trace_digest"}` for each, in that order. With `--record` it writes the recording of the one run
//! that was asked for, in the simulator's own line format.

use std::{
    io::{self, BufRead, BufReader, BufWriter, Write},
    num::NonZeroUsize,
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
};

use groundhog_sim::Recording;
use groundhog_stage::{
    campaign, catalogue, run as stage,
    run::Report,
    scenario::{Scenario, ScenarioFile},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::other_folder;
use crate::{arguments::ElsewhereArguments, exit::Exit, pool};

/// A run to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) path: PathBuf,
    pub(super) seed: u64,
    /// Whether the plan is meant that a campaign draws with this seed, not the file's own story.
    pub(super) plan: bool,
}

/// What is run of a file.
pub(super) fn story(file: &ScenarioFile, seed: u64, plan: bool) -> Scenario {
    if plan { campaign::plan(file, seed) } else { file.scenario.clone() }
}

/// What a run is compared by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Digests {
    pub(super) log_digest: String,
    pub(super) trace_digest: String,
}

impl Digests {
    pub(super) fn of(report: &Report) -> Self {
        Self { log_digest: report.log_digest.clone(), trace_digest: report.trace_digest.clone() }
    }
}

/// How much memory the other process takes and never uses: what it takes next lies elsewhere than it would here.
const PADDING_BYTES: usize = 97 << 20;

/// How long a variable the other process finds in its environment: it moves the stack.
const VARIABLE_BYTES: usize = 100_000;

/// Something that can't be read as what it should be. Not a broken pipe: that would be taken for a reader of our own
/// output who has seen enough.
fn trouble(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("the other process of `check`: {error}"))
}

/// The other process, as this one sees it.
pub(super) struct Elsewhere {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Elsewhere {
    /// Starts it, and tells it what to run.
    #[allow(clippy::disallowed_methods, reason = "this is the program, not a component: it starts itself once more")]
    pub(super) fn start(requests: &[Request], jobs: NonZeroUsize, record: bool) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe().map_err(trouble)?);
        command.arg("elsewhere").args(["--jobs", &jobs.to_string()]).args(record.then_some("--record"));
        command.env("GROUNDHOG_PADDING", "x".repeat(VARIABLE_BYTES)).env("HOME", "/nonexistent");
        command.env("TZ", "Pacific/Chatham").env("LANG", "tr_TR.UTF-8").env("LC_ALL", "tr_TR.UTF-8");
        command.current_dir(other_folder()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(trouble)?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (Some(input), Some(output)) = (input, output) else { return Err(trouble("it has no pipes")) };
        let this = Self { child, output: BufReader::new(output) };
        // It reads everything before it writes anything, so neither waits for the other. Dropped, its input ends.
        let mut input = BufWriter::new(input);
        for request in requests {
            serde_json::to_writer(&mut input, request).map_err(trouble)?;
            input.write_all(b"\n").map_err(trouble)?;
        }
        input.flush().map_err(trouble)?;
        Ok(this)
    }

    /// The digests of `count` runs, in the order in which they were asked for. It must end well after the last.
    pub(super) fn digests(mut self, count: usize) -> impl Iterator<Item = io::Result<Digests>> {
        (0..count).map(move |number| {
            let digests = match self.line() {
                Ok(Some(digests)) => digests,
                Ok(None) => return Err(self.ended_early()),
                Err(error) => return Err(trouble(error)),
            };
            if number + 1 == count {
                self.end()?;
            }
            Ok(digests)
        })
    }

    /// The recording of the run that was asked for.
    pub(super) fn recording(mut self) -> io::Result<Recording> {
        let recording = Recording::read(&mut self.output).map_err(trouble)?;
        self.end()?;
        Ok(recording)
    }

    fn line<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let mut line = String::new();
        match self.output.read_line(&mut line)? {
            0 => Ok(None),
            _ => Ok(Some(serde_json::from_str(&line)?)),
        }
    }

    fn ended_early(&mut self) -> io::Error {
        match self.child.wait() {
            Ok(status) => trouble(format!("it ended before its work was done: {status}")),
            Err(error) => trouble(error),
        }
    }

    fn end(&mut self) -> io::Result<()> {
        let status = self.child.wait().map_err(trouble)?;
        if status.success() { Ok(()) } else { Err(trouble(format!("it failed: {status}"))) }
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        // Nobody wants what it would still have to say. It may have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is the other process.
pub fn serve(arguments: &ElsewhereArguments) -> io::Result<Exit> {
    std::mem::forget(Vec::<u8>::with_capacity(PADDING_BYTES));
    let requests = io::stdin().lock().lines().map(|line| Ok(serde_json::from_str::<Request>(&line?)?));
    let requests: Vec<_> = requests.collect::<io::Result<_>>()?;
    let catalogue = catalogue::lists();
    let mut scenarios = Vec::with_capacity(requests.len());
    for request in &requests {
        match ScenarioFile::load(&request.path, &catalogue) {
            Ok(file) => scenarios.push((story(&file, request.seed, request.plan), request.seed)),
            Err(diagnostics) => {
                anstream::eprintln!("{}", diagnostics.render(false));
                return Ok(Exit::BadInput);
            }
        }
    }
    let mut out = BufWriter::new(io::stdout().lock());
    if arguments.record {
        let Some((scenario, seed)) = scenarios.first() else { return Ok(Exit::BadInput) };
        stage::recorded(scenario, *seed).1.write(&mut out)?;
        out.flush()?;
        return Ok(Exit::Good);
    }
    let work = |number: usize| {
        let (scenario, seed) = &scenarios[number];
        Digests::of(&stage::run(scenario, *seed))
    };
    pool::in_order(scenarios.len(), arguments.jobs, work, |digests| -> io::Result<()> {
        serde_json::to_writer(&mut out, &digests)?;
        out.write_all(b"\n")?;
        out.flush()
    })?;
    Ok(Exit::Good)
}
