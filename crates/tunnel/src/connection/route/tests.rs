//! The way, step by step and in any weather.

use proptest::{collection::vec, prelude::*, test_runner::RngSeed};

use super::*;

fn at(seconds: u64) -> Instant {
    Instant::from_micros(seconds * 1_000_000)
}

fn random() -> Random {
    Random::from_seed([6; 32])
}

fn endpoint(port: u16) -> Address {
    Address::new("agent", port)
}

fn place(endpoints: u16, relay: u32) -> Place {
    Place { endpoints: (1..=endpoints).map(endpoint).collect(), relay }
}

fn direct(port: u16) -> Next {
    Next::Try { way: Way::Direct(endpoint(port)), within: DIRECT_TIMEOUT }
}

fn relay(relay: u32) -> Next {
    Next::Try { way: Way::Relay(relay), within: RELAY_TIMEOUT }
}

fn wait(seconds: u64) -> Next {
    Next::Wait { until: at(seconds) }
}

#[test]
fn direct_ways_come_first_and_then_the_relay_and_then_all_of_them_again() {
    let (mut route, mut random) = (Route::new(at(0)), random());
    assert_eq!(route.next(at(0)), wait(60), "nothing is known");
    route.place(place(2, 7), at(1));
    for _ in 0..2 {
        for expected in [direct(1), direct(2), relay(7)] {
            assert_eq!(route.next(at(1)), expected);
            assert_eq!(route.next(at(1)), expected, "until it is known what came of it");
            route.failed(at(1), &mut random);
        }
        // The first wait is none.
    }
    let Next::Wait { until } = route.next(at(1)) else { panic!("it waits then") };
    assert!(until > at(1) && until < at(2));
    assert_eq!(route.next(at(2)), direct(1));
}

#[test]
fn what_is_new_of_the_agent_is_tried_at_once() {
    let (mut route, mut random) = (Route::new(at(0)), random());
    route.place(place(1, 0), at(0));
    for _ in 0..8 {
        assert!(matches!(route.next(at(50)), Next::Try { .. } | Next::Wait { .. }));
        route.failed(at(50), &mut random);
        route.phase = Phase::Looking { next: 0 };
    }
    route.failed(at(50), &mut random);
    assert!(matches!(route.next(at(50)), Next::Wait { .. }));
    route.place(place(1, 0), at(50));
    assert!(matches!(route.next(at(50)), Next::Wait { .. }), "it is no news");
    // Of a relay, only that is new: the endpoint was tried a moment ago.
    route.place(place(1, 3), at(50));
    assert_eq!(route.next(at(50)), relay(3));
    route.failed(at(50), &mut random);
    route.place(place(2, 3), at(50));
    assert_eq!(route.next(at(50)), direct(1));
    route.place(place(2, 4), at(50));
    assert_eq!(route.next(at(50)), direct(1), "it is under way");
}

#[test]
fn a_path_is_pinged_and_left_when_nothing_is_heard() {
    let (mut route, mut random) = (Route::new(at(0)), random());
    route.place(place(1, 0), at(0));
    route.up(Way::Direct(endpoint(1)), at(10));
    assert_eq!(route.next(at(10)), wait(15));
    assert_eq!(route.next(at(15)), Next::Ping);
    assert_eq!(route.next(at(15)), wait(20));
    route.heard(at(16));
    assert_eq!(route.next(at(20)), Next::Ping);
    assert_eq!(route.next(at(25)), Next::Ping);
    assert_eq!(route.next(at(30)), Next::Ping);
    assert_eq!(route.next(at(30)), wait(31));
    assert_eq!(route.next(at(31)), Next::Leave);
    route.broke(at(31), &mut random);
    assert_eq!(route.next(at(31)), direct(1), "it had been good");
    route.failed(at(36), &mut random);
    assert_eq!(route.next(at(90)), direct(1));
    assert_eq!(route.next(at(91)), Next::GiveUp, "a minute after the last path");
}

#[test]
fn a_path_that_breaks_at_once_is_not_made_without_a_wait() {
    let (mut route, mut random) = (Route::new(at(0)), random());
    route.place(place(1, 0), at(0));
    let mut waits = Vec::new();
    for _ in 0..10 {
        let mut now = at(0);
        if let Next::Wait { until } = route.next(now) {
            waits.push((until - now).as_millis());
            now = until;
        }
        assert_eq!(route.next(now), direct(1));
        route.up(Way::Direct(endpoint(1)), at(0));
        route.broke(at(0), &mut random);
    }
    assert!(waits.iter().sum::<u128>() > 5_000, "{waits:?}");
}

