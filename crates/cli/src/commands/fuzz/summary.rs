//! What came of a campaign, for people.

use std::io::{self, Write};

use groundhog_sim::campaign::Tally;
use groundhog_stage::catalogue;

use super::{finds::Finds, record::Header};
use crate::commands::{
    run::text::{BAD, FAINT, GOOD, styled, virtual_time},
    table,
};

/// Tells of findings, coverage, and how long worlds took to come to rest.
pub(in crate::commands) fn tell(header: &Header, tally: &Tally, finds: Option<&Finds>) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    for (signature, finding) in &tally.findings {
        writeln!(out, "{} {}", styled(BAD, format!("{}:", signature.rule())), finding.message)?;
        writeln!(
            out,
            "  in {} of {} runs; first in run {} ({}, seed {})",
            finding.runs, tally.runs, finding.index, finding.subject, finding.seed
        )?;
        if let Some(case) = finds.and_then(|finds| finds.cases.get(signature)) {
            let path = case.path.display();
            if let Some(runs) = case.runs {
                let (before, after) = (case.before, case.after);
                let shrunk = format!(
                    "{} faults and {} steps, from {} and {}, after {runs} runs",
                    after.faults, after.steps, before.faults, before.steps
                );
                writeln!(out, "  {path} {}", styled(FAINT, format!("({shrunk})")))?;
            }
            writeln!(out, "  replay: groundhog replay {path}")?;
        }
        writeln!(out)?;
    }
    settling(&mut out, tally)?;
    let known: Vec<&str> = catalogue::lists().into_iter().flatten().map(|event| event.name).collect();
    let seen = known.iter().filter(|name| tally.events.contains_key(**name)).count();
    writeln!(
        out,
        "seen: {seen} of {} kinds of events, {} steps of a job's life, {} kinds of faults",
        known.len(),
        tally.states.len(),
        tally.faults.len(),
    )?;
    let never: Vec<&str> = known.into_iter().filter(|name| !tally.events.contains_key(*name)).collect();
    if !never.is_empty() {
        writeln!(out, "{}", styled(FAINT, format!("never seen: {}", never.join(", "))))?;
    }
    let verdict = match tally.findings.len() {
        0 => styled(GOOD, "nothing found"),
        1 => styled(BAD, "1 finding"),
        findings => styled(BAD, format!("{findings} findings")),
    };
    writeln!(
        out,
        "\ncampaign {}, shard {}: {} runs of {} scenarios ({} virtual), {verdict}",
        header.campaign,
        header.shard,
        tally.runs,
        header.scenarios.len(),
        virtual_time(tally.virtual_time())
    )
}

fn settling(out: &mut impl Write, tally: &Tally) -> io::Result<()> {
    if tally.settling.is_empty() {
        return Ok(());
    }
    let rows = tally.settling.iter().map(|(fault, times)| {
        vec![
            fault.clone(),
            times.count().to_string(),
            virtual_time(times.quantile(0.5)),
            virtual_time(times.quantile(0.9)),
            virtual_time(times.longest()),
        ]
    });
    let table = table::render(&["AT REST AFTER", "RUNS", "HALF WITHIN", "9 OF 10", "LONGEST"], rows);
    writeln!(out, "{table}")
}
