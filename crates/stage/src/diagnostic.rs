//! A mistake in a file: as data, as text for a person, as JSON for a machine.
//!
//! Every diagnostic has a stable code (`unknown-host`), says in its message what is wrong and in its help what
//! was expected. A name that is not known is answered with the nearest known one, but only when it is near: a
//! far-fetched guess sends the reader the wrong way.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

/// How many diagnostics of one source are kept. A file with more is not a scenario with mistakes but something
/// else, and nobody reads further.
pub const DIAGNOSTICS_MAX: usize = 100;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Names the kind of mistake for good: `bad-duration`.
    pub code: &'static str,
    /// What is wrong, in one sentence.
    pub message: String,
    /// Which bytes of the source it is about; none if it is about the file as such.
    pub span: Option<Range<usize>>,
    /// What stands beside the marked place; may be empty.
    pub label: String,
    /// What was expected, or what to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A diagnostic about the file as such.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), span: None, label: String::new(), help: None }
    }

    /// Points at the place.
    #[must_use]
    pub fn at(mut self, span: Range<usize>) -> Self {
        self.span = Some(span);
        self
    }

    /// Says something beside the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Says what was expected.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says what was expected where a name is not among the `known` ones: the nearest if one is near, else all.
    #[must_use]
    pub fn help_with_names<'a>(self, name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Self {
        if let Some(near) = nearest(name, known.clone()) {
            return self.help(format!("did you mean `{near}`?"));
        }
        let listed: Vec<String> = known.into_iter().take(LISTED_MAX).map(|name| format!("`{name}`")).collect();
        match listed.as_slice() {
            [] => self,
            [only] => self.help(format!("expected {only}")),
            several => self.help(format!("expected one of {}", several.join(", "))),
        }
    }
}

/// How many names a help text lists; a longer list is not read.
const LISTED_MAX: usize = 20;

