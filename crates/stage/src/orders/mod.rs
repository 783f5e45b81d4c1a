//! Where two logs of one story differ as partial orders.
//!
//! Two engines never agree on when something happens to the microsecond, nor on which of two hosts comes first where
//! nothing orders them. What they must agree on is what every host does about a thing, in which order, and what one host does
//! because of another. So logs are compared thing by thing, and never by the clock:
//!
//! - `measured`: which fields are not compared, as they measure time, or what depends on it;
//! - `texts`: what of an error's text is compared: what the platform says of it, and not what the machine does.
//! - `words`: the words of a value, where names of things stand in it;
//! - `matching`: which `job#1` of one log is which of the other. Names are given in the order of first appearance, so
//!   they are other names in each run;
//! - `events`: a log after both: hosts, events and fields in common names, and the things that each is about;
//! - `repeats`: what is told again and again counts as once or more;
//! - `chains`: what a host tells about one thing, in its order. A host does many things at once, so the order of all
//!   that it tells is not determined; that about one thing is;
//! - `pairs`: two hosts about one thing: which of them comes first. This is where a message went from one to the other;
//! - `difference`: what was found, as data and in words.
//!
//! Where nothing orders two events, one run has them this way and the next one that way. So several runs of the first
//! engine may be given: what one of them has as the other engine has it is open, and no difference.
//!
//! Architecture invariant: this is a function of records. It knows no engine and no run.

mod chains;
mod difference;
mod events;
mod matching;
mod measured;
mod pairs;
mod repeats;
mod texts;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use self::difference::{Difference, Told};
use self::events::History;
use crate::Record;

/// How the logs of one engine, which may have several of a story, differ from another's: what the first of them and
/// `other` do not have in common, unless one of the rest has it as `other` has, or in a third way.
///
/// In the order in which things came about. Names of things are those of `other`; a name with a star is of something that
/// only one of the logs has. Quiet records are passed over. None given: nothing to tell.
pub fn compare(logs: &[&[Record]], other: &[Record]) -> Vec<Difference> {
    let Some((first, rest)) = logs.split_first() else { return Vec::new() };
    let [ours, theirs] = events::in_common(first, other);
    let mut found = chains::differences(&ours, &theirs);
    found.extend(pairs::differences(&ours, &theirs));
    found.sort();
    let mut told = BTreeSet::new();
    let mut differences: Vec<_> =
        found.into_iter().map(|(_, difference)| difference).filter(|one| told.insert(one.clone())).collect();
    for log in rest {
        if differences.is_empty() {
            break;
        }
        let [ours, theirs] = events::in_common(log, other);
        let apart: BTreeSet<_> =
            chains::differences(&ours, &theirs).into_iter().map(|(_, difference)| difference).collect();
        differences.retain(|difference| !shows(&ours, &apart, difference));
    }
    differences
}

/// Whether `log`, of which all this is `apart` from the other engine's, has what `difference` is about as that one has it;
/// or in a third way, which shows that it is open too.
fn shows(log: &History, apart: &BTreeSet<Difference>, difference: &Difference) -> bool {
    match difference {
        Difference::Missing { again: true, .. } => !apart.contains(difference),
        Difference::Missing { from: 0, told, .. } => log.has(told),
        Difference::Missing { told, .. } => !log.has(told),
        // Of many that are alike, such as daemons that wait for a job, no run need choose the very one of the other engine:
        // that they are chosen among is seen by any other choice.
        Difference::Otherwise { told: [ours, theirs], .. } | Difference::Elsewhere { told: [ours, theirs], .. } => {
            log.has(theirs) || !log.has(ours)
        }
        Difference::Order { first, then, .. } => log.has_in_order(then, first),
    }
}
