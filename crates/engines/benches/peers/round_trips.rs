//! W1: what one round trip costs: N hosts send 64 bytes to one server every 5 s for 600 s, at 1 to 50 ms of latency, and
//! wait for the same 64 bytes to come back.
//!
//! On leap through the seam's ordinary streams and timers, with everything that can go wrong in place and nothing going
//! wrong; and, at sizes that it can bear, on turmoil by itself with a tick of 10 ms.

use std::{
    cell::Cell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use groundhog_host::{Address, Host};
use groundhog_measure::{median, processor_time};
use groundhog_sim::{Config, LinkConfig, simulate};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::row::Row;

const PORT: u16 = 7;
const PERIOD: Duration = Duration::from_secs(5);
const LENGTH: Duration = Duration::from_secs(600);
const MESSAGE: [u8; 64] = [42; 64];
const LATENCY_MIN: Duration = Duration::from_millis(1);
const LATENCY_MAX: Duration = Duration::from_millis(50);

/// Hosts, runs on leap, and whether turmoil takes part.
const SIZES: [(u32, usize, bool); 4] = [(5, 2_001, true), (50, 401, true), (1_000, 15, false), (10_000, 5, false)];

mod leap {
    use super::*;

    async fn serve(host: Host) {
        let mut listener = host.listen(PORT).await.expect("the port is free");
        while let Ok(mut stream) = listener.accept().await {
            host.spawn("echo", async move {
                let mut message = MESSAGE;
                while stream.read_exact(&mut message).await.is_ok() && stream.write_all(&message).await.is_ok() {}
            })
            .detach();
        }
    }

    async fn beat(host: Host, offset: Duration, rtts: Arc<AtomicU64>) {
        host.sleep(offset).await;
        let Ok(mut stream) = host.connect(&Address::new("server", PORT)).await else { return };
        let mut message = MESSAGE;
        loop {
            host.sleep(PERIOD).await;
            if stream.write_all(&message).await.is_err() || stream.read_exact(&mut message).await.is_err() {
                return;
            }
            rtts.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Round trips made, and processor time used.
    pub(super) fn run(hosts: u32) -> (u64, Duration) {
        let network = LinkConfig { latency_min: LATENCY_MIN, latency_max: LATENCY_MAX, ..LinkConfig::default() };
        simulate(Config { network, ..Config::new(1) }, |world| {
            let begun = processor_time();
            let rtts = Arc::new(AtomicU64::new(0));
            world.host("server", serve);
            for number in 0..hosts {
                let rtts = rtts.clone();
                let offset = PERIOD * number / hosts;
                world.host(&format!("client-{number}"), move |host| beat(host, offset, rtts.clone()));
            }
            world.run_for(LENGTH);
            assert_eq!(world.violations(), []);
            (rtts.load(Ordering::Relaxed), processor_time() - begun)
        })
    }
}

mod reference {
    use super::*;

    async fn serve() -> turmoil::Result {
        let listener = turmoil::net::TcpListener::bind(("0.0.0.0", PORT)).await?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            tokio::spawn(async move {
                let mut message = MESSAGE;
                while stream.read_exact(&mut message).await.is_ok() && stream.write_all(&message).await.is_ok() {}
            });
        }
    }

    async fn beat(offset: Duration, rtts: Rc<Cell<u64>>) -> turmoil::Result {
        tokio::time::sleep(offset).await;
        let mut stream = turmoil::net::TcpStream::connect(("server", PORT)).await?;
        let mut message = MESSAGE;
        loop {
            tokio::time::sleep(PERIOD).await;
            stream.write_all(&message).await?;
            stream.read_exact(&mut message).await?;
            rtts.set(rtts.get() + 1);
        }
    }

    /// Round trips made, and processor time used.
    pub(super) fn run(hosts: u32) -> (u64, Duration) {
        let begun = processor_time();
        let mut sim = turmoil::Builder::new()
            .tick_duration(Duration::from_millis(10))
            .simulation_duration(LENGTH * 2)
            .min_message_latency(LATENCY_MIN)
            .max_message_latency(LATENCY_MAX)
            .epoch(std::time::SystemTime::UNIX_EPOCH)
            .rng_seed(1)
            .build();
        let rtts = Rc::new(Cell::new(0));
        sim.host("server", serve);
        for number in 0..hosts {
            let rtts = rtts.clone();
            let offset = PERIOD * number / hosts;
            sim.host(format!("client-{number}"), move || beat(offset, rtts.clone()));
        }
        while sim.elapsed() < LENGTH {
            sim.step().expect("no host fails");
        }
        (rtts.get(), processor_time() - begun)
    }
}

/// Microseconds of processor time per round trip.
fn cost((rtts, time): (u64, Duration)) -> f64 {
    time.as_secs_f64() * 1e6 / rtts as f64
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let row = |engine, hosts: u32, figure, ratio, beside| Row {
        workload: "W1",
        engine,
        size: format!("{hosts} hosts"),
        figure,
        unit: "us per round trip",
        ratio,
        beside,
    };
    for (hosts, runs, is_borne) in SIZES {
        let figure = median((0..runs).map(|_| cost(leap::run(hosts))).collect());
        let least = rows.first().map_or(figure, |row| row.figure);
        rows.push(row("leap", hosts, figure, figure / least, "5 hosts"));
        if is_borne {
            let peer = cost(reference::run(hosts));
            rows.push(row("turmoil, 10 ms tick", hosts, peer, peer / figure, "leap"));
        }
    }
    rows
}
