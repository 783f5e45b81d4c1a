//! Secrets as they are given: on the command line, in the environment, or in a file.

use std::{convert::Infallible, fmt, fs::File, io::Read, path::Path, str::FromStr};

use groundhog_wire::Secret;

use crate::Error;

/// How much of a secret's file is read, in bytes. It is more than a secret can have.
const FILE_BYTES_MAX: u64 = 4 << 10;

/// A secret as it was given, not looked at yet. It prints as `[secret]`, and a mistake in it is not echoed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct GivenSecret(String);

impl GivenSecret {
    /// Whether there is none. A variable that is set to nothing counts as not set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for GivenSecret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for GivenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The secret that was given, by itself or in a file, if any was. `what` says which, for errors.
///
/// Fails when it is not text that a header can carry, or the file can't be read.
pub fn read(what: &'static str, given: &GivenSecret, file: Option<&Path>) -> Result<Option<Secret>, Error> {
    if !given.is_empty() {
        return Secret::new(&given.0).map(Some).map_err(|source| Error::Secret { what, source });
    }
    let Some(path) = file else { return Ok(None) };
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text))
        .map_err(|source| Error::SecretFile { what, path: path.to_owned(), source })?;
    // Editors and `echo` end a file with a line's end.
    Secret::new(text.trim_ascii_end()).map(Some).map_err(|source| Error::Secret { what, source })
}
