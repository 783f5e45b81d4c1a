//! What states, events and effects are called where they are shown: in the table, in events, on a log writer.
//!
//! The names are those by which the platform's tunnel client is known.

use std::fmt;

use super::{Effect, JobStatus, Lifecycle, Severity, State, Transition};

/// Gives an enumeration its names and the list of all its values. The match behind the names has no wildcard, so a
/// value that is left out of the list does not compile.
macro_rules! named {
    ($type:ident { $($value:ident = $name:literal),* $(,)? }) => {
        impl $type {
            /// All there are, in the order in which they are shown.
            pub const ALL: &[Self] = &[$(Self::$value),*];

            /// What it is called.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $name),*
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

named!(State {
    Init = "init",
    WaitToStart = "waitToStart",
    WaitForWorkspaceStarted = "waitForWorkspaceStarted",
    WaitForAgent = "waitForAgent",
    EstablishTailnet = "establishTailnet",
    TailnetUp = "tailnetUp",
    ApplicationUp = "applicationUp",
    ShutdownApplication = "shutdownApplication",
    ShutdownTailnet = "shutdownTailnet",
    Exit = "exit",
});

named!(Transition { Start = "start", Stop = "stop", Delete = "delete" });

named!(JobStatus {
    Pending = "pending",
    Running = "running",
    Succeeded = "succeeded",
    Canceling = "canceling",
    Canceled = "canceled",
    Failed = "failed",
    Unknown = "unknown",
});

named!(Lifecycle {
    Created = "created",
    Starting = "starting",
    StartTimeout = "start_timeout",
    StartError = "start_error",
    Ready = "ready",
    ShuttingDown = "shutting_down",
    ShutdownTimeout = "shutdown_timeout",
    ShutdownError = "shutdown_error",
    Off = "off",
});

named!(Severity { Error = "error", Critical = "critical" });

impl Effect {
    /// What it is called. What runs beside the machine and reports when it is done is a `spawn`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::SetAgentConn => "setAgentConn",
            Self::StartWorkspace { after: _ } => "spawn:startWorkspace",
            Self::ConnectTailnet(_) => "spawn:connectTailnet",
            Self::StartApp => "spawn:startApp",
            Self::CloseApp => "spawn:closeApp",
            Self::ShutdownTailnet => "spawn:shutdownTailnet",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
