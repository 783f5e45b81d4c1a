//! Files: whole-file operations on a disk that keeps, over a loss of power, only what was synced.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::Machine;

/// One operation on a path, as an engine receives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileOperation {
    /// The whole content.
    Read,
    /// Replaces the content, creating the file and the folders above it.
    Write(Vec<u8>),
    /// Adds to the content, creating the file and the folders above it.
    Append(Vec<u8>),
    /// Makes the content, and for a folder its list of names, survive a loss of power.
    Sync,
    /// Gives the file another name in one step, replacing what had it.
    Rename(PathBuf),
    /// Removes a file.
    Remove,
    /// The names in a folder, sorted.
    List,
    /// Creates a folder and those above it; fine if it exists.
    CreateFolder,
}

/// An engine's answer to a [`FileOperation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileReply {
    /// Done.
    Done,
    /// The content ([`FileOperation::Read`]).
    Content(Vec<u8>),
    /// The names ([`FileOperation::List`]).
    Names(Vec<String>),
}

/// The files below one folder. Made by [`Host::files`](crate::Host::files).
///
/// What a process wrote is there for the next process on that machine, but a loss of power takes back what was
/// not [synced](Self::sync): the content by syncing the file, a new, renamed or removed name by syncing its
/// folder. Every path is relative to the folder and may not lead out of it.
#[derive(Clone, Debug)]
pub struct Files {
    machine: Arc<dyn Machine>,
    root: PathBuf,
}

impl Files {
    pub(crate) fn new(machine: Arc<dyn Machine>, root: PathBuf) -> Self {
        Self { machine, root }
    }

    /// A file's whole content.
    pub async fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        match self.run(path.as_ref(), FileOperation::Read).await? {
            FileReply::Content(content) => Ok(content),
            reply => unreachable!("an engine answered a read with {reply:?}"),
        }
    }

    /// Replaces a file's content, creating the file and the folders above it.
    pub async fn write(&self, path: impl AsRef<Path>, content: impl Into<Vec<u8>>) -> io::Result<()> {
        self.run(path.as_ref(), FileOperation::Write(content.into())).await.map(drop)
    }

    /// Adds to a file's content, creating the file and the folders above it.
    pub async fn append(&self, path: impl AsRef<Path>, content: impl Into<Vec<u8>>) -> io::Result<()> {
        self.run(path.as_ref(), FileOperation::Append(content.into())).await.map(drop)
    }

    /// Makes a file's content, or a folder's list of names, survive a loss of power.
    pub async fn sync(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.run(path.as_ref(), FileOperation::Sync).await.map(drop)
    }

    /// Gives a file another name in one step, replacing what had it.
    pub async fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
        let to = self.resolve(to.as_ref())?;
        self.run(from.as_ref(), FileOperation::Rename(to)).await.map(drop)
    }

    /// Removes a file.
    pub async fn remove(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.run(path.as_ref(), FileOperation::Remove).await.map(drop)
    }

    /// The names in a folder, sorted.
    pub async fn list(&self, path: impl AsRef<Path>) -> io::Result<Vec<String>> {
        match self.run(path.as_ref(), FileOperation::List).await? {
            FileReply::Names(names) => Ok(names),
            reply => unreachable!("an engine answered a list with {reply:?}"),
        }
    }

    /// Creates a folder and those above it; fine if it exists.
    pub async fn create_folder(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.run(path.as_ref(), FileOperation::CreateFolder).await.map(drop)
    }

    async fn run(&self, path: &Path, operation: FileOperation) -> io::Result<FileReply> {
        let path = self.resolve(path)?;
        self.machine.file(path, operation).await
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        use std::path::Component;
        if path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            Ok(self.root.join(path).components().collect())
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{} leads out of {}: give a relative path without ..", path.display(), self.root.display()),
            ))
        }
    }
}
