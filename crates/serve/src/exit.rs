//! How a program ended.

/// What a program's exit status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: it was told to end, and has done all that there is to do about that.
    Clean,
    /// 1: it could not run, could not go on, or was told to end at once.
    Broken,
    /// 2: what it was given was not understood; nothing was done.
    BadArguments,
}
