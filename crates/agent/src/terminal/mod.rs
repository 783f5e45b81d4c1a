//! Terminals that people come back to.
//!
//! A session is a process with a terminal. It belongs to the agent and not to whoever asked for it first: it is begun
//! by a task of its own, lives on when a connection breaks, and shows its last 64 KiB to everyone who joins. Whoever
//! asks for an id that there is joins that session; for another, a new one begins.
//!
//! Reading order:
//!
//! - [`Terminals`] (here): which sessions there are. To look for a session and to begin one are a single step, so that
//!   two who come at once meet in one.
//! - `core`: a session's life: its states, who is in it, when it is idle. `screen`: what it has shown, and how far each
//!   viewer has seen it. Both are pure.
//! - `session`: carries a session's life out: the process, its keys, its output.
//! - `viewer`: one who is in it, on a stream.
//!
//! What is known to go wrong here, and does not: a first frame that comes in pieces (A10, F17), a first viewer that
//! leaves while the process starts (F18), joining while the process exits (F19), one viewer that does not read and so
//! stops the others (A9).

mod core;
mod screen;
mod session;
mod viewer;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use groundhog_host::{Command, Host, Stream, TerminalSize};
use groundhog_wire::terminal::Init;
use tokio::sync::Notify;
use uuid::Uuid;

use self::{
    core::{NoEntry, Why},
    session::Session,
    viewer::Viewer,
};
use crate::events;

/// How terminals behave. [`TerminalConfig::default`] is this platform's custom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminalConfig {
    /// How long a session goes on without anybody in it. 5 min.
    pub idle_timeout: Duration,
    /// How long whoever asks for a session may take to say which; how long its process may take to start; and how
    /// long a viewer may take to read the rest of a session that is over. 30 s.
    pub attach_timeout: Duration,
    /// How long a session's process has to end by itself, once its terminal has hung up. 2 s: the agent's close as a
    /// whole has five (A5).
    pub hangup_timeout: Duration,
    /// How many bytes a viewer may be behind before it is dropped (A9); twice what is replayed at least. 1 MiB.
    pub behind_bytes_max: usize,
    /// How many sessions there may be. 100: with their tapes they take 100 MiB then.
    pub sessions_max: usize,
}

impl Default for TerminalConfig {
    fn default() -> Self {
        Self {
            idle_timeout: Duration::from_secs(300),
            attach_timeout: Duration::from_secs(30),
            hangup_timeout: Duration::from_secs(2),
            behind_bytes_max: 1 << 20,
            sessions_max: 100,
        }
    }
}

/// What a session runs: `asked` by the shell, or the shell itself for somebody who types.
fn command(mut shell: Command, asked: &str) -> Command {
    // What the platform's terminals, in browsers as in programs, understand.
    shell.environment.entry("TERM".to_owned()).or_insert_with(|| "xterm-256color".to_owned());
    if asked.is_empty() { shell.argument("-l") } else { shell.argument("-c").argument(asked) }
}

/// How many there are, to be told in the agent's statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TerminalCounts {
    /// Sessions that can be joined.
    pub sessions: usize,
    /// Those who are in them.
    pub viewers: usize,
}

/// An agent's terminal sessions. Cheap to clone; every clone is the same.
#[derive(Clone)]
pub struct Terminals {
    shared: Arc<Shared>,
}

struct Shared {
    host: Host,
    config: TerminalConfig,
    registry: Mutex<Registry>,
    /// Told each time a session is done.
    ended: Notify,
}

#[derive(Default)]
struct Registry {
    /// The sessions that can be joined.
    open: BTreeMap<Uuid, Arc<Session>>,
    /// How many sessions are not done, those that can't be joined any more among them.
    living: usize,
    is_closed: bool,
}

