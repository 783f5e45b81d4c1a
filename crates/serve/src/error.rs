//! Why a program could not run.

use std::{io, net::SocketAddr, path::PathBuf};

use groundhog_control::{BringUpError, StoreError};
use groundhog_wire::auth::SecretError;

use crate::Exit;

/// Why a program could not run, or go on. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A secret can't be one. It is not told.
    #[error("the {what} can't be taken: {source}")]
    Secret {
        /// Which one.
        what: &'static str,
        /// What is wrong with it.
        source: SecretError,
    },
    /// The file with a secret can't be read.
    #[error("the {what} can't be read from {}: {source}", path.display())]
    SecretFile {
        /// Which secret.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A secret was not given that there has to be.
    #[error("the {what} is missing: give it by {variable}, or in a file by {file_flag}")]
    SecretMissing {
        /// Which one.
        what: &'static str,
        /// The variable that carries it.
        variable: &'static str,
        /// The flag that names a file with it.
        file_flag: &'static str,
    },
    /// A secret was given in two ways.
    #[error("the {what} was given by itself and in a file: leave {file_flag} out, or the other")]
    SecretTwice {
        /// Which one.
        what: &'static str,
        /// The flag that names a file with it.
        file_flag: &'static str,
    },
    /// A setting can't be taken.
    #[error("{what} can't be taken: {why}")]
    Setting {
        /// Which one.
        what: &'static str,
        /// What is wrong with it, and what was expected.
        why: String,
    },
    /// A place could not be listened at.
    #[error("can't listen on {place}: {source}; stop what listens there, or choose another place with {flag}")]
    Listen {
        /// Where.
        place: SocketAddr,
        /// What the system says.
        source: io::Error,
        /// By which flag it is chosen.
        flag: &'static str,
    },
    /// The setup file can't be taken.
    #[error("the setup file {}: {why}", path.display())]
    SetupFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The database can't be used.
    #[error("the database {} can't be used: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: StoreError,
    },
    /// The database's file can't be made.
    #[error("the database {} can't be made: {source}; choose another file with --database", path.display())]
    DatabaseFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What was given does not go with the database.
    #[error("the database {}: {source}{}", path.display(), what_to_do(source))]
    BringUp {
        /// The file.
        path: PathBuf,
        /// What does not go with it.
        source: Box<BringUpError>,
    },
    /// The control plane did not let a daemon in.
    #[error("the control plane refused this provisioner: {0}; it has to have a key that the control plane knows")]
    Refused(String),
    /// The machine did not do something that a program can't do without.
    #[error("{doing}: {source}")]
    Machine {
        /// What was being done.
        doing: String,
        /// What the system says.
        source: io::Error,
    },
    /// A further signal came while the program was ending.
    #[error("ended at once, by a second signal")]
    EndedAtOnce,
}

impl Error {
    /// The exit status that tells of it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Secret { .. }
            | Self::SecretFile { .. }
            | Self::SecretMissing { .. }
            | Self::Setting { .. }
            | Self::SecretTwice { .. }
            | Self::SetupFile { .. }
            | Self::BringUp { .. } => Exit::BadArguments,
            Self::Listen { .. }
            | Self::Database { .. }
            | Self::DatabaseFile { .. }
            | Self::Refused(_)
            | Self::Machine { .. }
            | Self::EndedAtOnce => Exit::Broken,
        }
    }
}

/// What the program's flags can do about it.
fn what_to_do(error: &BringUpError) -> &'static str {
    match error {
        BringUpError::OtherSecret { .. } => " (--replace-secrets)",
        BringUpError::TakenBack { .. } => " (--provisioner-key-name)",
        BringUpError::OtherRole { .. } => " (--admin-name)",
        BringUpError::NoAdministrator => ": give a token by GROUNDHOG_ADMIN_TOKEN, or in a file by --admin-token-file",
        BringUpError::Setup(_) | BringUpError::Store(_) => "",
    }
}
