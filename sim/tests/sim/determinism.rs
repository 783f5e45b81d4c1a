//! The same seed does the same things; another seed does others.

use std::collections::BTreeSet;

use groundhog_host::Host;
use groundhog_sim::{Config, Fault, Ways, simulate};

use super::{Notes, connect, cut, echo, exchange, seconds};

groundhog_host::events! {
    /// What the chatting clients say.
    EVENTS;

    /// An answer came.
    log answered = "chat.answered" {
        /// How many so far.
        count: u64,
    }
}

async fn chat(host: Host) {
    let mut count = 0;
    loop {
        let Ok(mut stream) = connect(&host, "server").await else {
            host.sleep(seconds(1)).await;
            continue;
        };
        while exchange(&mut stream).await.is_ok() {
            count += 1;
            answered(count);
            let pause = host.random("pause").between(1, 2_000);
            host.sleep(std::time::Duration::from_millis(pause)).await;
        }
    }
}

/// Log digest and trace digest of a busy world with faults.
fn digests(seed: u64) -> (String, String) {
    simulate(Config::new(seed), |world| {
        world.host("server", echo);
        for number in 0..5 {
            world.host(&format!("client-{number}"), chat);
        }
        let plan = [
            (10, 5, cut("client-0", "server", Ways::Both)),
            (20, 5, Fault::Kill { host: "server".into() }),
            (30, 5, Fault::Lossy { from: "client-1".into(), to: "server".into(), probability: 0.3 }),
            (35, 5, Fault::PowerLoss { host: "client-2".into() }),
        ];
        for (at, lasts, fault) in plan {
            world.plan(seconds(at), Some(seconds(lasts)), &fault).expect("the hosts exist");
        }
        world.run_for(seconds(60));
        (world.log_digest().to_string(), world.trace_digest().to_string())
    })
}

#[test]
fn equal_seeds_give_equal_traces_and_other_seeds_give_others() {
    let mut traces = BTreeSet::new();
    for seed in 0..10 {
        let (log, trace) = digests(seed);
        assert_eq!((log, trace.clone()), digests(seed), "seed {seed}");
        assert!(traces.insert(trace), "seed {seed} repeats another seed's trace");
    }
}

#[test]
fn tasks_that_are_ready_at_once_run_in_every_order() {
    let orders: BTreeSet<String> = (0..100)
        .map(|seed| {
            simulate(Config::new(seed), |world| {
                let notes = Notes::default();
                let noted = notes.clone();
                world.host("a", move |host| {
                    for name in ["x", "y", "z"] {
                        let notes = noted.clone();
                        host.spawn("racer", async move { notes.add(name) }).detach();
                    }
                    std::future::ready(())
                });
                world.run_for(seconds(1));
                notes.all().concat()
            })
        })
        .collect();
    assert_eq!(orders.len(), 6, "{orders:?}");
}

#[test]
fn one_hosts_draws_do_not_move_another_hosts() {
    let draws = |extra: bool| {
        simulate(Config::new(1), |world| {
            let notes = Notes::default();
            let noted = notes.clone();
            if extra {
                world.host("a", |host| async move {
                    host.random("noise").next_u64();
                });
            }
            world.host("b", move |host| {
                notes_draw(&host, &noted);
                std::future::ready(())
            });
            world.run_for(seconds(1));
            notes.all()
        })
    };
    assert_eq!(draws(false), draws(true));
}

fn notes_draw(host: &Host, notes: &Notes) {
    notes.add(host.random("b").next_u64().to_string());
}
