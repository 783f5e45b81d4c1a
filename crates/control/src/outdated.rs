//! Whether an agent's build is outdated, as a pure decision.

/// Whether the agent of build `own` has nothing to come back for: `done`, the newest build of its workspace that a
/// worker has carried out without an error, is a later one.
///
/// A build that waits, runs or failed outdates nothing. So the agent is let in while the stop runs that takes it away,
/// and its stop scripts can report (F11: coder/coder#19467); and a start that fails leaves the agent of the build
/// before it where it was. A build whose cancel came too late counts: what it made or took away is there, or is not.
pub const fn is_outdated(own: u32, done: Option<u32>) -> bool {
    matches!(done, Some(done) if done > own)
}
