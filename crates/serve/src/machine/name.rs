//! What a machine is called.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest name of a machine, in bytes: a workspace's name has 32, an agent's 64 at most.
const NAME_BYTES_MAX: usize = 128;

/// The longest name of an owner, in bytes.
const OWNER_BYTES_MAX: usize = 256;

/// A machine's name: its workspace's and its agent's, with a dot in between; and whose the workspace is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MachineName {
    /// The owner's name, if it was told.
    pub owner: String,
    /// The name itself.
    pub name: String,
}

/// A machine can't be called that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a machine's name: expected WORKSPACE.AGENT, of letters, digits, '-', '_' and '.', and not a dot first")]
pub struct NameError;

impl MachineName {
    /// The machine `name` of `owner`, or an error if it is empty, too long, or could not be a folder's name.
    pub fn new(owner: &str, name: &str) -> Result<Self, NameError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let shaped = (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('.');
        if shaped && owner.len() <= OWNER_BYTES_MAX {
            Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
        } else {
            Err(NameError)
        }
    }

    /// A name for its folder, as long as no other machine has it: of the characters that any file system takes.
    pub(super) fn folder(&self) -> String {
        let plain = |character: char| if character.is_ascii_alphanumeric() { character } else { '_' };
        let owner: String = self.owner.chars().take(32).map(plain).collect();
        if owner.is_empty() { self.name.clone() } else { format!("{owner}.{}", self.name) }
    }
}

impl fmt::Display for MachineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.owner.is_empty() { f.write_str(&self.name) } else { write!(f, "{}/{}", self.owner, self.name) }
    }
}
