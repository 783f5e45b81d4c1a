//! What is told again and again counts as once or more.
//!
//! How often a daemon tries to connect while it is cut off depends on when the cut began and how long its waits were drawn.
//! So wherever a few things are told and then the same few again, at once, the second time is left out: `a b a b a b` is
//! `a b`, and `a a` is `a`.

/// How many things may be told before they are told again. Losing a connection, looking for another way, failing and
/// connecting is a round of four.
const ROUND_MAX: usize = 4;

/// `told` without what is told again at once. `same` says what counts as the same.
pub(super) fn once<T>(told: impl IntoIterator<Item = T>, same: impl Fn(&T, &T) -> bool) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    for one in told {
        kept.push(one);
        // What is left after a round was taken away was looked at before it came.
        let again = (1..=ROUND_MAX).find(|round| {
            let Some(before) = kept.len().checked_sub(2 * round) else { return false };
            let (earlier, later) = kept[before..].split_at(*round);
            std::iter::zip(earlier, later).all(|(one, other)| same(one, other))
        });
        if let Some(round) = again {
            kept.truncate(kept.len() - round);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(told: &str) -> String {
        once(told.chars(), |one, other| one == other).into_iter().collect()
    }

    #[test]
    fn rounds_are_told_once() {
        for (told, expected) in [
            ("", ""),
            ("aaaa", "a"),
            ("abab", "ab"),
            ("abababa", "aba"),
            ("cabbabbd", "cabd"),
            ("abcdabcdabcd", "abcd"),
            ("abcdeabcde", "abcdeabcde"),
            ("abcba", "abcba"),
        ] {
            assert_eq!(text(told), expected, "{told}");
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_often_a_round_was_told(
            before in "[x-z]{0,3}", round in "[a-d]{1,4}", after in "[x-z]{0,3}", times in 1_usize..6
        ) {
            let once = format!("{before}{round}{after}");
            let often = format!("{before}{}{after}", round.repeat(times));
            prop_assert_eq!(text(&often), text(&once));
        }
    }
}