/// The name among `known` that is nearest to `name`, if any is near.
///
/// Near means that at most a third of its letters have to be typed anew, with letter case set aside.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A name that long is no typing error, and the distance of two long texts is costly.
    if name.len() > 100 {
        return None;
    }
    let wanted = name.to_lowercase();
    let edits_max = (wanted.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(edits, candidate)| *edits <= edits_max && *edits < candidate.chars().count())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// All that is wrong with one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    /// What the source is called: a path.
    pub file: String,
    /// Its text, as far as there is one.
    pub text: String,
    /// What is wrong, in the order of the text.
    pub list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Puts what was found into the order of the text, and keeps the first [`DIAGNOSTICS_MAX`].
    pub fn new(file: impl Into<String>, text: impl Into<String>, mut list: Vec<Diagnostic>) -> Self {
        list.sort_by_key(|diagnostic| diagnostic.span.as_ref().map_or(0, |span| span.start));
        list.truncate(DIAGNOSTICS_MAX);
        Self { file: file.into(), text: text.into(), list }
    }

    /// Where a diagnostic points: line and column, both from 1, the column in characters.
    pub fn position(&self, diagnostic: &Diagnostic) -> Option<(usize, usize)> {
        diagnostic.span.as_ref().map(|span| Lines::of(&self.text).position(&self.text, span.start))
    }

    /// The text for a person, with or without terminal colours.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let lines = Lines::of(&self.text);
        let shown: Vec<String> =
            self.list.iter().map(|diagnostic| self.render_one(diagnostic, &lines, &renderer)).collect();
        shown.join("\n\n")
    }

    fn render_one(&self, diagnostic: &Diagnostic, lines: &Lines, renderer: &Renderer) -> String {
        let title = Level::ERROR.primary_title(diagnostic.message.as_str()).id(diagnostic.code);
        let mut group = match &diagnostic.span {
            None => Group::with_title(title).element(Origin::path(self.file.as_str())),
            Some(span) => {
                let place = lines.place(&self.text, span);
                let snippet = Snippet::source(place.line_text)
                    .path(self.file.as_str())
                    .line_start(place.line)
                    .annotation(AnnotationKind::Primary.span(place.within).label(diagnostic.label.as_str()));
                title.element(snippet)
            }
        };
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }

    /// The same for a machine: an array of objects with `file`, `line`, `column`, `code`, `message` and `help`.
    /// Line and column are null for what is about the file as such.
    pub fn to_json(&self) -> Value {
        let lines = Lines::of(&self.text);
        let entries = self.list.iter().map(|diagnostic| {
            let position = diagnostic.span.as_ref().map(|span| lines.position(&self.text, span.start));
            json!({
                "file": self.file,
                "line": position.map(|(line, _)| line),
                "column": position.map(|(_, column)| column),
                "code": diagnostic.code,
                "message": diagnostic.message,
                "help": diagnostic.help,
            })
        });
        Value::Array(entries.collect())
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

/// Where the lines of a text begin, so that many places can be found without reading the text again.
pub(crate) struct Lines {
    starts: Vec<usize>,
}

/// A marked place, as far as it lies on its first line.
struct Place<'a> {
    line: usize,
    line_text: &'a str,
    within: Range<usize>,
}

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(index, _)| index + 1);
        Self { starts: std::iter::once(0).chain(after_breaks).collect() }
    }

    /// The line on which a byte stands, from 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    fn position(&self, text: &str, offset: usize) -> (usize, usize) {
        let line = self.line(offset);
        let end = floor_boundary(text, offset);
        let start = self.starts[line - 1].min(end);
        (line, text[start..end].chars().count() + 1)
    }

    /// Only the first line is shown: a mark that spans a table would fill the screen.
    fn place<'a>(&self, text: &'a str, span: &Range<usize>) -> Place<'a> {
        let line = self.line(span.start);
        let line_start = self.starts[line - 1];
        let line_end = self.starts.get(line).map_or(text.len(), |next| next - 1);
        let line_text = text[line_start..line_end].trim_end_matches('\r');
        let start = floor_boundary(line_text, span.start.saturating_sub(line_start));
        let end = floor_boundary(line_text, span.end.saturating_sub(line_start)).max(start);
        Place { line, line_text, within: start..end }
    }
}

/// The nearest place at or before `offset` where a character begins. A span comes from a parser; that it never
/// splits a character or runs past the end is not ours to promise.
fn floor_boundary(text: &str, offset: usize) -> usize {
    text.floor_char_boundary(offset.min(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_name_is_suggested() {
        let known = ["control", "users", "prov-1"];
        assert_eq!(nearest("contrl", known), Some("control"));
        assert_eq!(nearest("Prov-1", known), Some("prov-1"));
        assert_eq!(nearest("agent", known), None);
        assert_eq!(nearest("x", ["y"]), None, "a name that has nothing in common is not near, however short");
    }

    #[test]
    fn a_place_is_found_in_text_with_wide_characters_and_any_line_end() {
        let text = "é = 1\r\nßß = bad\r\n";
        let start = text.find("bad").expect("the text has it");
        let diagnostics =
            Diagnostics::new("a.toml", text, vec![Diagnostic::new("code", "wrong").at(start..start + 3).help("so")]);
        assert_eq!(diagnostics.position(&diagnostics.list[0]), Some((2, 6)));
        let shown = diagnostics.render(false);
        assert!(shown.contains("a.toml:2:6"), "{shown}");
        assert!(shown.contains("help: so"), "{shown}");
        assert_eq!(diagnostics.to_json()[0]["column"], 6);
    }

    #[test]
    fn a_span_outside_the_text_is_shown_at_its_end() {
        let diagnostics = Diagnostics::new("a", "ü", vec![Diagnostic::new("code", "wrong").at(1..900)]);
        assert_eq!(diagnostics.position(&diagnostics.list[0]), Some((1, 1)));
        assert!(diagnostics.render(true).contains("wrong"));
    }
}
