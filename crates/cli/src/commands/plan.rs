//! `groundhog prebuilds plan`: decisions about workspaces that are built ahead, from cases in a file.
//!
//! What decides is what the control plane asks; nothing is decided here.

use std::{
    fmt::Write as _,
    fs,
    io::{self, Read, Write},
    path::Path,
};

use groundhog_prebuilds::cases::{self, Answer, Case, CaseError};
use serde::Serialize;

use crate::{
    arguments::{PlanArguments, PlanFormat},
    exit::Exit,
};

/// What is written of a case for programs.
#[derive(Serialize)]
struct Answered<'a> {
    id: &'a str,
    #[serde(flatten)]
    what: What,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Expect(Answer),
    /// Why it was not understood.
    Error(String),
}

/// Answers the cases of a file.
pub fn run(arguments: &PlanArguments) -> io::Result<Exit> {
    let read = text(&arguments.file).map_err(|error| error.to_string());
    let cases = match read.and_then(|text| cases::read(&text).map_err(|error| error.to_string())) {
        Ok(cases) => cases,
        Err(error) => {
            anstream::eprintln!("groundhog: {}: {error}", arguments.file.display());
            return Ok(Exit::BadInput);
        }
    };
    let mut exit = Exit::Good;
    for error in cases.iter().filter_map(|case| case.as_ref().err()) {
        anstream::eprintln!("groundhog: {}: {error}", arguments.file.display());
        exit = Exit::BadInput;
    }
    let mut out = io::stdout().lock();
    match arguments.format {
        PlanFormat::Text => {
            let told: Vec<String> = cases.iter().filter_map(|case| case.as_ref().ok()).map(tell).collect();
            write!(out, "{}", told.join("\n"))?;
        }
        PlanFormat::Json => {
            // One a line, so that two versions can be compared by lines.
            let lines: Result<Vec<String>, _> = cases.iter().map(json).collect();
            writeln!(out, "[\n{}\n]", lines.map_err(io::Error::other)?.join(",\n"))?;
        }
    }
    Ok(exit)
}

fn text(file: &Path) -> io::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text)?;
        Ok(text)
    } else {
        fs::read_to_string(file)
    }
}

/// A case for people: its name, what it asks for if that is not what comes out, and a line for each reason.
fn tell(case: &Case) -> String {
    let mut told = match case.is_as_expected() {
        None => format!("{}\n", case.id),
        Some(true) => format!("{}: as it expects\n", case.id),
        Some(false) => format!("{}: NOT as it expects\n", case.id),
    };
    for line in case.explain() {
        // A text takes whatever is written to it.
        let _ = writeln!(told, "  {line}");
    }
    if let (Some(false), Some(expected)) = (case.is_as_expected(), case.expected()) {
        let ours = serde_json::to_string(&case.answer()).unwrap_or_else(|error| error.to_string());
        let _ = writeln!(told, "  it expects {expected}\n  and gets   {ours}");
    }
    told
}

fn json(case: &Result<Case, CaseError>) -> serde_json::Result<String> {
    serde_json::to_string(&match case {
        Ok(case) => Answered { id: &case.id, what: What::Expect(case.answer()) },
        Err(error) => Answered { id: &error.id, what: What::Error(error.mistake.to_string()) },
    })
}
