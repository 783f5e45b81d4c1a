//! A terminal session of the agent's.
//!
//! The session itself outlives the tunnel: the agent keeps it for whoever comes back. A close says nothing to it, but
//! waits until what was typed has been sent and what it led to has been shown (F23).

use std::{
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use groundhog_host::{Elapsed, Host, TerminalSize};
use groundhog_wire::{
    agent_port,
    resumable::ResumableStream,
    terminal::{Init, Input},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::{Mutex as AsyncMutex, Notify, mpsc},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Application;
use crate::connection::AgentConnection;

/// How much is read at once, in bytes.
const READ_BYTES: usize = 16 << 10;

/// How many portions of output wait to be taken at most; then no more is read. With [`READ_BYTES`], 256 KiB.
const SHOWN_MAX: usize = 16;

/// How many inputs wait to be sent at most; whoever types more waits.
const TYPED_MAX: usize = 64;

/// How long the terminal has to be still before a close takes it that all was shown. Twice the longest path, and time for
/// a program to answer.
const STILL: Duration = Duration::from_secs(1);

/// How long a close waits for that: below the 10 s that a tunnel waits for the close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A terminal session: joined if it is there, begun if it is not.
pub struct TerminalSession {
    host: Host,
    init: Init,
    /// Where the output goes, for as long as there is one who may take it.
    show: Mutex<Option<mpsc::Sender<Vec<u8>>>>,
    shown: AsyncMutex<mpsc::Receiver<Vec<u8>>>,
    up: Mutex<Option<Up>>,
}

/// A session that is up.
#[derive(Clone)]
struct Up {
    typed: mpsc::Sender<Typed>,
    /// It shows nothing any more.
    kill: CancellationToken,
    /// Something was shown.
    shows: Arc<Notify>,
    /// The agent has ended the stream.
    over: CancellationToken,
    why: Arc<Mutex<String>>,
    /// Nothing of it runs any more.
    done: CancellationToken,
}

/// What goes to the agent.
enum Typed {
    Input(Input),
    /// All before this has been sent.
    Sent(CancellationToken),
}

impl TerminalSession {
    /// The session `id`, which runs `command` by a shell if it is new; the login shell if that is empty.
    pub fn new(host: &Host, id: Uuid, size: TerminalSize, command: &str) -> Self {
        let (show, shown) = mpsc::channel(SHOWN_MAX);
        let init = Init { id, height: size.rows, width: size.columns, command: command.to_owned() };
        Self {
            host: host.clone(),
            init,
            show: Mutex::new(Some(show)),
            shown: AsyncMutex::new(shown),
            up: Mutex::default(),
        }
    }

    /// Types `text`. Waits while much that was typed is on its way; fails with
    /// [`NotConnected`](io::ErrorKind::NotConnected) while the session is not up. Cancel safe.
    pub async fn type_text(&self, text: &str) -> io::Result<()> {
        self.send(Input { data: text.to_owned(), ..Input::default() }).await
    }

    /// Tells the session how large the window is now. As [`type_text`](Self::type_text).
    pub async fn resize(&self, size: TerminalSize) -> io::Result<()> {
        self.send(Input { height: size.rows, width: size.columns, ..Input::default() }).await
    }

    /// The next bytes that the terminal shows; empty once the session is over or closed and all was shown. Cancel safe.
    pub async fn shown(&self) -> Vec<u8> {
        self.shown.lock().await.recv().await.unwrap_or_default()
    }

    async fn send(&self, input: Input) -> io::Result<()> {
        let up = self.up().clone().ok_or(io::ErrorKind::NotConnected)?;
        up.typed.send(Typed::Input(input)).await.map_err(|_| io::ErrorKind::NotConnected.into())
    }

    fn up(&self) -> MutexGuard<'_, Option<Up>> {
        self.up.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[tonic::async_trait]
impl Application for TerminalSession {
    async fn start(&self, connection: AgentConnection) -> io::Result<()> {
        let mut stream = connection.open(agent_port::TERMINAL).await?;
        self.init.write(&mut stream).await?;
        stream.flush().await?;
        let (typed, to_type) = mpsc::channel(TYPED_MAX);
        let up = Up {
            typed,
            kill: CancellationToken::new(),
            shows: Arc::default(),
            over: CancellationToken::new(),
            why: Arc::default(),
            done: CancellationToken::new(),
        };
        // A session shows what it has once: who takes it can do so after the close too.
        let show = self.show.lock().unwrap_or_else(PoisonError::into_inner).take();
        let show = show.ok_or_else(|| io::Error::other("a terminal session is started once"))?;
        self.host.spawn("terminal session", up.clone().run(stream, to_type, show)).detach();
        *self.up() = Some(up);
        Ok(())
    }

    async fn close(&self) -> io::Result<()> {
        let Some(up) = self.up().clone() else { return Ok(()) };
        let _ = self.host.timeout(CLOSE_TIMEOUT, up.settle(&self.host)).await;
        up.kill.cancel();
        up.done.cancelled().await;
        *self.up() = None;
        Ok(())
    }

    async fn lost(&self) -> String {
        let up = self.up().clone();
        match up {
            Some(up) => {
                up.over.cancelled().await;
                up.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
            }
            None => std::future::pending().await,
        }
    }

    fn abandon(&self) {
        if let Some(up) = self.up().take() {
            up.kill.cancel();
        }
    }
}

impl Drop for TerminalSession {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl fmt::Debug for TerminalSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TerminalSession").field("id", &self.init.id).finish_non_exhaustive()
    }
}

impl Up {
    /// Its life: what is typed goes out and what is shown comes in, until either is over.
    async fn run(self, stream: ResumableStream, typed: mpsc::Receiver<Typed>, show: mpsc::Sender<Vec<u8>>) {
        let _done = self.done.clone().drop_guard();
        let (read, write) = tokio::io::split(stream);
        let why = tokio::select! {
            // Who closes it has waited for what was to be shown. Then output before input, because there may be no end of
            // that.
            biased;
            () = self.kill.cancelled() => return,
            why = self.show(read, show) => why,
            why = send(write, typed) => why,
        };
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = why;
        self.over.cancel();
    }

    /// Passes on what the terminal shows. Returns why it shows nothing any more.
    async fn show(&self, mut from: ReadHalf<ResumableStream>, show: mpsc::Sender<Vec<u8>>) -> String {
        let mut portion = vec![0; READ_BYTES];
        loop {
            let bytes = match from.read(&mut portion).await {
                Ok(0) => return "the session is over".to_owned(),
                Ok(bytes) => bytes,
                Err(error) => return format!("the session broke: {error}"),
            };
            self.shows.notify_waiters();
            if show.send(portion[..bytes].to_vec()).await.is_err() {
                return "nobody looks at the session".to_owned();
            }
        }
    }

    /// Waits until what was typed has been sent and the terminal has been still for a while, or is over.
    async fn settle(&self, host: &Host) {
        let sent = CancellationToken::new();
        // If it can't be sent, the session is over.
        if self.typed.send(Typed::Sent(sent.clone())).await.is_err() {
            return;
        }
        tokio::select! {
            // A session that is over takes nothing any more.
            biased;
            () = self.over.cancelled() => return,
            () = sent.cancelled() => {}
        }
        loop {
            let shows = self.shows.notified();
            let still = tokio::select! {
                biased;
                () = self.over.cancelled() => return,
                // What is shown in the instant in which it would be still counts as shown.
                shows = host.timeout(STILL, shows) => shows,
            };
            if still == Err(Elapsed) {
                return;
            }
        }
    }
}

/// Sends what is typed. Returns why it does not any more.
async fn send(mut to: WriteHalf<ResumableStream>, mut typed: mpsc::Receiver<Typed>) -> String {
    while let Some(typed) = typed.recv().await {
        let sent = match typed {
            Typed::Input(input) => match input.write(&mut to).await {
                Ok(()) => to.flush().await,
                Err(error) => Err(error),
            },
            Typed::Sent(sent) => {
                sent.cancel();
                Ok(())
            }
        };
        if let Err(error) = sent {
            return format!("the session broke: {error}");
        }
    }
    // The other end of the queue is held by whoever runs this.
    "the session is closed".to_owned()
}
