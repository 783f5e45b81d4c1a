//! `groundhog invariants`: what holds on every run.

use std::io::{self, Write};

use groundhog_stage::invariants::{self, Bounds};
use serde_json::json;

use super::table;
use crate::{arguments::Format, exit::Exit};

/// Lists the invariants.
pub fn run(format: Format) -> io::Result<Exit> {
    let all = invariants::all(&Bounds::default());
    let mut out = io::stdout().lock();
    match format {
        Format::Text => {
            let rows = all.iter().map(|invariant| vec![invariant.id().to_owned(), invariant.about().to_owned()]);
            write!(out, "{}", table::render(&["INVARIANT", "WHAT ALWAYS HOLDS"], rows))?;
        }
        Format::Json => {
            for invariant in &all {
                writeln!(out, "{}", json!({ "id": invariant.id(), "about": invariant.about() }))?;
            }
        }
    }
    Ok(Exit::Good)
}
