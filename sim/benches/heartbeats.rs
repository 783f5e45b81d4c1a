//! What one round trip costs: N hosts send 64 bytes to one server every 5 s for 600 s, at 1 to 50 ms of latency,
//! and wait for the same 64 bytes to come back.
//!
//! On leap through the seam's ordinary streams and timers, with everything that can go wrong in place and
//! nothing going wrong; and, at sizes that it can bear, on turmoil with a tick of 10 ms, in the same run. Prints
//! a table, and a JSON line per row: `{"engine","hosts","us_per_rtt","rtts"}`, where `us_per_rtt` is processor
//! time in microseconds, the median of so many runs that other load on the machine shows little.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time, and turmoil brings its own runtime")]

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
use groundhog_sim::{Config, LinkConfig, simulate};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PORT: u16 = 7;
const PERIOD: Duration = Duration::from_secs(5);
const LENGTH: Duration = Duration::from_secs(600);
const MESSAGE: [u8; 64] = [42; 64];
const LATENCY_MIN: Duration = Duration::from_millis(1);
const LATENCY_MAX: Duration = Duration::from_millis(50);

/// Processor time that this thread has used. Other load on the machine does not count in it.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[allow(unsafe_code, reason = "no safe reading of the thread's processor time exists in std")]
    // SAFETY: `time` is a valid place for a time.
    unsafe {
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time);
    }
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

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

fn measure(engine: &str, hosts: u32, runs: usize, run: impl Fn(u32) -> (u64, Duration)) {
    let mut costs = Vec::new();
    let mut rtts = 0;
    for _ in 0..runs {
        let (count, time) = run(hosts);
        rtts = count;
        costs.push(time.as_secs_f64() * 1e6 / count as f64);
    }
    costs.sort_by(f64::total_cmp);
    let median = costs[costs.len() / 2];
    println!("| {engine:<18} | {hosts:>6} | {median:>10.3} | {rtts:>8} |");
    println!("{{\"engine\":\"{engine}\",\"hosts\":{hosts},\"us_per_rtt\":{median:.4},\"rtts\":{rtts}}}");
}

fn main() {
    println!("| engine             |  hosts | us per rtt |     rtts |");
    println!("| ------------------ | ------ | ---------- | -------- |");
    for (hosts, runs) in [(5, 2_001), (50, 401), (1_000, 15), (10_000, 5)] {
        measure("leap", hosts, runs, leap::run);
    }
    for hosts in [5, 50] {
        measure("turmoil 10 ms tick", hosts, 1, reference::run);
    }
}
