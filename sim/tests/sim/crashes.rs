//! A crash is exact: no line of a dead host's code runs again.

use std::{future::Future, io, time::Duration};

use groundhog_host::{Address, Host, Instant, http2};
use groundhog_sim::{Config, Fault, simulate};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Notes, connect, echo, exact, exchange, millis, seconds};

fn kill(host: &str) -> Fault {
    Fault::Kill { host: host.into() }
}

fn power_loss(host: &str) -> Fault {
    Fault::PowerLoss { host: host.into() }
}

/// Serves HTTP/2 with a handler that takes ten seconds and says how far it has come.
async fn http2_server(host: Host, notes: Notes) {
    let mut listener = host.listen(80).await.expect("the port is free");
    while let Ok(stream) = listener.accept().await {
        let (handler_host, notes) = (host.clone(), notes.clone());
        let service = hyper::service::service_fn(move |_| {
            let (host, notes) = (handler_host.clone(), notes.clone());
            async move {
                for step in 1..=10 {
                    notes.add(format!("step {step}"));
                    host.sleep(seconds(1)).await;
                }
                Ok::<_, io::Error>(http::Response::new(Empty::<bytes::Bytes>::new()))
            }
        });
        let connection = hyper::server::conn::http2::Builder::new(http2::Executor::new(host.clone(), "http2"))
            .timer(http2::Timer::new(host.clone()))
            .auto_date_header(false)
            .keep_alive_interval(Duration::from_secs(20))
            .serve_connection(TokioIo::new(stream), service);
        host.spawn("connection", async move {
            let _ = connection.await;
        })
        .detach();
    }
}

async fn http2_client(host: Host, notes: Notes) {
    let stream = host.connect(&Address::new("server", 80)).await.expect("the server is up");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(http2::Executor::new(host.clone(), "http2"), TokioIo::new(stream))
            .await
            .expect("the server speaks HTTP/2");
    host.spawn("connection", async move {
        let _ = connection.await;
    })
    .detach();
    let request = http::Request::get("http://server/").body(Empty::<bytes::Bytes>::new()).expect("a valid request");
    let answer = async {
        let response = sender.send_request(request).await?;
        response.into_body().collect().await
    };
    notes.add(if answer.await.is_ok() { "answered" } else { "broken off" });
}

/// What an HTTP/2 server and its client did, when `fault` begins while the handler waits.
fn http2_under(fault: Option<Fault>) -> Vec<String> {
    simulate(Config::new(1), |world| {
        let (notes, server_notes, client_notes) = (Notes::default(), Notes::default(), Notes::default());
        let (for_server, for_client) = (server_notes.clone(), client_notes.clone());
        world.host("server", move |host| http2_server(host, for_server.clone()));
        world.host("client", move |host| http2_client(host, for_client.clone()));
        world.run_for(millis(3_500));
        if let Some(fault) = fault {
            world.begin(&fault).expect("the host exists");
        }
        world.run_for(seconds(60));
        assert_eq!(world.violations(), []);
        notes.add(format!("{} steps", server_notes.all().len()));
        client_notes.all().into_iter().for_each(|note| notes.add(note));
        notes.all()
    })
}

#[test]
fn a_killed_http2_server_runs_no_further_line_of_its_handler() {
    assert_eq!(http2_under(None), ["10 steps", "answered"]);
    assert_eq!(http2_under(Some(kill("server"))), ["4 steps", "broken off"]);
    // Without power nothing is sent: the client, which keeps no connection alive, waits on.
    assert_eq!(http2_under(Some(power_loss("server"))), ["4 steps"]);
    // Suspended, it stops at the same place, and would go on.
    let suspended = Fault::Suspend { host: "server".into(), clock: groundhog_sim::SuspendedClock::Runs };
    assert_eq!(http2_under(Some(suspended)), ["4 steps"]);
}

/// Notes its own end.
struct Witness(Notes);

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.add("dropped");
    }
}

#[test]
fn tasks_of_a_dead_host_are_dropped_at_once_and_do_nothing() {
    simulate(Config::new(1), |world| {
        let notes = Notes::default();
        let noted = notes.clone();
        world.host("a", move |host| {
            let witness = Witness(noted.clone());
            let notes = noted.clone();
            async move {
                let _witness = witness;
                let mut interval = host.interval(seconds(1));
                loop {
                    interval.tick().await;
                    notes.add("tick");
                }
            }
        });
        world.run_for(millis(2_500));
        let dead = world.handle("a").expect("it exists");
        world.begin(&kill("a")).expect("it exists");
        assert_eq!(notes.all(), ["tick", "tick", "dropped"], "before time moves on");
        let noted = notes.clone();
        dead.spawn("late", async move { noted.add("ran on a dead host") }).detach();
        world.run_for(seconds(10));
        assert_eq!(notes.all(), ["tick", "tick", "dropped"]);
    });
}

#[test]
fn a_future_smuggled_from_a_dead_host_pends_for_ever() {
    simulate(Config::new(1), |world| {
        world.host("server", echo);
        world.host("a", |_| std::future::pending());
        world.host("b", |_| std::future::pending());
        let (a, b) = (world.handle("a").expect("it exists"), world.handle("b").expect("it exists"));
        let notes = Notes::default();
        let smuggle = |what: &'static str, future: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
            let notes = notes.clone();
            b.spawn("smuggled", async move {
                future.await;
                notes.add(what);
            })
            .detach();
        };
        smuggle("slept", Box::pin(a.sleep(seconds(5))));
        let connecting = a.clone();
        smuggle(
            "connected",
            Box::pin(async move {
                connecting.sleep(seconds(5)).await;
                let _ = connect(&connecting, "server").await;
            }),
        );
        let listening = a.clone();
        smuggle(
            "accepted",
            Box::pin(async move {
                let _ = listening.listen(9).await.expect("the port is free").accept().await;
            }),
        );
        world.run_for(seconds(1));
        world.begin(&kill("a")).expect("it exists");
        world.run_for(seconds(60));
        assert_eq!(notes.all(), [""; 0]);
    });
}

