//! Tokens and keys as they are kept: hashed, so that who reads the database can't call as anyone.

use std::fmt;

use groundhog_wire::Secret;
use sha2::{Digest, Sha256};

/// The SHA-256 of a token or key.
///
/// A plain hash and no slow one: tokens are drawn at random, not chosen by people, so there is nothing to guess;
/// and every call looks one up.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of `secret`.
    pub fn of(secret: &Secret) -> Self {
        Self(Sha256::digest(secret.expose().as_bytes()).into())
    }

    /// The hash itself.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hash]")
    }
}
