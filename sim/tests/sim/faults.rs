//! What faults on the network do to streams and datagrams.

use std::time::Duration;

use groundhog_host::{Address, Host};
use groundhog_sim::{Config, Fault, LinkConfig, Ways, World, simulate};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Notes, connect, cut, echo, exact, exchange, millis, seconds};

/// Asks an echo server once a second and notes when each answer came, in seconds.
async fn ask(host: Host, notes: Notes) {
    let outcome = async {
        let mut stream = connect(&host, "server").await?;
        loop {
            host.sleep(seconds(1)).await;
            exchange(&mut stream).await?;
            notes.add(format!("{:.2}", host.now().as_micros() as f64 / 1e6));
        }
    };
    let outcome: std::io::Result<()> = outcome.await;
    notes.add(format!("{:?} at {}", outcome.map_err(|error| error.kind()), host.now().as_micros() / 1_000_000));
}

/// What the client notes until `end` in a world with `faults`.
fn asking(config: Config, end: Duration, faults: impl FnOnce(&mut World) + Send) -> Vec<String> {
    simulate(config, |world| {
        let notes = Notes::default();
        let noted = notes.clone();
        world.host("server", echo);
        world.host("client", move |host| ask(host, noted.clone()));
        faults(world);
        world.run_until(end);
        assert_eq!(world.violations(), []);
        notes.all()
    })
}

#[test]
fn a_healthy_round_trip_takes_twice_the_latency() {
    assert_eq!(asking(exact(1), seconds(3), |_| {}), ["1.04", "2.06"]);
}

#[test]
fn a_cut_stream_hangs_and_goes_on_with_a_retransmission_after_it_heals() {
    for ways in [Ways::Both, Ways::One] {
        let notes = asking(exact(1), seconds(12), |world| {
            world.plan(millis(1_500), Some(seconds(5)), &cut("client", "server", ways)).expect("both exist");
        });
        // Sent at 2.04, lost; again after 0.2, 0.4, 0.8, 1.6, 3.2 s: the last gets through.
        assert_eq!(notes[..2], ["1.04", "8.26"], "{ways:?}");
    }
}

#[test]
fn a_path_cut_for_good_times_out_after_a_quarter_of_an_hour() {
    let notes = asking(exact(1), seconds(3600), |world| {
        world.plan(millis(1_500), None, &cut("server", "client", Ways::Both)).expect("both exist");
    });
    assert_eq!(notes[0], "1.04");
    let seconds: Option<u64> = notes[1].strip_prefix("Err(TimedOut) at ").and_then(|text| text.parse().ok());
    let minutes = seconds.unwrap_or(0) / 60;
    assert!((13..=17).contains(&minutes), "{minutes} minutes");
}

#[test]
fn overlapping_cuts_heal_with_the_last() {
    let notes = asking(exact(1), seconds(60), |world| {
        let fault = cut("client", "server", Ways::Both);
        world.plan(millis(1_500), Some(seconds(10)), &fault).expect("both exist");
        world.plan(seconds(5), Some(seconds(20)), &fault).expect("both exist");
    });
    let back: f64 = notes[1].parse().expect("a time");
    assert!(back > 25.0, "{back}");
}

#[test]
fn held_packets_arrive_in_order_at_the_release() {
    let notes = asking(exact(1), seconds(6), |world| {
        let hold = Fault::Hold { from: "client".into(), to: "server".into(), ways: Ways::Both };
        world.plan(millis(1_500), Some(millis(3_500)), &hold).expect("both exist");
    });
    assert_eq!(notes, ["1.04", "5.01"]);
}

#[test]
fn slow_and_lossy_paths_delay_and_recover() {
    let slowed = asking(exact(1), seconds(6), |world| {
        let slow = Fault::Slow { from: "client".into(), to: "server".into(), factor: 10.0 };
        world.plan(millis(1_500), Some(seconds(2)), &slow).expect("both exist");
    });
    assert_eq!(slowed, ["1.04", "2.24", "3.44", "4.46", "5.48"]);
    let lossy = asking(exact(1), seconds(300), |world| {
        let lossy = Fault::Lossy { from: "client".into(), to: "server".into(), probability: 0.5 };
        world.plan(millis(1_500), Some(seconds(60)), &lossy).expect("both exist");
    });
    assert!(lossy.iter().all(|note| !note.contains("Err")), "a loss is a delay: {lossy:?}");
    assert!(lossy.len() > 200, "healthy again after a minute: {}", lossy.len());
}

#[test]
fn a_reset_breaks_both_ends() {
    let notes = asking(exact(1), seconds(6), |world| {
        let reset = Fault::Reset { from: "server".into(), to: "client".into() };
        world.plan(millis(1_500), None, &reset).expect("both exist");
    });
    assert_eq!(notes, ["1.04", "Err(ConnectionReset) at 2"]);
}

/// How a connection attempt at once ends, and when, in seconds.
fn opening(prepare: impl FnOnce(&mut World) + Send) -> String {
    simulate(exact(1), |world| {
        let notes = Notes::default();
        let noted = notes.clone();
        world.host("server", |_| std::future::pending());
        world.host("client", move |host| {
            let notes = noted.clone();
            async move {
                let outcome = connect(&host, "server").await.map(drop).map_err(|error| error.kind());
                notes.add(format!("{outcome:?} at {:.2}", host.now().as_micros() as f64 / 1e6));
            }
        });
        prepare(world);
        world.run_for(seconds(600));
        notes.all().concat()
    })
}

