//! Where two recordings of what should be one run part, and what may have made them.

use std::{iter::zip, time::Duration};

use serde_json::{Value, json};

use super::{
    Step,
    recording::{Noted, Recording, TaskInfo},
    words,
};
use crate::{
    interpose::bypass::{Bypass, BypassKind},
    log::WORLD,
};

/// How many of the steps that both took are told.
const SHARED_STEPS: usize = 8;

/// How many of the draws before it are told.
const DRAWS: usize = 5;

/// The first step at which two runs differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// How many steps both took alike before it.
    pub index: u64,
    /// What each of the two did then.
    pub sides: [Side; 2],
    /// The last steps that both took, in words.
    pub shared: Vec<String>,
    /// The last numbers that both drew, each with its stream. What was drawn before the first difference is no
    /// different itself.
    pub draws: Vec<String>,
    /// The last record that both made before it.
    pub record_before: Option<String>,
    /// The first record that differs, as each has it: `None` where there is none any more. Nothing if all records
    /// are equal.
    pub first_record: Option<[Option<String>; 2]>,
    /// The likely cause, if there is a trace of it.
    pub cause: Option<Cause>,
}

/// What one of two runs did where they part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Virtual time since the run began.
    pub at: Duration,
    /// The host on which it happened; `-` for the world.
    pub host: String,
    /// The task that ran, or that the step was about.
    pub task: Option<TaskInfo>,
    /// What it did, in words.
    pub did: String,
    /// What had been asked past the seam until then: by the components themselves, and threads, first.
    pub bypasses: Vec<Bypass>,
}

/// What may have made two runs differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A text differs in a number that no run counts up to: an address in memory, or a reading of a clock or of
    /// randomness that the simulator could not answer.
    Number {
        /// The part that differs, as each side has it.
        words: [String; 2],
        /// Whether it looks like an address.
        address: bool,
    },
    /// The task in which the runs part had asked past the seam.
    PastTheSeam(Bypass),
}

impl Recording {
    /// Where this recording and another part. `None` if they are of equal runs, as far as both go.
    pub fn first_divergence(&self, other: &Self) -> Option<Divergence> {
        let both = Both::new(self, other);
        let index = both.first_difference()?;
        let sides = [self, other].map(|recording| side(recording, index));
        let first_record = first_record(self, other);
        Some(Divergence {
            index: index as u64,
            shared: told(self, index, SHARED_STEPS, |_| true),
            draws: told(self, index, DRAWS, |noted| matches!(noted.step, Step::Draw | Step::Seed)),
            record_before: self.steps[..index].iter().rev().find_map(|noted| self.line(*noted)).map(str::to_owned),
            cause: cause([self, other], index, first_record.as_ref()),
            first_record,
            sides,
        })
    }
}

/// Two recordings, and which of their tables' entries are alike.
struct Both<'a> {
    recordings: [&'a Recording; 2],
    tasks: Vec<bool>,
    labels: Vec<bool>,
}

impl<'a> Both<'a> {
    fn new(one: &'a Recording, other: &'a Recording) -> Self {
        Self {
            recordings: [one, other],
            tasks: zip(&one.tasks, &other.tasks).map(|(a, b)| a == b).collect(),
            labels: zip(&one.labels, &other.labels).map(|(a, b)| a == b).collect(),
        }
    }

    fn first_difference(&self) -> Option<usize> {
        let [one, other] = self.recordings;
        let differs = zip(&one.steps, &other.steps).position(|(a, b)| !self.alike(*a, *b));
        let shorter = one.steps.len().min(other.steps.len());
        // One that was cut short says nothing of what came after.
        let ended = one.steps.len() != other.steps.len() && !one.cut_short && !other.cut_short;
        differs.or(ended.then_some(shorter))
    }

    fn alike(&self, a: Noted, b: Noted) -> bool {
        // A serial number or ordinal means the same on both sides only if what it stands for is the same.
        let same = |entries: &[bool], number: Option<u32>| {
            number.is_none_or(|number| entries.get(number as usize).copied().unwrap_or(true))
        };
        let [one, other] = self.recordings;
        a == b && same(&self.tasks, a.subject()) && same(&self.labels, a.label()) && one.line(a) == other.line(b)
    }
}

/// The last steps before `index` that `wanted` chooses, in words.
fn told(recording: &Recording, index: usize, count: usize, wanted: impl Fn(&Noted) -> bool) -> Vec<String> {
    let found = recording.steps[..index].iter().enumerate().rev().filter(|(_, noted)| wanted(noted)).take(count);
    let mut told: Vec<_> = found
        .map(|(number, noted)| format!("{number}  {}  {}", words::time(noted.at), words::step(recording, *noted)))
        .collect();
    told.reverse();
    told
}

