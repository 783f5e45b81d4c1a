//! `groundhog fuzz`: a campaign.
//!
//! - `shard`: which part of the campaign is to be done here, as told by an option or by the machine's surroundings.
//! - `search`: makes the runs, in the order of their indices.
//! - `record`: the file with the results, written as they come.
//! - `finds`: what is done about a failure of a new kind: it is written as a case, and made small.
//! - `progress`: how far it has come, for people.
//! - `summary`: what came of it, for people; shared with `groundhog merge`.

pub(super) mod finds;
mod progress;
pub(super) mod record;
mod search;
mod shard;
pub(super) mod summary;

use std::io;

use self::{
    finds::Finds,
    progress::Progress,
    record::{Header, Record},
    search::{Found, Search, Stop},
};
use super::{run::began, scenarios};
use crate::{
    arguments::{Format, FuzzArguments},
    exit::Exit,
    pool,
    version::version,
};

/// Runs the campaign that `arguments` describe.
pub fn run(arguments: &FuzzArguments) -> io::Result<Exit> {
    let loaded = match scenarios::load(&arguments.paths, arguments.format)? {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    let shard = match shard::of(arguments.shard) {
        Ok(shard) => shard,
        Err(message) => {
            anstream::eprintln!("groundhog: {message}");
            return Ok(Exit::BadInput);
        }
    };
    let families: Vec<_> = loaded.into_iter().map(|one| (one.entry.name, one.file)).collect();
    let header = Header {
        campaign: arguments.campaign.clone(),
        shard: shard.to_string(),
        version: version().to_owned(),
        scenarios: families.iter().map(|(name, _)| name.clone()).collect(),
        seeds: arguments.seeds,
    };
    // Before anything is run: whoever can't write would find out after an hour.
    let mut record = Record::begin(&arguments.out, &header, shard, arguments.format)?;
    let jobs = arguments.jobs.unwrap_or_else(pool::default_jobs);
    let search = Search::new(&families, arguments, shard, jobs);
    let mut progress = Progress::new(search.runs(), began());
    let mut finds = Finds::new(&arguments.out, header, arguments.shrink_runs);
    let stop = search.each(|run, tally, plan| {
        if let Found::New(signature) = run {
            progress.suspend(|| finds.found(signature, tally, plan, &mut record))?;
        }
        progress.tell(tally);
        record.keep_up(tally)?;
        let enough = arguments.stop_after.is_some_and(|most| tally.findings.len() >= most.get());
        Ok(!enough)
    });
    progress.end();
    let (tally, stop) = stop?;
    if let Stop::Broken(message) = &stop {
        anstream::eprintln!("groundhog: {message}");
        record.end(&tally, false)?;
        return Ok(Exit::Broken);
    }
    record.end(&tally, true)?;
    if arguments.format == Format::Text {
        summary::tell(&finds.header, &tally, Some(&finds))?;
    }
    progress.rate(&tally, jobs);
    Ok(if tally.findings.is_empty() { Exit::Good } else { Exit::Failed })
}
