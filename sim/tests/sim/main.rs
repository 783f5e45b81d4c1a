//! The simulator's own tests: one binary, because linking is slow.

mod check;
mod clocks;
mod conformance;
mod crashes;
mod determinism;
mod faults;
mod log;
mod outages;
mod power;
mod processes;
mod seam;
mod streams;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use groundhog_host::{Address, Host, Stream};
use groundhog_sim::{Config, Fault, LinkConfig, Ways};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A list that tasks write to and a test reads.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn add(&self, note: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(note.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A network in which every packet takes exactly ten milliseconds, so that a test can say when things happen.
fn exact(seed: u64) -> Config {
    let network =
        LinkConfig { latency_min: millis(10), latency_max: millis(10), short_reads: 0.0, ..LinkConfig::default() };
    Config { network, ..Config::new(seed) }
}

fn cut(from: &str, to: &str, ways: Ways) -> Fault {
    Fault::Cut { from: from.into(), to: to.into(), ways }
}

/// Sends back whatever comes, on port 7.
async fn echo(host: Host) {
    let mut listener = host.listen(7).await.expect("the port is free");
    while let Ok(stream) = listener.accept().await {
        host.spawn("echo", async move {
            let (mut from, mut to) = tokio::io::split(stream);
            let _ = tokio::io::copy(&mut from, &mut to).await;
        })
        .detach();
    }
}

async fn connect(host: &Host, to: &str) -> std::io::Result<Stream> {
    host.connect(&Address::new(to, 7)).await
}

/// Sends five bytes and waits for them to come back.
async fn exchange(stream: &mut Stream) -> std::io::Result<()> {
    stream.write_all(b"hello").await?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await?;
    assert_eq!(&answer, b"hello");
    Ok(())
}