fn side(recording: &Recording, index: usize) -> Side {
    let mut bypasses: Vec<_> =
        recording.bypasses.iter().filter(|bypass| bypass.step <= index as u64).cloned().collect();
    bypasses.sort_by_key(Bypass::is_harmless);
    let Some(noted) = recording.steps.get(index).copied() else {
        let at = recording.steps.last().map_or(0, |noted| noted.at);
        let did = "nothing any more: it had ended".to_owned();
        return Side { at: Duration::from_micros(at), host: WORLD.to_owned(), task: None, did, bypasses };
    };
    let task = noted.subject().and_then(|serial| recording.task(serial)).cloned();
    Side {
        at: Duration::from_micros(noted.at),
        host: task.as_ref().map_or_else(|| WORLD.to_owned(), |task| task.host.clone()),
        task,
        did: words::step(recording, noted),
        bypasses,
    }
}

fn first_record(one: &Recording, other: &Recording) -> Option<[Option<String>; 2]> {
    let index = zip(&one.records, &other.records).take_while(|(a, b)| a == b).count();
    let lines = [one, other].map(|recording| recording.records.get(index).cloned());
    (lines != [None, None]).then_some(lines)
}

fn cause(recordings: [&Recording; 2], index: usize, first_record: Option<&[Option<String>; 2]>) -> Option<Cause> {
    let steps = recordings.map(|recording| recording.steps.get(index).copied());
    let is_record = steps.iter().flatten().any(|noted| noted.step == Step::Record);
    if is_record && let Some([Some(one), Some(other)]) = first_record {
        let words = differing_words(one, other);
        if let Some((one, other)) = words.filter(|(one, other)| is_large(one) && is_large(other)) {
            let address = [one, other].iter().all(|word| word.chars().any(|digit| digit.is_ascii_alphabetic()));
            return Some(Cause::Number { words: [one.to_owned(), other.to_owned()], address });
        }
    }
    let asked = zip(recordings, steps).flat_map(|(recording, noted)| {
        let task = noted.and_then(Noted::subject);
        let until = move |bypass: &&Bypass| {
            bypass.step <= index as u64 && task.is_some_and(|task| bypass.tasks.contains(&task))
        };
        recording.bypasses.iter().filter(until)
    });
    // What was answered from the simulation is the least suspect; a thread the most.
    let rank = |bypass: &&Bypass| (bypass.is_harmless(), bypass.kind != BypassKind::Thread);
    asked.min_by_key(rank).cloned().map(Cause::PastTheSeam)
}

/// The first words of two lines that differ.
fn differing_words<'a>(one: &'a str, other: &'a str) -> Option<(&'a str, &'a str)> {
    let words = |text: &'a str| text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    zip(words(one), words(other)).find(|(a, b)| a != b)
}

/// `0x` and six digits or more, or ten digits or more: what a run counts by itself is smaller.
fn is_large(word: &str) -> bool {
    match word.strip_prefix("0x") {
        Some(digits) => digits.len() >= 6 && digits.chars().all(|digit| digit.is_ascii_hexdigit()),
        None => word.len() >= 10 && word.chars().all(|digit| digit.is_ascii_hexdigit()),
    }
}

impl Divergence {
    /// The same as JSON: an object with the keys `index`, `sides` (two objects `{at_us, host, task, did, bypasses}`),
    /// `shared`, `draws`, `record_before`, `first_record` (null, or two lines) and `cause` (null, or an object whose `what` is
    /// `address` or `number`, with the `words` that differ, or `past-the-seam`, with the `bypass`).
    pub fn to_json(&self) -> Value {
        let side = |side: &Side| {
            json!({
                "at_us": u64::try_from(side.at.as_micros()).unwrap_or(u64::MAX),
                "host": side.host,
                "task": side.task,
                "did": side.did,
                "bypasses": side.bypasses,
            })
        };
        json!({
            "index": self.index,
            "sides": self.sides.each_ref().map(side),
            "shared": self.shared,
            "draws": self.draws,
            "record_before": self.record_before,
            "first_record": self.first_record,
            "cause": match &self.cause {
                None => Value::Null,
                Some(Cause::Number { words, address: true }) => json!({ "what": "address", "words": words }),
                Some(Cause::Number { words, address: false }) => json!({ "what": "number", "words": words }),
                Some(Cause::PastTheSeam(bypass)) => json!({ "what": "past-the-seam", "bypass": bypass }),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_known_by_their_looks() {
        for address in ["0x7f3a5c001b20", "140234567890123", "7f3a5c001b20"] {
            assert!(is_large(address), "{address}");
        }
        for other in ["0x10", "12345", "provisioner", "2026"] {
            assert!(!is_large(other), "{other}");
        }
        assert_eq!(differing_words("a=1 b=0x7f10", "a=1 b=0x7f20"), Some(("0x7f10", "0x7f20")));
        assert_eq!(differing_words("a=1", "a=1"), None);
    }
}
