//! Scenario files in their folders.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The folder that scenarios are looked for in unless others are named.
pub const FOLDER: &str = "scenarios";

/// A scenario file, and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its path within the folder `scenarios`, without the ending: `cancel/force-cancel`. For a file that lies
    /// in no such folder, its bare name.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Where its snapshot would be: beside the folder `scenarios`, if it lies in one.
    pub snapshots: Option<PathBuf>,
}

impl Entry {
    /// The entry of the file at `path`.
    pub fn of(path: &Path) -> Self {
        let stem = path.with_extension("");
        let root = path.ancestors().find(|folder| folder.file_name().is_some_and(|name| name == FOLDER));
        let within = root.and_then(|root| stem.strip_prefix(root).ok());
        let name = within.unwrap_or_else(|| stem.file_name().map_or(&stem, Path::new));
        Self {
            name: name.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"),
            path: path.to_owned(),
            snapshots: root.map(|root| root.with_file_name("snapshots")),
        }
    }
}

/// The scenario files at `path`: itself, or all `.toml` files below it if it is a folder, sorted by name. What
/// can't be read is an error; what does not exist is left to whoever reads the file.
pub fn find(path: &Path) -> io::Result<Vec<Entry>> {
    if !path.is_dir() {
        return Ok(vec![Entry::of(path)]);
    }
    let mut found = Vec::new();
    for item in fs::read_dir(path)? {
        let item = item?.path();
        if item.is_dir() {
            found.extend(find(&item)?);
        } else if item.extension().is_some_and(|ending| ending == "toml") {
            found.push(Entry::of(&item));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_path_within_the_folder() {
        let entry = Entry::of(Path::new("a/scenarios/cancel/force-cancel.toml"));
        assert_eq!(entry.name, "cancel/force-cancel");
        assert_eq!(entry.snapshots.as_deref(), Some(Path::new("a/snapshots")));
        let loose = Entry::of(Path::new("tmp/bug.toml"));
        assert_eq!((loose.name.as_str(), loose.snapshots), ("bug", None));
    }
}
