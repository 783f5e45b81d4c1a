//! What listens on agents' machines: apps that answer over HTTP, unless they are broken.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use groundhog_host::{Host, Stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::watch,
};

use crate::scenario::{AgentApp, AppFailure};

/// The longest request that is read, in bytes. Agents' are a tenth of it.
const REQUEST_BYTES_MAX: usize = 8 << 10;

/// What is wrong with the apps of all machines. Cheap to clone; every clone is the same.
#[derive(Clone, Default)]
pub(crate) struct Outages(Arc<Mutex<Apps>>);

/// By machine and slug.
type Apps = BTreeMap<(String, String), watch::Sender<Wrong>>;

/// What is wrong with an app: what began last counts.
type Wrong = Vec<AppFailure>;

impl Outages {
    fn with<T>(&self, machine: &str, app: &str, act: impl FnOnce(&watch::Sender<Wrong>) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        act(all.entry((machine.to_owned(), app.to_owned())).or_default())
    }

    /// Breaks an app.
    pub(crate) fn begin(&self, machine: &str, app: &str, how: AppFailure) {
        self.with(machine, app, |wrong| wrong.send_modify(|wrong| wrong.push(how)));
    }

    /// Mends what [`begin`](Self::begin) broke.
    pub(crate) fn end(&self, machine: &str, app: &str, how: AppFailure) {
        let mend = |wrong: &mut Wrong| {
            if let Some(index) = wrong.iter().position(|one| *one == how) {
                wrong.remove(index);
            }
        };
        self.with(machine, app, |wrong| wrong.send_modify(mend));
    }

    fn watch(&self, machine: &str, app: &str) -> watch::Receiver<Wrong> {
        self.with(machine, app, watch::Sender::subscribe)
    }
}

/// Lets an app listen on `host` for as long as the host runs.
pub(super) fn cast(host: &Host, app: &AgentApp, outages: &Outages) {
    let (listening, port, wrong) = (host.clone(), app.port, outages.watch(host.name(), &app.slug));
    host.spawn("app", async move { listen(&listening, port, wrong).await }).detach();
}

async fn listen(host: &Host, port: u16, mut wrong: watch::Receiver<Wrong>) {
    loop {
        if let Err(gone) = wrong.wait_for(|wrong| wrong.last() != Some(&AppFailure::Refuses)).await {
            return tracing::debug!(%gone, "nobody decides about an app any more");
        }
        let mut listener = match host.listen(port).await {
            Ok(listener) => listener,
            Err(error) => return tracing::error!(%error, port, "an app could not listen"),
        };
        loop {
            let refuses = wrong.wait_for(|wrong| wrong.last() == Some(&AppFailure::Refuses));
            // In this order: what is broken at this instant takes nobody any more.
            let accepted = tokio::select! {
                biased;
                _ = refuses => break,
                accepted = listener.accept() => accepted,
            };
            let Ok(stream) = accepted else { break };
            let wrong = wrong.clone();
            host.spawn("app request", answer(stream, wrong)).detach();
        }
    }
}

/// Takes one request. What fails is for the other side to see.
async fn answer(mut stream: Stream, wrong: watch::Receiver<Wrong>) {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if request.len() > REQUEST_BYTES_MAX || !matches!(stream.read_buf(&mut request).await, Ok(1..)) {
            return;
        }
    }
    let how = wrong.borrow().last().copied();
    let status = match how {
        None => "200 OK",
        Some(AppFailure::AnswersBroken) => "500 Internal Server Error",
        Some(AppFailure::Hangs | AppFailure::Refuses) => {
            // Held until whoever asks gives up.
            while matches!(stream.read_buf(&mut request).await, Ok(1..)) && request.len() <= REQUEST_BYTES_MAX {}
            return;
        }
    };
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    if stream.write_all(answer.as_bytes()).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}
