//! A reader that goes away, a disk that is full.

use std::{
    io::{self, BufRead, BufReader, Read},
    process::Stdio,
    sync::mpsc,
    thread,
    time::Duration,
};

use super::support::{Folder, PASSES, Ran, malformed};

/// How long the program may take to find that nobody reads. It takes milliseconds, on a machine that is not busy.
const PATIENCE: Duration = Duration::from_secs(60);

fn folder() -> Folder {
    Folder::new().with("scenarios/good.toml", PASSES).with("bad.toml", &malformed())
}

/// A pipe that nobody reads.
fn unread() -> Stdio {
    let (reader, writer) = io::pipe().expect("a pipe can be made");
    drop(reader);
    writer.into()
}

#[test]
fn nobody_reading_the_results_is_no_trouble() {
    let folder = folder();
    let commands: &[&[&str]] = &[
        &["run"],
        &["run", "--log"],
        &["run", "--format", "json"],
        &["run", "--seeds", "0..4"],
        &["check"],
        &["diff", "scenarios/good.toml", "scenarios/good.toml"],
        &["list"],
        &["list", "--format", "json"],
        &["invariants"],
        &["events"],
        &["events", "--format", "json"],
        &["--help"],
    ];
    for command in commands {
        let ran = folder.command(command).stdout(unread()).stderr(Stdio::piped()).spawn();
        let ran = ran.and_then(|child| child.wait_with_output()).expect("the program can be run");
        assert_eq!(Ran::of(ran).with_status(0).quiet(), "", "{command:?}");
    }
}

#[test]
fn nobody_reading_the_complaints_is_no_trouble() {
    let folder = folder();
    for command in [&["run", "bad.toml"][..], &["run", "missing"], &["run", "--jobs", "0"], &["rum"]] {
        let ran = folder.command(command).stderr(unread()).stdout(Stdio::piped()).spawn();
        let ran = ran.and_then(|child| child.wait_with_output()).expect("the program can be run");
        assert_eq!(Ran::of(ran).with_status(2).out, "", "{command:?}");
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "what is tested is a process, seen from outside any simulation")]
fn a_reader_that_has_seen_enough_ends_the_runs() {
    let folder = folder();
    // Far more output than a pipe holds, and hours of runs.
    let mut command = folder.command(&["run", "--seeds", "0..1000000", "--jobs", "2", "--log", "--format", "json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program can be started");
    let mut reader = BufReader::new(child.stdout.take().expect("it was asked for"));
    let mut line = String::new();
    reader.read_line(&mut line).expect("the program writes");
    assert!(line.starts_with('{'), "{line}");
    drop(reader);
    // Standard error is closed when the program ends.
    let mut errors = child.stderr.take().expect("it was asked for");
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = errors.read_to_string(&mut text).map(|_| text);
        // Whoever asked may have given up.
        let _ = send.send(read);
    });
    let ended = receive.recv_timeout(PATIENCE);
    if ended.is_err() {
        // Nobody else would stop it. That it can't be is told by the end of the wait.
        let _ = child.kill();
    }
    let err = ended.expect("the program ends soon after its reader").expect("it writes text");
    assert_eq!(err, "");
    assert_eq!(child.wait().expect("it has ended").code(), Some(0));
}

/// Where there is such a device.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_trouble() {
    let folder = folder();
    for command in [&["run"][..], &["check"], &["list"], &["invariants"], &["events", "--format", "json"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has it");
        let ran = folder.command(command).stdout(full).stderr(Stdio::piped()).spawn();
        let ran = Ran::of(ran.and_then(|child| child.wait_with_output()).expect("the program can be run"));
        let err = ran.with_status(3).err;
        assert!(err.starts_with("groundhog: "), "{command:?}: {err}");
    }
}
