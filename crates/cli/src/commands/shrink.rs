//! `groundhog shrink`: makes a failing plan smaller, that of a case file or of any scenario that fails.

use std::{
    io::{self, IsTerminal, Write},
    path::Path,
};

use groundhog_sim::campaign::{Subject, shrink};
use groundhog_stage::{
    campaign::Stories,
    case::{self, Failure},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::{
    fuzz::{finds::size, record::write_whole},
    run::began,
    scenarios,
};
use crate::{
    arguments::{Format, ShrinkArguments},
    exit::Exit,
    version::version,
};

/// Makes what `arguments` name smaller.
pub fn run(arguments: &ShrinkArguments) -> io::Result<Exit> {
    let loaded = match scenarios::one(&arguments.case, arguments.format)? {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    let mut plan = loaded.file.scenario.clone();
    plan.seed = arguments.seed.unwrap_or(plan.seed);
    let began = began();
    let outcome = Stories.run(&plan, plan.seed);
    let Some(signature) = case::failure_of(&loaded.file, &outcome) else {
        anstream::eprintln!(
            "groundhog: {} passes with seed {}: there is nothing to shrink",
            arguments.case.display(),
            plan.seed
        );
        return Ok(Exit::BadInput);
    };
    let before = size(&plan);
    let bar = bar(arguments.runs);
    let shrunk = shrink(&Stories, plan.clone(), plan.seed, outcome, &signature, |progress| {
        bar.set_position(progress.runs);
        bar.set_message(format!("{} of {} parts left", progress.parts, before.parts));
        progress.runs < arguments.runs
    });
    bar.finish_and_clear();
    let out = arguments.out.clone().unwrap_or_else(|| {
        loaded
            .file
            .case
            .as_ref()
            .map_or_else(|| Path::new(&signature.slug()).with_extension("toml"), |_| arguments.case.clone())
    });
    let failure = Failure {
        plan: &shrunk.plan,
        outcome: &shrunk.outcome,
        signature: &signature,
        version: version(),
        found: loaded.file.case.and_then(|case| case.found),
    };
    write_whole(&out, &failure.to_toml(&out.display().to_string()))?;
    anstream::eprintln!("{:.1} s", began.elapsed().as_secs_f64());
    let after = size(&shrunk.plan);
    match arguments.format {
        Format::Text => {
            let end = if shrunk.is_minimal { "nothing more can go" } else { "cut short; --runs allows more" };
            writeln!(
                anstream::stdout(),
                "{}: {} parts, {} faults, {} steps; it had {}, {}, {} ({} runs; {end})",
                out.display(),
                after.parts,
                after.faults,
                after.steps,
                before.parts,
                before.faults,
                before.steps,
                shrunk.runs
            )?;
        }
        Format::Json => {
            let line = json!({
                "case": out.display().to_string(),
                "signature": signature,
                "before": before,
                "after": after,
                "runs": shrunk.runs,
                "is_minimal": shrunk.is_minimal,
                "seed": shrunk.plan.seed,
            });
            writeln!(io::stdout(), "{line}")?;
        }
    }
    Ok(Exit::Good)
}

/// A bar on a terminal; nothing elsewhere.
fn bar(runs_max: u64) -> ProgressBar {
    let target = if io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(runs_max), target);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} runs, of {len} at most  {msg}") {
        bar.set_style(style);
    }
    bar
}
