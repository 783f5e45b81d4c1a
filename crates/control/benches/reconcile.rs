//! What a look at all pools costs: at 100, 1 000 and 5 000 presets, none of which has anything to be done about it (old
//! versions of which nothing is left), all of which lack a workspace, or one in ten; and once more when nothing is lacking.
//!
//! The processor time is that of one cycle over a database in memory whose statements take no time. Statements, and how long
//! the cycle takes, are those of a database whose statements take a millisecond each, with ten connections. Prints a table,
//! and a JSON line per row.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use groundhog_control::{
    DaemonsConfig, Database, PrebuildsConfig, Setup, Store, StoreConfig, TemplateSetup,
    metrics::Metrics,
    prebuilds::{Outcome, Reconciler, Stats},
};
use groundhog_host::{Host, Random};
use groundhog_measure::used;
use groundhog_wire::v1;
use tokio_util::sync::CancellationToken;

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/control/support/machine.rs"]
mod machine;

use machine::TestMachine;

const PRESETS_PER_VERSION: usize = 10;

/// Half of a statement's time: a transaction is carried out in the middle of its first one.
const STEP: Duration = Duration::from_micros(500);

#[derive(Clone, Copy, Debug)]
enum Case {
    Skippable,
    Acting,
    Mixed,
    /// All have been built a moment ago.
    AtRest,
}

/// A version with ten presets that want a workspace each.
fn version(template: &str, number: usize) -> TemplateSetup {
    let preset = |at: usize| v1::Preset {
        name: format!("p{at}"),
        prebuild: Some(v1::Prebuild { instances: 1, ..v1::Prebuild::default() }),
        ..v1::Preset::default()
    };
    TemplateSetup {
        name: template.to_owned(),
        version: format!("v{number}"),
        provisioner_type: "scripted".to_owned(),
        presets: (0..PRESETS_PER_VERSION).map(preset).collect(),
        ..TemplateSetup::default()
    }
}

fn database(presets: usize, case: Case) -> Database {
    let versions = presets / PRESETS_PER_VERSION;
    let active_one_in = match case {
        Case::Skippable => usize::MAX,
        Case::Acting | Case::AtRest => 1,
        Case::Mixed => 10,
    };
    let is_active = |at: usize| active_one_in != usize::MAX && at.is_multiple_of(active_one_in);
    let template = |at: usize| if is_active(at) { format!("t{at}") } else { "old".to_owned() };
    let mut templates: Vec<_> = (0..versions).map(|at| version(&template(at), at)).collect();
    // The last version of a template is its active one, and that has no presets.
    templates.push(TemplateSetup { presets: Vec::new(), ..version("old", versions) });
    let database = Database::in_memory().expect("a database in memory needs nothing");
    let setup = Setup { templates, ..Setup::default() };
    database.set_up(&setup, &mut Random::from_seed([1; 32]), 0).expect("the setup is sound");
    database
}

fn reconciler(host: &Host, database: &Database, connections: usize, latency: Duration) -> Reconciler {
    let config = StoreConfig { connections, latency_min: latency, latency_max: latency };
    let store = Store::new(host, database.clone(), config);
    Reconciler::new(host, store, PrebuildsConfig::default(), DaemonsConfig::default(), Metrics::default())
}

/// One cycle on a machine whose clock goes on whenever it waits.
fn cycle(machine: &Arc<TestMachine>, reconciler: &mut Reconciler) -> Stats {
    let stop = CancellationToken::new();
    let mut future = pin!(reconciler.reconcile_all(&stop));
    loop {
        if let Poll::Ready(stats) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            assert_eq!(stats.outcome, Outcome::Done, "the cycle did not get through");
            return stats;
        }
        machine.jump(STEP);
    }
}

/// What a cycle comes to at this many connections, and the processor time that it uses.
fn measure(presets: usize, case: Case, connections: usize, latency: Duration) -> (Stats, Duration) {
    let (machine, host) = TestMachine::new();
    let database = database(presets, case);
    // The first cycle joins the organisation and has statements prepared. Without an active version it does nothing else.
    let mut first = reconciler(&host, &database, connections, Duration::ZERO);
    if matches!(case, Case::AtRest | Case::Skippable) {
        cycle(&machine, &mut first);
    }
    let mut measured = reconciler(&host, &database, connections, latency);
    used(|| cycle(&machine, &mut measured))
}

fn main() {
    println!("| case      | presets | looked at | processor time | statements | takes (1 ms each) | connections |");
    println!("| --------- | ------- | --------- | -------------- | ---------- | ----------------- | ----------- |");
    for case in [Case::Skippable, Case::Acting, Case::Mixed, Case::AtRest] {
        for presets in [100, 1_000, 5_000] {
            let millisecond = Duration::from_millis(1);
            let cpu = (0..5).map(|_| measure(presets, case, 10, Duration::ZERO).1).min().unwrap_or_default();
            let cpu_ms = cpu.as_secs_f64() * 1e3;
            // With one connection one statement comes after the other.
            let statements = measure(presets, case, 1, millisecond).0.elapsed.as_millis();
            let (stats, _) = measure(presets, case, 10, millisecond);
            let (looked_at, took_ms, held) = (stats.reconciled, stats.elapsed.as_millis(), stats.held_max);
            let name = format!("{case:?}");
            println!(
                "| {name:<9} | {presets:>7} | {looked_at:>9} | {cpu_ms:>11.2} ms | {statements:>10} | {took_ms:>14} ms | {held:>11} |"
            );
            println!(
                "{{\"case\":\"{name}\",\"presets\":{presets},\"cpu_ms\":{cpu_ms:.3},\"statements\":{statements},\"took_ms\":{took_ms}}}"
            );
        }
    }
}
