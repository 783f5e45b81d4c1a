//! On what a scenario is played.

use std::io;

use groundhog_engines::Kind;
use groundhog_stage::{
    cast,
    run::{self, Report, UNSUPPORTED},
};

use crate::commands::scenarios::Loaded;

/// What is said of a scenario that is not marked as one that can be played live.
pub(super) const UNMARKED: &str = "the file does not say `live = true`";

/// What became of playing a scenario on an engine.
pub(super) enum Played {
    /// It was played, and judged.
    Judged(Report),
    /// It is not for this engine: why.
    Refused(String),
}

/// Plays a scenario. Fails when the machine can't provide what a live run needs.
pub(super) fn play(kind: Kind, loaded: &Loaded, seed: u64) -> io::Result<Played> {
    let scenario = &loaded.file.scenario;
    let report = match kind {
        Kind::Leap => run::run(scenario, seed),
        Kind::Live if !scenario.live => return Ok(Played::Refused(UNMARKED.to_owned())),
        Kind::Turmoil | Kind::Live => {
            let story = |engine: &mut dyn groundhog_sim::Engine| run::perform(scenario, seed, engine);
            groundhog_engines::play(kind, cast::config(scenario, seed), story)?
        }
    };
    let refused = report.violations.iter().find(|violation| violation.rule == UNSUPPORTED);
    Ok(match refused {
        Some(violation) => Played::Refused(violation.message.clone()),
        None => Played::Judged(report),
    })
}
