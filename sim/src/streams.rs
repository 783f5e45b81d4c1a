//! Random streams by label.
//!
//! Every random decision of a run is drawn from a stream that belongs to one purpose, and a stream depends on
//! the run's seed and its label alone. A new draw in one place therefore moves nothing anywhere else, which is
//! also what keeps a run recognizable while a shrinker takes things out of it.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// Where all streams of a run come from.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    key: [u8; 32],
}

impl Streams {
    pub(crate) fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self { key }
    }

    /// The key of the stream `label`. The parts of a label can't run into each other: `["ab", "c"]` and
    /// `["a", "bc"]` are different streams.
    pub(crate) fn key(&self, label: &[&str]) -> [u8; 32] {
        // A chain of keyed permutations: each block of the label is added to the key, and the first output of
        // the generator with that key is the next key.
        let mut key = self.key;
        for part in label {
            absorb(&mut key, &(part.len() as u64).to_le_bytes());
            for block in part.as_bytes().chunks(32) {
                absorb(&mut key, block);
            }
        }
        key
    }

    /// The stream `label`.
    pub(crate) fn stream(&self, label: &[&str]) -> Stream {
        let mut state = [0; 8];
        state.copy_from_slice(&self.key(label)[..8]);
        Stream { state: u64::from_le_bytes(state) }
    }
}

/// The key of the random stream `label` of a run with this seed, so that an engine of another crate draws what the
/// simulator would draw. The world's own streams are labelled `["world", purpose]`; those of a host
/// `["host", name, start, purpose, count]`: its starts are counted from 1, and so are a start's streams of one purpose.
pub fn stream_key(seed: u64, label: &[&str]) -> [u8; 32] {
    Streams::new(seed).key(label)
}

fn absorb(key: &mut [u8; 32], block: &[u8]) {
    for (byte, add) in key.iter_mut().zip(block) {
        *byte ^= add;
    }
    let mut generator = ChaCha8Rng::from_seed(*key);
    generator.fill_bytes(key);
}

/// A stream for the simulator's own draws: which task runs next, how long a packet travels.
///
/// Its seed comes from the label by ChaCha, as all streams' do; the draws themselves are SplitMix64's (Steele,
/// Lea, Flood 2014). Eight bytes of state instead of ChaCha's three hundred: a world of ten thousand hosts has
/// twenty thousand links, and a round trip must not fetch each of their states from memory.
pub(crate) struct Stream {
    state: u64,
}

impl Stream {
    #[inline]
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Any 32-bit number.
    #[inline]
    pub(crate) fn draw(&mut self) -> u32 {
        (self.next() >> 32) as u32
    }

    /// Fills `bytes`.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Maps a draw to a number below `bound`.
#[inline]
pub(crate) fn below(draw: u32, bound: u32) -> u32 {
    ((u64::from(draw) * u64::from(bound)) >> 32) as u32
}

/// Maps a draw to a yes or no. `probability` counts 2^-32; see [`probability`].
#[inline]
pub(crate) fn chance(draw: u32, probability: u64) -> bool {
    u64::from(draw) < probability
}

/// A probability from 0 to 1 in units of 2^-32, which [`chance`] compares a draw with.
pub(crate) fn probability(fraction: f64) -> u64 {
    (fraction.clamp(0.0, 1.0) * (1u64 << 32) as f64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_depend_on_seed_and_label_alone() {
        let first = |seed, label: &[&str]| Streams::new(seed).stream(label).draw();
        assert_eq!(first(7, &["a"]), first(7, &["a"]));
        assert_ne!(first(7, &["a"]), first(8, &["a"]));
        assert_ne!(first(7, &["a"]), first(7, &["b"]));
        assert_ne!(first(7, &["ab", "c"]), first(7, &["a", "bc"]));
        assert_ne!(first(7, &["a", ""]), first(7, &["a"]));
    }

    #[test]
    fn streams_never_change_between_versions() {
        // Case files hold seeds: were this to change, every stored failure would become another run.
        let mut stream = Streams::new(7).stream(&["link", "a", "b"]);
        assert_eq!([stream.draw(), stream.draw()], GOLDEN);
    }

    const GOLDEN: [u32; 2] = [969_059_045, 2_145_205_571];

    #[test]
    fn probabilities_reach_both_ends() {
        assert!(!chance(0, probability(0.0)));
        assert!(chance(u32::MAX, probability(1.0)));
        assert_eq!(below(u32::MAX, 10), 9);
        assert_eq!(below(0, 10), 0);
    }
}
