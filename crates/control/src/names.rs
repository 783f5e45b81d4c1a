//! What things may be called.

/// The longest workspace name, in bytes (names are ASCII). Names become parts of host names, where 63 is the
/// limit for one label; 32 leaves room for what is put around them.
pub const NAME_BYTES_MAX: usize = 32;

/// A name broke the rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name:?} can't be a {kind}'s name: expected 1 to {NAME_BYTES_MAX} letters, digits and single hyphens, \
     beginning and ending with a letter or a digit"
)]
pub struct NameError {
    kind: &'static str,
    name: String,
}

/// Checks a workspace's name: see [`check_name`].
pub fn check_workspace_name(name: &str) -> Result<(), NameError> {
    check_name("workspace", name)
}

/// Checks the name of a thing of this `kind`: 1 to 32 ASCII letters, digits and single hyphens, no hyphen at either
/// end.
pub fn check_name(kind: &'static str, name: &str) -> Result<(), NameError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    let shaped = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.bytes().all(|byte| plain(byte) || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--");
    // The refused text goes back to the caller and into the event log, so it is cut: it may be megabytes.
    if shaped { Ok(()) } else { Err(NameError { kind, name: name.chars().take(64).collect() }) }
}

/// The beginning of `text`, at most `bytes_max` bytes, cut between two characters.
pub fn truncated(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
