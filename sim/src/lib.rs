//! A deterministic simulator of machines, clocks, disks and the network between them.
//!
//! A run is a function of (code, [`Config`]): the same seed does the same things, in the same order, to the last
//! task wake. It is a library first. This is all that it takes to cut a network in two and see what happens:
//!
//! ```
//! use std::time::Duration;
//!
//! use groundhog_host::{Address, Host};
//! use groundhog_sim::{Config, Fault, Ways, simulate};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! groundhog_host::events! {
//!     /// What the client says.
//!     EVENTS;
//!
//!     /// The server answered.
//!     log answered = "echo.answered" {
//!         /// How long it took, in milliseconds.
//!         took_ms: u128,
//!     }
//! }
//!
//! async fn server(host: Host) {
//!     let mut listener = host.listen(7).await.expect("the port is free");
//!     while let Ok(stream) = listener.accept().await {
//!         host.spawn("echo", async move {
//!             let (mut from, mut to) = tokio::io::split(stream);
//!             let _ = tokio::io::copy(&mut from, &mut to).await;
//!         })
//!         .detach();
//!     }
//! }
//!
//! async fn client(host: Host) {
//!     let mut stream = host.connect(&Address::new("server", 7)).await.expect("the server is up");
//!     for _ in 0..3 {
//!         host.sleep(Duration::from_secs(10)).await;
//!         let asked = host.now();
//!         stream.write_all(b"hello").await.expect("the path heals before TCP gives up");
//!         stream.read_exact(&mut [0; 5]).await.expect("the path heals before TCP gives up");
//!         answered((host.now() - asked).as_millis());
//!     }
//! }
//!
//! let took: Vec<u128> = simulate(Config::new(7), |world| {
//!     world.host("server", server);
//!     world.host("client", client);
//!     let cut = Fault::Cut { from: "client".into(), to: "server".into(), ways: Ways::Both };
//!     world.plan(Duration::from_secs(15), Some(Duration::from_secs(20)), &cut).expect("both hosts exist");
//!     world.run_for(Duration::from_secs(120));
//!     assert_eq!(world.violations(), []);
//!     let answers = world.records().into_iter().filter(|record| record.event == "echo.answered");
//!     answers.filter_map(|record| record.field("took_ms")?.parse().ok()).collect()
//! });
//! assert_eq!(took.len(), 3);
//! assert!(took[0] <= 10, "a round trip of a healthy network");
//! assert!(took[1] >= 15_000, "asked at 20 s, while the path was cut until 35 s");
//! assert!(took[2] <= 10, "healthy again");
//! ```
//!
//! # The parts, in reading order
//!
//! - [`world`](World): the loop that moves time: run all that is ready, leap to the next event.
//! - `event_queue`, `executor`: what happens next. One queue ordered by time; tasks in an order drawn from the
//!   seed.
//! - `kernel`: all state of a run, and why handles on it are plain numbers.
//! - `hosts`, `machine`, `clock`, `timers`, `disk`, `process`, `pipe`, `terminal`: a simulated machine, as the seam shows it.
//! - `network`: byte streams and datagrams that are delayed, lost, cut, held, reset.
//! - [`fault`](Fault): what can go wrong, and how it ends. `lifecycle`: how a host starts, dies, is suspended. [`power`](Power):
//!   machines that are made and deleted in a run. [`outage`](Outage): what is no host and
//!   is away for a while. `plan`: what happens when.
//! - [`Journal`], `log`, `trace`, `violation`, `panics`: what happened: for people, and as a digest, or as a [`Recording`] of every
//!   step; what must not.
//! - `streams`: where random decisions come from.
//! - `interpose`: clocks and randomness that libraries take past the seam.
//! - [`engine`](Engine): the trait by which a story is put on this world, or on something else.
//! - [`campaign`]: many runs by drawn plans; findings, and how they are made small.
//!
//! Architecture invariant: nothing here knows what runs on the hosts, and no component knows this crate.

mod arena;
pub mod campaign;
mod clock;
mod disk;
mod engine;
mod event_queue;
mod executor;
mod fault;
mod hosts;
mod interpose;
mod journal;
mod kernel;
mod lifecycle;
mod log;
mod machine;
mod network;
mod outage;
mod panics;
mod pipe;
mod plan;
mod power;
pub mod process;
mod streams;
mod terminal;
mod timers;
mod trace;
mod violation;
mod world;

pub use crate::{
    clock::SuspendedClock,
    disk::Disk,
    engine::{Boot, Engine, EngineError, Start},
    fault::{FAULT_EVENTS, Fault, UnknownHost, Ways},
    interpose::{
        SeamBypass,
        bypass::{Bypass, BypassKind, Culprit},
    },
    journal::{Journal, Narrator, OpenJournal},
    log::{Loudness, Record, WORLD, json, text},
    network::link::LinkConfig,
    outage::Outage,
    pipe::{PipeReader, PipeWriter},
    power::{Power, PowerControl},
    process::{Group, Program, Running, Signals},
    streams::stream_key,
    terminal::TerminalEnd,
    trace::{
        Digest,
        divergence::{Cause, Divergence, Side},
        format::RecordingError,
        recording::{Recording, TaskInfo},
    },
    violation::Violation,
    world::{Config, World, simulate},
};
