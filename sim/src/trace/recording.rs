//! What a recorded run leaves behind.

use serde::{Deserialize, Serialize};

use super::Step;
use crate::interpose::bypass::Bypass;

/// A task, as people know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskInfo {
    /// The host that it runs on.
    pub host: String,
    /// Its name.
    pub name: String,
    /// The source file that spawned it.
    pub file: String,
    /// The line there.
    pub line: u32,
}

/// In place of a task's or a label's number: there is none.
const NONE: u32 = u32::MAX;

/// A number as it stands in a [`Noted`].
pub(super) fn none_or(number: Option<u32>) -> u32 {
    number.unwrap_or(NONE)
}

/// One step. Thirty-two bytes whatever it was: a run has millions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Noted {
    /// As the digest has it; for a packet, the connection and the number of bytes, 32 bits each.
    pub(super) value: u64,
    /// Virtual time in microseconds.
    pub(super) at: u64,
    /// The running task's serial number, or [`NONE`].
    pub(super) task: u32,
    /// The number of its label, or [`NONE`].
    pub(super) label: u32,
    pub(super) step: Step,
}

const _: () = assert!(size_of::<Noted>() == 32, "what STEPS_MAX reckons with");

impl Noted {
    pub(super) fn task(self) -> Option<u32> {
        (self.task != NONE).then_some(self.task)
    }

    pub(super) fn label(self) -> Option<u32> {
        (self.label != NONE).then_some(self.label)
    }

    /// The task that the step is about, whether or not it is the one that runs.
    pub(super) fn subject(self) -> Option<u32> {
        match self.step {
            Step::Wake | Step::Run => u32::try_from(self.value).ok(),
            _ => self.task(),
        }
    }
}

/// Everything that a run did, in order: every wake and task run, draw, delivery and record, with its virtual time
/// and the task in which it happened; and what was asked of the C library instead of a host.
///
/// Two recordings of one run are equal. Of two that are not, [`first_divergence`](Self::first_divergence) tells
/// where they part.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    pub(super) steps: Vec<Noted>,
    /// By serial number.
    pub(super) tasks: Vec<TaskInfo>,
    /// By number.
    pub(super) labels: Vec<String>,
    /// The text of each record, by ordinal, quiet ones too.
    pub(super) records: Vec<String>,
    pub(super) bypasses: Vec<Bypass>,
    pub(super) cut_short: bool,
}

impl Recording {
    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether the run took more steps than are kept. Nothing is known of what came after them.
    pub fn cut_short(&self) -> bool {
        self.cut_short
    }

    /// The tasks that were spawned, by serial number.
    pub fn tasks(&self) -> &[TaskInfo] {
        &self.tasks
    }

    /// The lines of all records, quiet ones too.
    pub fn records(&self) -> &[String] {
        &self.records
    }

    /// What was asked of the C library instead of a host: an entry for each kind and culprit, in the order of their
    /// first calls.
    pub fn bypasses(&self) -> &[Bypass] {
        &self.bypasses
    }

    pub(super) fn task(&self, serial: u32) -> Option<&TaskInfo> {
        self.tasks.get(serial as usize)
    }

    pub(super) fn label(&self, noted: Noted) -> Option<&str> {
        noted.label().and_then(|label| self.labels.get(label as usize)).map(String::as_str)
    }

    /// The line of the record that a step made.
    pub(super) fn line(&self, noted: Noted) -> Option<&str> {
        let ordinal = usize::try_from(noted.value).ok().filter(|_| noted.step == Step::Record)?;
        self.records.get(ordinal).map(String::as_str)
    }
}
