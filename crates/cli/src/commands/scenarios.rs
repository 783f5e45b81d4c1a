//! Finds and reads the scenarios that a command line names.

use std::{
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};

use groundhog_stage::{
    catalogue,
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
                anstream::eprintln!("groundhog: {}: {error}", path.display());
                return Ok(Err(Exit::BadInput));
            }
        }
    }
    if entries.is_empty() {
        anstream::eprintln!("groundhog: no scenario (a .toml file) in {}", list(paths));
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
                let colour = io::stderr().is_terminal();
                anstream::eprintln!("{}", diagnostics.render(colour));
                if format == Format::Json {
                    writeln!(io::stdout(), "{}", diagnostics.to_json())?;
                }
            }
        }
    }
    Ok(if mistaken { Err(Exit::BadInput) } else { Ok(loaded) })
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| Path::display(path).to_string()).collect::<Vec<_>>().join(", ")
}
