//! The results of a shard, as JSON lines in a file of their own, written as they come.
//!
//! Whatever ends the program, what was found until then is in the file. The lines, by `kind`:
//!
//! | kind | keys |
//! | --- | --- |
//! | `campaign` | the first line: `format` (1), `campaign`, `shard`, `version`, `scenarios`, and `seeds`, the runs of the whole campaign, or null if time ended it |
//! | `finding` | a failure of a new kind: `signature`, `scenario`, `index`, `seed`, `message`, `case` (the file beside this one) |
//! | `shrunk` | its case has been made small: `signature`, `index`, `case`, `runs`, `is_minimal`, and the number of parts, faults and steps `before` and `after` |
//! | `progress` | every ten seconds: `tally`, all that is known so far |
//! | `end` | the last line: `tally`, and `complete`, whether nothing broke down |
//!
//! A tally has `runs`, `failed`, `virtual_us`, `findings` by signature (`runs`, and the `index`, `subject`, `seed` and
//! `message` of the first), in how many runs each of `events`, `states` and `faults` was seen, and `settling`, by the
//! fault that ended last: pairs of a bound in milliseconds and how many worlds came to rest within it, beyond the bound before
//! (`up_to_ms`), and `longest_ms`.
//!
//! A file without an `end` is of a shard that was cut short; its last tally counts, and what was found since.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use groundhog_sim::campaign::{Finding, Shard, Signature, Tally};
use serde::{Deserialize, Serialize};

use crate::{arguments::Format, commands::run::began};

/// The version of the format.
const FORMAT: u32 = 1;

/// How often a tally is written.
const KEEP_UP: Duration = Duration::from_secs(10);

/// What a campaign is, and which part of it this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::commands) struct Header {
    pub(in crate::commands) campaign: String,
    pub(in crate::commands) shard: String,
    pub(in crate::commands) version: String,
    pub(in crate::commands) scenarios: Vec<String>,
    pub(in crate::commands) seeds: Option<u64>,
}

/// How large a plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::commands) struct Size {
    pub(in crate::commands) parts: usize,
    pub(in crate::commands) faults: usize,
    pub(in crate::commands) steps: usize,
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(in crate::commands) enum Line {
    Campaign {
        format: u32,
        #[serde(flatten)]
        header: Header,
    },
    Finding {
        signature: Signature,
        scenario: String,
        index: u64,
        seed: u64,
        message: String,
        case: String,
    },
    Shrunk {
        signature: Signature,
        index: u64,
        case: String,
        runs: u64,
        is_minimal: bool,
        before: Size,
        after: Size,
    },
    Progress {
        tally: Tally,
    },
    End {
        complete: bool,
        tally: Tally,
    },
}

impl Line {
    /// The first line.
    pub(in crate::commands) fn campaign(header: Header) -> Self {
        Self::Campaign { format: FORMAT, header }
    }
}

/// A file of results in the making.
pub(super) struct Record {
    path: PathBuf,
    file: File,
    /// Whether each line goes to standard output as well.
    echo: bool,
    kept_up: Instant,
}

impl Record {
    /// Begins the file of a shard in the folder `out`, which is made if need be.
    pub(super) fn begin(out: &Path, header: &Header, shard: Shard, format: Format) -> io::Result<Self> {
        let name = format!("{}-shard-{}-of-{}.jsonl", file_name(&header.campaign), shard.index(), shard.count());
        let path = out.join(name);
        let file = fs::create_dir_all(out).and_then(|()| File::create(&path)).map_err(|error| cannot(&path, &error))?;
        let mut record = Self { path, file, echo: format == Format::Json, kept_up: began() };
        record.write(&Line::campaign(header.clone()))?;
        Ok(record)
    }

