//! The database's file, and how a start brings it up.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use groundhog_control::{BringUpError, DaemonKeySetup, Database, OtherSecret, Role, Setup, UserSetup};
use groundhog_host::{Backoff, Host};

use super::setup_file;
use crate::{Error, arguments::ControlArguments, secret};

/// How often a database is tried that another program is using: one that is still ending, as a rule.
const TRIES: u32 = 20;

/// The waits between the tries: two seconds or so in all.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(200));

/// What a start is given for the database.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Who is to be known, and by which keys daemons are admitted.
    pub setup: Setup,
    /// What becomes of a secret that differs from the one that is known.
    pub other: OtherSecret,
}

impl Given {
    /// What the arguments give. Fails when a secret or a file can't be read.
    pub fn read(arguments: &ControlArguments) -> Result<Self, Error> {
        let people = &arguments.people;
        let token_file = people.admin_token_file.as_deref();
        let admin = secret::read(&secret::ADMIN_TOKEN, people.admin_token.as_ref(), token_file)?;
        let key_file = people.provisioner_key_file.as_deref();
        let key = secret::read(&secret::PROVISIONER_KEY, people.provisioner_key.as_ref(), key_file)?;
        let mut setup = Setup::default();
        setup.users.extend(admin.map(|token| UserSetup {
            name: people.admin_name.clone(),
            token,
            role: Role::Admin,
            token_expires_at_ms: None,
        }));
        let name = people.provisioner_key_name.clone();
        setup.daemon_keys.extend(key.map(|key| DaemonKeySetup { name, key }));
        if let Some(path) = &people.setup {
            setup_file::read(path, &mut setup, |name| std::env::var(name).ok())?;
        }
        let other = if people.replace_secrets { OtherSecret::Replaces } else { OtherSecret::Refused };
        Ok(Self { setup, other })
    }
}

/// Opens the database in the file at `path`, makes it if it is missing, and brings it up to what is given. What is in it
/// stays there.
pub async fn open(host: &Host, path: &Path, given: &Given) -> Result<Database, Error> {
    if given.setup.users.is_empty() && !path.exists() {
        // Told before anything is made.
        return Err(Error::BringUp { path: path.to_owned(), source: Box::new(BringUpError::NoAdministrator) });
    }
    make(path)?;
    let mut backoff = BACKOFF;
    let mut tries = 1;
    loop {
        match open_once(host, path, given) {
            Err(error) if tries < TRIES && is_busy(&error) => {
                tries += 1;
                host.sleep(backoff.next_wait()).await;
            }
            result => return result,
        }
    }
}

fn open_once(host: &Host, path: &Path, given: &Given) -> Result<Database, Error> {
    let failed = |source| Error::Database { path: path.to_owned(), source };
    let database = Database::open(path).map_err(failed)?;
    let now_ms = host.wall().as_millisecond();
    let brought_up = database.bring_up(&given.setup, given.other, &mut host.random("set-up"), now_ms);
    let done = brought_up.map_err(|source| match source {
        BringUpError::Store(source) => failed(source),
        source => Error::BringUp { path: path.to_owned(), source: Box::new(source) },
    })?;
    for added in done.added {
        tracing::info!(added, "new in the database");
    }
    for replaced in done.replaced {
        tracing::info!(replaced, "has another secret from now on");
    }
    if given.setup.daemon_keys.is_empty() {
        tracing::info!("no provisioner key was given: only those that the database knows admit provisioners");
    }
    Ok(database)
}

fn is_busy(error: &Error) -> bool {
    match error {
        Error::Database { source, .. } => source.is_busy(),
        _ => false,
    }
}

/// Makes the file if it is missing. It is for nobody else to read: what builds leave for each other has secrets in it. The
/// files that SQLite puts beside it are like it.
fn make(path: &Path) -> Result<(), Error> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(Error::DatabaseFile { path: PathBuf::from(path), source: error })
        }
        _ => Ok(()),
    }
}
