//! What of a text is compared.
//!
//! An error comes with what caused it, and that with what caused that: `open session: cannot connect to control:7080:
//! connection refused`. What the platform has to say of it ends where a connection is spoken of; how a connection came to
//! break, every machine says in words of its own.

use std::borrow::Cow;

/// What separates an error from its cause.
const BECAUSE: &str = ": ";

/// Where the platform's own words end.
const CONNECTIONS: [&str; 3] = ["connection", "connect to", "path"];

/// `text` without what only the machine has to say.
pub(super) fn compared(text: &str) -> Cow<'_, str> {
    let parts: Vec<_> = text.split(BECAUSE).collect();
    let last = parts.iter().position(|part| CONNECTIONS.iter().any(|connection| part.contains(connection)));
    match last {
        Some(last) if last + 1 < parts.len() => Cow::Owned(parts[..=last].join(BECAUSE)),
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_words_are_left_out() {
        for (text, expected) in [
            ("Cancel timed out", "Cancel timed out"),
            ("connect: build is outdated", "connect: build is outdated"),
            ("the path has ended: connection reset", "the path has ended"),
            (
                "connect: the connection to control:7080 broke during the call: error reading a body: reset",
                "connect: the connection to control:7080 broke during the call",
            ),
            (
                "open session: cannot connect to control:7080: control:7080: connection refused",
                "open session: cannot connect to control:7080",
            ),
            ("the connection broke", "the connection broke"),
        ] {
            assert_eq!(compared(text), expected);
        }
    }
}
