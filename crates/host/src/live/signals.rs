//! How a child takes signals at first.

use std::io;

/// What can be sent to a process and be ignored.
const SIGNALS: [libc::c_int; 4] = [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM];

/// Has the calling process end by each of [`SIGNALS`]: to be called in a child before it becomes the program.
///
/// That a signal is ignored is inherited, and whoever was started by `nohup` or in a shell's background ignores some. A
/// script that is hung up would then go on as if nothing had come, depending on who started the agent.
pub(super) fn take_by_default() -> io::Result<()> {
    for signal in SIGNALS {
        #[allow(unsafe_code, reason = "std has no safe way to say how a child takes signals")]
        // SAFETY: `signal` may be called between fork and exec, and SIG_DFL is no function of ours.
        let before = unsafe { libc::signal(signal, libc::SIG_DFL) };
        if before == libc::SIG_ERR {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
