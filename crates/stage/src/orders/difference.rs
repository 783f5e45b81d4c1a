//! What two logs do not have in common.

/// What a host told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Told {
    /// The host; `-` for the world.
    pub host: String,
    /// The event and those of its fields that are compared, as a log has them.
    pub what: String,
}

/// Something that the first log and the second log do not have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// One of the logs does not have it.
    Missing {
        /// What it is about, such as `job#1`.
        about: String,
        /// What the other has.
        told: Told,
        /// Which one does not have it: 0 for the first, 1 for the second.
        from: usize,
        /// It has it, but not once more.
        again: bool,
    },
    /// Both have it, with other fields.
    Otherwise {
        /// What it is about.
        about: String,
        /// What each has, on the same host.
        told: [Told; 2],
    },
    /// Both have it, on different hosts.
    Elsewhere {
        /// What it is about.
        about: String,
        /// What each has.
        told: [Told; 2],
    },
    /// Both have the two of them, in different orders.
    Order {
        /// What both are about.
        about: String,
        /// What comes first in the first log, and last in the second.
        first: Told,
        /// The other one.
        then: Told,
    },
}

impl Difference {
    /// What it is about, such as `job#1`.
    pub fn about(&self) -> &str {
        match self {
            Self::Missing { about, .. }
            | Self::Otherwise { about, .. }
            | Self::Elsewhere { about, .. }
            | Self::Order { about, .. } => about,
        }
    }

    /// What kind it is, in a word that never changes: `missing`, `otherwise`, `elsewhere` or `order`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::Otherwise { .. } => "otherwise",
            Self::Elsewhere { .. } => "elsewhere",
            Self::Order { .. } => "order",
        }
    }

    /// It as a sentence. `names` are what the two logs are called.
    pub fn text(&self, names: [&str; 2]) -> String {
        let [ours, theirs] = names;
        match self {
            Self::Missing { about, told: Told { host, what }, from, again } => {
                let (has, not) = if *from == 0 { (theirs, ours) } else { (ours, theirs) };
                let once_more = if *again { " once more" } else { "" };
                format!("{} about {about}: {has} has `{what}`{once_more}, {not} has not", named(host))
            }
            Self::Otherwise { about, told: [a, b] } => {
                format!("{} about {about}: {ours} has `{}`, {theirs} has `{}`", named(&a.host), a.what, b.what)
            }
            Self::Elsewhere { about, told: [a, b] } => {
                format!(
                    "{about}: on {ours} it is {} that tells `{}`, on {theirs} {}",
                    named(&a.host),
                    a.what,
                    named(&b.host)
                )
            }
            Self::Order { about, first, then } if first.host == then.host => format!(
                "{} about {about}: on {ours} `{}` comes before `{}`, on {theirs} after",
                named(&first.host),
                first.what,
                then.what
            ),
            Self::Order { about, first, then } => format!(
                "{about}: on {ours} `{}` of {} comes before `{}` of {}, on {theirs} after",
                first.what,
                named(&first.host),
                then.what,
                named(&then.host)
            ),
        }
    }
}

/// A host as a sentence has it.
fn named(host: &str) -> &str {
    if host == groundhog_sim::WORLD { "the world" } else { host }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(host: &str, what: &str) -> Told {
        Told { host: host.to_owned(), what: what.to_owned() }
    }

    #[test]
    fn each_kind_is_told_in_words() {
        let about = || "job#1".to_owned();
        let (a, b) = (told("prov-1", "runner.ended job#1"), told("-", "host.killed host=prov-1"));
        for (difference, kind, text) in [
            (
                Difference::Missing { about: about(), told: a.clone(), from: 1, again: false },
                "missing",
                "prov-1 about job#1: leap has `runner.ended job#1`, turmoil has not",
            ),
            (
                Difference::Missing { about: about(), told: b.clone(), from: 0, again: false },
                "missing",
                "the world about job#1: turmoil has `host.killed host=prov-1`, leap has not",
            ),
            (
                Difference::Otherwise { about: about(), told: [a.clone(), told("prov-1", "runner.ended job#2")] },
                "otherwise",
                "prov-1 about job#1: leap has `runner.ended job#1`, turmoil has `runner.ended job#2`",
            ),
            (
                Difference::Elsewhere { about: about(), told: [a.clone(), told("prov-2", "runner.ended job#1")] },
                "elsewhere",
                "job#1: on leap it is prov-1 that tells `runner.ended job#1`, on turmoil prov-2",
            ),
            (
                Difference::Order { about: about(), first: a.clone(), then: told("prov-1", "x") },
                "order",
                "prov-1 about job#1: on leap `runner.ended job#1` comes before `x`, on turmoil after",
            ),
            (
                Difference::Order { about: about(), first: b, then: a },
                "order",
                "job#1: on leap `host.killed host=prov-1` of the world comes before `runner.ended job#1` of prov-1, on \
                 turmoil after",
            ),
        ] {
            assert_eq!((difference.kind(), difference.about()), (kind, "job#1"));
            assert_eq!(difference.text(["leap", "turmoil"]), text);
        }
    }
}
