//! File operations, carried out on the calling thread.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use super::named;
use crate::files::{FileOperation, FileReply};

/// Carries out `operation` on `path`, which is absolute or relative to `root`. Errors name the path.
pub(super) fn run(root: &Path, path: &Path, operation: FileOperation) -> io::Result<FileReply> {
    let full = root.join(path);
    let shown = path.display();
    match operation {
        FileOperation::Read => {
            let content = fs::read(&full).map_err(|error| named(error, format_args!("reading {shown}")))?;
            return Ok(FileReply::Content(content));
        }
        FileOperation::List => {
            let names = list(&full).map_err(|error| named(error, format_args!("listing {shown}")))?;
            return Ok(FileReply::Names(names));
        }
        FileOperation::Write(content) => in_its_folder(&full, || fs::write(&full, &content))
            .map_err(|error| named(error, format_args!("writing {shown}")))?,
        FileOperation::Append(content) => in_its_folder(&full, || append(&full, &content))
            .map_err(|error| named(error, format_args!("appending to {shown}")))?,
        FileOperation::Sync => File::open(&full)
            .and_then(|file| file.sync_all())
            .map_err(|error| named(error, format_args!("syncing {shown}")))?,
        FileOperation::Rename(to) => fs::rename(&full, root.join(&to))
            .map_err(|error| named(error, format_args!("renaming {shown} to {}", to.display())))?,
        FileOperation::Remove => {
            fs::remove_file(&full).map_err(|error| named(error, format_args!("removing {shown}")))?;
        }
        FileOperation::CreateFolder => {
            fs::create_dir_all(&full).map_err(|error| named(error, format_args!("creating the folder {shown}")))?;
        }
    }
    Ok(FileReply::Done)
}

/// Runs `write` after creating the folders above `path`.
fn in_its_folder(path: &Path, write: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    write()
}

fn append(path: &Path, content: &[u8]) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).open(path)?.write_all(content)
}

/// The names in a folder, sorted, because the file system's own order is nothing to rely on.
fn list(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().into_string().map_err(|name| {
            io::Error::new(io::ErrorKind::InvalidData, format!("the name {name:?} in it is not Unicode"))
        })?;
        names.push(name);
    }
    names.sort_unstable();
    Ok(names)
}