#[test]
fn connecting_is_refused_hangs_or_times_out_as_tcp_does() {
    assert_eq!(opening(|_| {}), "Err(ConnectionRefused) at 0.02");
    assert_eq!(
        opening(|world| world.begin(&Fault::Kill { host: "server".into() }).expect("it exists")),
        "Err(ConnectionRefused) at 0.02",
        "the machine is up, only its software is not"
    );
    let silent = "Err(TimedOut) at 127.01";
    assert_eq!(opening(|world| world.begin(&Fault::PowerLoss { host: "server".into() }).expect("it exists")), silent);
    assert_eq!(opening(|world| world.begin(&cut("client", "server", Ways::One)).expect("both exist")), silent);
    assert_eq!(
        opening(|world| world
            .plan(seconds(0), Some(seconds(5)), &cut("client", "server", Ways::Both))
            .expect("both exist")),
        "Err(ConnectionRefused) at 7.02",
        "asked again after 1, 2 and 4 s"
    );
}

#[test]
fn a_full_backlog_makes_the_next_connection_wait() {
    simulate(exact(1), |world| {
        let notes = Notes::default();
        let noted = notes.clone();
        world.host("server", |host| async move {
            let mut listener = host.listen(7).await.expect("the port is free");
            host.sleep(seconds(10)).await;
            let mut streams = Vec::new();
            while let Ok(stream) = listener.accept().await {
                streams.push(stream);
            }
        });
        world.host("client", move |host| {
            let notes = noted.clone();
            async move {
                let mut streams = Vec::new();
                for number in 1..=129 {
                    streams.push(connect(&host, "server").await.expect("in the end"));
                    if number >= 128 {
                        notes.add(format!("{number} at {}", host.now().as_micros() / 1_000_000));
                    }
                }
            }
        });
        world.run_for(seconds(60));
        assert_eq!(notes.all(), ["128 at 2", "129 at 17"], "tried again after 1, 2, 4 and 8 s");
    });
}

#[test]
fn bandwidth_and_window_pace_a_stream() {
    simulate(Config { network: LinkConfig { bandwidth: Some(1 << 20), ..exact(1).network }, ..exact(1) }, |world| {
        let notes = Notes::default();
        let noted = notes.clone();
        world.host("server", move |host| {
            let notes = noted.clone();
            async move {
                let mut listener = host.listen(7).await.expect("the port is free");
                let mut stream = listener.accept().await.expect("a client comes");
                let mut bytes = vec![0; 1 << 16];
                let mut total = 0;
                while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                    total += count;
                }
                notes.add(format!("{total} bytes in {} s", host.now().as_micros() / 1_000_000));
            }
        });
        world.host("client", |host| async move {
            let mut stream = connect(&host, "server").await.expect("the server is up");
            stream.write_all(&vec![7; 8 << 20]).await.expect("the server reads");
        });
        world.run_for(seconds(60));
        assert_eq!(notes.all(), ["8388608 bytes in 8 s"]);
    });
}

/// The numbers of a hundred datagrams, as they arrive.
fn datagrams(network: LinkConfig) -> Vec<u8> {
    simulate(Config { network, ..Config::new(3) }, |world| {
        let notes = Notes::default();
        let noted = notes.clone();
        world.host("receiver", move |host| {
            let notes = noted.clone();
            async move {
                let socket = host.bind_datagram(9).await.expect("the port is free");
                while let Ok((bytes, from)) = socket.receive().await {
                    assert_eq!(from.host, "sender");
                    notes.add(bytes[0].to_string());
                }
            }
        });
        world.host("sender", |host| async move {
            let socket = host.bind_datagram(0).await.expect("a port is free");
            for number in 0..100 {
                socket.send(&[number], &Address::new("receiver", 9)).await.expect("sending always works");
            }
        });
        world.run_for(seconds(1));
        notes.all().iter().map(|note| note.parse().expect("a number")).collect()
    })
}

#[test]
fn datagrams_are_lost_doubled_and_reordered() {
    let all: Vec<u8> = (0..100).collect();
    assert_eq!(datagrams(exact(3).network), all);
    let mut jittered = datagrams(LinkConfig::default());
    assert_ne!(jittered, all, "some overtake others");
    jittered.sort_unstable();
    assert_eq!(jittered, all);
    let lossy = datagrams(LinkConfig { loss: 0.3, ..exact(3).network });
    assert!((50..90).contains(&lossy.len()), "{}", lossy.len());
    let doubled = datagrams(LinkConfig { duplication: 0.3, ..exact(3).network });
    assert!((110..150).contains(&doubled.len()), "{}", doubled.len());
}

#[test]
fn every_machine_calls_itself_localhost() {
    let mut notes = simulate(Config::new(1), |world| {
        let notes = Notes::default();
        for name in ["a", "b"] {
            let noted = notes.clone();
            world.host(name, move |host| {
                let notes = noted.clone();
                async move {
                    if host.name() == "a" {
                        host.spawn("echo", echo(host.clone())).detach();
                    }
                    host.sleep(seconds(1)).await;
                    let met = match connect(&host, "localhost").await {
                        Ok(mut stream) => exchange(&mut stream).await.is_ok(),
                        Err(_) => false,
                    };
                    notes.add(format!("{} {met}", host.name()));
                    std::future::pending::<()>().await;
                }
            });
        }
        world.run_for(seconds(60));
        notes.all()
    });
    notes.sort();
    assert_eq!(notes, ["a true", "b false"], "only one of them has somebody who listens");
}
