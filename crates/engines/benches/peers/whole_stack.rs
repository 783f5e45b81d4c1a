//! W2: how many seeds of one scenario file a second: `scenarios/cancel/force-cancel.toml`, as it is, by the same code
//! that `groundhog run` plays and judges it with.
//!
//! On leap, and on turmoil at the tick that the engine takes (10 ms) and at turmoil's own (1 ms). Leap plays a batch of
//! seeds between any two runs of turmoil.

use std::time::Duration;

use groundhog_engines::turmoil::{self, Options};
use groundhog_measure::{median, used};
use groundhog_stage::{
    cast, catalogue,
    run::{self, Report},
    scenario::Scenario,
};

use crate::row::Row;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/cancel/force-cancel.toml");

/// Batches of leap's, and seeds in each.
const BATCHES: u64 = 9;
const BATCH: u64 = 50;

/// Turmoil's ticks, with the name of the row and how many seeds are played, at most one after each batch.
const TICKS: [(&str, Duration, u64); 2] =
    [("turmoil, 10 ms tick", Duration::from_millis(10), 5), ("turmoil, 1 ms tick", Duration::from_millis(1), 3)];

fn scenario() -> Scenario {
    let text = std::fs::read_to_string(FILE).unwrap_or_else(|error| panic!("{FILE}: {error}"));
    Scenario::parse("force-cancel.toml", &text, &catalogue::lists()).unwrap_or_else(|error| panic!("{error}"))
}

fn passed(report: &Report) {
    assert!(report.passed(), "seed {}: {:?}", report.seed, report.violations);
}

pub(crate) fn rows() -> Vec<Row> {
    let scenario = scenario();
    // What is made once per process, such as the empty database that each run copies, is not a run's.
    passed(&run::run(&scenario, 0));
    let mut leap = Vec::new();
    let mut peers = TICKS.map(|_| Vec::new());
    for batch in 0..BATCHES {
        let ((), time) =
            used(|| (batch * BATCH..(batch + 1) * BATCH).for_each(|seed| passed(&run::run(&scenario, seed))));
        leap.push(BATCH as f64 / time.as_secs_f64());
        for ((_, tick, seeds), figures) in std::iter::zip(TICKS, &mut peers) {
            if batch < seeds {
                let config = cast::config(&scenario, batch);
                let story = |engine: &mut dyn groundhog_sim::Engine| run::perform(&scenario, batch, engine);
                let (report, time) = used(|| turmoil::simulate_with(config, Options { tick }, story));
                passed(&report);
                figures.push(1.0 / time.as_secs_f64());
            }
        }
    }
    let leap = median(leap);
    let row = |engine, figure| Row {
        workload: "W2",
        engine,
        size: "30 min".to_owned(),
        figure,
        unit: "seeds/s",
        ratio: leap / figure,
        beside: "leap",
    };
    let peers = std::iter::zip(TICKS, peers).map(|((name, ..), figures)| row(name, median(figures)));
    std::iter::once(row("leap", leap)).chain(peers).collect()
}
