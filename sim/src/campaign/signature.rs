//! When two failures are one finding.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::Violation;

/// Names a failure: the rule that was broken, and how, without all that differs from run to run.
///
/// Numbers, spans of time and ids are replaced by `#`, so `job#2 had ended at 1m5s` and `job#1 had ended at 30s`
/// are the same failure; so is what happens to one host or another, whose names are replaced by `_`; what is said of
/// several things in a row is said once. Words stay: one rule can be broken
/// in several ways, and each is a finding of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signature(String);

impl Signature {
    /// The signature of a violation, in whose message these names may stand.
    pub fn of(violation: &Violation, names: &BTreeSet<String>) -> Self {
        let message = without_numbers(&without_names(&violation.message, names));
        Self(format!("{}: {}", violation.rule, collapse(&message)))
    }

    /// As text: the rule, a colon, and what is left of the message.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The rule that was broken.
    pub fn rule(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// A short name that is fit for a file: the rule and a few digits that tell its ways apart.
    pub fn slug(&self) -> String {
        // FNV-1a: stable for ever, and eight digits are plenty for the handful of findings of a campaign.
        let hash =
            self.0.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        format!("{}-{hash:08x}", self.rule())
    }
}

impl From<String> for Signature {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Replaces each of the names by `_`, where it stands as a word.
fn without_names(message: &str, names: &BTreeSet<String>) -> String {
    let is_in_word = |letter: char| letter.is_alphanumeric() || letter == '-';
    let mut result = String::with_capacity(message.len());
    let mut rest = message;
    while !rest.is_empty() {
        let word = &rest[..rest.find(|letter| !is_in_word(letter)).unwrap_or(rest.len())];
        result.push_str(if names.contains(word) { "_" } else { word });
        rest = &rest[word.len()..];
        let between = &rest[..rest.find(is_in_word).unwrap_or(rest.len())];
        result.push_str(between);
        rest = &rest[between.len()..];
    }
    result
}

/// The units in which people and Rust write spans of time, the longest texts first.
const UNITS: [&str; 8] = ["us", "µs", "ns", "ms", "d", "h", "m", "s"];

/// Replaces each number by `#`, together with the units of a span of time.
fn without_numbers(message: &str) -> String {
    let mut result = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
        result.push_str(&rest[..start]);
        rest = &rest[start..];
        // `1m30s` and `2m` are one number each, `3 s` and `part2b` are not spans of time.
        while rest.starts_with(|letter: char| letter.is_ascii_digit()) {
            let point = |text: &str| {
                text.strip_prefix('.').is_some_and(|after| after.starts_with(|c: char| c.is_ascii_digit()))
            };
            rest = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
            if point(rest) {
                rest = rest[1..].trim_start_matches(|letter: char| letter.is_ascii_digit());
            }
            let unit = UNITS.iter().find_map(|unit| {
                let after = rest.strip_prefix(unit)?;
                (!after.starts_with(|letter: char| letter.is_alphabetic())).then_some(after)
            });
            rest = unit.unwrap_or(rest);
        }
        if !result.ends_with('#') {
            result.push('#');
        }
    }
    result.push_str(rest);
    result
}

/// Says once what stands several times in a list, and leaves out what stands in brackets.
fn collapse(message: &str) -> String {
    let mut plain = String::with_capacity(message.len());
    let mut depth = 0_usize;
    for letter in message.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(letter),
            _ => {}
        }
    }
    let mut items: Vec<&str> = Vec::new();
    for item in plain.split(", ") {
        // The first item of a list has what stands before the list in front of it.
        let said = items.last().is_some_and(|last| last.trim_end().ends_with(item.trim()));
        if !said || item.trim().is_empty() {
            items.push(item);
        }
    }
    items.join(", ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn signature(message: &str) -> String {
        let violation =
            Violation { rule: "rule".to_owned(), message: message.to_owned(), at: Duration::ZERO, record: None };
        Signature::of(&violation, &["far", "near-1", "alice"].map(str::to_owned).into()).to_string()
    }

    #[test]
    fn what_differs_from_run_to_run_is_left_out() {
        let same = [
            (
                "job#1 had ended with job.failed, and then came job.completed",
                "job#12 had ended with job.failed, and then came job.completed",
            ),
            ("job#1 was cancelled at 1m30s while prov-1 had it", "job#2 was cancelled at 2h1s while prov-3 had it"),
            ("far's runner had none", "near-1's runner had none"),
            ("not settled 1200s after", "not settled 1200.5s after"),
            (
                "the fault: job#1 (last seen: job.acquired)",
                "the fault: job#1 (last seen: build.queued), job#3 (last seen: x)",
            ),
            ("line 20: expected `a`", "line 3: expected `a`"),
        ];
        for (one, other) in same {
            assert_eq!(signature(one), signature(other));
        }
        assert_eq!(signature("job#1 at 1m30s, 5 of part2b"), "rule: job# at #, # of part#b");
        assert_eq!(signature("how far is alice-2 from near-1?"), "rule: how _ is alice-# from _?");
    }

    #[test]
    fn what_is_said_tells_failures_apart() {
        assert_ne!(
            signature("job#1 had ended with job.failed, and then came job.completed"),
            signature("job#1 had ended with job.completed, and then came job.failed")
        );
    }

    #[test]
    fn any_text_has_a_signature_and_a_slug_that_names_a_file() {
        for message in ["", "((", "))", "1", "1.", "1.2.3s", "5µs", "ä1é", ", , "] {
            signature(message);
        }
        let slug = Signature::from("job-once: a / b".to_owned()).slug();
        assert!(slug.starts_with("job-once-") && slug.len() == "job-once-".len() + 8, "{slug}");
    }
}
