//! From text to tables: syntax, keys and types.
//!
//! Each table is read by itself, so that one with a mistake does not hide the mistakes of the others.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::raw;
use crate::diagnostic::{DIAGNOSTICS_MAX, Diagnostic};

/// A scenario file, table by table. What is missing here is missing in the file.
#[derive(Default)]
pub(super) struct Document {
    pub(super) about: Option<Spanned<String>>,
    pub(super) issue: Option<String>,
    pub(super) version: Option<String>,
    pub(super) seed: Option<Spanned<i64>>,
    pub(super) duration: Option<Spanned<raw::DurationText>>,
    pub(super) settle: Option<Spanned<raw::DurationText>>,
    pub(super) ends_at_rest: Option<bool>,
    pub(super) live: Option<bool>,
    pub(super) starts_at: Option<Spanned<String>>,
    pub(super) allow_errors: Option<Vec<Spanned<String>>>,
    pub(super) network: Option<raw::Network>,
    pub(super) control: Option<raw::Control>,
    pub(super) links: Vec<Spanned<raw::Link>>,
    pub(super) organizations: Vec<Spanned<raw::Organization>>,
    pub(super) groups: Vec<Spanned<raw::Group>>,
    pub(super) users: Vec<Spanned<raw::User>>,
    pub(super) templates: Vec<Spanned<raw::Template>>,
    pub(super) programs: Vec<Spanned<raw::Program>>,
    pub(super) provisioners: Vec<Spanned<raw::Provisioner>>,
    pub(super) chats: Vec<Spanned<raw::Chat>>,
    pub(super) assistants: Vec<Spanned<raw::Assistant>>,
    pub(super) steps: Vec<Spanned<raw::Step>>,
    pub(super) faults: Vec<Spanned<raw::Fault>>,
    pub(super) expectations: Vec<Spanned<raw::Expect>>,
    pub(super) swarm: Option<raw::Swarm>,
    pub(super) workload: Option<raw::Workload>,
    pub(super) case: Option<raw::Case>,
}

/// The keys of the file itself, in the order of the documentation.
const KEYS: [&str; 27] = [
    "about",
    "issue",
    "version",
    "seed",
    "duration",
    "settle",
    "ends_at_rest",
    "live",
    "starts_at",
    "allow_errors",
    "network",
    "control",
    "link",
    "organization",
    "group",
    "user",
    "template",
    "program",
    "provisioner",
    "chat",
    "assistant",
    "step",
    "fault",
    "expect",
    "swarm",
    "workload",
    "case",
];

/// Reads a text. Fails with every mistake that can be told apart.
pub(super) fn read(text: &str) -> Result<Document, Vec<Diagnostic>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What follows a syntax error is guesswork; schema mistakes in it would be, too.
        return Err(errors.iter().take(DIAGNOSTICS_MAX).map(syntax_error).collect());
    }
    let table = table.into_inner();
    if table.is_empty() {
        return Err(vec![
            Diagnostic::new("empty-file", "this file says nothing")
                .help("a scenario has at least `about` and `duration`; `groundhog new` writes one to start from"),
        ]);
    }
    let mut document = Document::default();
    let mut found = Vec::new();
    for (key, value) in table {
        let out = &mut found;
        match key.get_ref().as_ref() {
            "about" => document.about = entry(value, out),
            "issue" => document.issue = entry(value, out),
            "version" => document.version = entry(value, out),
            "seed" => document.seed = entry(value, out),
            "duration" => document.duration = entry(value, out),
            "settle" => document.settle = entry(value, out),
            "ends_at_rest" => document.ends_at_rest = entry(value, out),
            "live" => document.live = entry(value, out),
            "starts_at" => document.starts_at = entry(value, out),
            "allow_errors" => document.allow_errors = entry(value, out),
            "network" => document.network = entry(value, out),
            "control" => document.control = entry(value, out),
            "link" => document.links = entries("link", value, out),
            "organization" => document.organizations = entries("organization", value, out),
            "group" => document.groups = entries("group", value, out),
            "user" => document.users = entries("user", value, out),
            "template" => document.templates = entries("template", value, out),
            "program" => document.programs = entries("program", value, out),
            "provisioner" => document.provisioners = entries("provisioner", value, out),
            "chat" => document.chats = entries("chat", value, out),
            "assistant" => document.assistants = entries("assistant", value, out),
            "step" => document.steps = entries("step", value, out),
            "fault" => document.faults = entries("fault", value, out),
            "expect" => document.expectations = entries("expect", value, out),
            "swarm" => document.swarm = entry(value, out),
            "workload" => document.workload = entry(value, out),
            "case" => document.case = entry(value, out),
            unknown => out.push(
                Diagnostic::new("unknown-key", format!("there is no key `{unknown}` here"))
                    .at(key.span())
                    .help_with_names(unknown, KEYS),
            ),
        }
    }
    // A table that could not be read is missing from the document, so names in it would seem unknown: what `check`
    // would say is held back until all tables are read.
    if found.is_empty() { Ok(document) } else { Err(found) }
}

