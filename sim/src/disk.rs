//! A host's disk: what a process wrote is there for the next process; a loss of power takes back what was not
//! synced.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use groundhog_host::files::{FileOperation, FileReply};

/// How much one host may store, in bytes. A runaway writer gets an error, not the machine that simulates it.
const DISK_BYTES_MAX: usize = 256 << 20;

/// A file's content: what programs see, and what the platter holds.
#[derive(Clone, Debug, Default)]
struct File {
    seen: Vec<u8>,
    synced: Vec<u8>,
}

/// A name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Folder,
    /// The file's number: a rename moves the name, not the file.
    File(u64),
}

/// A disk, as programs and a loss of power see it: names are synced apart from contents, by syncing their folder, as
/// POSIX has it. Holds 256 MiB at most.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: BTreeMap<u64, File>,
    names: BTreeMap<PathBuf, Entry>,
    synced_names: BTreeMap<PathBuf, Entry>,
    next: u64,
}

fn error(kind: io::ErrorKind, path: &Path, what: &str) -> io::Error {
    io::Error::new(kind, format!("{}: {what}", path.display()))
}

/// A path from the root.
fn absolute(path: PathBuf) -> PathBuf {
    Path::new("/").join(path)
}

impl Disk {
    /// Forgets what was not synced.
    pub fn lose_power(&mut self) {
        self.names = self.synced_names.clone();
        for file in self.files.values_mut() {
            file.seen = file.synced.clone();
        }
        self.collect();
    }

    /// Drops files that no name leads to.
    fn collect(&mut self) {
        let named: BTreeSet<u64> = self
            .names
            .values()
            .chain(self.synced_names.values())
            .filter_map(|entry| match entry {
                Entry::File(number) => Some(*number),
                Entry::Folder => None,
            })
            .collect();
        self.files.retain(|number, _| named.contains(number));
    }

    /// Carries out one operation on the file at `path`; a relative path is below the root.
    ///
    /// Fails as file systems do: with `NotFound`, `IsADirectory`, `NotADirectory` or `StorageFull`.
    pub fn carry_out(&mut self, path: PathBuf, operation: FileOperation) -> io::Result<FileReply> {
        let path = absolute(path);
        match operation {
            FileOperation::Read => Ok(FileReply::Content(self.file(&path)?.seen.clone())),
            FileOperation::Write(content) => {
                self.check_space(content.len())?;
                self.file_or_new(&path)?.seen = content;
                Ok(FileReply::Done)
            }
            FileOperation::Append(content) => {
                self.check_space(content.len())?;
                self.file_or_new(&path)?.seen.extend(content);
                Ok(FileReply::Done)
            }
            FileOperation::Sync => self.sync(&path),
            FileOperation::Rename(to) => self.rename(&path, absolute(to)),
            FileOperation::Remove => {
                self.file(&path)?;
                self.names.remove(&path);
                self.collect();
                Ok(FileReply::Done)
            }
            FileOperation::List => {
                self.check_folder(&path)?;
                let names = self.names.keys().filter(|name| name.parent() == Some(&path));
                let names = names.filter_map(|name| name.file_name()).map(|name| name.to_string_lossy().into_owned());
                Ok(FileReply::Names(names.collect()))
            }
            FileOperation::CreateFolder => {
                self.create_folder(&path)?;
                Ok(FileReply::Done)
            }
        }
    }

