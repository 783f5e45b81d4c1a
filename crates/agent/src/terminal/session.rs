//! Carries a session's life out: starts its process, moves keys and output, and ends it.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use groundhog_host::{
    Command, Instant, Terminal, TerminalSize,
    process::{Input, Output, Signal},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{Notify, mpsc},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Shared, TerminalConfig,
    core::{Core, State, Why},
    size,
};
use crate::events;

/// How many inputs may wait for a process that does not read. Its viewers wait then, and the network behind them.
const KEYS_WAITING_MAX: usize = 64;

/// How much of the output is taken at once, in bytes.
const READ_BYTES: usize = 8 << 10;

/// How long a process waits for viewers none of whom reads on. Then it goes on without them, and they are dropped once
/// they are too far behind: somebody whose connection hangs must not stop a build for a quarter of an hour (A9).
const PATIENCE: Duration = Duration::from_secs(5);

/// What a viewer does to a session.
#[derive(Debug)]
pub(super) enum Key {
    /// It types.
    Type(String),
    /// Its window has another size: rows and columns, where 0 changes nothing.
    Resize(u16, u16),
}

/// A session, as its task and its viewers share it.
pub(super) struct Session {
    pub(super) id: Uuid,
    core: Mutex<Core>,
    /// Told whenever viewers may have something to see or to do, when they come and go, and when they have caught up.
    pub(super) changed: Notify,
    pub(super) keys: mpsc::Sender<Key>,
    /// The agent closes.
    pub(super) closing: CancellationToken,
}

impl Session {
    pub(super) fn new(id: Uuid, now: Instant, behind_bytes_max: usize) -> (Self, mpsc::Receiver<Key>) {
        let (keys, received) = mpsc::channel(KEYS_WAITING_MAX);
        let core = Mutex::new(Core::new(now, behind_bytes_max));
        (Self { id, core, changed: Notify::new(), keys, closing: CancellationToken::new() }, received)
    }

    pub(super) fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session from its beginning to its end.
pub(super) async fn run(
    shared: Arc<Shared>,
    session: Arc<Session>,
    keys: mpsc::Receiver<Key>,
    command: Command,
    size: TerminalSize,
) {
    if let Some(mut terminal) = start(&shared, &session, command, size).await
        && let (Some(mut input), Some(mut output)) = (terminal.input.take(), terminal.output.take())
    {
        session.core().started();
        events::agent_terminal_opened(events::terminal(session.id));
        let has_ended = live(&shared, &session, &mut terminal, &mut input, &mut output, (keys, size)).await;
        if !has_ended {
            hang_up(&shared, &session, &mut terminal, &mut output).await;
        }
        // Dropping the terminal kills what is left.
    }
    shared.done(&session);
}

/// Starts the process. None if it is over with that.
async fn start(shared: &Shared, session: &Arc<Session>, command: Command, size: TerminalSize) -> Option<Terminal> {
    let program = command.program.clone();
    let starting = shared.host.timeout(shared.config.attach_timeout, shared.host.start_terminal(command, size));
    let started = tokio::select! {
        // In this order, so that an agent that closes begins nothing more.
        biased;
        () = session.closing.cancelled() => {
            shared.close(session, Why::Closed);
            return None;
        }
        started = starting => started,
    };
    let error = match started {
        Ok(Ok(terminal)) => return Some(terminal),
        Ok(Err(error)) => error,
        Err(_) => io::Error::new(io::ErrorKind::TimedOut, format!("starting {program} took too long")),
    };
    shared.close(session, Why::Failed(error.to_string()));
    None
}

/// Moves keys and output until the session is to end. Whether its process has ended by itself.
async fn live(
    shared: &Shared,
    session: &Arc<Session>,
    terminal: &mut Terminal,
    input: &mut Input,
    output: &mut Output,
    (mut keys, mut now): (mpsc::Receiver<Key>, TerminalSize),
) -> bool {
    let typing = async {
        while let Some(key) = keys.recv().await {
            let carried_out = match key {
                Key::Type(text) => input.write_all(text.as_bytes()).await,
                Key::Resize(rows, columns) => {
                    now = size(rows, columns, now);
                    terminal.resize(now)
                }
            };
            if let Err(error) = carried_out {
                // The end of its output tells whether it is over.
                tracing::debug!(%error, "a terminal took no key");
            }
        }
        // The session holds one sender itself: this is not reached, and would be no end of the session.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        // The output before the reasons to stop, so that what came in time is seen; the keys last, because there may
        // be no end of them.
        biased;
        () = show(shared, session, output) => {
            shared.close(session, Why::Ended);
            true
        }
        () = session.closing.cancelled() => {
            shared.close(session, Why::Closed);
            false
        }
        () = until_idle(shared, session) => false,
        () = typing => false,
    }
}

/// Shows what comes, to its end.
async fn show(shared: &Shared, session: &Session, output: &mut Output) {
    let mut bytes = vec![0; READ_BYTES];
    let mut given_up = None;
    loop {
        keep_pace(shared, session, &mut given_up).await;
        match output.read(&mut bytes).await {
            Ok(count @ 1..) => {
                let dropped = session.core().show(&bytes[..count], shared.host.now());
                for _ in dropped {
                    events::agent_viewer_dropped(events::terminal(session.id));
                }
                session.changed.notify_waiters();
            }
            Ok(0) => return,
            Err(error) => return tracing::debug!(%error, "a terminal's output broke off"),
        }
    }
}

/// Waits until some viewer is not far behind, or has not moved for long enough: then that is noted in `given_up`, and
/// it is waited for again only once it has moved.
async fn keep_pace(shared: &Shared, session: &Session, given_up: &mut Option<u64>) {
    loop {
        // Listening before looking, as everywhere.
        let changed = session.changed.notified();
        let held_back_at = session.core().held_back_at();
        if held_back_at.is_none() || held_back_at == *given_up {
            return;
        }
        tokio::select! {
            // A change that comes with the end of the patience is a change.
            biased;
            () = changed => {}
            () = shared.host.sleep(PATIENCE) => *given_up = held_back_at,
        }
    }
}

/// Returns once nobody has been in the session for too long, and has closed it in that instant.
async fn until_idle(shared: &Shared, session: &Arc<Session>) {
    let TerminalConfig { idle_timeout, .. } = shared.config;
    loop {
        // Listening before looking, as everywhere.
        let changed = session.changed.notified();
        let idle_at = session.core().idle_at(idle_timeout);
        let Some(idle_at) = idle_at else {
            changed.await;
            continue;
        };
        tokio::select! {
            // Who comes at the last moment is let in: a look at the session follows either way.
            biased;
            () = changed => {}
            () = shared.host.sleep_until(idle_at) => {}
        }
        let now = shared.host.now();
        let is_idle = |core: &Core| core.idle_at(idle_timeout).is_some_and(|at| at <= now).then_some(Why::Idle);
        if shared.close_if(session, is_idle) {
            return;
        }
    }
}

/// Tells the process that its terminal has gone, and reads what it still has to say.
async fn hang_up(shared: &Shared, session: &Session, terminal: &mut Terminal, output: &mut Output) {
    debug_assert!(session.core().state() >= State::Closing, "a session hangs up once it is closed to others");
    if terminal.signal(Signal::Hangup).is_ok() {
        let last_words = shared.host.timeout(shared.config.hangup_timeout, show(shared, session, output));
        if last_words.await.is_err() {
            tracing::debug!("a terminal's process did not end when it was hung up, and is killed");
        }
    }
}
