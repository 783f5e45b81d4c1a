//! What the engine goes round in turmoil. Should one of these fail with another version of it, the engine can do with less.

use std::{
    net::Ipv4Addr,
    time::{Duration, SystemTime},
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil::{
    Sim,
    net::{TcpListener, TcpStream},
};

use super::{Notes, millis, seconds};

fn sim() -> Sim<'static> {
    let mut builder = turmoil::Builder::new();
    builder.epoch(SystemTime::UNIX_EPOCH).rng_seed(1).tick_duration(millis(10)).simulation_duration(seconds(3_600));
    builder.min_message_latency(millis(1)).max_message_latency(millis(1)).build()
}

fn run(sim: &mut Sim<'_>, until: Duration) {
    while sim.elapsed() < until {
        sim.step().expect("no host of a test fails");
    }
}

/// Notes what a stream to "server" ends with, or that the server could not be called.
fn reader(sim: &mut Sim<'_>, starts: Duration) -> Notes {
    let notes = Notes::default();
    let noted = notes.clone();
    sim.client("client", async move {
        pause(starts).await;
        let mut stream = match TcpStream::connect("server:7").await {
            Ok(stream) => stream,
            Err(error) => {
                noted.add(format!("{:?} at {:?}", error.kind(), turmoil::elapsed()));
                return Ok(());
            }
        };
        let read = stream.read_u8().await.map_err(|error| error.kind());
        noted.add(format!("{read:?} at {:?}", turmoil::elapsed()));
        Ok(())
    });
    notes
}

#[allow(clippy::disallowed_methods, reason = "here the runtime's timer is the host's")]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// Accepts streams and keeps them.
fn server(sim: &mut Sim<'_>) {
    sim.host("server", || async {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 7)).await?;
        let mut kept = Vec::new();
        loop {
            kept.push(listener.accept().await?);
        }
    });
}

#[test]
fn a_crash_ends_streams_in_good_order() {
    // The seam promises a reset.
    let mut sim = sim();
    server(&mut sim);
    let notes = reader(&mut sim, Duration::ZERO);
    run(&mut sim, seconds(1));
    sim.crash("server");
    run(&mut sim, seconds(2));
    assert_eq!(notes.all(), ["Err(UnexpectedEof) at 1s"]);
}

#[test]
fn who_calls_a_crashed_host_is_refused_when_it_starts_again() {
    // The seam promises a refusal, at once.
    let mut sim = sim();
    server(&mut sim);
    let notes = reader(&mut sim, seconds(1));
    run(&mut sim, millis(500));
    sim.crash("server");
    run(&mut sim, seconds(100));
    assert_eq!(notes.all(), [""; 0]);
    sim.bounce("server");
    run(&mut sim, seconds(101));
    assert_eq!(notes.all(), ["ConnectionRefused at 100s"], "it is delivered before the software listens again");
}

#[test]
fn a_stream_does_not_outlive_a_partition_and_does_not_say_so() {
    let mut sim = sim();
    sim.host("server", || async {
        let (mut stream, _) = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 7)).await?.accept().await?;
        loop {
            pause(seconds(1)).await;
            stream.write_u8(1).await?;
        }
    });
    let notes = Notes::default();
    let noted = notes.clone();
    sim.client("client", async move {
        let mut stream = TcpStream::connect("server:7").await?;
        loop {
            let read = stream.read_u8().await.map_err(|error| error.kind());
            noted.add(format!("{read:?}"));
        }
    });
    run(&mut sim, millis(2_500));
    sim.partition("server", "client");
    run(&mut sim, millis(3_500));
    sim.repair("server", "client");
    run(&mut sim, seconds(60));
    assert_eq!(notes.all(), ["Ok(1)", "Ok(1)"], "the third byte was lost, and nothing after it is given out");
}

#[test]
fn who_calls_over_a_partition_is_refused() {
    // The seam promises that it hangs.
    let mut sim = sim();
    server(&mut sim);
    let notes = reader(&mut sim, seconds(1));
    sim.partition("server", "client");
    run(&mut sim, seconds(2));
    assert_eq!(notes.all(), ["ConnectionRefused at 1s"]);
}

#[test]
fn the_end_of_a_stream_that_is_full_is_lost() {
    let mut sim = sim();
    sim.host("server", || async {
        let (mut stream, _) = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 7)).await?.accept().await?;
        // As many segments as turmoil has room for by default, and the end.
        for _ in 0..64 {
            stream.write_u8(1).await?;
        }
        stream.shutdown().await?;
        std::future::pending().await
    });
    let notes = Notes::default();
    let noted = notes.clone();
    sim.client("client", async move {
        let mut stream = TcpStream::connect("server:7").await?;
        pause(seconds(1)).await;
        let mut bytes = vec![0; 64];
        stream.read_exact(&mut bytes).await?;
        noted.add("64 bytes");
        let read = stream.read_u8().await.map_err(|error| error.kind());
        noted.add(format!("{read:?}"));
        Ok(())
    });
    run(&mut sim, seconds(60));
    assert_eq!(notes.all(), ["64 bytes"]);
}

#[test]
fn who_opens_a_stream_waits_until_it_is_accepted() {
    // The seam promises that it does not.
    let mut sim = sim();
    sim.host("server", || async {
        let _listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 7)).await?;
        std::future::pending().await
    });
    let notes = reader(&mut sim, seconds(1));
    run(&mut sim, seconds(60));
    assert_eq!(notes.all(), [""; 0]);
}
