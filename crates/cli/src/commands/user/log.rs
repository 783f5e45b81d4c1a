//! A log, as it is written line by line: those of jobs under the stage to which they belong.

use std::io::{self, Write};

use groundhog_wire::v1::{LogLevel, StoredAgentLogLine, StoredLogLine};

use super::{tell, words};
use crate::arguments::Format;

/// A log that is being written to standard output.
pub(super) struct Log {
    format: Format,
    /// That of the last line.
    stage: String,
}

impl Log {
    pub(super) fn new(format: Format) -> Self {
        Self { format, stage: String::new() }
    }

    /// Writes a line of a job's log.
    pub(super) fn job(&mut self, stored: &StoredLogLine) -> io::Result<()> {
        if self.format == Format::Json {
            return tell::line("line", tell::log_line(stored));
        }
        let Some(line) = &stored.line else { return Ok(()) };
        if line.stage != self.stage {
            writeln!(io::stdout().lock(), "==> {}", shown(&line.stage))?;
            self.stage.clone_from(&line.stage);
        }
        // That a stage begins is told by a line that says nothing else.
        if line.output.is_empty() { Ok(()) } else { text(line.created_at_ms, line.level(), &line.output) }
    }

    /// Writes a line of an agent's log.
    pub(super) fn agent(&mut self, stored: &StoredAgentLogLine) -> io::Result<()> {
        match (self.format, &stored.line) {
            (Format::Json, _) => tell::line("line", tell::agent_log_line(stored)),
            (Format::Text, Some(line)) => text(line.created_at_ms, line.level(), &line.output),
            (Format::Text, None) => Ok(()),
        }
    }
}

fn text(at_ms: i64, level: LogLevel, output: &str) -> io::Result<()> {
    let level = match level {
        LogLevel::Unspecified | LogLevel::Info => String::new(),
        other => format!("{}: ", words::log_level(other)),
    };
    writeln!(io::stdout().lock(), "{}  {level}{}", words::time(at_ms), shown(output))
}

/// What a job has written, without what would move a terminal's cursor or colour what comes after it.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_can_not_take_a_terminal_over() {
        assert_eq!(shown("a\tb\u{1b}[2Jc\rd\u{7f}é"), "a\tb\u{fffd}[2Jc\u{fffd}d\u{fffd}é");
    }
}
