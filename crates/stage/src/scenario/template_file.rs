//! A template that stands alone in a file, for a platform that runs.

use std::path::Path;

use super::{Template, check, document, text};
use crate::diagnostic::Diagnostics;

/// Reads and checks a file whose keys are those of one `[[template]]` of a scenario, without the brackets. What its
/// agents run is a text for the shell of their machines, of which nothing is known here. The template is called `name`;
/// the file may say so too.
pub fn load_template(path: &Path, name: &str) -> Result<Template, Diagnostics> {
    let text = text::read(path)?;
    let read = document::read_template(&text, name).and_then(|raw| check::template(raw, &text));
    read.map_err(|list| Diagnostics::new(path.display().to_string(), text.as_str(), list))
}