    fn check_space(&self, more: usize) -> io::Result<()> {
        let used: usize = self.files.values().map(|file| file.seen.len()).sum();
        if used.saturating_add(more) > DISK_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::StorageFull, format!("the disk holds {DISK_BYTES_MAX} bytes")));
        }
        Ok(())
    }

    fn number(&self, path: &Path) -> io::Result<u64> {
        match self.names.get(path) {
            Some(Entry::File(number)) => Ok(*number),
            Some(Entry::Folder) => Err(error(io::ErrorKind::IsADirectory, path, "is a folder")),
            None => Err(error(io::ErrorKind::NotFound, path, "no such file")),
        }
    }

    fn file(&self, path: &Path) -> io::Result<&File> {
        let number = self.number(path)?;
        self.files.get(&number).ok_or_else(|| error(io::ErrorKind::NotFound, path, "no such file"))
    }

    fn file_or_new(&mut self, path: &Path) -> io::Result<&mut File> {
        let number = match self.number(path) {
            Ok(number) => number,
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
                if let Some(folder) = path.parent() {
                    self.create_folder(folder)?;
                }
                self.next += 1;
                self.names.insert(path.to_owned(), Entry::File(self.next));
                self.next
            }
            Err(other) => return Err(other),
        };
        Ok(self.files.entry(number).or_default())
    }

    fn create_folder(&mut self, path: &Path) -> io::Result<()> {
        for folder in path.ancestors().filter(|folder| !folder.as_os_str().is_empty()) {
            match self.names.get(folder) {
                Some(Entry::File(_)) => return Err(error(io::ErrorKind::NotADirectory, folder, "is a file")),
                Some(Entry::Folder) => {}
                None => {
                    self.names.insert(folder.to_owned(), Entry::Folder);
                }
            }
        }
        Ok(())
    }

    fn check_folder(&self, path: &Path) -> io::Result<()> {
        match self.names.get(path) {
            Some(Entry::Folder) => Ok(()),
            Some(Entry::File(_)) => Err(error(io::ErrorKind::NotADirectory, path, "is a file")),
            // The root needs no name.
            None if path.parent().is_none() => Ok(()),
            None => Err(error(io::ErrorKind::NotFound, path, "no such folder")),
        }
    }

    fn sync(&mut self, path: &Path) -> io::Result<FileReply> {
        if let Some(Entry::File(number)) = self.names.get(path) {
            if let Some(file) = self.files.get_mut(number) {
                file.synced = file.seen.clone();
            }
            return Ok(FileReply::Done);
        }
        self.check_folder(path)?;
        // The folder's own name goes with it, or its files could not be reached after all.
        let within = |name: &PathBuf| name.parent() == Some(path) || path.ancestors().any(|folder| folder == name);
        self.synced_names.retain(|name, _| !within(name));
        let synced = self.names.iter().filter(|(name, _)| within(name));
        self.synced_names.extend(synced.map(|(name, entry)| (name.clone(), entry.clone())));
        self.collect();
        Ok(FileReply::Done)
    }

    fn rename(&mut self, from: &Path, to: PathBuf) -> io::Result<FileReply> {
        self.number(from)?;
        if self.names.get(&to) == Some(&Entry::Folder) {
            return Err(error(io::ErrorKind::IsADirectory, &to, "is a folder"));
        }
        if let Some(folder) = to.parent() {
            self.check_folder(folder)?;
        }
        if let Some(entry) = self.names.remove(from) {
            self.names.insert(to, entry);
        }
        self.collect();
        Ok(FileReply::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(operations: &[(&str, FileOperation)]) -> Disk {
        let mut disk = Disk::default();
        for (path, operation) in operations {
            disk.carry_out(PathBuf::from(path), operation.clone()).expect("the operation is legal");
        }
        disk
    }

    fn content(disk: &mut Disk, path: &str) -> Option<String> {
        match disk.carry_out(PathBuf::from(path), FileOperation::Read) {
            Ok(FileReply::Content(content)) => Some(String::from_utf8(content).expect("the test wrote text")),
            _ => None,
        }
    }

    fn write(text: &str) -> FileOperation {
        FileOperation::Write(text.into())
    }

    #[test]
    fn a_loss_of_power_takes_back_what_was_not_synced() {
        let mut disk = disk(&[
            ("/d/a", write("old")),
            ("/d/a", FileOperation::Sync),
            ("/d", FileOperation::Sync),
            ("/d/a", write("new")),
            ("/d/b", write("never synced")),
            ("/d/b", FileOperation::Sync),
        ]);
        assert_eq!(content(&mut disk, "/d/a").as_deref(), Some("new"));
        disk.lose_power();
        assert_eq!(content(&mut disk, "/d/a").as_deref(), Some("old"));
        assert_eq!(content(&mut disk, "/d/b"), None, "its name was not synced with its folder");
    }

    #[test]
    fn the_usual_safe_replacement_is_safe() {
        let prepared = [
            ("/d/state", write("old")),
            ("/d/state", FileOperation::Sync),
            ("/d", FileOperation::Sync),
            ("/d/next", write("new")),
            ("/d/next", FileOperation::Sync),
            ("/d/next", FileOperation::Rename("/d/state".into())),
        ];
        let mut before = disk(&prepared);
        before.lose_power();
        assert_eq!(content(&mut before, "/d/state").as_deref(), Some("old"));
        let mut after = disk(&prepared);
        after.carry_out("/d".into(), FileOperation::Sync).expect("the folder exists");
        after.lose_power();
        assert_eq!(content(&mut after, "/d/state").as_deref(), Some("new"));
        assert_eq!(content(&mut after, "/d/next"), None);
    }
}
