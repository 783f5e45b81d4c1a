//! The stored log of a scenario's run, which the next run is compared with.
//!
//! One file per scenario in a folder `snapshots` beside the folder `scenarios`, in the form in which insta keeps
//! its snapshots, so that its review tools can be used on them as well. The content is the scenario's name, the
//! seed, the log, and how the run ended.

use std::{
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
};

use groundhog_sim::text;

use crate::run::Report;

/// Where insta says that its snapshots come from.
const SOURCE: &str = "snapshots/main.rs";

/// A run as its snapshot holds it.
pub fn render(name: &str, report: &Report) -> String {
    let mut content = format!("scenario: {name}\nseed: {}\n\n", report.seed);
    for record in report.log() {
        content.push_str(&text::line(record));
        content.push('\n');
    }
    content.push('\n');
    if report.passed() {
        content.push_str("outcome: passed\n");
    }
    for violation in &report.violations {
        // Writing to a string can't fail.
        let _ = writeln!(content, "outcome: {}: {}", violation.rule, violation.message);
    }
    content
}

/// What the snapshot of the scenario `name` is called.
pub fn file_stem(name: &str) -> String {
    name.replace('/', "__")
}

/// Where the snapshot of the scenario `name` is.
pub fn path(snapshots: &Path, name: &str) -> PathBuf {
    snapshots.join(format!("{}.snap", file_stem(name)))
}

/// The content of the stored snapshot, if there is one.
pub fn read(snapshots: &Path, name: &str) -> io::Result<Option<String>> {
    match fs::read_to_string(path(snapshots, name)) {
        Ok(file) => Ok(Some(content(&file).to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What stands behind the header, which lies between two lines of three dashes.
fn content(file: &str) -> &str {
    file.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).map_or(file, |(_, content)| content)
}

/// Stores `content` as the snapshot of the scenario `name`.
pub fn write(snapshots: &Path, name: &str, content: &str) -> io::Result<()> {
    fs::create_dir_all(snapshots)?;
    fs::write(path(snapshots, name), format!("---\nsource: {SOURCE}\n---\n{content}"))
}

/// Whether two contents are the same, apart from blank space at their ends, which insta does not keep.
pub fn same(a: &str, b: &str) -> bool {
    a.trim() == b.trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_not_content() {
        assert_eq!(content("---\nsource: a\n---\nscenario: x\n---\nmore\n"), "scenario: x\n---\nmore\n");
        assert_eq!(content("no header"), "no header");
    }

    #[test]
    fn a_scenarios_folder_becomes_part_of_its_snapshots_name() {
        assert_eq!(path(Path::new("s"), "cancel/force-cancel"), Path::new("s/cancel__force-cancel.snap"));
    }
}
