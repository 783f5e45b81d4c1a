//! Keeps every step of a run, while it goes on.
//!
//! A run that is not recorded pays one branch a step, and one where a draw is not part of the digest.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    panic::Location,
    time::Duration,
};

use super::{
    Step,
    recording::{Noted, Recording, TaskInfo, none_or},
};
use crate::{
    hosts::{HostId, Hosts},
    interpose::{
        bypass::{Bypass, BypassKind, Culprit},
        stacks,
    },
    kernel,
    log::WORLD,
};

/// How many steps are kept. A run that takes more is recorded up to there: 50 million steps are 1.6 GB.
const STEPS_MAX: usize = 50_000_000;

/// How many tasks are remembered for one place that goes past the seam.
const TASKS_MAX: usize = 32;

/// Where a drawn number comes from, or on which link a packet travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// The choice of the task that runs next.
    Executor,
    /// A link, and what is drawn on it, if anything is.
    Link { from: HostId, to: HostId, drawn: Option<&'static str> },
    /// Bytes for whoever asks the C library.
    PastTheSeam,
}

/// A call past the seam, from one call stack. The stack is kept beside it, as addresses.
struct Call {
    count: u64,
    step: u64,
    at: u64,
    host: Option<HostId>,
    tasks: Vec<u32>,
}

#[derive(Default)]
struct State {
    steps: Vec<Noted>,
    tasks: Vec<(HostId, &'static str, &'static Location<'static>)>,
    sources: BTreeMap<Source, u32>,
    /// By their numbers: sources to be named when all hosts are known, and seeds, which have their names.
    labels: Vec<Result<Source, String>>,
    records: Vec<String>,
    calls: BTreeMap<(BypassKind, Vec<usize>), Call>,
    cut_short: bool,
}

impl State {
    fn label(&mut self, label: Result<Source, String>) -> u32 {
        let number = u32::try_from(self.labels.len()).unwrap_or(u32::MAX);
        self.labels.push(label);
        number
    }
}

/// The steps so far. `None` once they were taken.
pub(crate) struct Recorder(RefCell<Option<State>>);

thread_local! {
    /// Whether the run on this thread is recorded. Beside the run itself, because looking there costs more.
    static ON: Cell<bool> = const { Cell::new(false) };
}

/// Says whether this thread's run is recorded.
pub(crate) fn switch(on: bool) {
    ON.set(on);
}

/// Whether this thread's run is recorded.
#[inline]
pub(crate) fn is_on() -> bool {
    ON.get()
}

/// Calls `f` with the recorder of the run on this thread, if it is recorded.
#[inline]
pub(crate) fn with(f: impl FnOnce(&Recorder)) {
    if is_on() {
        find(f);
    }
}

#[cold]
#[inline(never)]
fn find(f: impl FnOnce(&Recorder)) {
    kernel::with(|kernel| kernel.trace.recorder().map(f));
}

/// Virtual time, and the running task's host and serial number.
fn moment() -> (u64, Option<(HostId, u32)>) {
    kernel::with(|kernel| {
        let serial = kernel.executor.current_serial().map(|serial| u32::try_from(serial).unwrap_or(u32::MAX));
        (kernel.now.get(), kernel.executor.current_host().zip(serial))
    })
    .unwrap_or_default()
}

impl Recorder {
    pub(super) fn new() -> Self {
        Self(RefCell::new(Some(State::default())))
    }

