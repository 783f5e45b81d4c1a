//! What benchmarks measure with. No part of any program.
//!
//! Processor time rather than time, because the machine has other things to do; medians rather than means, because what
//! disturbs a run only ever makes it longer. Whoever compares two things measures them in one run of the benchmark, by
//! turns, and tells their ratio: figures of two days, or of two machines, say little beside each other.

use std::time::Duration;

/// Processor time that this process has used so far, all of its threads together: a run may have threads of its own.
pub fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[allow(unsafe_code, reason = "no safe reading of the process's processor time exists in std")]
    // SAFETY: `time` is a valid place for a time.
    unsafe {
        libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time);
    }
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// What `work` returns, and the processor time that it used.
pub fn used<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = processor_time();
    let output = work();
    (output, processor_time().saturating_sub(begun))
}

/// The figure in the middle; of an even number of them, the upper one of the two.
///
/// # Panics
///
/// When there is none.
pub fn median(mut figures: Vec<f64>) -> f64 {
    assert!(!figures.is_empty(), "a median of nothing");
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// The most memory that this process has had so far, in MiB; none where the system does not tell.
pub fn memory_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? / 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0]), 3.0);
        assert_eq!(median(vec![9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), 3.0);
    }

    #[test]
    fn work_takes_processor_time_and_memory() {
        let (sum, time) = used(|| (0..1_000_000_u64).fold(0, |sum: u64, number| std::hint::black_box(sum ^ number)));
        assert!(sum < u64::MAX && !time.is_zero());
        assert!(memory_mib().is_none_or(|mib| mib > 0));
    }
}
