//! What a benchmark used of the processor.

use std::time::Duration;

/// Processor time that this process has used.
pub(crate) fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[allow(unsafe_code, reason = "no safe reading of the process's processor time exists in std")]
    // SAFETY: `time` is a valid place for a time.
    unsafe {
        libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time);
    }
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
