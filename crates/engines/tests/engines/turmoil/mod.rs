//! The engine on turmoil.

mod assumptions;
mod clocks;
mod conformance;
mod determinism;
mod faults;
mod lifecycle;
mod refusals;
mod scenarios;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use groundhog_engines::turmoil::simulate;
use groundhog_host::{Address, Host, Stream};
use groundhog_sim::{Config, Engine, Fault, LinkConfig, Ways};
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

/// The time on a host, in seconds.
fn time(host: &Host) -> String {
    format!("{:.2}", host.now().as_micros() as f64 / 1e6)
}

/// A network in which every message takes exactly ten milliseconds, so that a test can say when things happen: a message
/// that is sent in one tick arrives with the next one.
fn exact() -> Config {
    let network = LinkConfig { latency_min: millis(10), latency_max: millis(10), ..LinkConfig::default() };
    Config { network, ..Config::new(1) }
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

/// The lines that the world itself wrote into the log, as `event host`.
fn world_log(engine: &dyn Engine) -> Vec<String> {
    let records = engine.journal().records().into_iter().filter(|record| record.host == groundhog_sim::WORLD);
    records
        .map(|record| {
            format!("{:.2} {} {}", record.at.as_secs_f64(), record.event, record.field("host").unwrap_or_default())
        })
        .collect()
}

/// What `story` returns of a run on turmoil in which nothing went wrong.
fn played<T: Send>(config: Config, story: impl FnOnce(&mut dyn Engine) -> T + Send) -> T {
    simulate(config, |engine| {
        let result = story(engine);
        assert_eq!(engine.journal().violations(), []);
        result
    })
}