/// How a client that waits for bytes learns that its server died.
fn death_notice(fault: Fault) -> Vec<String> {
    simulate(exact(1), |world| {
        let notes = Notes::default();
        let noted = notes.clone();
        world.host("server", echo);
        world.host("client", move |host| {
            let notes = noted.clone();
            async move {
                let mut stream = connect(&host, "server").await.expect("the server is up");
                exchange(&mut stream).await.expect("the server answers");
                let outcome = stream.read(&mut [0; 1]).await;
                notes.add(format!("{:?} at {:?}", outcome.map_err(|error| error.kind()), host.now().as_micros()));
            }
        });
        world.plan(seconds(1), None, &fault).expect("the host exists");
        world.run_for(seconds(3600));
        notes.all()
    })
}

#[test]
fn a_killed_host_resets_its_connections_and_one_without_power_does_not() {
    assert_eq!(death_notice(kill("server")), ["Err(ConnectionReset) at 1010000"]);
    assert_eq!(death_notice(power_loss("server")), [""; 0]);
}

#[test]
fn a_restarted_host_keeps_its_disk_and_draws_other_ids() {
    simulate(Config::new(1), |world| {
        let notes = Notes::default();
        let noted = notes.clone();
        world.host("a", move |host| {
            let notes = noted.clone();
            async move {
                let files = host.files("/data");
                let before = files.read("boots").await.unwrap_or_default();
                let id = host.new_id("id");
                assert!(!notes.all().iter().any(|note| note.ends_with(&id.to_string())), "ids differ between starts");
                notes.add(format!("{} {id}", before.len()));
                files.append("boots", b"x").await.expect("the disk has room");
                if before.is_empty() {
                    files.sync("boots").await.expect("it exists");
                    files.sync("").await.expect("it exists");
                }
            }
        });
        world.plan(seconds(1), Some(seconds(1)), &kill("a")).expect("it exists");
        world.plan(seconds(3), Some(seconds(1)), &power_loss("a")).expect("it exists");
        world.run_for(seconds(10));
        let seen: Vec<String> = notes.all().iter().map(|note| note[..1].to_owned()).collect();
        // The first boot's byte was synced; the second's survived the kill but not the loss of power.
        assert_eq!(seen, ["0", "1", "1"]);
        let story: Vec<String> = world.records().into_iter().map(|record| record.event).collect();
        assert_eq!(story, ["host.started", "host.killed", "host.started", "host.power_lost", "host.started"]);
    });
}

#[test]
fn a_panic_in_a_task_is_a_violation_that_names_it() {
    simulate(Config::new(1), |world| {
        world.host("a", |host| async move {
            host.spawn("careless", async { panic!("no such luck") }).detach();
        });
        world.run_for(seconds(1));
        let violations = world.violations();
        assert_eq!(violations.len(), 1);
        assert_eq!(violations[0].rule, "task-panicked");
        for part in ["\"careless\"", "host a", "no such luck", "crashes.rs"] {
            assert!(violations[0].message.contains(part), "{:?} names {part}", violations[0].message);
        }
    });
}

#[test]
fn a_stray_runtime_call_is_a_violation() {
    simulate(Config::new(1), |world| {
        world.host("a", |_| async {
            #[allow(clippy::disallowed_methods, reason = "this is what the test is about")]
            tokio::spawn(async {});
        });
        world.run_for(seconds(1));
        assert_eq!(world.violations()[0].rule, "task-panicked");
        assert!(world.violations()[0].message.contains("runtime"), "{:?}", world.violations());
    });
}

#[test]
fn a_write_to_a_host_that_forgot_the_connection_is_reset() {
    simulate(exact(1), |world| {
        let notes = Notes::default();
        let noted = notes.clone();
        world.host("server", echo);
        world.host("client", move |host| {
            let notes = noted.clone();
            async move {
                let mut stream = connect(&host, "server").await.expect("the server is up");
                host.sleep(seconds(10)).await;
                stream.write_all(b"hello").await.expect("nothing is known of the crash yet");
                let outcome = stream.read(&mut [0; 1]).await;
                notes.add(format!("{:?}", outcome.map_err(|error| error.kind())));
            }
        });
        world.plan(seconds(1), Some(seconds(1)), &power_loss("server")).expect("it exists");
        world.run_for(seconds(60));
        assert_eq!(notes.all(), ["Err(ConnectionReset)"]);
    });
}

#[test]
fn what_a_killed_host_had_sent_comes_before_its_reset() {
    let notes = simulate(exact(1), |world| {
        let notes = Notes::default();
        let noted = notes.clone();
        world.host("server", |host| async move {
            let mut stream = host.listen(7).await.expect("the port is free").accept().await.expect("it is called");
            host.sleep_until(Instant::from_micros(1_000_000)).await;
            stream.write_all(b"x").await.expect("it is read");
            std::future::pending::<()>().await;
        });
        world.host("client", move |host| {
            let notes = noted.clone();
            async move {
                let mut stream = connect(&host, "server").await.expect("it listens");
                for _ in 0..2 {
                    let read = stream.read_u8().await.map_err(|error| error.kind());
                    notes.add(format!("{read:?} at {}", host.now().as_micros()));
                }
            }
        });
        // While the byte is on its way.
        world.plan(millis(1_005), None, &kill("server")).expect("it exists");
        world.run_for(seconds(2));
        notes.all()
    });
    assert_eq!(notes, ["Ok(120) at 1010000", "Err(ConnectionReset) at 1015000"]);
}
