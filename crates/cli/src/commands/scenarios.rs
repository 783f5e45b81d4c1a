//! Finds and reads the scenarios that a command line names.

use std::{
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};

use groundhog_stage::{
    catalogue,
    diagnostic::{Diagnostic, Diagnostics},
    scenario::Scenario,
    suite::{self, Entry},
};

use crate::{arguments::Format, exit::Exit};

/// A scenario and where it came from.
pub(super) struct Loaded {
    pub(super) entry: Entry,
    pub(super) scenario: Scenario,
}

/// Reads all scenarios at `paths`. Every mistake in every file is told before this gives up; a mistake is told
/// on standard output too when a program reads that.
pub(super) fn load(paths: &[PathBuf], format: Format) -> io::Result<Result<Vec<Loaded>, Exit>> {
    let default = [PathBuf::from(suite::FOLDER)];
    let paths = if paths.is_empty() { &default[..] } else { paths };
    let mut entries = Vec::new();
    for path in paths {
        match suite::find(path) {
            Ok(found) => entries.extend(found),
            Err(error) => {
                tell(&mistake("unreadable", path, &format!("the folder can not be read: {error}")), format)?;
                return Ok(Err(Exit::BadInput));
            }
        }
    }
    if entries.is_empty() {
        let message = format!("there is no scenario, a .toml file, in {}", list(paths));
        tell(&mistake("no-scenario", &paths[0], &message), format)?;
        return Ok(Err(Exit::BadInput));
    }
    entries.sort();
    entries.dedup();
    let catalogue = catalogue::lists();
    let (mut loaded, mut mistaken) = (Vec::new(), false);
    for entry in entries {
        match Scenario::load(&entry.path, &catalogue) {
            Ok(scenario) => loaded.push(Loaded { entry, scenario }),
            Err(diagnostics) => {
                mistaken = true;
                tell(&diagnostics, format)?;
            }
        }
    }
    Ok(if mistaken { Err(Exit::BadInput) } else { Ok(loaded) })
}

/// A mistake that is in no file's text.
fn mistake(code: &'static str, path: &Path, message: &str) -> Diagnostics {
    Diagnostics::new(path.display().to_string(), "", vec![Diagnostic::new(code, message)])
}

/// Tells of mistakes: to people, and to a program if one reads.
pub(super) fn tell(diagnostics: &Diagnostics, format: Format) -> io::Result<()> {
    anstream::eprintln!("{}", diagnostics.render(io::stderr().is_terminal()));
    match format {
        Format::Json => writeln!(io::stdout(), "{}", diagnostics.to_json()),
        Format::Text => Ok(()),
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| Path::display(path).to_string()).collect::<Vec<_>>().join(", ")
}
