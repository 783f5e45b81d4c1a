//! The machines' folders: what is noted in them, and the lock under which that is done.
//!
//! | in a machine's folder | what it is |
//! |---|---|
//! | `token` | the agent's token, for nobody else to read |
//! | `name` | whose the machine is and what it is called, as JSON. Without it the folder is not finished |
//! | `dismissed` | there if the machine goes |
//! | `running` | the number of the agent's process, which holds a lock on this file |
//! | `log` | what the agent's process has written |
//! | `home` | the home folder of whoever works on the machine |

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use groundhog_wire::Secret;
use rustix::fs::{FlockOperation, flock};

use super::{MachineError, name::MachineName, process, system};

/// How long somebody else may decide: under the lock nobody waits for anything but the disk.
const LOCK_PATIENCE: Duration = Duration::from_secs(30);

/// How often a lock is asked for.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The right to decide about the machines of a folder, until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for it, for half a minute at most. Makes the folder if it is missing.
    pub fn take(folder: &Path) -> Result<Self, MachineError> {
        private_folder(folder)?;
        let path = folder.join("lock");
        let open = private().append(true).open(&path);
        let file = open.map_err(system(format!("opening {}", path.display())))?;
        let began = std::time::Instant::now();
        while let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if error != rustix::io::Errno::WOULDBLOCK && error != rustix::io::Errno::INTR {
                return Err(system(format!("locking {}", path.display()))(error.into()));
            }
            if began.elapsed() > LOCK_PATIENCE {
                return Err(MachineError::Busy { path });
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(Self { _file: file })
    }
}

/// A machine's folder, as it was when somebody looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// Whose it is and what it is called.
    pub name: MachineName,
    /// Its agent's token.
    pub token: Secret,
    /// Whether it goes.
    pub dismissed: bool,
    /// Whether its agent's process lives.
    pub running: bool,
}

/// The machines that there are, by their folders' names. Deletes what was not finished.
pub fn scan(folder: &Path) -> Result<Vec<Folder>, MachineError> {
    let listing = || format!("listing {}", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(system(listing()))? {
        let path = entry.map_err(system(listing()))?.path();
        if path.is_dir() {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    let mut found = Vec::new();
    for path in paths {
        match look(&path)? {
            Some(machine) => found.push(machine),
            // Whoever made or deleted it was killed. Nobody runs there: an agent comes after the name, and goes before.
            None if !process::is_running(&path)? => remove(&path)?,
            None => {}
        }
    }
    Ok(found)
}

/// The machine in a folder, if it was finished.
fn look(path: &Path) -> Result<Option<Folder>, MachineError> {
    let (Some(name), Some(token)) = (read(&path.join("name"))?, read(&path.join("token"))?) else { return Ok(None) };
    let (Ok(name), Ok(token)) = (serde_json::from_slice(&name), Secret::new(String::from_utf8_lossy(&token))) else {
        return Ok(None);
    };
    let dismissed = path.join("dismissed").exists();
    Ok(Some(Folder { path: path.to_owned(), name, token, dismissed, running: process::is_running(path)? }))
}

impl Folder {
    /// Makes the folder of a machine that is called `name`, without an agent.
    pub(super) fn make(folder: &Path, name: &MachineName, token: &Secret) -> Result<(), MachineError> {
        let named = name.folder();
        // A machine that has got another name keeps its folder.
        let mut path = folder.join(&named);
        for number in 2.. {
            if !path.exists() {
                break;
            }
            path = folder.join(format!("{named}-{number}"));
        }
        private_folder(&path.join("home"))?;
        write(&path, "token", token.expose().as_bytes())?;
        write_name(&path, name)
    }

    /// Notes that it goes.
    pub(super) fn dismiss(&self) -> Result<(), MachineError> {
        write(&self.path, "dismissed", b"")
    }

    /// Gives it another name.
    pub(super) fn rename(&self, name: &MachineName) -> Result<(), MachineError> {
        write_name(&self.path, name)
    }

    /// Deletes it, with everything in it. Fine if somebody else has.
    pub(super) fn remove(&self) -> Result<(), MachineError> {
        remove(&self.path)
    }
}

fn write_name(path: &Path, name: &MachineName) -> Result<(), MachineError> {
    let text = serde_json::to_vec(name).expect("two texts are always JSON");
    write(path, "name", &text)
}

/// Writes a file whole: whoever looks finds all of it, or what was there before.
fn write(folder: &Path, name: &str, content: &[u8]) -> Result<(), MachineError> {
    let (new, path) = (folder.join(format!("{name}.new")), folder.join(name));
    let written = private()
        .write(true)
        .truncate(true)
        .open(&new)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| fs::rename(&new, &path));
    written.map_err(system(format!("writing {}", path.display())))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, MachineError> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(system(format!("reading {}", path.display()))(error)),
    }
}

fn remove(path: &Path) -> Result<(), MachineError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(system(format!("deleting {}", path.display()))(error))
        }
        _ => Ok(()),
    }
}

/// A file that nobody else may read, made if it is missing.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).mode(0o600);
    options
}

/// A folder that nobody else may look into, made if it is missing.
pub(super) fn private_folder(path: &Path) -> Result<(), MachineError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(system(format!("making the folder {}", path.display())))
}
