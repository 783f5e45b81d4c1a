//! A newcomer does what the README says.

use std::{os::unix::fs::symlink, path::Path, process::Command};

use rustix::process::Signal;

use super::{
    child::{Running, eventually},
    place::{Place, repository},
    readme,
};
use crate::support::{Ran, assert_has};

/// A terminal: what was exported in it stays.
struct Terminal<'a> {
    place: &'a Place,
    exported: String,
}

impl Terminal<'_> {
    fn command(&self, text: &str) -> Command {
        // Not run by it, but of whoever says `groundhog` here.
        let program = Path::new(env!("CARGO_BIN_EXE_groundhog")).parent().expect("it is in a folder");
        let path = std::env::var("PATH").expect("programs are found by it");
        let mut command = Command::new("sh");
        command.arg("-ec").arg(format!("{}{text}", self.exported)).current_dir(self.place.folder.path(""));
        command.env("PATH", format!("{}:{path}", program.display()));
        self.place.set(&mut command);
        command
    }

    /// Types something and waits until it is done. It must go well.
    #[track_caller]
    fn types(&mut self, text: &str) -> Ran {
        let ran = Ran::of(self.command(text).output().expect("there is a shell")).with_status(0);
        self.exported.extend(text.lines().filter(|line| line.starts_with("export ")).flat_map(|line| [line, "\n"]));
        ran
    }

    /// Types something that goes on, and waits until it is ready.
    #[track_caller]
    fn starts(&self, text: &str) -> Running {
        // So that a signal reaches the program, as it does from a keyboard, and not the shell.
        let running = Running::start(text, &mut self.command(&format!("exec {text}")));
        running.says(|line| line.contains("ready"));
        running
    }
}

#[test]
fn a_newcomer_gets_a_platform_from_the_readme() {
    let commands = readme::commands();
    let [install, secrets, control, daemon, first, look, again, ends] = &commands[..] else {
        panic!("the README has other commands than this test knows: {commands:#?}")
    };
    assert_has(install, "cargo build --release");
    let place = Place::new();
    symlink(repository().join("examples"), place.folder.path("examples")).expect("the folder is new");
    let mut terminal = Terminal { place: &place, exported: String::new() };

    terminal.types(secrets);
    let (plane, worker) = (terminal.starts(control), terminal.starts(daemon));
    let built = terminal.types(first);
    for part in ["hello: version v1", "dev: build 1, start, pending", "looking for a machine, 1", "making it, step 1"] {
        assert_has(&built.out, part);
    }
    assert_eq!(built.err.matches(" succeeded\n").count(), 2, "an import and a build: {}", built.err);

    let shown = eventually("an agent that is ready", || {
        let shown = terminal.types(look).out;
        // The line that the start script wrote comes with the log's next flush.
        if shown.contains("ready") && shown.contains("hello from /") { Ok(shown) } else { Err(shown) }
    });
    assert_has(&shown, "started");
    assert_has(&shown, "connected");
    let [agent] = place.agents()[..] else { panic!("there is one agent: {shown}") };

    // What `curl` would show, which not every machine has.
    let (log, pages): (Vec<&str>, Vec<&str>) = again.lines().partition(|line| !line.starts_with("curl "));
    assert_has(&terminal.types(&log.join("\n")).out, "making it, step 1");
    let paths: Vec<&str> = pages.iter().filter_map(|line| Some(line.split_once("127.0.0.1:7081")?.1)).collect();
    let [health, metrics] = paths[..] else { panic!("other pages than this test knows: {pages:?}") };
    assert_has(&place.get(health), "HTTP/1.1 200 ");
    assert_has(&place.get(metrics), "# TYPE ");

    // Ctrl-C in their terminals, and the same commands again.
    for (running, signal) in [(worker, Signal::INT), (plane, Signal::TERM)] {
        running.signal(signal);
        running.ends_with(0);
    }
    assert_eq!(place.agents(), [agent], "the agent stays");
    let (plane, worker) = (terminal.starts(control), terminal.starts(daemon));
    let ended = terminal.types(ends);
    for part in ["dev: build 2, stop", "dev: build 3, start", "dev: build 4, destroy"] {
        assert_has(&ended.out, part);
    }
    assert_eq!(ended.err.matches(" succeeded\n").count(), 3, "{}", ended.err);
    assert_eq!(place.agents(), [], "no agent outlives its workspace");
    for running in [worker, plane] {
        running.signal(Signal::TERM);
        running.ends_with(0);
    }
}
