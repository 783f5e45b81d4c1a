//! A recording as lines of text, version 1: how one process hands it to another.
//!
//! Each line is a JSON object with one key, which says what the line is:
//!
//! | key | value |
//! | --- | --- |
//! | `recording` | the first line: the version of this format |
//! | `task` | `{host, name, file, line}`: a task that was spawned. The first has serial number 0, and so on |
//! | `label` | a text. The first has number 0, and so on |
//! | `step` | `[what, value, at_us, task, label]`: a step; `what` is `wake`, `run`, `draw`, `time`, `deliver`, `lose`, `record`, `entropy` or `seed`, `task` the serial number of the task that ran, or null, and `label` a label's number, or null |
//! | `record` | the text of a record. The first has ordinal 0, and so on |
//! | `bypass` | `{kind, culprit, count, step, at_us, host, task, stack, tasks}`: what was asked past the seam; see [`Bypass`] |
//! | `end` | the last line: `{steps, cut_short}`, how many steps there were, and whether there were more than are kept |

use std::{
    fmt,
    io::{self, BufRead, Write},
};

use serde::{Deserialize, Serialize};

use super::{
    Step,
    recording::{Noted, Recording, TaskInfo, none_or},
};
use crate::interpose::bypass::Bypass;

/// The version of the format.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Recording(u32),
    Task(TaskInfo),
    Label(String),
    Step(Step, u64, u64, Option<u32>, Option<u32>),
    Record(String),
    Bypass(Box<Bypass>),
    End { steps: usize, cut_short: bool },
}

/// Why lines of text are no recording.
#[derive(Debug)]
pub enum RecordingError {
    /// They could not be read.
    Io(io::Error),
    /// A line, counted from 1, is not of this format.
    Line(u64, serde_json::Error),
    /// The first line is not a recording's.
    NoRecording,
    /// It is of a version that this program does not know.
    Version(u32),
    /// It ends before it is whole, or its steps are not as many as it says.
    Incomplete,
}

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the recording can not be read: {error}"),
            Self::Line(line, error) => write!(f, "line {line} of the recording is malformed: {error}"),
            Self::NoRecording => write!(f, "this is no recording: its first line is another's"),
            Self::Version(version) => write!(f, "the recording is of version {version}: expected {VERSION}"),
            Self::Incomplete => write!(f, "the recording is incomplete"),
        }
    }
}

impl std::error::Error for RecordingError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Line(_, error) => Some(error),
            _ => None,
        }
    }
}

impl Recording {
    /// Writes it as lines of text.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let mut put = |line: &Line| {
            serde_json::to_writer(&mut *to, line)?;
            to.write_all(b"\n")
        };
        put(&Line::Recording(VERSION))?;
        for task in &self.tasks {
            put(&Line::Task(task.clone()))?;
        }
        for label in &self.labels {
            put(&Line::Label(label.clone()))?;
        }
        for noted in &self.steps {
            put(&Line::Step(noted.step, noted.value, noted.at, noted.task(), noted.label()))?;
        }
        for record in &self.records {
            put(&Line::Record(record.clone()))?;
        }
        for bypass in &self.bypasses {
            put(&Line::Bypass(Box::new(bypass.clone())))?;
        }
        put(&Line::End { steps: self.steps.len(), cut_short: self.cut_short })
    }

    /// Reads what [`write`](Self::write) wrote, up to its last line and no further.
    pub fn read(from: &mut impl BufRead) -> Result<Self, RecordingError> {
        let mut recording = Self::default();
        let mut text = String::new();
        for number in 1_u64.. {
            text.clear();
            if from.read_line(&mut text).map_err(RecordingError::Io)? == 0 {
                break;
            }
            let line = serde_json::from_str(&text);
            match line.map_err(|error| RecordingError::Line(number, error))? {
                Line::Recording(VERSION) if number == 1 => {}
                Line::Recording(version) if number == 1 => return Err(RecordingError::Version(version)),
                _ if number == 1 => return Err(RecordingError::NoRecording),
                // A second recording in the midst of this one.
                Line::Recording(_) => return Err(RecordingError::Incomplete),
                Line::Task(task) => recording.tasks.push(task),
                Line::Label(label) => recording.labels.push(label),
                Line::Step(step, value, at, task, label) => {
                    recording.steps.push(Noted { value, at, task: none_or(task), label: none_or(label), step });
                }
                Line::Record(line) => recording.records.push(line),
                Line::Bypass(bypass) => recording.bypasses.push(*bypass),
                Line::End { steps, cut_short } if steps == recording.steps.len() => {
                    recording.cut_short = cut_short;
                    return Ok(recording);
                }
                Line::End { .. } => return Err(RecordingError::Incomplete),
            }
        }
        Err(RecordingError::Incomplete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Recording {
        let task = TaskInfo { host: "a".to_owned(), name: "boot".to_owned(), file: "a.rs".to_owned(), line: 3 };
        let noted = Noted { value: u64::MAX, at: 5, task: 0, label: none_or(None), step: Step::Draw };
        Recording {
            steps: vec![noted, Noted { task: none_or(None), label: 0, step: Step::Time, ..noted }],
            tasks: vec![task],
            labels: vec!["executor".to_owned()],
            records: vec!["a line with \"quotes\"\nand a break".to_owned()],
            bypasses: Vec::new(),
            cut_short: true,
        }
    }

    fn written(recording: &Recording) -> String {
        let mut bytes = Vec::new();
        recording.write(&mut bytes).expect("memory can be written to");
        String::from_utf8(bytes).expect("JSON is text")
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = written(&sample());
        let read = Recording::read(&mut text.as_bytes()).expect("it is a recording");
        assert_eq!(written(&read), text);
        assert_eq!(read.steps, sample().steps);
    }

    #[test]
    fn what_is_no_recording_is_an_error() {
        let text = written(&sample());
        for end in 0..text.len() - 1 {
            assert!(Recording::read(&mut &text.as_bytes()[..end]).is_err(), "cut off after {end} bytes");
        }
        let read = |text: &str| Recording::read(&mut text.as_bytes());
        assert!(matches!(read(&text.replace(":1}", ":2}")), Err(RecordingError::Version(2))));
        assert!(matches!(read(&text.replace("\"steps\":2", "\"steps\":3")), Err(RecordingError::Incomplete)));
        assert!(matches!(read("{\"label\":\"x\"}\n"), Err(RecordingError::NoRecording)));
        assert!(matches!(read("\u{0}"), Err(RecordingError::Line(1, _))));
        assert!(matches!(Recording::read(&mut &b"\xff\n"[..]), Err(RecordingError::Io(_))));
    }
}
