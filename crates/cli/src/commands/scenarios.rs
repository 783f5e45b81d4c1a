//! Finds and reads the scenarios that a command line names.

use std::{
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};

use groundhog_stage::{
    catalogue,
    diagnostic::{Diagnostic, Diagnostics},
    scenario::{Case, ScenarioFile},
    suite::{self, Entry},
};

use crate::{arguments::Format, exit::Exit};

/// A scenario and where it came from.
pub(super) struct Loaded {
    pub(super) entry: Entry,
    pub(super) file: ScenarioFile,
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
        match ScenarioFile::load(&entry.path, &catalogue) {
            Ok(file) => loaded.push(Loaded { entry, file }),
            Err(diagnostics) => {
                mistaken = true;
                tell(&diagnostics, format)?;
            }
        }
    }
    Ok(if mistaken { Err(Exit::BadInput) } else { Ok(loaded) })
}

/// Reads the one scenario at `path`.
pub(super) fn one(path: &Path, format: Format) -> io::Result<Result<Loaded, Exit>> {
    let loaded = load(&[path.to_owned()], format)?;
    let mut loaded = match loaded {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(Err(exit)),
    };
    match (loaded.pop(), loaded.len()) {
        (Some(only), 0) => Ok(Ok(only)),
        (_, more) => {
            let message = format!("there are {} scenarios here: name one of them", more + 1);
            tell(&mistake("not-one", path, &message), format)?;
            Ok(Err(Exit::BadInput))
        }
    }
}

/// Reads all case files at `paths`. A scenario that is no case is a mistake.
pub(super) fn cases(paths: &[PathBuf], format: Format) -> io::Result<Result<Vec<(Loaded, Case)>, Exit>> {
    let loaded = match load(paths, format)? {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(Err(exit)),
    };
    let (mut cases, mut mistaken) = (Vec::new(), false);
    for one in loaded {
        match one.file.case.clone() {
            Some(case) => cases.push((one, case)),
            None => {
                mistaken = true;
                let message = "this is a scenario, but no case: it has no table `[case]`; `groundhog run` runs it";
                tell(&mistake("no-case", &one.entry.path, message), format)?;
            }
        }
    }
    Ok(if mistaken { Err(Exit::BadInput) } else { Ok(cases) })
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