    fn change(&self, f: impl FnOnce(&mut State)) {
        // Nothing that is called below comes back here; should it ever, that step is missed rather than the run.
        if let Ok(mut state) = self.0.try_borrow_mut()
            && let Some(state) = state.as_mut()
        {
            f(state);
        }
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn step(&self, step: Step, value: u64, source: Option<Source>) {
        self.change(|state| {
            let label = source.map(|source| match state.sources.get(&source) {
                Some(label) => *label,
                None => {
                    let label = state.label(Ok(source));
                    state.sources.insert(source, label);
                    label
                }
            });
            state.push(step, value, label);
        });
    }

    /// Keeps a record's text.
    #[cold]
    pub(super) fn record(&self, ordinal: u64, line: &str) {
        self.change(|state| {
            state.push(Step::Record, ordinal, None);
            if !state.cut_short {
                state.records.push(line.to_owned());
            }
        });
    }

    /// Keeps that the seed of a stream was given away.
    #[cold]
    pub(crate) fn seed(&self, key: &[u8; 32], name: String) {
        self.change(|state| {
            let mut first = [0; 8];
            first.copy_from_slice(&key[..8]);
            let label = state.label(Err(name));
            state.push(Step::Seed, u64::from_le_bytes(first), Some(label));
        });
    }

    /// Keeps what a task is called. Tasks come in the order of their serial numbers.
    #[cold]
    pub(crate) fn spawned(&self, host: HostId, name: &'static str, site: &'static Location<'static>) {
        self.change(|state| state.tasks.push((host, name, site)));
    }

    /// Keeps that something was asked past the seam, and from where.
    #[cold]
    pub(crate) fn bypass(&self, kind: BypassKind) {
        let stack = stacks::here();
        let (at, running) = moment();
        self.change(|state| {
            let step = state.steps.len() as u64;
            let host = running.map(|(host, _)| host);
            let call = state.calls.entry((kind, stack)).or_insert(Call { count: 0, step, at, host, tasks: Vec::new() });
            call.count += 1;
            if let Some((_, task)) = running
                && call.tasks.len() < TASKS_MAX
                && !call.tasks.contains(&task)
            {
                call.tasks.push(task);
            }
        });
    }

    /// Ends the recording. `None` if it has ended before.
    pub(crate) fn finish(&self, hosts: &Hosts) -> Option<Recording> {
        let state = self.0.take()?;
        let name = |host: HostId| hosts[host].name.to_string();
        let tasks: Vec<_> = state
            .tasks
            .into_iter()
            .map(|(host, task, site)| TaskInfo {
                host: name(host),
                name: task.to_owned(),
                file: site.file().to_owned(),
                line: site.line(),
            })
            .collect();
        let label = |label| match label {
            Ok(Source::Executor) => "executor".to_owned(),
            Ok(Source::PastTheSeam) => "past the seam".to_owned(),
            Ok(Source::Link { from, to, drawn: None }) => format!("{} to {}", name(from), name(to)),
            Ok(Source::Link { from, to, drawn: Some(drawn) }) => format!("{drawn}, {} to {}", name(from), name(to)),
            Err(seed) => seed,
        };
        let labels = state.labels.into_iter().map(label).collect();
        let bypasses = gather(state.calls, |host| host.map_or_else(|| WORLD.to_owned(), name), &tasks);
        Some(Recording {
            steps: state.steps,
            tasks,
            labels,
            records: state.records,
            bypasses,
            cut_short: state.cut_short,
        })
    }
}

impl State {
    fn push(&mut self, step: Step, value: u64, label: Option<u32>) {
        if self.steps.len() >= STEPS_MAX {
            self.cut_short = true;
            return;
        }
        let (at, running) = moment();
        let task = none_or(running.map(|(_, task)| task));
        self.steps.push(Noted { value, at, task, label: none_or(label), step });
    }
}

/// Joins what different call stacks did through the same culprit. The order is that of the first call.
fn gather(
    calls: BTreeMap<(BypassKind, Vec<usize>), Call>,
    host: impl Fn(Option<HostId>) -> String,
    tasks: &[TaskInfo],
) -> Vec<Bypass> {
    let mut calls: Vec<_> = calls.into_iter().collect();
    // Addresses differ between two processes, so they decide nothing: of several stacks that were first seen at one
    // step, what they read as decides.
    calls.sort_by_key(|((kind, _), call)| (call.step, *kind));
    let mut by_culprit: BTreeMap<(BypassKind, Culprit), Bypass> = BTreeMap::new();
    for ((kind, stack), call) in calls {
        let (culprit, stack) = stacks::resolve(&stack);
        let found = by_culprit.entry((kind, culprit.clone())).or_insert_with(|| Bypass {
            kind,
            culprit,
            count: 0,
            step: call.step,
            at: Duration::from_micros(call.at),
            host: host(call.host),
            task: call.tasks.first().and_then(|serial| tasks.get(*serial as usize)).map(|task| task.name.clone()),
            stack: stack.clone(),
            tasks: Vec::new(),
        });
        found.count += call.count;
        if found.step == call.step && stack < found.stack {
            found.stack = stack;
        }
        let new: Vec<_> = call.tasks.into_iter().filter(|task| !found.tasks.contains(task)).collect();
        found.tasks.extend(new);
        found.tasks.sort_unstable();
        found.tasks.truncate(TASKS_MAX);
    }
    let mut bypasses: Vec<_> = by_culprit.into_values().collect();
    bypasses.sort_by(|a, b| (a.step, a.kind, &a.culprit).cmp(&(b.step, b.kind, &b.culprit)));
    bypasses
}
