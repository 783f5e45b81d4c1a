//! Each host has a clock of its own.

use groundhog_host::Host;
use groundhog_sim::{Config, Fault, SuspendedClock, World, simulate};

use super::{Notes, seconds};

/// Sleeps ten seconds by its own clock, again and again, and notes the wall clock's second each time.
async fn tick(host: Host, notes: Notes, epoch: i64) {
    loop {
        host.sleep(seconds(10)).await;
        notes.add((host.wall().as_second() - epoch).to_string());
    }
}

/// What a ticking host notes within 60 s of virtual time, and the virtual second of each note.
fn ticking(prepare: impl FnOnce(&mut World) + Send) -> Vec<(u64, String)> {
    let config = Config::new(1);
    let epoch = config.epoch.as_second();
    simulate(config, |world| {
        let notes = Notes::default();
        let noted = notes.clone();
        world.host("a", move |host| tick(host, noted.clone(), epoch));
        prepare(world);
        let mut seen = Vec::new();
        for second in 0..=60 {
            world.run_until(seconds(second));
            let all = notes.all();
            seen.extend(all[seen.len()..].iter().map(|note| (second, note.clone())));
        }
        seen
    })
}

fn pairs(seen: &[(u64, String)]) -> Vec<(u64, &str)> {
    seen.iter().map(|(second, note)| (*second, note.as_str())).collect()
}

fn suspend(clock: SuspendedClock) -> impl FnOnce(&mut World) + Send {
    move |world| {
        let fault = Fault::Suspend { host: "a".into(), clock };
        world.plan(seconds(15), Some(seconds(20)), &fault).expect("it exists");
    }
}

#[test]
fn a_true_clock_is_virtual_time() {
    assert_eq!(pairs(&ticking(|_| {}))[..2], [(10, "10"), (20, "20")]);
}

#[test]
fn a_fast_clock_fires_early_and_a_slow_one_late() {
    let drift = |ppm| ticking(move |world| world.begin(&Fault::Drift { host: "a".into(), ppm }).expect("it exists"));
    // 25 % would be the tenth: the bound is 10 %.
    assert_eq!(pairs(&drift(100_000))[..2], [(10, "10"), (19, "20")]);
    assert_eq!(pairs(&drift(-100_000))[..2], [(12, "10"), (23, "20")]);
}

#[test]
fn a_clock_whose_speed_changes_while_it_stands_still_goes_on_where_it_stopped() {
    let seen = ticking(|world| {
        suspend(SuspendedClock::Stops)(world);
        // Begins and ends within the suspension, which lasts from 15 s to 35 s.
        let drift = Fault::Drift { host: "a".into(), ppm: -50_000 };
        world.plan(seconds(20), Some(seconds(10)), &drift).expect("it exists");
    });
    assert_eq!(
        seen,
        ticking(suspend(SuspendedClock::Stops))
            .into_iter()
            .map(|(at, _)| at)
            .zip(seen.iter().map(|(_, note)| note.clone()))
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_drift_that_begins_later_moves_timers_that_are_already_armed() {
    let seen = ticking(|world| {
        let fault = Fault::Drift { host: "a".into(), ppm: -100_000 };
        world.plan(seconds(5), None, &fault).expect("it exists");
    });
    // Five seconds at full speed, then five at nine tenths: 10.56 s.
    assert_eq!(pairs(&seen)[0], (11, "10"));
}

#[test]
fn a_step_moves_the_wall_clock_and_no_timer() {
    let seen = ticking(|world| {
        let fault = Fault::StepClock { host: "a".into(), micros: -3_600_000_000 };
        world.plan(seconds(15), Some(seconds(20)), &fault).expect("it exists");
    });
    assert_eq!(pairs(&seen)[..4], [(10, "10"), (20, "-3580"), (30, "-3570"), (40, "40")]);
}

#[test]
fn a_suspended_clock_stops_or_runs_as_chosen() {
    // The second sleep has five seconds left when the lid is closed at 15 s.
    assert_eq!(pairs(&ticking(suspend(SuspendedClock::Stops)))[..2], [(10, "10"), (40, "40")]);
    assert_eq!(pairs(&ticking(suspend(SuspendedClock::Runs)))[..3], [(10, "10"), (35, "35"), (45, "45")]);
}
