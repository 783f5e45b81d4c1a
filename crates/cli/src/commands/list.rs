//! `groundhog list`: which scenarios there are, and what they show.

use std::io::{self, Write};

use serde_json::json;

use super::{scenarios, table};
use crate::{
    arguments::{Format, ListArguments},
    exit::Exit,
};

/// Lists the scenarios that `arguments` name.
pub fn run(arguments: &ListArguments) -> io::Result<Exit> {
    let loaded = match scenarios::load(&arguments.paths, arguments.format)? {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    let mut out = io::stdout().lock();
    match arguments.format {
        Format::Text => {
            let rows = loaded.iter().map(|one| vec![one.entry.name.clone(), one.file.scenario.about.clone()]);
            write!(out, "{}", table::render(&["SCENARIO", "SHOWS"], rows))?;
        }
        Format::Json => {
            for one in &loaded {
                let line = json!({
                    "scenario": one.entry.name,
                    "path": one.entry.path.display().to_string(),
                    "about": one.file.scenario.about,
                    "issue": one.file.scenario.issue,
                    "seed": one.file.scenario.seed,
                    "virtual_seconds": one.file.scenario.duration.as_secs_f64(),
                });
                writeln!(out, "{line}")?;
            }
        }
    }
    Ok(Exit::Good)
}
