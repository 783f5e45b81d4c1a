//! Clocks and randomness that libraries take past the seam are simulated too, on simulating threads only.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::iter_over_hash_type,
    reason = "these tests do what components must not"
)]

use std::{
    collections::HashMap,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use groundhog_sim::{Config, Fault, SeamBypass, simulate};

use super::{Notes, seconds};

#[test]
fn the_standard_librarys_clocks_show_the_hosts_time() {
    let config = Config::new(1);
    let epoch = config.epoch.as_second() as u64;
    simulate(config, |world| {
        let notes = Notes::default();
        let noted = notes.clone();
        world.host("a", move |host| {
            let notes = noted.clone();
            async move {
                let (began, wall) = (Instant::now(), SystemTime::now());
                host.sleep(seconds(100)).await;
                assert_eq!(began.elapsed(), seconds(100));
                assert_eq!(wall.elapsed().expect("time goes on"), seconds(100 - 40));
                let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
                notes.add((now.as_secs() - epoch).to_string());
            }
        });
        world.plan(seconds(50), None, &Fault::StepClock { host: "a".into(), micros: -40_000_000 }).expect("it exists");
        world.run_for(seconds(200));
        assert_eq!(world.violations(), []);
        assert_eq!(notes.all(), ["60"]);
        assert!(world.seam_bypass().clock_reads >= 4, "{:?}", world.seam_bypass());
    });
}

fn hash_order(seed: u64) -> (Vec<u32>, SeamBypass) {
    simulate(Config::new(seed), |world| {
        let map: HashMap<u32, ()> = (0..100).map(|number| (number, ())).collect();
        (map.into_keys().collect(), world.seam_bypass())
    })
}

#[test]
fn a_hash_maps_order_depends_on_the_seed_alone() {
    let (order, bypass) = hash_order(1);
    assert_eq!(hash_order(1).0, order);
    assert_ne!(hash_order(2).0, order);
    assert_eq!(bypass.entropy_reads, 1, "and is counted as taken past the seam");
}

#[test]
fn other_threads_see_the_real_world() {
    simulate(Config::new(1), |world| {
        world.run_for(Duration::from_secs(3600 * 24 * 365 * 100));
        let simulated = SystemTime::now();
        std::thread::scope(|scope| {
            let real = scope.spawn(SystemTime::now).join().expect("it does not panic");
            assert!(simulated > real, "a century has passed here only");
            let entropy = scope.spawn(|| (random(), random())).join().expect("it does not panic");
            assert_ne!(entropy.0, entropy.1);
        });
        assert_eq!(world.seam_bypass().entropy_reads, 0);
    });
}

/// Eight bytes from the C library.
fn random() -> u64 {
    let mut bytes = [0; 8];
    #[allow(unsafe_code, reason = "the function under test is C's")]
    // SAFETY: the buffer has the length that is given.
    let count = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    assert_eq!(count, 8);
    u64::from_le_bytes(bytes)
}
