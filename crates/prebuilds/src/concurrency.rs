//! How many pools are worked on at once.

/// How many pools are worked on at once at most, unless it is set (P1).
pub const AT_ONCE_AT_MOST: u32 = 5;

/// How many pools are worked on at once, with so many connections to the database: half of them, so that the other half is
/// left to everybody else, at least one and no more than `at_most` (P1).
///
/// A number of connections that is 0 or less stands for one that is not known; then it is one at a time.
pub fn concurrency(connections: i64, at_most: u32) -> u32 {
    let half = u32::try_from((connections / 2).max(1)).unwrap_or(u32::MAX);
    half.min(at_most).max(1)
}
