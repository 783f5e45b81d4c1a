//! Readable names for ids: what kind of thing, and the order of first appearance.

use std::collections::BTreeMap;

/// The names given so far in one run.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// From an id's 36 characters to its name. They lie in the map itself: most records name something, and in a run with
    /// thousands of things a key that lies elsewhere is fetched from memory at each step of the search.
    given: BTreeMap<[u8; ID_LENGTH], String>,
    /// How many of each kind there are.
    counts: BTreeMap<String, u64>,
}

/// How long a UUID is in its usual form.
const ID_LENGTH: usize = 36;

fn is_id(text: &[u8; ID_LENGTH]) -> bool {
    // First what tells most other texts apart.
    [8, 13, 18, 23].iter().all(|dash| text[*dash] == b'-')
        && text.iter().enumerate().all(|(place, byte)| matches!(place, 8 | 13 | 18 | 23) || byte.is_ascii_hexdigit())
}

impl Names {
    /// The id that has this name, if one has.
    pub(crate) fn id(&self, name: &str) -> Option<String> {
        self.given.iter().find(|(_, given)| *given == name).map(|(id, _)| String::from_utf8_lossy(id).into_owned())
    }

    /// `text` with every id in it replaced: `job:UUID` by `job#1`, and a bare id by the name that it has, or
    /// by `id#1` if it has none yet.
    pub(crate) fn readable(&mut self, text: String) -> String {
        let bytes = text.as_bytes();
        if bytes.len() < ID_LENGTH || !bytes.contains(&b'-') {
            return text;
        }
        let mut result = String::with_capacity(text.len());
        // Everything before this was copied or replaced.
        let mut done = 0;
        let mut place = 0;
        while let Some(id) = bytes[place..].first_chunk::<ID_LENGTH>() {
            if !is_id(id) {
                place += 1;
                continue;
            }
            let before = &text[done..place];
            let kind_start = before
                .strip_suffix(':')
                .map(|prefix| prefix.trim_end_matches(|letter: char| letter.is_ascii_lowercase()).len())
                .filter(|start| *start + 1 < before.len());
            let kind = kind_start.map_or("id", |start| &before[start..before.len() - 1]);
            result.push_str(&before[..kind_start.unwrap_or(before.len())]);
            let name = self.given.entry(*id).or_insert_with(|| {
                let count = self.counts.entry(kind.to_owned()).or_default();
                *count += 1;
                format!("{kind}#{count}")
            });
            result.push_str(name);
            place += ID_LENGTH;
            done = place;
        }
        result.push_str(&text[done..]);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0b39bb04-5ac0-4cf6-9aee-3cd3b5a2c6cc";
    const B: &str = "1b39bb04-5ac0-4cf6-9aee-3cd3b5a2c6cc";

    #[test]
    fn ids_are_named_by_kind_and_order() {
        let mut names = Names::default();
        let mut check = |text: String, expected: &str| assert_eq!(names.readable(text), expected);
        check(format!("job:{A}"), "job#1");
        check(format!("job:{B}"), "job#2");
        check(format!("ws:{B}"), "job#2");
        check(format!("no job {A}, {B} or job:{A}: gone"), "no job job#1, job#2 or job#1: gone");
        check("short".to_owned(), "short");
        check("é".repeat(40) + A, &("é".repeat(40) + "job#1"));
        assert_eq!((names.id("job#2").as_deref(), names.id("job#3")), (Some(B), None));
    }

    #[test]
    fn an_unknown_bare_id_is_named_too() {
        assert_eq!(Names::default().readable(format!("{A}:x")), "id#1:x");
        assert_eq!(Names::default().readable(format!(":{A}")), ":id#1");
    }
}
