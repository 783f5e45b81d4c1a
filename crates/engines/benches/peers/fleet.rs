//! W4: what an event costs as a fleet grows: from 10 idle agents to 10,000, connected to one control plane with a database,
//! each of which beats every 15 s, keeps its connection alive, asks for banners every two minutes and reports its traffic
//! every five.
//!
//! An event is a record of the journal, quiet ones included: in such a fleet, nearly always a beat that was sent, stored
//! and answered. Everything that a scenario has is in place, invariants included. What it takes to bring the fleet up is
//! not counted: the clock runs from one record to another, of which the first is made when all agents have long been
//! there.

use std::{cell::Cell, rc::Rc, time::Duration};

use groundhog_measure::{median, processor_time};
use groundhog_sim::{Record, simulate};
use groundhog_stage::{cast, catalogue, run, scenario::Scenario};

use crate::row::Row;

/// From when to when it is watched.
const FROM: Duration = Duration::from_mins(4);
const TO: Duration = Duration::from_mins(9);

/// Agents, and how many runs.
const SIZES: [(u32, u32); 4] = [(10, 101), (100, 21), (1_000, 3), (10_000, 1)];

/// The most agents that a workspace has.
const AGENTS_MAX: u32 = 1_000;

fn scenario(agents: u32) -> Scenario {
    let each = agents.min(AGENTS_MAX);
    let mut text = format!(
        r#"
        about = "A fleet of idle agents."
        duration = "{}s"

        [[template]]
        name = "fleet"
        agents = [{{ name = "main", count = {each} }}]

        [[provisioner]]
        name = "prov-1"
        "#,
        // A little longer, for there is to be a record after the end.
        TO.as_secs() + 30
    );
    for number in 0..agents / each {
        // A thousand agents at a time: more at once are a story of its own.
        let at = 1 + number * 20;
        text.push_str(&format!(
            "[[step]]\nat = \"{at}s\"\ncreate_workspace = {{ name = \"dev-{number}\", owner = \"alice\", template = \"fleet\" }}\n"
        ));
    }
    Scenario::parse("fleet.toml", &text, &catalogue::lists()).unwrap_or_else(|error| panic!("{error}"))
}

/// Reads the clock at the first record from a time on, and counts records from there.
#[derive(Default)]
struct Meter {
    begun: Cell<Option<Duration>>,
    events: Cell<u64>,
    used: Cell<Option<Duration>>,
}

impl Meter {
    fn note(&self, record: &Record) {
        match self.begun.get() {
            None if record.at >= FROM => self.begun.set(Some(processor_time())),
            Some(begun) if self.used.get().is_none() => {
                self.events.set(self.events.get() + 1);
                if record.at >= TO {
                    self.used.set(Some(processor_time().saturating_sub(begun)));
                }
            }
            _ => {}
        }
    }
}

/// Microseconds of processor time per event.
fn cost(scenario: &Scenario) -> f64 {
    simulate(cast::config(scenario, 1), |world| {
        let meter = Rc::new(Meter::default());
        let watching = meter.clone();
        world.observe(move |record| {
            watching.note(record);
            None
        });
        let report = run::perform(scenario, 1, world);
        assert!(report.passed(), "{:?}", report.violations);
        let used = meter.used.get().expect("something is told after the end of the watch");
        used.as_secs_f64() * 1e6 / meter.events.get() as f64
    })
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (agents, runs) in SIZES {
        let scenario = scenario(agents);
        let figure = median((0..runs).map(|_| cost(&scenario)).collect());
        let least = rows.first().map_or(figure, |row| row.figure);
        rows.push(Row {
            workload: "W4",
            engine: "leap",
            size: format!("{agents} agents"),
            figure,
            unit: "us per event",
            ratio: figure / least,
            beside: "10 agents",
        });
    }
    rows
}
