//! A folder, the program in it, and scenarios to run.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// A scenario that passes with every seed, and takes little time even without optimisation.
pub(crate) const PASSES: &str = r#"about = "A workspace is made."
duration = "2m"

[[template]]
name  = "vm"
plan  = { takes = "1s" }
apply = { takes = "2s" }

[[provisioner]]
name = "prov-1"

[[step]]
at = "1s"
create_workspace = { name = "dev", owner = "alice", template = "vm" }

[[expect]]
event = "job.completed"
times = 1
"#;

/// An expectation that never holds, as [`PASSES`] has one provisioner only.
pub(crate) const NEVER_MET: &str = r#"
[[expect]]
event = "job.completed"
with  = { by = "prov-2" }
"#;

/// A scenario that fails with every seed.
pub(crate) fn fails() -> String {
    PASSES.to_owned() + NEVER_MET
}

/// [`PASSES`] with a mistake in a value.
pub(crate) fn malformed() -> String {
    PASSES.replace("\"2s\"", "\"2 parsecs\"")
}

/// The line, from 1, and the column, from 1 and in characters, at which `part` stands in `text`.
pub(crate) fn position(text: &str, part: &str) -> (usize, usize) {
    let before = &text[..text.find(part).expect("the text has the part")];
    let column = before.lines().last().map_or(0, |line| if before.ends_with('\n') { 0 } else { line.chars().count() });
    (before.matches('\n').count() + 1, column + 1)
}

/// A folder that the program is run in, gone when this is dropped.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room for a folder"))
    }

    /// With this file in it.
    pub(crate) fn with(self, name: &str, content: &str) -> Self {
        self.write(name, content);
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("the file is in a folder")).expect("a folder can be made");
        fs::write(path, content).expect("a file can be written");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("the file can be read")
    }

    /// The program, ready to be run in this folder.
    #[allow(clippy::disallowed_methods, reason = "what is tested is a process, seen from outside any simulation")]
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_groundhog"));
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        // What whoever runs the tests has set must not colour the output.
        for name in ["CLICOLOR", "CLICOLOR_FORCE", "NO_COLOR", "RUST_BACKTRACE", "RUST_LOG"] {
            command.env_remove(name);
        }
        // Nor must the machine that runs the tests be taken for a shard of a campaign.
        for name in ["GROUNDHOG_SHARD", "JOB_COMPLETION_INDEX", "CI_NODE_INDEX", "CIRCLE_NODE_INDEX"] {
            command.env_remove(name);
        }
        command.env_remove("BUILDKITE_PARALLEL_JOB");
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().expect("the program can be started"))
    }

    /// Runs the program, which must end with `status`, and reads its output as one JSON value a line.
    pub(crate) fn json(&self, status: i32, arguments: &[&str]) -> Vec<Value> {
        self.run(&[arguments, &["--format", "json"]].concat()).with_status(status).json()
    }
}

/// A program that has ended.
pub(crate) struct Ran {
    /// None if a signal ended it.
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    /// Standard error, without the line that says how long it took.
    pub(crate) err: String,
    /// That line: it differs each time.
    pub(crate) took: Option<String>,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
        let err = text(output.stderr);
        let (took, err): (Vec<_>, Vec<_>) = err.split_inclusive('\n').partition(|line| {
            line.ends_with(" per second and job\n") || line.ends_with(" virtual seconds per second\n")
        });
        let took = took.first().map(|line| (*line).to_owned());
        Self { status: output.status.code(), out: text(output.stdout), err: err.concat(), took }
    }

    /// It must have ended with this status.
    #[track_caller]
    pub(crate) fn with_status(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "standard output:\n{}\nstandard error:\n{}", self.out, self.err);
        self
    }

    /// It must have refused to run anything, and said so on standard error only.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        let ran = self.with_status(2);
        assert_eq!(ran.out, "");
        ran.err
    }

    /// It must have had nothing to complain of.
    #[track_caller]
    pub(crate) fn quiet(self) -> String {
        assert_eq!(self.err, "");
        self.out
    }

    /// Standard output as one JSON value a line.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.out.lines().map(parse).collect()
    }

    /// The lines of event logs on standard output.
    pub(crate) fn log(&self) -> Vec<&str> {
        log(&self.out)
    }
}

/// The lines of `text` that are lines of an event log: they begin with a time.
pub(crate) fn log(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with('+')).collect()
}

/// The keys of a JSON object, sorted.
#[track_caller]
pub(crate) fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("it is an object").keys().map(String::as_str).collect()
}

/// `text` must have `part` in it.
#[track_caller]
pub(crate) fn assert_has(text: &str, part: &str) {
    assert!(text.contains(part), "no {part:?} in:\n{text}");
}
