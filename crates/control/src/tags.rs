//! Tags: which daemon may run which job. One rule, used for acquiring and for waking alike (J13).

use std::collections::BTreeMap;

/// Tags on one job or one daemon, at most. Far above what people write; it bounds what a daemon can make the
/// control plane keep.
pub const TAGS_MAX: usize = 32;

/// The longest key or value, in bytes.
pub const TAG_BYTES_MAX: usize = 128;

const SCOPE: &str = "scope";
const OWNER: &str = "owner";
const ORGANIZATION: &str = "organization";
const USER: &str = "user";

/// Tags could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagsError {
    /// More than [`TAGS_MAX`].
    #[error("{count} tags were given: at most {TAGS_MAX} are allowed")]
    TooMany {
        /// How many there were.
        count: usize,
    },
    /// A key or a value is longer than [`TAG_BYTES_MAX`].
    #[error("the tag {key:?} is too long: key and value may have {TAG_BYTES_MAX} bytes each")]
    TooLong {
        /// The beginning of its key.
        key: String,
    },
}

/// A set of tags that always says its scope: `organization` with an empty owner, or `user` with an owner.
///
/// Every set passes through [`for_job`](Self::for_job) or [`for_daemon`](Self::for_daemon), so that "no tags"
/// and "scope=organization, owner=" are one thing and can't be matched differently.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// A job's tags. Scope `user` makes the job run on daemons of `owner` (a user's name) only; any other scope,
    /// or none, reads `organization`.
    pub fn for_job(tags: &BTreeMap<String, String>, owner: &str) -> Result<Self, TagsError> {
        scoped(tags, owner)
    }

    /// A daemon's tags. With scope `user` the daemon names the owner whose jobs it runs.
    pub fn for_daemon(tags: &BTreeMap<String, String>) -> Result<Self, TagsError> {
        let owner = tags.get(OWNER).cloned().unwrap_or_default();
        scoped(tags, &owner)
    }

    /// Tags as the store gives them back: they were scoped when they went in.
    pub fn from_stored(tags: BTreeMap<String, String>) -> Self {
        Self(tags)
    }

    /// Key and value, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether nothing is asked of a daemon, or offered by one, beyond belonging to the organization.
    pub fn is_untagged(&self) -> bool {
        self.0.len() == 2
            && self.0.get(SCOPE).is_some_and(|scope| scope == ORGANIZATION)
            && self.0.get(OWNER).is_some_and(String::is_empty)
    }

    /// Whether a daemon with the tags `daemon` may run a job with these tags.
    ///
    /// A tagged job asks for a daemon that has all its tags, and maybe more. An untagged job asks for an untagged
    /// daemon: a daemon that was given tags was set apart for the jobs that ask for them.
    pub fn accepted_by(&self, daemon: &Self) -> bool {
        if self.is_untagged() {
            return self == daemon;
        }
        self.0.iter().all(|(key, value)| daemon.0.get(key) == Some(value))
    }
}

fn scoped(tags: &BTreeMap<String, String>, user: &str) -> Result<Tags, TagsError> {
    if tags.len() > TAGS_MAX {
        return Err(TagsError::TooMany { count: tags.len() });
    }
    for (key, value) in tags {
        if key.len() > TAG_BYTES_MAX || value.len() > TAG_BYTES_MAX {
            return Err(TagsError::TooLong { key: key.chars().take(32).collect() });
        }
    }
    let mut tags = tags.clone();
    let (scope, owner) =
        if tags.get(SCOPE).is_some_and(|scope| scope == USER) { (USER, user) } else { (ORGANIZATION, "") };
    tags.insert(SCOPE.to_owned(), scope.to_owned());
    tags.insert(OWNER.to_owned(), owner.to_owned());
    Ok(Tags(tags))
}