#[test]
fn a_better_path_than_the_relay_is_looked_for() {
    let (mut route, mut random) = (Route::new(at(0)), random());
    route.place(place(2, 7), at(0));
    route.up(Way::Relay(7), at(0));
    let mut tried = Vec::new();
    for second in 0..=70 {
        route.heard(at(second));
        while let next @ (Next::Try { .. } | Next::Ping) = route.next(at(second)) {
            if let Next::Try { .. } = next {
                tried.push((second, next));
                route.failed(at(second), &mut random);
            }
        }
    }
    assert_eq!(tried, [(30, direct(1)), (30, direct(2)), (60, direct(1)), (60, direct(2))]);
    route.up(Way::Direct(endpoint(2)), at(70));
    assert_eq!(route.next(at(70)), wait(75), "there is nothing better");
    // From the relay alone, as soon as there is an endpoint.
    route.place(place(0, 7), at(70));
    route.up(Way::Relay(7), at(70));
    assert_eq!(route.next(at(70)), wait(75));
    route.place(place(1, 7), at(71));
    assert_eq!(route.next(at(71)), direct(1));
}

#[test]
fn an_agent_that_does_not_know_us_is_asked_again_before_the_relay_is() {
    let (mut route, mut random) = (Route::new(at(0)), random());
    route.place(place(1, 7), at(0));
    for _ in 0..NOT_LET_IN_MAX {
        assert_eq!(route.next(at(10)), direct(1));
        route.not_let_in(at(0), &mut random);
    }
    assert_eq!(route.next(at(10)), direct(1));
    route.not_let_in(at(10), &mut random);
    assert_eq!(route.next(at(10)), relay(7));
}

/// What happens to a route beside what it asks for.
#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Place(u16, u32),
    Heard,
    Break,
    /// What becomes of the next try: it works, fails, or the agent does not know us, after so many seconds.
    Try(u8, u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_u64..20_000).prop_map(Step::Pass),
        1 => (0_u16..12, 0_u32..3).prop_map(|(endpoints, relay)| Step::Place(endpoints, relay)),
        3 => Just(Step::Heard),
        1 => Just(Step::Break),
        5 => (0_u8..3, 0_u64..5_000).prop_map(|(end, millis)| Step::Try(end, millis)),
    ];
    vec(step, 0..150)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(6), ..ProptestConfig::default() })]

    /// Whatever happens: what is tried is where the agent is; a path is left exactly when nothing was heard for 15 s; the
    /// search is given up exactly when there was no path for a minute; and there is always an end to what is due now.
    #[test]
    fn it_keeps_its_promises(steps in steps()) {
        let (mut route, mut random) = (Route::new(at(0)), random());
        let mut now = at(0);
        let mut without_since = Some(now);
        let mut heard_at = now;
        for step in steps {
            // What is due at this instant.
            let mut due = 0;
            let next = loop {
                due += 1;
                prop_assert!(due < 10, "it comes to rest");
                let next = route.next(now);
                prop_assert_eq!(next == Next::GiveUp, without_since.is_some_and(|since| now - since >= WITHOUT_PATH_MAX));
                let is_dead = without_since.is_none() && now - heard_at >= DEAD_AFTER;
                prop_assert_eq!(next == Next::Leave, is_dead);
                match &next {
                    Next::GiveUp => return Ok(()),
                    Next::Leave => {
                        route.broke(now, &mut random);
                        without_since = Some(now);
                    }
                    Next::Ping => prop_assert!(without_since.is_none()),
                    Next::Wait { until } => {
                        prop_assert!(*until > now);
                        let end = without_since.map_or(heard_at + DEAD_AFTER, |since| since + WITHOUT_PATH_MAX);
                        prop_assert!(*until <= end, "nothing is slept through");
                        break next;
                    }
                    Next::Try { way, .. } => {
                        let is_there = match way {
                            Way::Direct(address) => route.place.endpoints.contains(address),
                            Way::Relay(relay) => *relay != 0 && route.place.relay == *relay,
                        };
                        prop_assert!(is_there, "{way:?}");
                        break next;
                    }
                }
            };
            match (step, next) {
                (Step::Try(end, millis), Next::Try { way, .. }) => {
                    now += Duration::from_millis(millis);
                    match end {
                        0 => {
                            route.up(way, now);
                            (without_since, heard_at) = (None, now);
                        }
                        1 => route.failed(now, &mut random),
                        _ => route.not_let_in(now, &mut random),
                    }
                }
                (Step::Try(_, millis) | Step::Pass(millis), _) => now += Duration::from_millis(millis),
                (Step::Place(endpoints, relay), _) => {
                    route.place(place(endpoints, relay), now);
                    prop_assert!(route.place.endpoints.len() <= ENDPOINTS_MAX);
                }
                (Step::Heard, _) => {
                    route.heard(now);
                    heard_at = now;
                }
                (Step::Break, _) => {
                    route.broke(now, &mut random);
                    without_since.get_or_insert(now);
                }
            }
        }
    }
}
