//! A scenario file, read: one story, and what a campaign may make of it.

use std::path::Path;

use groundhog_host::event::EventSpec;
use groundhog_sim::campaign::Draws;

use super::check::{self, Checked};
use super::choice::Choice;
use super::{Case, Scenario, Swarm, Workload, document, text};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// All that a scenario file says.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioFile {
    /// The story as it is run by itself: the least of every range.
    pub scenario: Scenario,
    /// What may go wrong in a campaign.
    pub swarm: Swarm,
    /// What people do in a campaign beyond the story.
    pub workload: Workload,
    /// What happened, if the file is a case.
    pub case: Option<Case>,
    /// The file's text, if it has ranges to draw from.
    ranges: Option<String>,
}

impl ScenarioFile {
    /// Reads and checks a scenario file. `catalogues` are the events that can happen, one list per component.
    pub fn load(path: &Path, catalogues: &[&[EventSpec]]) -> Result<Self, Diagnostics> {
        let text = text::read(path)?;
        Self::parse(&path.display().to_string(), &text, catalogues)
    }

    /// Checks a scenario's text; `file` is what the text is called in diagnostics.
    pub fn parse(file: &str, text: &str, catalogues: &[&[EventSpec]]) -> Result<Self, Diagnostics> {
        let with = |choice| with(text, catalogues, choice).map_err(|list| Diagnostics::new(file, text, list));
        let Checked { scenario, swarm, workload, case } = with(Choice::Least)?;
        // What a campaign draws lies between two stories that make sense.
        let has_ranges = with(Choice::Most)?.scenario != scenario;
        Ok(Self { scenario, swarm, workload, case, ranges: has_ranges.then(|| text.to_owned()) })
    }

    /// The story with something else drawn from each range. What does not fit together, such as a build before its
    /// workspace is made, is the story with the least of each instead.
    pub(crate) fn draw(&self, catalogues: &[&[EventSpec]], draws: &Draws) -> Scenario {
        let drawn = self.ranges.as_ref().and_then(|text| with(text, catalogues, Choice::Drawn(draws.clone())).ok());
        drawn.map_or_else(|| self.scenario.clone(), |checked| checked.scenario)
    }
}

fn with(text: &str, catalogues: &[&[EventSpec]], choice: Choice) -> Result<Checked, Vec<Diagnostic>> {
    document::read(text).and_then(|document| check::check(document, text, catalogues, choice))
}
