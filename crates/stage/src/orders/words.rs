//! The words of a value: runs of letters, digits, hyphens, underscores and number signs.

use std::{borrow::Cow, collections::BTreeMap};

fn is_part(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '#')
}

/// Whether `word` is the name of a thing: a kind and a number, as `job#1`.
pub(super) fn is_thing(word: &str) -> bool {
    kind(word).is_some()
}

/// The kind of the thing that `word` names.
pub(super) fn kind(word: &str) -> Option<&str> {
    let (kind, number) = word.split_once('#')?;
    let is_kind = !kind.is_empty() && kind.bytes().all(|letter| letter.is_ascii_lowercase() || letter == b'_');
    let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    (is_kind && is_number).then_some(kind)
}

/// The things that are named in `text`, in its order.
pub(super) fn things(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter| !is_part(letter)).filter(|word| is_thing(word))
}

/// `text` with each word replaced by what `names` has for it.
pub(super) fn renamed<'a>(text: &'a str, names: &BTreeMap<String, String>) -> Cow<'a, str> {
    if !text.split(|letter| !is_part(letter)).any(|word| names.contains_key(word)) {
        return Cow::Borrowed(text);
    }
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let word = &rest[..rest.find(|letter| !is_part(letter)).unwrap_or(rest.len())];
        result.push_str(names.get(word).map_or(word, String::as_str));
        rest = &rest[word.len()..];
        let between = &rest[..rest.find(is_part).unwrap_or(rest.len())];
        result.push_str(between);
        rest = &rest[between.len()..];
    }
    Cow::Owned(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_found_in_a_text() {
        let found: Vec<_> = things("no job#1, ws#22: dry_run#3 but #4, Job#5, job# and id#x1").collect();
        assert_eq!(found, ["job#1", "ws#22", "dry_run#3"]);
        assert_eq!((kind("dry_run#3"), kind("job")), (Some("dry_run"), None));
    }

    #[test]
    fn whole_words_are_replaced() {
        let names = [("job#1", "job#2"), ("vm-51f1", "dev")];
        let names = names.map(|(from, to)| (from.to_owned(), to.to_owned())).into();
        for (text, expected) in [
            ("job#1", "job#2"),
            ("job#11 and job#1: é", "job#11 and job#2: é"),
            ("name=alice/vm-51f1.main vm-51f12", "name=alice/dev.main vm-51f12"),
            ("", ""),
        ] {
            assert_eq!(renamed(text, &names), expected);
        }
    }
}
