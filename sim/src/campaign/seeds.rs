//! Which seed each run of a campaign has, and who runs it.
//!
//! A campaign is a name and a number of runs. The seed of each run follows from the name and the run's index alone,
//! so any machine can work on any part of a campaign without asking another, and any run can be made again later.

use std::{fmt, str::FromStr};

use groundhog_host::Random;

use crate::streams::Streams;

/// How many bits a seed has: few enough for a JSON number that JavaScript reads, and for a person to copy.
const SEED_BITS: u32 = 48;

/// The seed of the run `index` of the campaign `name`.
pub fn campaign_seed(name: &str, index: u64) -> u64 {
    let key = Streams::new(index).key(&["campaign", name]);
    let mut seed = [0; 8];
    seed.copy_from_slice(&key[..8]);
    u64::from_le_bytes(seed) >> (u64::BITS - SEED_BITS)
}

/// Random streams by label, for drawing a plan: what is drawn for one purpose moves nothing that is drawn for
/// another. Apart from every stream of the run itself, which may have the same seed.
#[derive(Clone, Debug)]
pub struct Draws(Streams);

impl Draws {
    /// The streams that belong to `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Streams::new(seed))
    }

    /// The stream `label`.
    pub fn stream(&self, label: &[&str]) -> Random {
        let label: Vec<&str> = ["plan"].iter().chain(label).copied().collect();
        Random::from_seed(self.0.key(&label))
    }
}

/// A part of a campaign: every `count`-th run, beginning with the run `index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: u64,
}

/// Why there is no such shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShardError {
    /// The text does not name one.
    Malformed,
    /// There are no parts at all.
    None,
    /// There are fewer parts.
    Beyond {
        /// The highest index.
        last: u64,
    },
}

impl fmt::Display for ShardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("expected two numbers I/N, such as 0/4"),
            Self::None => f.write_str("a campaign has at least one shard"),
            Self::Beyond { last } => write!(f, "shards count from 0, so the last one is {last}"),
        }
    }
}

impl std::error::Error for ShardError {}

impl Shard {
    /// The whole campaign.
    pub const ALL: Self = Self { index: 0, count: 1 };

    /// The shard `index`, from 0, of `count`.
    pub fn new(index: u64, count: u64) -> Result<Self, ShardError> {
        match count.checked_sub(1) {
            None => Err(ShardError::None),
            Some(last) if index > last => Err(ShardError::Beyond { last }),
            Some(_) => Ok(Self { index, count }),
        }
    }

    /// Which one it is, from 0.
    pub fn index(self) -> u64 {
        self.index
    }

    /// How many there are.
    pub fn count(self) -> u64 {
        self.count
    }

    /// How many of the first `runs` runs of the campaign are this shard's.
    pub fn share(self, runs: u64) -> u64 {
        runs.saturating_sub(self.index).div_ceil(self.count)
    }

    /// The index, within the campaign, of this shard's run `number`.
    pub fn run(self, number: u64) -> u64 {
        number.saturating_mul(self.count).saturating_add(self.index)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let (index, count) = text.split_once('/').ok_or(ShardError::Malformed)?;
        let number = |text: &str| text.parse().map_err(|_| ShardError::Malformed);
        Self::new(number(index)?, number(count)?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_follows_from_the_campaign_and_the_index_for_ever() {
        // Result files name runs by campaign and index.
        assert_eq!([campaign_seed("1", 0), campaign_seed("1", 1)], GOLDEN);
        assert_ne!(campaign_seed("1", 0), campaign_seed("2", 0));
        assert!((0..1000).all(|index| campaign_seed("nightly", index) < 1 << SEED_BITS));
    }

    const GOLDEN: [u64; 2] = [13_913_118_425_622, 216_732_572_090_351];

    #[test]
    fn shards_share_all_runs_out_and_none_twice() {
        for (runs, count) in [(0, 1), (1, 4), (10, 4), (12, 4), (7, 7), (3, 5)] {
            let mut seen = BTreeSet::new();
            for index in 0..count {
                let shard = Shard::new(index, count).expect("it exists");
                for number in 0..shard.share(runs) {
                    assert!(seen.insert(shard.run(number)), "{runs} runs, {count} shards");
                }
            }
            assert_eq!(seen, (0..runs).collect());
        }
    }

    #[test]
    fn only_a_shard_that_exists_is_read() {
        assert_eq!("3/4".parse(), Shard::new(3, 4));
        assert_eq!("4/4".parse::<Shard>(), Err(ShardError::Beyond { last: 3 }));
        assert_eq!("0/0".parse::<Shard>(), Err(ShardError::None));
        for bad in ["", "1", "/", "1/", "/4", "-1/4", "a/b", "1/2/3"] {
            assert_eq!(bad.parse::<Shard>(), Err(ShardError::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn streams_for_plans_are_apart_from_each_other() {
        let first = |seed, label: &[&str]| Draws::new(seed).stream(label).next_u64();
        assert_eq!(first(1, &["a"]), first(1, &["a"]));
        assert_ne!(first(1, &["a"]), first(1, &["b"]));
        assert_ne!(first(1, &["a"]), first(2, &["a"]));
    }
}
