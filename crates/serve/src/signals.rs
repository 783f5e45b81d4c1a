//! When a program is to end: SIGTERM, which is how services are told, and SIGINT, which is Ctrl-C.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::Error;

/// The signals by which a program is told to end. From when this is made, none ends it by itself.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Fails when the system does, which it does not while it can start programs.
    pub fn new() -> Result<Self, Error> {
        let listen =
            |kind| signal(kind).map_err(|source| Error::Machine { doing: "listening to signals".to_owned(), source });
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Waits for the next signal, and gives its name. Cancel safe.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            biased;
            // What a service's manager says before what is typed. Which of the two comes first matters to nobody.
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
