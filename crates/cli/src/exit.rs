//! What the exit status says.

use std::process::ExitCode;

/// How the program ended. The numbers never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: all is well.
    Good,
    /// 1: a run failed.
    Failed,
    /// 2: the command line or a file was not understood; nothing was run.
    BadInput,
    /// 3: the program itself could not go on, such as when output can't be written.
    Broken,
    /// 130: an interrupt ended the program before it was done. The number is the one by which shells tell that.
    Interrupted,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Failed => 1,
            Self::BadInput => 2,
            Self::Broken => 3,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The same as text, for the help.
pub const HELP: &str = "\
Exit status:
  0  all is well
  1  a run failed
  2  the command line or a file was not understood; nothing was run
  3  the program itself could not go on";
