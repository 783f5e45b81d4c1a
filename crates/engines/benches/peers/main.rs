//! The figures beside the peers, as one table.
//!
//! ```sh
//! cargo bench -p engines --bench peers            # all of it, in some minutes
//! cargo bench -p engines --bench peers -- W1 W4   # some
//! ```
//!
//! - **W1**, [`round_trips`]: what one round trip costs between hosts that do nothing else.
//! - **W2**, [`whole_stack`]: how many seeds of one scenario file a second, with everything that a scenario has.
//! - **W4**, [`fleet`]: what one event costs, from 10 agents of a control plane to 10,000.
//!
//! All figures are of processor time, medians, and measured in this one run; where two engines are compared they take
//! turns. Prints a table, then a JSON line per row: `{"workload","engine","size","figure","unit","ratio","beside"}`.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time, and turmoil brings its own runtime")]

mod fleet;
mod round_trips;
mod row;
mod whole_stack;

use row::Row;

type Workload = (&'static str, fn() -> Vec<Row>);

const WORKLOADS: [Workload; 3] = [("W1", round_trips::rows), ("W2", whole_stack::rows), ("W4", fleet::rows)];

fn main() {
    // Cargo says `--bench`; what else is said are the workloads that are wanted.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    if let Some(unknown) = wanted.iter().find(|wanted| WORKLOADS.iter().all(|(name, _)| name != wanted)) {
        eprintln!("there is no workload {unknown:?}: expected W1, W2 or W4");
        std::process::exit(2);
    }
    let mut all = Vec::new();
    println!("{}", Row::HEAD);
    for (_, rows) in WORKLOADS.iter().filter(|(name, _)| is_wanted(name)) {
        let rows = rows();
        rows.iter().for_each(|row| println!("{}", row.line()));
        all.extend(rows);
    }
    println!();
    all.iter().for_each(|row| println!("{}", row.json()));
}
