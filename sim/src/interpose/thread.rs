//! Notes that a thread was started.

#![allow(unsafe_code, reason = "a C function is replaced by a C function of the same signature")]
#![allow(unreachable_pub, reason = "the linker finds this function by its name")]

use std::ffi::{c_int, c_void};

use super::{Real, bypass::BypassKind, note};

type Routine = extern "C" fn(*mut c_void) -> *mut c_void;
type Create = unsafe extern "C" fn(*mut libc::pthread_t, *const libc::pthread_attr_t, Routine, *mut c_void) -> c_int;

/// Stands before the C library's `pthread_create`, and always goes through to it: a thread can't be simulated. That
/// a simulating thread starts one is noted; what starts a simulation simulates nothing itself.
///
/// # Safety
///
/// As the original.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    routine: Routine,
    argument: *mut c_void,
) -> c_int {
    static REAL: Real = Real::new(c"pthread_create");
    note(BypassKind::Thread);
    match REAL.address() {
        // SAFETY: the C library's function of that name has this signature; the caller's promises are its own.
        Some(address) => unsafe {
            let real: Create = std::mem::transmute(address);
            real(thread, attributes, routine, argument)
        },
        None => libc::EAGAIN,
    }
}