/// Reads a text whose keys are those of one `[[template]]`, without the brackets. `name` is the template's; the text
/// may say it too.
pub(super) fn read_template(text: &str, name: &str) -> Result<Spanned<raw::Template>, Vec<Diagnostic>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(errors.iter().take(DIAGNOSTICS_MAX).map(syntax_error).collect());
    }
    let mut table = table.into_inner();
    match table.get("name").map(|said| (said.span(), said.get_ref().as_str() == Some(name))) {
        Some((_, true)) => {}
        Some((span, false)) => {
            let diagnostic = Diagnostic::new("another-name", "this is not the name that the template is to have");
            return Err(vec![diagnostic.at(span).help(format!("leave it out, or say `name = {name:?}`"))]);
        }
        None => {
            let said = DeValue::String(name.to_owned().into());
            table.insert(Spanned::new(0..0, "name".into()), Spanned::new(0..0, said));
        }
    }
    let mut found = Vec::new();
    let read = entry(Spanned::new(0..text.len(), DeValue::Table(table)), &mut found);
    read.ok_or(found)
}

fn entry<T: DeserializeOwned>(value: Spanned<DeValue<'_>>, found: &mut Vec<Diagnostic>) -> Option<T> {
    let span = value.span();
    match T::deserialize(ValueDeserializer::from(value)) {
        Ok(read) => Some(read),
        Err(error) => {
            found.push(schema_error(&error, span));
            None
        }
    }
}

fn entries<T: DeserializeOwned>(key: &str, value: Spanned<DeValue<'_>>, found: &mut Vec<Diagnostic>) -> Vec<T> {
    let span = value.span();
    match value.into_inner() {
        DeValue::Array(values) => values.into_iter().filter_map(|value| entry(value, found)).collect(),
        other => {
            found.push(
                Diagnostic::new("wrong-type", format!("`{key}` is a list of tables, not a {}", other.type_str()))
                    .at(span)
                    .help(format!("each begins with `[[{key}]]`, in double brackets")),
            );
            Vec::new()
        }
    }
}

fn syntax_error(error: &toml::de::Error) -> Diagnostic {
    Diagnostic::new("syntax", error.message().to_owned()).at(error.span().unwrap_or(0..0))
}

/// Turns an error of serde's into one of ours. Its texts are the only place where it says which name was wrong and
/// which ones are right; a text of another form is passed on as it is.
fn schema_error(error: &toml::de::Error, table: Range<usize>) -> Diagnostic {
    let span = error.span().unwrap_or(table);
    let message = error.message();
    let mut names = message.split('`').skip(1).step_by(2);
    let first = names.next().unwrap_or_default();
    let known: Vec<&str> = names.collect();
    if message.starts_with("unknown field") {
        return Diagnostic::new("unknown-key", format!("there is no key `{first}` here"))
            .at(span)
            .help_with_names(first, known);
    }
    if message.starts_with("unknown variant") {
        return Diagnostic::new("unknown-value", format!("`{first}` cannot stand here"))
            .at(span)
            .help_with_names(first, known);
    }
    if message.starts_with("missing field") {
        return Diagnostic::new("missing-key", format!("the key `{first}` is missing")).at(span);
    }
    match message.rsplit_once(", expected ") {
        Some((wrong, expected)) => {
            Diagnostic::new("wrong-type", wrong.to_owned()).at(span).help(format!("expected {expected}"))
        }
        None => Diagnostic::new("wrong-type", message.to_owned()).at(span),
    }
}
