//! Takes the place of the C library's clocks and randomness, on simulating threads only.
//!
//! Components ask their host. Libraries do not know that they should: a hash map seeds itself from
//! `getrandom`, an HTTP/2 stack reads `clock_gettime` to age its streams, SQLite asks for the time of day. On a
//! thread that runs a simulation these calls are answered with bytes of the run's own stream and with the
//! virtual time of the host whose task is running; on every other thread they go straight through.
//!
//! It works because a symbol defined in the program itself is found before the C library's of the same name.
//! What it can't catch: raw system calls, and `rdtsc`.
//!
//! Every call that is answered here is counted: it shows that something went past the seam. In a recorded run it
//! is noted who asked, too. The standard library seeds a thread's hash maps once, for the first: only that one is
//! named.
//!
//! - `bypass`: what was asked for, and by whom.
//! - `stacks`: call stacks, and the one on them who is to be held responsible.
//! - `thread`: threads, which are not simulated, but noted.

#![allow(unsafe_code, reason = "C functions are replaced by C functions of the same signature")]
#![allow(unreachable_pub, reason = "the linker finds these functions by their names")]

pub(crate) mod bypass;
pub(crate) mod stacks;
mod thread;

use std::{
    cell::{Cell, RefCell},
    ffi::{CStr, c_int, c_long, c_uint, c_void},
    sync::atomic::{AtomicPtr, Ordering},
};

use self::bypass::BypassKind;
use crate::{
    kernel::{self, Kernel},
    streams::Stream,
    trace::{
        Step,
        recorder::{self, Source},
    },
};

/// What was asked of the C library instead of the host, in one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeamBypass {
    /// How often a clock was read.
    pub clock_reads: u64,
    /// How often randomness was taken.
    pub entropy_reads: u64,
}

/// The run's answers to such questions.
pub(crate) struct PastTheSeam {
    stream: RefCell<Stream>,
    counts: Cell<SeamBypass>,
}

impl PastTheSeam {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream: RefCell::new(stream), counts: Cell::default() }
    }

    pub(crate) fn counts(&self) -> SeamBypass {
        self.counts.get()
    }
}

/// Makes sure that the functions below are part of the program, and that they are the ones that are called.
///
/// # Panics
///
/// When they are not: the simulation would silently not be deterministic.
pub(crate) fn check() {
    let mut linked = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `linked` is a valid place for a time.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut linked) };
    let reads = kernel::with(|kernel| kernel.past_the_seam.counts.replace(SeamBypass::default()).clock_reads);
    assert!(
        status == 0 && reads == Some(1),
        "clock_gettime of this program is not the simulator's: link the simulator statically"
    );
}

thread_local! {
    /// Whether calls go straight through, as on a thread without a run.
    static PASSES: Cell<bool> = const { Cell::new(false) };
}

/// Calls `f`, whose own questions go past the run: they are the simulator's, and no part of it.
pub(crate) fn pass_through<T>(f: impl FnOnce() -> T) -> T {
    /// Also when `f` panics.
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            PASSES.set(self.0);
        }
    }
    let _restore = Restore(PASSES.replace(true));
    f()
}

/// Calls `f` with the run that answers this thread's questions.
fn with<T>(f: impl FnOnce(&Kernel) -> T) -> Option<T> {
    if PASSES.get() { None } else { kernel::with(f) }
}

/// Keeps who asked, if the run is recorded. Taking the stack may itself ask for something: that goes through.
fn note(kind: BypassKind) {
    if !PASSES.get() {
        recorder::with(|recorder| pass_through(|| recorder.bypass(kind)));
    }
}

/// The C library's own function of a name, looked up once.
struct Real {
    name: &'static CStr,
    address: AtomicPtr<c_void>,
}

impl Real {
    const fn new(name: &'static CStr) -> Self {
        Self { name, address: AtomicPtr::new(std::ptr::null_mut()) }
    }

    fn address(&self) -> Option<*mut c_void> {
        let mut address = self.address.load(Ordering::Relaxed);
        if address.is_null() {
            // SAFETY: the name is a C string; RTLD_NEXT asks for the definition behind this program's own.
            address = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
            self.address.store(address, Ordering::Relaxed);
        }
        (!address.is_null()).then_some(address)
    }
}

fn count(kernel: &Kernel, change: impl FnOnce(&mut SeamBypass)) {
    let mut counts = kernel.past_the_seam.counts.get();
    change(&mut counts);
    kernel.past_the_seam.counts.set(counts);
}

/// Fills `length` bytes at `buffer` from the run's stream. False on a thread without a run.
///
/// # Safety
///
/// `buffer` must be valid for writes of `length` bytes.
unsafe fn fill(buffer: *mut c_void, length: usize) -> bool {
    note(BypassKind::Entropy);
    with(|kernel| {
        // SAFETY: the caller's promise.
        let bytes = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length) };
        kernel.past_the_seam.stream.borrow_mut().fill(bytes);
        kernel.trace.note(Step::Entropy, length as u64);
        recorder::with(|recorder| recorder.step(Step::Draw, first(bytes), Some(Source::PastTheSeam)));
        count(kernel, |counts| counts.entropy_reads += 1);
    })
    .is_some()
}

