//! The commands by which the README makes a platform.

use std::fs;

use super::place::repository;

/// The heading of the part about it.
const HEADING: &str = "## A platform on your own machine\n";

/// The commands of that part, a text for a shell each, in their order.
pub(crate) fn commands() -> Vec<String> {
    let readme = fs::read_to_string(repository().join("README.md")).expect("there is one");
    let part = readme.split_once(HEADING).expect("the README has this part").1;
    let part = part.split_once("\n## ").map_or(part, |(part, _)| part);
    let after_opening = part.split("```sh\n").skip(1);
    after_opening.map(|rest| rest.split_once("```").expect("a block ends").0.to_owned()).collect()
}
