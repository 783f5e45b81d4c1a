//! `groundhog events`: what a run can show.

use std::io::{self, Write};

use groundhog_stage::catalogue::{CHAPTERS, Chapter};
use serde_json::json;

use crate::{arguments::Format, exit::Exit};

/// Lists the events.
pub fn run(format: Format) -> io::Result<Exit> {
    let mut out = io::stdout().lock();
    for chapter in CHAPTERS {
        match format {
            Format::Text => text(&mut out, chapter)?,
            Format::Json => json(&mut out, chapter)?,
        }
    }
    Ok(Exit::Good)
}

fn text(out: &mut impl Write, chapter: &Chapter) -> io::Result<()> {
    writeln!(out, "{}\n", chapter.teller.to_uppercase())?;
    for event in chapter.events {
        let quiet = if event.quiet { "  (quiet: seen by expectations and invariants, not in the log)" } else { "" };
        writeln!(out, "  {}{quiet}\n      {}", event.name, one_line(event.about))?;
        for field in event.fields {
            writeln!(out, "      {:<12} {}", field.name, one_line(field.about))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn json(out: &mut impl Write, chapter: &Chapter) -> io::Result<()> {
    for event in chapter.events {
        let fields: Vec<_> =
            event.fields.iter().map(|field| json!({ "name": field.name, "about": one_line(field.about) })).collect();
        let line = json!({
            "event": event.name,
            "teller": chapter.teller,
            "about": one_line(event.about),
            "quiet": event.quiet,
            "fields": fields,
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Text that was wrapped in the source, on one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
