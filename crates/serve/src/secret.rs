//! Secrets as they are given: on the command line, in the environment, or in a file.

use std::{convert::Infallible, fmt, fs::File, io::Read, path::Path, str::FromStr};

use groundhog_wire::Secret;

use crate::Error;

/// How much of a secret's file is read, in bytes. It is more than a secret can have.
const FILE_BYTES_MAX: u64 = 4 << 10;

/// Which secret it is about, for errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Which {
    /// What people call it.
    pub what: &'static str,
    /// The variable that carries it.
    pub variable: &'static str,
    /// The flag that names a file with it.
    pub file_flag: &'static str,
}

/// The administrator's session token.
pub const ADMIN_TOKEN: Which =
    Which { what: "administrator's token", variable: "GROUNDHOG_ADMIN_TOKEN", file_flag: "--admin-token-file" };

/// The key that admits provisioner daemons, as a control plane is given it.
pub const PROVISIONER_KEY: Which =
    Which { what: "provisioner key", variable: "GROUNDHOG_PROVISIONER_KEY", file_flag: "--provisioner-key-file" };

/// The same, as a daemon is given it.
pub const KEY: Which =
    Which { what: "provisioner key", variable: "GROUNDHOG_PROVISIONER_KEY", file_flag: "--key-file" };

/// What lets an agent in.
pub const AGENT_TOKEN: Which =
    Which { what: "agent's token", variable: "GROUNDHOG_AGENT_TOKEN", file_flag: "--token-file" };

/// A person's session token.
pub const USER_TOKEN: Which = Which { what: "session token", variable: "GROUNDHOG_TOKEN", file_flag: "--token-file" };

/// A secret as it was given, not looked at yet. It prints as `[secret]`, and a mistake in it is not echoed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct GivenSecret(String);

impl GivenSecret {
    /// What was given.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl FromStr for GivenSecret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::new(text))
    }
}

impl fmt::Debug for GivenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The secret that was given, by itself or in a file, if any was. What is set to nothing counts as not given, as in the
/// environments of containers.
///
/// Fails when it was given twice, is not text that a header can carry, or its file can't be read.
pub fn read(which: &Which, given: Option<&GivenSecret>, file: Option<&Path>) -> Result<Option<Secret>, Error> {
    let given = given.filter(|given| !given.0.is_empty());
    let file = file.filter(|file| !file.as_os_str().is_empty());
    let wrong = |source| Error::Secret { what: which.what, source };
    match (given, file) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(Error::SecretTwice { what: which.what, file_flag: which.file_flag }),
        (Some(given), None) => Secret::new(&given.0).map(Some).map_err(wrong),
        (None, Some(path)) => {
            let mut text = String::new();
            File::open(path)
                .and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text))
                .map_err(|source| Error::SecretFile { what: which.what, path: path.to_owned(), source })?;
            // Editors and `echo` end a file with a line's end.
            Secret::new(text.trim_ascii_end()).map(Some).map_err(wrong)
        }
    }
}

/// The same, where there has to be one.
pub fn need(which: &Which, given: Option<&GivenSecret>, file: Option<&Path>) -> Result<Secret, Error> {
    let Which { what, variable, file_flag } = *which;
    read(which, given, file)?.ok_or(Error::SecretMissing { what, variable, file_flag })
}