impl Terminals {
    /// No sessions yet.
    pub fn new(host: Host, config: TerminalConfig) -> Self {
        let shared = Shared { host, config, registry: Mutex::default(), ended: Notify::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Serves one viewer on `stream`: reads which session it wants, joins or begins that, and returns once either of
    /// the two has gone. A session that can't be joined is told in words, as its output.
    ///
    /// `shell` is what a session is begun with: a program with its environment, to which `TERM` is added if it is
    /// missing, and its folder, but without arguments.
    pub async fn serve(&self, mut stream: Stream, shell: Command) {
        let Shared { host, config, .. } = &*self.shared;
        let init = match host.timeout(config.attach_timeout, Init::read(&mut stream)).await {
            Ok(Ok(init)) => init,
            // Nobody is there who would understand an answer.
            Ok(Err(error)) => return tracing::debug!(%error, "a terminal's viewer did not say what it wants"),
            Err(_) => return tracing::debug!("a terminal's viewer did not say in time what it wants"),
        };
        match self.shared.join(&init, shell) {
            Ok(viewer) => viewer::serve(host, config, &init, viewer, stream).await,
            Err(refusal) => viewer::refuse(host, config, &refusal, stream).await,
        }
    }

    /// How many sessions and viewers there are.
    pub fn counts(&self) -> TerminalCounts {
        let registry = self.shared.registry();
        let viewers = registry.open.values().map(|session| session.core().viewers()).sum();
        TerminalCounts { sessions: registry.open.len(), viewers }
    }

    /// Ends all sessions, lets nobody in any more, and returns once every process is gone: within
    /// [`TerminalConfig::hangup_timeout`].
    pub async fn close(&self) {
        let open: Vec<_> = {
            let mut registry = self.shared.registry();
            registry.is_closed = true;
            registry.open.values().cloned().collect()
        };
        for session in open {
            session.closing.cancel();
        }
        loop {
            // Listening before looking: a session that is done in between is not missed.
            let ended = self.shared.ended.notified();
            if self.shared.registry().living == 0 {
                return;
            }
            ended.await;
        }
    }
}

impl fmt::Debug for Terminals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminals").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

impl Shared {
    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the session that `init` asks for, or begins it. To whom that is refused, why is told.
    fn join(self: &Arc<Self>, init: &Init, shell: Command) -> Result<Viewer, String> {
        let mut registry = self.registry();
        if registry.is_closed {
            return Err("the agent closes".to_owned());
        }
        if let Some(session) = registry.open.get(&init.id).cloned() {
            let joined = session.core().join();
            match joined {
                Ok(viewer) => {
                    drop(registry);
                    return Ok(Viewer::new(self.host.clone(), session, viewer));
                }
                Err(NoEntry::Full) => return Err("too many are in this session".to_owned()),
                // It leaves the registry in the same step in which it is closed: another one takes its place.
                Err(NoEntry::Over) => {}
            }
        }
        if registry.living >= self.config.sessions_max {
            return Err(format!("{} terminal sessions are as many as there may be", self.config.sessions_max));
        }
        let (session, keys) = Session::new(init.id, self.host.now(), self.config.behind_bytes_max);
        let session = Arc::new(session);
        let joined = session.core().join();
        let Ok(viewer) = joined else { unreachable!("a session that has just begun can be joined") };
        registry.open.insert(init.id, session.clone());
        registry.living += 1;
        drop(registry);
        let (shared, begun) = (self.clone(), session.clone());
        let (command, size) = (command(shell, &init.command), size(init.height, init.width, TerminalSize::default()));
        // A task of its own: whoever asked first may go while the process still starts (F18).
        self.host.spawn("terminal session", session::run(shared, begun, keys, command, size)).detach();
        Ok(Viewer::new(self.host.clone(), session, viewer))
    }

    /// `session` ends: from this step on nobody joins it. False if it was to end already.
    fn close(&self, session: &Arc<Session>, why: Why) -> bool {
        self.close_if(session, |_| Some(why))
    }

    /// Ends `session` if `why` gives a reason; no joiner comes in between.
    fn close_if(&self, session: &Arc<Session>, why: impl FnOnce(&core::Core) -> Option<Why>) -> bool {
        let mut registry = self.registry();
        let mut core = session.core();
        let is_news = why(&core).is_some_and(|why| core.close(why));
        if is_news && registry.open.get(&session.id).is_some_and(|open| Arc::ptr_eq(open, session)) {
            registry.open.remove(&session.id);
        }
        is_news
    }

    /// `session` is done.
    fn done(&self, session: &Session) {
        session.core().done();
        session.changed.notify_waiters();
        let why = session.core().why().map_or_else(String::new, Why::to_string);
        events::agent_terminal_closed(events::terminal(session.id), &why);
        self.registry().living -= 1;
        self.ended.notify_waiters();
    }
}

/// The size that was asked for; where nothing was, `otherwise`.
fn size(rows: u16, columns: u16, otherwise: TerminalSize) -> TerminalSize {
    let or = |asked, other| if asked == 0 { other } else { asked };
    TerminalSize { rows: or(rows, otherwise.rows), columns: or(columns, otherwise.columns) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_runs_by_the_shell_with_a_terminal_that_is_named() {
        let run = command(Command::new("zsh").variable("A", "1"), "top -b");
        assert_eq!((run.program.as_str(), run.arguments.join("|").as_str()), ("zsh", "-c|top -b"));
        let told: Vec<_> = run.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(told, ["A=1", "TERM=xterm-256color"]);
        let run = command(Command::new("zsh").variable("TERM", "dumb"), "");
        assert_eq!((run.arguments.join("|").as_str(), run.environment["TERM"].as_str()), ("-l", "dumb"));
    }

    #[test]
    fn a_size_that_nobody_asked_for_is_the_usual_one() {
        let usual = TerminalSize::default();
        assert_eq!(size(0, 0, usual), usual);
        assert_eq!(size(50, 0, usual), TerminalSize { rows: 50, columns: 80 });
    }
}
