//! What can be asked of the program.

use std::{num::NonZeroUsize, ops::Range, path::PathBuf, time::Duration};

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, error::ErrorKind};
use groundhog_engines::Kind;
use groundhog_serve::arguments::ServeArguments;
use groundhog_sim::campaign::Shard;
use groundhog_stage::scenario::units::parse_duration;

use crate::{commands::user::arguments::UserArguments, exit, version::version};

/// Groundhog replays the same day until the bug is gone: deterministic simulation of a remote-workspace
/// platform's control plane.
#[derive(Debug, Parser)]
#[command(name = "groundhog", version = version(), after_help = exit::HELP, max_term_width = 100)]
pub struct Arguments {
    /// Which command.
    #[command(subcommand)]
    pub command: Command,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run scenarios and judge them
    Run(RunArguments),
    /// Search for failures: many runs, each with faults and doings of its own
    Fuzz(FuzzArguments),
    /// Join the results of a campaign's shards
    Merge(MergeArguments),
    /// Run case files: does what was found still fail?
    Replay(CaseArguments),
    /// Make a failing case smaller
    Shrink(ShrinkArguments),
    /// Prove that runs depend on scenario and seed alone: make each in two processes, and compare
    Check(CheckArguments),
    /// Show where two runs, or two logs, part
    Diff(DiffArguments),
    /// The other process of `check`; see `commands::check::elsewhere`
    #[command(hide = true)]
    Elsewhere(ElsewhereArguments),
    /// List scenarios
    List(ListArguments),
    /// List what holds on every run of every scenario
    Invariants(FormatArguments),
    /// List the events that a run can show
    Events(FormatArguments),
    /// Show a state machine as the code has it
    Fsm(FsmArguments),
    /// List the tools by which an assistant gets a chat a workspace, as a model is told of them
    Tools(FormatArguments),
    /// Run a component of the platform on this machine
    Serve(ServeArguments),
    /// Use a platform that runs: templates, workspaces, builds, logs
    User(UserArguments),
    /// Workspaces that are built ahead
    #[command(subcommand)]
    Prebuilds(PrebuildsCommand),
}

/// A command about workspaces that are built ahead.
#[derive(Debug, Subcommand)]
pub enum PrebuildsCommand {
    /// Decide about cases: what is wanted, what is there, what is to be done, and why
    Plan(PlanArguments),
}

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON object a line, for programs
    Json,
}

/// Options of commands that only write something.
#[derive(Clone, Copy, Debug, Args)]
pub struct FormatArguments {
    /// How results are written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Options of `fsm`.
#[derive(Clone, Copy, Debug, Args)]
pub struct FsmArguments {
    /// Which machine
    #[arg(value_enum)]
    pub machine: Machine,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    pub format: FsmFormat,
}

/// A state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Machine {
    /// The runner of a daemon's job: what each event does in each state
    Runner,
    /// A job's status, by what is known of it
    JobStatus,
    /// The tunnel client: what each event does in each state, under each configuration
    Tunnel,
}

/// How a state machine is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FsmFormat {
    /// A table, for people
    #[default]
    Text,
    /// A list of objects, for programs
    Json,
    /// A diagram in the language of Mermaid
    Mermaid,
}

/// Options of `prebuilds plan`.
#[derive(Debug, Args)]
#[command(after_help = PLAN_HELP)]
pub struct PlanArguments {
    /// A file of cases, or with one case; `-` for standard input
    pub file: PathBuf,
    /// How decisions are written
    #[arg(long, value_enum, default_value_t)]
    pub format: PlanFormat,
}

/// How decisions are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// In words, with the reason for each, for people
    #[default]
    Text,
    /// A list of objects with `id` and `expect`, for programs
    Json,
}

const PLAN_HELP: &str = "\
A file is an object with a list `cases`, or one case. A case has an `id`, a `kind`, an `input` and, if its author knows \
better, an `expect`, whose keys also say what of the answer is asked for. Kinds are state_and_actions, can_skip, \
desired_instances, matches_cron, find_matching_preset, reconciliation_concurrency, hard_limit, backoff_window and ready; \
the docs of the crate `prebuilds` say what each takes.

