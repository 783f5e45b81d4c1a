//! What a script wrote, as text that every store takes (A13).

/// What stands in the place of what can't be text.
const REPLACEMENT: char = '\u{274C}';

/// `bytes` as text: a run of bytes that are not UTF-8, and each NUL, is a cross.
pub(crate) fn clean(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    // Whether the last character stands for bytes that were not text: a run of them gets one.
    let mut in_run = false;
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            in_run = false;
            text.push(if character == '\0' { REPLACEMENT } else { character });
        }
        if !chunk.invalid().is_empty() && !in_run {
            text.push(REPLACEMENT);
            in_run = true;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_text_becomes_crosses() {
        let check = |bytes: &[u8], expected: &str| assert_eq!(clean(bytes), expected);
        check(b"", "");
        check("plain, gr\u{fc}n".as_bytes(), "plain, gr\u{fc}n");
        check(b"a\xff\xfe\xfdb", "a\u{274C}b");
        check(b"a\xffb\xff", "a\u{274C}b\u{274C}");
        check(b"\0\0", "\u{274C}\u{274C}");
        // A character cut short.
        check(&"\u{20ac}".as_bytes()[..2], "\u{274C}");
    }
}
