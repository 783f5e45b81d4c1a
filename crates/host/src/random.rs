//! Random streams.

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};
use uuid::{Builder, Uuid};

/// A random stream for one purpose. Made by [`Host::random`](crate::Host::random).
///
/// ChaCha with 12 rounds: the same bytes on every platform and in every version, and strong enough for ids and
/// tokens when its seed comes from the operating system.
#[derive(Clone, Debug)]
pub struct Random {
    generator: ChaCha12Rng,
}

impl Random {
    /// The stream that belongs to `seed`.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { generator: ChaCha12Rng::from_seed(seed) }
    }

    /// Any 64-bit number.
    pub fn next_u64(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// Any 32-bit number.
    pub fn next_u32(&mut self) -> u32 {
        self.generator.next_u32()
    }

    /// A number below `bound`, or zero when `bound` is zero.
    ///
    /// By multiplication, without rejection: for the bounds that occur here (far below 2^32) the bias is below
    /// one in four thousand million, and every call takes exactly one draw, which keeps streams aligned.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included. The bounds may be given in either order.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        let (low, high) = (low.min(high), low.max(high));
        low + self.below((high - low).saturating_add(1))
    }

    /// True with the given probability (0 never, 1 always).
    pub fn chance(&mut self, probability: f64) -> bool {
        // 53 bits fill a double's mantissa exactly.
        let unit = (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        unit < probability
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.generator.fill_bytes(bytes);
    }

    /// A version-4 id.
    pub fn uuid(&mut self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        Builder::from_random_bytes(bytes).into_uuid()
    }

    /// Puts `items` in random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}
