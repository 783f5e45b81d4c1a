//! One who is in a session, on a stream.

use std::{fmt, sync::Arc};

use groundhog_host::{Host, Stream};
use groundhog_wire::terminal::{Init, Input};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf};

use super::{
    TerminalConfig,
    core::{State, Why},
    screen::{Next, ViewerId},
    session::{Key, Session},
};
use crate::events;

/// How much of the output is sent at once, in bytes.
const SEND_BYTES: usize = 16 << 10;

/// A place in a session. Dropping it leaves the session.
pub(super) struct Viewer {
    host: Host,
    session: Arc<Session>,
    id: ViewerId,
}

impl Viewer {
    pub(super) fn new(host: Host, session: Arc<Session>, id: ViewerId) -> Self {
        events::agent_viewer_joined(events::terminal(session.id));
        // It may be the one that the process has waited for.
        session.changed.notify_waiters();
        Self { host, session, id }
    }

    /// What there is next to be seen, once there is something.
    async fn next(&self) -> Next {
        loop {
            // Listening before looking: what is shown in between is not missed.
            let changed = self.session.changed.notified();
            let (next, catches_up) = {
                let mut core = self.session.core();
                let was_held_back = core.held_back_at();
                let next = core.next(self.id, SEND_BYTES);
                (next, was_held_back != core.held_back_at())
            };
            if catches_up {
                self.session.changed.notify_waiters();
            }
            if next != Next::Nothing {
                return next;
            }
            changed.await;
        }
    }

    /// Returns once `has_happened` to the session.
    async fn until(&self, has_happened: impl Fn(&super::core::Core) -> bool) {
        loop {
            let changed = self.session.changed.notified();
            if has_happened(&self.session.core()) {
                return;
            }
            changed.await;
        }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let now = self.host.now();
        self.session.core().leave(self.id, now);
        // The session may be idle from now on.
        self.session.changed.notify_waiters();
    }
}

impl fmt::Debug for Viewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Viewer").field(&self.id).finish()
    }
}

/// Shows a session on `stream` until either of the two is over.
pub(super) async fn serve(host: &Host, config: &TerminalConfig, init: &Init, viewer: Viewer, stream: Stream) {
    let (mut from, mut to) = tokio::io::split(stream);
    let keys = viewer.session.keys.clone();
    let typing = async {
        if init.height != 0 || init.width != 0 {
            // Fails only if the session is over, which is seen elsewhere.
            let _ = keys.send(Key::Resize(init.height, init.width)).await;
        }
        while let Ok(Input { data, height, width }) = Input::read(&mut from).await {
            if height != 0 || width != 0 {
                let _ = keys.send(Key::Resize(height, width)).await;
            }
            if !data.is_empty() {
                let _ = keys.send(Key::Type(data)).await;
            }
        }
    };
    let too_late = async {
        viewer.until(|core| core.state() == State::Done).await;
        host.sleep(config.attach_timeout).await;
    };
    let is_over = tokio::select! {
        // Who was dropped gets not a byte more. Then the output before its reader's end, so that what could be sent
        // is; the keys last, because there may be no end of them.
        biased;
        () = viewer.until(|core| !core.has(viewer.id)) => false,
        is_over = watch(&viewer, &mut to) => is_over,
        () = too_late => false,
        () = typing => false,
    };
    // A viewer that has seen it all is not in the session while its stream is wound up.
    drop(viewer);
    if is_over {
        part(host, config, &mut from, &mut to).await;
    }
}

/// Sends what is to be seen. Whether that went well to the session's end.
async fn watch(viewer: &Viewer, to: &mut (impl AsyncWrite + Unpin)) -> bool {
    loop {
        let bytes = match viewer.next().await {
            Next::Bytes(bytes) => bytes,
            Next::Dropped | Next::Nothing => return false,
            Next::Over => break,
        };
        if to.write_all(&bytes).await.is_err() || to.flush().await.is_err() {
            return false;
        }
    }
    let failed = match viewer.session.core().why() {
        Some(Why::Failed(error)) => Some(words(&format!("reconnecting pty closed before connection: {error}"))),
        _ => None,
    };
    match failed {
        Some(words) => to.write_all(words.as_bytes()).await.is_ok(),
        None => true,
    }
}

/// Tells whoever is on `stream` why it is not let in.
pub(super) async fn refuse(host: &Host, config: &TerminalConfig, refusal: &str, stream: Stream) {
    let (mut from, mut to) = tokio::io::split(stream);
    let told = words(&format!("no terminal: {refusal}"));
    if let Ok(Ok(())) = host.timeout(config.attach_timeout, to.write_all(told.as_bytes())).await {
        part(host, config, &mut from, &mut to).await;
    }
}

/// A line of the agent's own on a viewer's screen.
fn words(text: &str) -> String {
    format!("groundhog: {text}\r\n")
}

/// Ends the stream so that everything that was sent arrives: a stream that is dropped while the other side still
/// sends would be reset.
async fn part(host: &Host, config: &TerminalConfig, from: &mut ReadHalf<Stream>, to: &mut (impl AsyncWrite + Unpin)) {
    let parting = async {
        let mut bytes = [0; 1_024];
        if to.shutdown().await.is_ok() {
            while let Ok(1..) = from.read(&mut bytes).await {}
        }
    };
    // Who does not close its side in time has its stream closed.
    let _ = host.timeout(config.attach_timeout, parting).await;
}