/// The first eight bytes as a number, or as many as there are.
fn first(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A clock's reading in microseconds: the running host's, or the world's between tasks. `None` on a thread
/// without a run, and for clocks that measure the processor.
fn read(clock: c_int) -> Option<u64> {
    let wall = matches!(clock, libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_TAI);
    let monotonic = matches!(
        clock,
        libc::CLOCK_MONOTONIC | libc::CLOCK_MONOTONIC_COARSE | libc::CLOCK_MONOTONIC_RAW | libc::CLOCK_BOOTTIME
    );
    if !wall && !monotonic {
        return None;
    }
    note(if wall { BypassKind::WallClock } else { BypassKind::MonotonicClock });
    with(|kernel| {
        count(kernel, |counts| counts.clock_reads += 1);
        let now = kernel.now.get();
        let hosts = kernel.hosts.borrow();
        match kernel.executor.current_host() {
            Some(host) if wall => hosts[host].clock.wall(now).max(0) as u64,
            Some(host) => hosts[host].clock.monotonic(now),
            None if wall => kernel.epoch.saturating_add(now),
            None => now,
        }
    })
}

/// Stands before the C library's `clock_gettime`.
///
/// # Safety
///
/// As the original: `time` must be valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: c_int, time: *mut libc::timespec) -> c_int {
    if let Some(micros) = read(clock) {
        let reading = libc::timespec {
            tv_sec: (micros / 1_000_000) as libc::time_t,
            tv_nsec: (micros % 1_000_000 * 1000) as c_long,
        };
        // SAFETY: the caller's promise.
        unsafe { time.write(reading) };
        return 0;
    }
    static REAL: Real = Real::new(c"clock_gettime");
    match REAL.address() {
        // SAFETY: the C library's function of that name has this signature.
        Some(address) => unsafe {
            let real: extern "C" fn(c_int, *mut libc::timespec) -> c_int = std::mem::transmute(address);
            real(clock, time)
        },
        // SAFETY: the system call that the function would make.
        None => unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) as c_int },
    }
}

/// Stands before the C library's `gettimeofday`.
///
/// # Safety
///
/// As the original: `time` must be valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gettimeofday(time: *mut libc::timeval, zone: *mut c_void) -> c_int {
    if let Some(micros) = read(libc::CLOCK_REALTIME) {
        let reading =
            libc::timeval { tv_sec: (micros / 1_000_000) as libc::time_t, tv_usec: (micros % 1_000_000) as c_long };
        // SAFETY: the caller's promise.
        unsafe { time.write(reading) };
        return 0;
    }
    static REAL: Real = Real::new(c"gettimeofday");
    match REAL.address() {
        // SAFETY: the C library's function of that name has this signature.
        Some(address) => unsafe {
            let real: extern "C" fn(*mut libc::timeval, *mut c_void) -> c_int = std::mem::transmute(address);
            real(time, zone)
        },
        // SAFETY: the system call that the function would make.
        None => unsafe { libc::syscall(libc::SYS_gettimeofday, time, zone) as c_int },
    }
}

/// Stands before the C library's `time`.
///
/// # Safety
///
/// As the original: `result` must be null or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn time(result: *mut libc::time_t) -> libc::time_t {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid place.
    unsafe { clock_gettime(libc::CLOCK_REALTIME, &raw mut now) };
    if !result.is_null() {
        // SAFETY: the caller's promise.
        unsafe { result.write(now.tv_sec) };
    }
    now.tv_sec
}

/// Stands before the C library's `getrandom`.
///
/// # Safety
///
/// As the original: `buffer` must be valid for writes of `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut c_void, length: usize, flags: c_uint) -> isize {
    // SAFETY: the caller's promise.
    if unsafe { fill(buffer, length) } {
        return length as isize;
    }
    // SAFETY: the system call that the original makes, with its arguments.
    unsafe { libc::syscall(libc::SYS_getrandom, buffer, length, flags) as isize }
}

/// Stands before the C library's `getentropy`.
///
/// # Safety
///
/// As the original: `buffer` must be valid for writes of `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getentropy(buffer: *mut c_void, length: usize) -> c_int {
    // SAFETY: the caller's promise.
    if unsafe { fill(buffer, length) } {
        return 0;
    }
    static REAL: Real = Real::new(c"getentropy");
    match REAL.address() {
        // SAFETY: the C library's function of that name has this signature.
        Some(address) => unsafe {
            let real: extern "C" fn(*mut c_void, usize) -> c_int = std::mem::transmute(address);
            real(buffer, length)
        },
        None => -1,
    }
}
