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

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Random {
        Random::from_seed([7; 32])
    }

    #[test]
    fn a_seed_gives_the_same_draws_for_ever() {
        // If these change, every stored seed and snapshot means something else. They were worked out with another
        // implementation of ChaCha12.
        let mut random = stream();
        assert_eq!([random.next_u64(), random.next_u64()], [2_363_194_108_971_422_454, 13_552_751_203_817_743_523]);
        assert_eq!(random.next_u32(), 4_053_010_230);
        assert_eq!(random.between(10, 20), 15);
        assert_eq!(random.uuid().to_string(), "73ec7441-8188-493d-a1cf-f420a0dda47f");
        let mut items = [1, 2, 3, 4, 5, 6, 7, 8];
        random.shuffle(&mut items);
        assert_eq!(items, [1, 4, 7, 5, 6, 8, 2, 3]);
    }

    #[test]
    fn a_clone_goes_on_where_the_stream_was() {
        let mut random = stream();
        random.next_u64();
        assert_eq!(random.clone().next_u64(), random.next_u64());
    }

    #[test]
    fn below_stays_below_and_reaches_everything() {
        let mut random = stream();
        let mut counts = [0; 6];
        for _ in 0..6_000 {
            counts[random.below(6) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
        assert_eq!((random.below(0), random.below(1)), (0, 0));
    }

    #[test]
    fn between_includes_both_bounds_in_either_order() {
        let mut random = stream();
        for (low, high) in [(3, 5), (5, 3)] {
            let mut drawn: Vec<_> = (0..200).map(|_| random.between(low, high)).collect();
            drawn.sort_unstable();
            drawn.dedup();
            assert_eq!(drawn, [3, 4, 5]);
        }
        assert_eq!(random.between(9, 9), 9);
        assert_eq!(random.between(u64::MAX, u64::MAX), u64::MAX);
        random.between(0, u64::MAX);
    }

    #[test]
    fn chance_is_as_often_as_it_says() {
        let mut random = stream();
        let mut hits = |probability| (0..10_000).filter(|_| random.chance(probability)).count();
        assert_eq!((hits(0.0), hits(1.0)), (0, 10_000));
        assert!((2_300..2_700).contains(&hits(0.25)));
    }

    #[test]
    fn every_draw_takes_as_much_of_the_stream() {
        // Streams stay aligned: what a draw was asked for does not move the next one.
        let after = |draw: fn(&mut Random)| {
            let mut random = stream();
            draw(&mut random);
            random.next_u64()
        };
        let next = after(|random| {
            random.next_u64();
        });
        assert_eq!(
            after(|random| {
                random.below(1);
            }),
            next
        );
        assert_eq!(
            after(|random| {
                random.between(5, 1_000_000);
            }),
            next
        );
        assert_eq!(
            after(|random| {
                random.chance(0.5);
            }),
            next
        );
    }

    #[test]
    fn shuffle_keeps_every_item() {
        let mut items: Vec<_> = (0..100).collect();
        stream().shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
        stream().shuffle::<u8>(&mut []);
    }
}
