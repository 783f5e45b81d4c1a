//! Who calls: what a caller sends with every call, and what a server reads from it.
//!
//! The metadata of a call carries `authorization: Bearer TOKEN` and, from a provisioner daemon, `x-daemon-name:
//! NAME`. Whether a token is worth anything is the server's business; here it is only carried, hidden and read.

use std::{fmt, hint::black_box, str::FromStr, sync::Arc};

use http::HeaderValue;
use tonic::{Status, metadata::MetadataMap};

/// The longest token, in bytes. Session tokens and keys are below 100; the rest is room for other issuers'.
pub const TOKEN_BYTES_MAX: usize = 256;

/// The longest name of a daemon, in characters. It is a host's name as a rule, whose labels have at most 63.
pub const DAEMON_NAME_CHARS_MAX: usize = 64;

/// The metadata key of a daemon's name.
pub const DAEMON_NAME_KEY: &str = "x-daemon-name";

const AUTHORIZATION_KEY: &str = "authorization";
const SCHEME: &str = "Bearer ";

/// A token or key: 1 to [`TOKEN_BYTES_MAX`] visible ASCII characters.
///
/// It prints as `[secret]`, and two are compared in a time that does not depend on where they differ.
#[derive(Clone)]
pub struct Secret(Arc<str>);

/// The text can't be a token. It does not say why, nor what the text was: errors end up in logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token: expected 1 to {TOKEN_BYTES_MAX} visible ASCII characters")]
pub struct SecretError;

impl Secret {
    /// The token `text`, or an error if it is empty, too long, or has a character that a header can't carry.
    pub fn new(text: impl AsRef<str>) -> Result<Self, SecretError> {
        let text = text.as_ref();
        let fits = (1..=TOKEN_BYTES_MAX).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(Self(text.into())) } else { Err(SecretError) }
    }

    /// The token itself: to look it up or hash it, never to print it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The value of the header that carries it.
    pub(crate) fn header(&self) -> HeaderValue {
        let mut value = HeaderValue::from_str(&format!("{SCHEME}{}", self.0))
            .expect("a token has visible ASCII only, which its constructor checked");
        // Kept out of HTTP/2's header table, where compression could leak it, and out of Debug texts.
        value.set_sensitive(true);
        value
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        Self::new(text)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.0.as_bytes(), other.0.as_bytes());
        let mut difference = u8::from(ours.len() != theirs.len());
        // Always the full length, so that the time tells nothing of the content.
        for at in 0..TOKEN_BYTES_MAX {
            difference |= black_box(ours.get(at).unwrap_or(&0) ^ theirs.get(at).unwrap_or(&0));
        }
        difference == 0
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The name of a provisioner daemon: 1 to [`DAEMON_NAME_CHARS_MAX`] of `a-z`, `0-9`, `-`, `_` and `.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DaemonName(Arc<str>);

/// The text can't be a daemon's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a daemon's name: expected 1 to {DAEMON_NAME_CHARS_MAX} of a-z, 0-9, '-', '_' and '.'")]
pub struct DaemonNameError;

impl DaemonName {
    /// The name `text`, or an error if it is empty, too long, or has another character.
    pub fn new(text: impl AsRef<str>) -> Result<Self, DaemonNameError> {
        let text = text.as_ref();
        let legal = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
        let fits = (1..=DAEMON_NAME_CHARS_MAX).contains(&text.len());
        if fits && text.bytes().all(legal) { Ok(Self(text.into())) } else { Err(DaemonNameError) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of the header that carries it.
    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("a daemon's name has letters, digits and -_. only: checked when made")
    }
}

impl FromStr for DaemonName {
    type Err = DaemonNameError;

    fn from_str(text: &str) -> Result<Self, DaemonNameError> {
        Self::new(text)
    }
}

impl fmt::Display for DaemonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As whom a [`Channel`](crate::channel::Channel) calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The session token, or the daemon's key.
    pub token: Secret,
    /// The daemon's name; absent for a person.
    pub daemon: Option<DaemonName>,
}

impl Identity {
    /// A person, known by a session token.
    pub fn user(token: Secret) -> Self {
        Self { token, daemon: None }
    }

    /// A provisioner daemon, known by a key and a name.
    pub fn daemon(key: Secret, name: DaemonName) -> Self {
        Self { token: key, daemon: Some(name) }
    }
}

/// What a call says about who made it. Nothing of it is verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The token or key presented.
    pub token: Secret,
    /// The daemon's name, if the caller says that it is one.
    pub daemon: Option<DaemonName>,
}

impl Caller {
    /// Reads a call's metadata (`request.metadata()`).
    ///
    /// Fails with `UNAUTHENTICATED` if the token is missing, given twice or malformed, or if there is a daemon's
    /// name that is malformed or given twice. The message says what was expected and repeats nothing received.
    pub fn from_metadata(metadata: &MetadataMap) -> Result<Self, Status> {
        let authorization = single(metadata, AUTHORIZATION_KEY)?
            .ok_or_else(|| Status::unauthenticated("no token: expected the metadata `authorization: Bearer TOKEN`"))?;
        let token = authorization
            .split_at_checked(SCHEME.len())
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(SCHEME))
            .and_then(|(_, token)| Secret::new(token).ok())
            .ok_or_else(|| {
                Status::unauthenticated(format!(
                    "malformed token: expected `authorization: Bearer TOKEN` with 1 to {TOKEN_BYTES_MAX} visible \
                     ASCII characters"
                ))
            })?;
        let daemon = single(metadata, DAEMON_NAME_KEY)?
            .map(DaemonName::new)
            .transpose()
            .map_err(|error| Status::unauthenticated(format!("malformed `{DAEMON_NAME_KEY}`: {error}")))?;
        Ok(Self { token, daemon })
    }

    /// The daemon's name, or `UNAUTHENTICATED` if the caller gave none: for services that only daemons call.
    pub fn require_daemon(&self) -> Result<&DaemonName, Status> {
        self.daemon.as_ref().ok_or_else(|| {
            Status::unauthenticated(format!("no daemon's name: expected the metadata `{DAEMON_NAME_KEY}: NAME`"))
        })
    }
}

/// The one value of `key`. Twice is an error: two readers might each believe another one.
fn single<'a>(metadata: &'a MetadataMap, key: &'static str) -> Result<Option<&'a str>, Status> {
    let mut values = metadata.get_all(key).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text)),
        (_, Some(_)) => Err(Status::unauthenticated(format!("`{key}` is given more than once"))),
        (Err(_), None) => Err(Status::unauthenticated(format!("`{key}` is not ASCII text"))),
    }
}
