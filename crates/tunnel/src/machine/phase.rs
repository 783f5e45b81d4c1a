//! How far a tunnel has come, in three words.

use super::State;

/// What a tunnel is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It waits for the workspace or its agent.
    Waiting,
    /// It is connected, or about to be.
    Connected,
    /// It is on its way down, or has ended: whatever comes, the person has been told why.
    Ending,
}

impl State {
    /// What a tunnel in this state is about.
    pub const fn phase(self) -> Phase {
        match self {
            Self::Init | Self::WaitToStart | Self::WaitForWorkspaceStarted | Self::WaitForAgent => Phase::Waiting,
            Self::EstablishTailnet | Self::TailnetUp | Self::ApplicationUp => Phase::Connected,
            Self::ShutdownApplication | Self::ShutdownTailnet | Self::Exit => Phase::Ending,
        }
    }
}