That a case expects something else than what is decided here is told in the text, and changes nothing of the exit \
status. A case that is not understood is told on standard error, answered with an `error` in place of `expect`, and makes \
the exit status 2; the others are answered nevertheless.";

/// Options of `list`.
#[derive(Debug, Args)]
pub struct ListArguments {
    /// Scenario files, or folders of them [default: scenarios]
    pub paths: Vec<PathBuf>,
    /// How results are written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Options of `run`.
#[derive(Debug, Args)]
#[command(after_help = RUN_HELP)]
pub struct RunArguments {
    /// Scenario files, or folders of them [default: scenarios]
    pub paths: Vec<PathBuf>,
    /// The seed to run, instead of each scenario's own
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    pub seed: Option<u64>,
    /// Many seeds: from A up to, but without, B
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    pub seeds: Option<Range<u64>>,
    /// What it is played on: leap, turmoil or live. Several, such as leap,turmoil, are compared
    #[arg(long = "engine", value_name = "ENGINE", value_delimiter = ',', default_value = "leap")]
    pub engine: Vec<Kind>,
    /// With several engines: tell everything in which their logs differ
    #[arg(long)]
    pub orders: bool,
    /// How many runs at once; live ones go one by one [default: one per processor]
    #[arg(long, value_name = "N", value_parser = jobs)]
    pub jobs: Option<NonZeroUsize>,
    /// Show each run's event log
    #[arg(long)]
    pub log: bool,
    /// Store each scenario's log as its snapshot, to be compared with from now on
    #[arg(long, conflicts_with_all = ["seed", "seeds"])]
    pub bless: bool,
    /// How results are written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

const RUN_HELP: &str = "\
Engines:
  leap     the simulator: virtual time, from event to event; the default
  turmoil  the reference: the crate turmoil, slower and coarser, and independent of the simulator
  live     the real thing: real sockets, clock and processes, for scenarios that say `live = true`

With several, each scenario is played on each. Where a verdict differs, or fails, the exit status is 1. Where logs differ is
told as partial orders: what each host tells about each thing, and which of two hosts comes first about it. That alone is
no failure. What another seed has on leap as well is open, and no difference.";

impl RunArguments {
    /// The engines, each once, in the order in which they are told. The error is a mistake in the command line.
    pub fn engines(&self) -> Result<Vec<Kind>, clap::Error> {
        let mut engines = self.engine.clone();
        engines.sort_unstable();
        engines.dedup();
        let mistake = |message: &str| {
            let mut command = Arguments::command();
            command.build();
            let run = command.find_subcommand_mut("run").map(std::mem::take).unwrap_or_default();
            Err(run.clone().error(ErrorKind::ArgumentConflict, message))
        };
        if self.bless && engines != [Kind::Leap] {
            return mistake(
                "--bless stores what happens on leap, and --engine names another engine: leave one of them out",
            );
        }
        if self.log && engines.len() > 1 {
            return mistake(
                "--log shows the log of one engine: name one, or ask for --orders, which tells how they differ",
            );
        }
        if self.orders && engines.len() < 2 {
            return mistake(
                "--orders tells how logs of several engines differ: name them, as in --engine leap,turmoil",
            );
        }
        Ok(engines)
    }
}

/// Options of `fuzz`. The last word on each counts, so that a script can have defaults.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct FuzzArguments {
    /// Scenario files, or folders of them [default: scenarios]
    pub paths: Vec<PathBuf>,
    /// How many runs the whole campaign has, those of all shards together [default: as many as time allows]
    #[arg(long, value_name = "N")]
    pub seeds: Option<u64>,
    /// For how long, such as 10m [default: 60s, unless --seeds is given]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub time: Option<Duration>,
    /// The campaign's name, from which all its seeds follow
    #[arg(long, value_name = "NAME", default_value = "1")]
    pub campaign: String,
    /// Which part of the campaign to run here: every N-th run, from the run I
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    /// Where results and case files are put
    #[arg(long, value_name = "DIR", default_value = "findings")]
    pub out: PathBuf,
    /// Stop after so many different findings
    #[arg(long, value_name = "K")]
    pub stop_after: Option<NonZeroUsize>,
    /// How many runs may be spent on making a finding small
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub shrink_runs: u64,
    /// How many runs at once [default: one per processor]
    #[arg(long, value_name = "N", value_parser = jobs)]
    pub jobs: Option<NonZeroUsize>,
    /// How results are written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Options of `merge`.
#[derive(Debug, Args)]
pub struct MergeArguments {
    /// Results of shards, as `fuzz` writes them
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// How results are written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Options of `replay`.
#[derive(Debug, Args)]
pub struct CaseArguments {
    /// Case files, or folders of them
    #[arg(required = true, value_name = "CASE")]
    pub cases: Vec<PathBuf>,
    /// How results are written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Options of `shrink`.
#[derive(Debug, Args)]
pub struct ShrinkArguments {
    /// A case file, or any scenario that fails
    pub case: PathBuf,
    /// The seed with which it fails, instead of the file's own
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Where the smaller case is put [default: in place of the case; for a scenario, a file named after the failure]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// How many runs may be spent
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub runs: u64,
    /// How results are written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Options of `check`.
#[derive(Debug, Args)]
#[command(after_help = CHECK_HELP)]
pub struct CheckArguments {
    /// Scenario files, or folders of them [default: scenarios]
    pub paths: Vec<PathBuf>,
    /// The seeds: from A up to, but without, B
    #[arg(long, value_name = "A..B", value_parser = seeds, default_value = "0..3")]
    pub seeds: Range<u64>,
    /// Check plans that a campaign draws from the scenarios, with many faults, instead of their own stories
    #[arg(long)]
    pub plans: bool,
    /// How many runs at once [default: one per processor]
    #[arg(long, value_name = "N", value_parser = jobs)]
    pub jobs: Option<NonZeroUsize>,
    /// How results are written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

const CHECK_HELP: &str = "\
Each run is made twice here and once in another process, with another environment, another address layout and in
another order. Runs that differ are made again with every step recorded, to find the first that differs.

The first run of each scenario is also watched for clocks and randomness taken past the seam, and for threads: a
thread, or a component that goes past the seam, is a failure; a library that does is told as a note, as it was
answered from the simulation. Whether a run meets its scenario's expectations does not matter here: see `run`.";

/// Options of the hidden command `elsewhere`.
#[derive(Debug, Args)]
pub struct ElsewhereArguments {
    /// How many runs at once
    #[arg(long, value_name = "N", value_parser = jobs)]
    pub jobs: NonZeroUsize,
    /// Write the recording of the one run that is asked for, instead of digests
    #[arg(long)]
    pub record: bool,
}

/// Options of `diff`.
#[derive(Debug, Args)]
#[command(after_help = DIFF_HELP)]
pub struct DiffArguments {
    /// A log, or a scenario to run, with its own seed or as FILE@SEED
    pub a: String,
    /// What it is compared with
    pub b: String,
    /// How results are written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

const DIFF_HELP: &str = "\
A log is what `groundhog run --log` writes for one run, as text or as JSON. Exit status 1 means that the two differ.";

/// Reads a span of time.
fn time(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| format!("{error}: expected a span of time such as 60s, 10m or 1h30m"))
}

/// Reads a number of jobs.
fn jobs(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a number above zero".to_owned())
}

/// Reads `A..B`.
fn seeds(text: &str) -> Result<Range<u64>, String> {
    let expected = "expected two numbers A..B with A below B, such as 0..200";
    let (first, end) = text.split_once("..").ok_or(expected)?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| expected.to_owned());
    let range = number(first)?..number(end)?;
    if range.is_empty() { Err(expected.to_owned()) } else { Ok(range) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn ranges_of_seeds_are_read() {
        assert_eq!(seeds("0..200"), Ok(0..200));
        for bad in ["", "5", "5..", "..5", "5..5", "9..5", "-1..5", "0...5", "a..b"] {
            assert!(seeds(bad).is_err(), "{bad:?}");
        }
    }
}
