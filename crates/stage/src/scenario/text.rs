//! From a path to a text. What is not a scenario file is told apart, because "invalid TOML at byte 0" sends nobody
//! to the cause.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::FILE_BYTES_MAX;
use crate::diagnostic::{Diagnostic, Diagnostics};

/// Reads a scenario file's text.
pub(super) fn read(path: &Path) -> Result<String, Diagnostics> {
    let fail = |diagnostic: Diagnostic| Diagnostics::new(path.display().to_string(), "", vec![diagnostic]);
    let bytes = read_bytes(path).map_err(fail)?;
    if bytes.contains(&0) {
        return Err(fail(
            Diagnostic::new("binary-file", "this is a binary file, not a scenario").help("a scenario is a TOML text"),
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let bad = error.utf8_error().valid_up_to();
        // The replacement character stands exactly where the first bad byte did.
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let diagnostic = Diagnostic::new("not-utf8", "this is not UTF-8 text")
            .at(bad..bad + char::REPLACEMENT_CHARACTER.len_utf8())
            .label("the first byte that is not")
            .help("save the file as UTF-8");
        Diagnostics::new(path.display().to_string(), text, vec![diagnostic])
    })
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Diagnostic::new("not-found", "there is no such file"),
        _ => Diagnostic::new("unreadable", format!("the file cannot be read: {error}")),
    };
    // Asked before opening: opening a directory succeeds on some systems and fails oddly on others.
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(
            Diagnostic::new("is-a-directory", "this is a directory, not a file").help("name a scenario file in it")
        );
    }
    let mut bytes = Vec::new();
    // The length is not asked for: a pipe has none, and a file may grow. One byte over the limit is enough to know.
    File::open(path).map_err(failed)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(Diagnostic::new("file-too-big", "this is larger than any scenario")
            .help(format!("expected at most {FILE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}
