//! Steps in words.

use super::{
    Step,
    recording::{Noted, Recording},
};
use crate::log::text;

/// A task by its name and where it was spawned: a serial number alone tells nobody anything.
pub(super) fn task(recording: &Recording, serial: u32) -> String {
    match recording.task(serial) {
        Some(task) => format!("task {serial} {:?} of {} ({}:{})", task.name, task.host, task.file, task.line),
        None => format!("task {serial}"),
    }
}

/// What a step did.
pub(super) fn step(recording: &Recording, noted: Noted) -> String {
    let subject = || noted.subject().map_or_else(|| "a task".to_owned(), |serial| task(recording, serial));
    let label = recording.label(noted).unwrap_or("?");
    let (connection, bytes) = (noted.value >> 32, noted.value as u32);
    match noted.step {
        Step::Wake => format!("woke {}", subject()),
        Step::Run => format!("ran {}", subject()),
        Step::Draw => format!("drew {} ({label})", noted.value),
        Step::Time => format!("moved time to {}", time(noted.value)),
        Step::Deliver => format!("delivered {bytes} bytes on connection {connection} ({label})"),
        Step::Lose => format!("lost a packet of connection {connection} ({label})"),
        Step::Record => match recording.line(noted) {
            Some(line) => format!("recorded {line}"),
            None => format!("made record {}", noted.value),
        },
        Step::Entropy => format!("took {} random bytes past the seam", noted.value),
        Step::Seed => format!("gave away the seed of the stream {label} ({:016x}…)", noted.value),
    }
}

/// A virtual time to the microsecond: two steps mostly lie nearer than a log's milliseconds show.
pub(super) fn time(micros: u64) -> String {
    format!("{}{:03}", text::time(std::time::Duration::from_micros(micros)), micros % 1000)
}