    /// Adds a line, and sees to it that it stays whatever happens next.
    pub(super) fn write(&mut self, line: &Line) -> io::Result<()> {
        let text = serde_json::to_string(line).map_err(io::Error::other)? + "\n";
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|error| cannot(&self.path, &error))?;
        if self.echo {
            io::stdout().lock().write_all(text.as_bytes())?;
        }
        Ok(())
    }

    /// Writes all that is known, if that has not been done for a while.
    pub(super) fn keep_up(&mut self, tally: &Tally) -> io::Result<()> {
        if self.kept_up.elapsed() < KEEP_UP {
            return Ok(());
        }
        self.kept_up = began();
        self.write(&Line::Progress { tally: tally.clone() })
    }

    pub(super) fn end(&mut self, tally: &Tally, complete: bool) -> io::Result<()> {
        self.write(&Line::End { complete, tally: tally.clone() })
    }
}

/// Writes a whole file so that it is never seen half written.
pub(in crate::commands) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("part");
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_data()
    });
    written.and_then(|()| fs::rename(&beside, path)).map_err(|error| cannot(path, &error))
}

fn cannot(path: &Path, error: &io::Error) -> io::Error {
    let text = format!("{} can not be written: {error}; --out names another folder", path.display());
    // Of another kind than a reader of standard output that has gone, which is no error.
    io::Error::other(text)
}

/// A campaign's name as part of a file's.
fn file_name(campaign: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let name: String = campaign.chars().map(|letter| if plain(letter) { letter } else { '_' }).collect();
    format!("campaign-{name}")
}

/// What a file of results says.
#[derive(Debug)]
pub(in crate::commands) struct Results {
    pub(in crate::commands) header: Header,
    /// All that is known.
    pub(in crate::commands) tally: Tally,
    /// The findings, as their lines.
    pub(in crate::commands) findings: Vec<Line>,
    /// Whether the shard came to its end.
    pub(in crate::commands) complete: bool,
}

/// Reads a file of results.
pub(in crate::commands) fn read(path: &Path) -> Result<Results, String> {
    let at = |what: String| format!("{}: {what}", path.display());
    let text = fs::read_to_string(path).map_err(|error| at(error.to_string()))?;
    let mut results: Option<Results> = None;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let at = |what: &str| at(format!("line {}: {what}", index + 1));
        // The last line of a shard that was cut short may be half a line.
        let Some(line) = line.strip_suffix('\n') else { break };
        let line = serde_json::from_str::<Line>(line)
            .map_err(|error| at(&format!("this is no line of a campaign's results: {error}")))?;
        match (line, &mut results) {
            (Line::Campaign { format: FORMAT, header }, None) => {
                results = Some(Results { header, tally: Tally::default(), findings: Vec::new(), complete: false });
            }
            (Line::Campaign { format, .. }, None) => {
                return Err(at(&format!("this is of format {format}, expected {FORMAT}")));
            }
            (Line::Campaign { .. }, Some(_)) => return Err(at("a second campaign begins here")),
            (_, None) => return Err(at("expected the line that names the campaign first")),
            (Line::Progress { tally }, Some(results)) => results.tally = tally,
            (Line::End { complete, tally }, Some(results)) => {
                (results.tally, results.complete) = (tally, complete);
            }
            (line, Some(results)) => results.findings.push(line),
        }
    }
    let mut results = results.ok_or_else(|| at("this is empty: it is no campaign's results".to_owned()))?;
    count_what_was_found_since(&mut results);
    Ok(results)
}

/// A shard that was cut short has told of findings that its last tally does not know.
fn count_what_was_found_since(results: &mut Results) {
    let tally = &mut results.tally;
    for line in &results.findings {
        let Line::Finding { signature, scenario, index, seed, message, .. } = line else { continue };
        if !tally.findings.contains_key(signature) {
            // The run that failed so is all that is known for certain.
            (tally.runs, tally.failed) = (tally.runs + 1, tally.failed + 1);
            let (subject, message) = (scenario.clone(), message.clone());
            let finding = Finding { runs: 1, index: *index, subject, seed: *seed, message };
            tally.findings.insert(signature.clone(), finding);
        }
    }
}
