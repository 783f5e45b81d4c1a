//! `groundhog merge`: joins the results of a campaign's shards.
//!
//! The rules. All files must be of one campaign: of the same name, code version, scenarios and number of runs, and of
//! as many shards; none of them may stand there twice. Counts are added up. Failures of one signature are one finding;
//! the earliest run stands for it, and so does its case file. The result is the same in whatever order the files are
//! given, and, for a campaign whose runs are counted, the same as that of the whole campaign in one piece. A shard that
//! is missing, was cut short or broke down is told, and the result is marked as not complete.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use groundhog_sim::campaign::{Shard, Signature, Tally};

use super::fuzz::{
    record::{self, Header, Line, Results},
    summary,
};
use crate::{
    arguments::{Format, MergeArguments},
    exit::Exit,
};

/// Joins the files that `arguments` name.
pub fn run(arguments: &MergeArguments) -> io::Result<Exit> {
    let joined = match join(arguments) {
        Ok(joined) => joined,
        Err(message) => {
            anstream::eprintln!("groundhog: {message}");
            return Ok(Exit::BadInput);
        }
    };
    for warning in &joined.warnings {
        anstream::eprintln!("{warning}");
    }
    let complete = joined.warnings.is_empty();
    match arguments.format {
        Format::Text => summary::tell(&joined.header, &joined.tally, None)?,
        Format::Json => {
            let mut out = io::stdout().lock();
            let (first, last) = (Line::campaign(joined.header), Line::End { complete, tally: joined.tally.clone() });
            for line in [&first].into_iter().chain(&joined.findings).chain([&last]) {
                writeln!(out, "{}", serde_json::to_string(line).map_err(io::Error::other)?)?;
            }
        }
    }
    Ok(match (joined.tally.findings.is_empty(), complete) {
        (false, _) => Exit::Failed,
        (true, true) => Exit::Good,
        // Nothing was found, but not everything was looked at.
        (true, false) => Exit::Broken,
    })
}

struct Joined {
    header: Header,
    tally: Tally,
    findings: Vec<Line>,
    /// What keeps the result from being complete.
    warnings: Vec<String>,
}

fn join(arguments: &MergeArguments) -> Result<Joined, String> {
    let mut shards: BTreeMap<u64, Results> = BTreeMap::new();
    let mut warnings = Vec::new();
    let mut count = 1;
    let mut first: Option<Header> = None;
    for path in &arguments.files {
        let at = |what: String| format!("{}: {what}", path.display());
        let results = record::read(path)?;
        let shard: Shard =
            results.header.shard.parse().map_err(|error| at(format!("{}: {error}", results.header.shard)))?;
        if let Some(first) = &first {
            if let Some(difference) = difference(first, &results.header, count, shard) {
                return Err(at(format!("this can't be joined with {}: {difference}", arguments.files[0].display())));
            }
        } else {
            (count, first) = (shard.count(), Some(results.header.clone()));
        }
        if !results.complete {
            warnings.push(at(format!("shard {shard} was cut short after {} runs", results.tally.runs)));
        }
        if shards.insert(shard.index(), results).is_some() {
            return Err(at(format!("shard {shard} stands there twice")));
        }
    }
    let header = first.ok_or("no file was given")?;
    let missing: Vec<String> = (0..count).filter(|index| !shards.contains_key(index)).map(|i| i.to_string()).collect();
    if !missing.is_empty() {
        warnings.push(format!("of {count} shards, missing: {}", missing.join(", ")));
    }
    let mut tally = Tally::default();
    shards.values().for_each(|results| tally.join(&results.tally));
    let mut findings: Vec<Line> = shards.into_values().flat_map(|results| results.findings).collect();
    findings.retain(|line| stands_for_all(line, &tally));
    findings.sort_by_key(place);
    Ok(Joined { header: Header { shard: Shard::ALL.to_string(), ..header }, tally, findings, warnings })
}

/// In what two headers differ although they are to be joined.
fn difference(one: &Header, other: &Header, count: u64, shard: Shard) -> Option<String> {
    let differ =
        |what: &str, one: &str, other: &str| (one != other).then(|| format!("its {what} is {other:?}, not {one:?}"));
    let set = |header: &Header| header.scenarios.iter().cloned().collect::<BTreeSet<_>>();
    let runs = |header: &Header| header.seeds.map_or("not counted".to_owned(), |seeds| seeds.to_string());
    differ("campaign", &one.campaign, &other.campaign)
        .or_else(|| differ("version", &one.version, &other.version))
        .or_else(|| differ("number of runs", &runs(one), &runs(other)))
        .or_else(|| differ("number of shards", &count.to_string(), &shard.count().to_string()))
        .or_else(|| (set(one) != set(other)).then(|| "its scenarios are others".to_owned()))
}

/// Whether a line is about the run that stands for its finding. Lines tell of the first run in each shard.
fn stands_for_all(line: &Line, tally: &Tally) -> bool {
    match line {
        Line::Finding { signature, index, .. } => {
            tally.findings.get(signature).is_some_and(|finding| finding.index == *index)
        }
        Line::Shrunk { signature, index, .. } => {
            tally.findings.get(signature).is_some_and(|finding| finding.index == *index)
        }
        _ => false,
    }
}

/// Findings in the order of their runs, each before what became of it.
fn place(line: &Line) -> (u64, bool, Option<Signature>) {
    match line {
        Line::Finding { index, signature, .. } => (*index, false, Some(signature.clone())),
        Line::Shrunk { index, signature, .. } => (*index, true, Some(signature.clone())),
        _ => (u64::MAX, true, None),
    }
}
