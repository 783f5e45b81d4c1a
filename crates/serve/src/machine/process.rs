//! An agent's process: how it is started, whether it lives, how it ends.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use groundhog_provisioner::scripted::machines::{AGENT_TOKEN, WORKSPACE_OWNER};
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
    process::{Pid, Signal, kill_process},
};

use super::{
    MachineError,
    folder::{Folder, LOOK_EVERY, private},
    system,
};

/// How long a process may take to be gone that was killed.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// A log that is longer, in bytes, begins anew with the agent's next start.
const LOG_BYTES_MAX: u64 = 10 << 20;

/// How an agent is started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Launch<'a> {
    /// The program, and what it is told beside token and home.
    pub(super) agent: &'a [String],
}

impl Launch<'_> {
    /// Starts the agent of a machine on which none runs.
    pub(super) fn start(self, machine: &Folder) -> Result<(), MachineError> {
        let path = &machine.path;
        let (program, arguments) =
            self.agent.split_first().expect("an agent has a program: whoever makes these gives it");
        let starting = || format!("starting the agent {program} of {}", machine.name);
        let running = private().read(true).write(true).truncate(false).open(path.join("running"));
        let running = running.map_err(system(starting()))?;
        flock(&running, FlockOperation::NonBlockingLockExclusive).map_err(|error| system(starting())(error.into()))?;
        running.set_len(0).map_err(system(starting()))?;
        let log = log_file(path).map_err(system(starting()))?;
        let its_output = log.try_clone().map_err(system(starting()))?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .arg("--token-file")
            .arg(path.join("token"))
            .arg("--directory")
            .arg(path.join("home"))
            .env_remove(AGENT_TOKEN)
            .env_remove(WORKSPACE_OWNER)
            .current_dir(path.join("home"))
            // The lock goes with it: it is held as long as somebody has this file open, and what an agent starts has
            // other standard input.
            .stdin(Stdio::from(running))
            .stdout(Stdio::from(its_output))
            .stderr(Stdio::from(log));
        #[allow(
            unsafe_code,
            reason = "std has no other way to begin a session, or to have a child note its own number"
        )]
        // SAFETY: what is called may be called between fork and exec; it takes no lock and no memory.
        unsafe {
            command.pre_exec(begin_session);
        }
        // It is nobody's child from the moment that this program ends, so nobody here waits for it.
        command.spawn().map(drop).map_err(system(starting()))
    }
}

/// In the child, before it becomes the agent: leaves its maker's session, and notes its number in what is its standard
/// input by now.
fn begin_session() -> io::Result<()> {
    let pid = rustix::process::setsid()?;
    let mut text = [0; 16];
    let mut rest = &mut text[..];
    writeln!(rest, "{}", pid.as_raw_nonzero())?;
    let unused = rest.len();
    let text = &text[..text.len() - unused];
    if rustix::io::write(rustix::stdio::stdin(), text)? == text.len() { Ok(()) } else { Err(Errno::IO.into()) }
}

fn log_file(folder: &Path) -> io::Result<File> {
    let path = folder.join("log");
    if fs::metadata(&path).is_ok_and(|found| found.len() > LOG_BYTES_MAX) {
        fs::remove_file(&path)?;
    }
    private().append(true).open(path)
}

/// Whether the agent of the machine in this folder lives.
pub(super) fn is_running(folder: &Path) -> Result<bool, MachineError> {
    let path = folder.join("running");
    let looking = || format!("looking at {}", path.display());
    let file = match OpenOptions::new().read(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(system(looking())(error)),
    };
    loop {
        // Shared, so that two who look do not take each other for the agent.
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => return Ok(false),
            Err(Errno::WOULDBLOCK) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(error) => return Err(system(looking())(error.into())),
        }
    }
}

/// What came of ending an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It does not run, or does not any more.
    Gone,
    /// It does, whatever was done.
    GoesOn(i32),
}

/// Has the agent of the machine in this folder end, within `grace`; then by force.
pub(super) fn end(folder: &Path, grace: Duration) -> Result<Ended, MachineError> {
    let Some(pid) = agent(folder)? else { return Ok(Ended::Gone) };
    send(pid, Signal::TERM)?;
    if gone_within(folder, grace)? {
        return Ok(Ended::Gone);
    }
    // What it has started is looked for while it lives: until then nobody else's session can have this number.
    let started = session_of(pid);
    send(pid, Signal::KILL)?;
    for process in started {
        send(process, Signal::KILL)?;
    }
    Ok(if gone_within(folder, KILL_PATIENCE)? { Ended::Gone } else { Ended::GoesOn(pid.as_raw_nonzero().get()) })
}

/// The process of an agent that lives.
fn agent(folder: &Path) -> Result<Option<Pid>, MachineError> {
    let path = folder.join("running");
    let began = Instant::now();
    while is_running(folder)? {
        // In the instant of its start it has the lock and not yet a number.
        let text = fs::read_to_string(&path).map_err(system(format!("reading {}", path.display())))?;
        if let Some(pid) = text.trim_end().parse().ok().and_then(Pid::from_raw) {
            return Ok(Some(pid));
        }
        if began.elapsed() > KILL_PATIENCE {
            let wrong = io::Error::new(io::ErrorKind::InvalidData, "it is locked, and has no number of a process");
            return Err(system(format!("reading {}", path.display()))(wrong));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(None)
}

fn gone_within(folder: &Path, patience: Duration) -> Result<bool, MachineError> {
    let began = Instant::now();
    while is_running(folder)? {
        if began.elapsed() > patience {
            return Ok(false);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(true)
}

fn send(pid: Pid, signal: Signal) -> Result<(), MachineError> {
    match kill_process(pid, signal) {
        // It was quicker.
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(error) => Err(system(format!("sending {signal:?} to the process {}", pid.as_raw_nonzero()))(error.into())),
    }
}

/// The processes of the session that `leader` leads, as far as the system tells: where there is a `/proc` as Linux has it.
fn session_of(leader: Pid) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let member = |number: i32| {
        let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
        // The name, in brackets, may have anything in it. After it: state, parent, group, session.
        let session: i32 = stat.rsplit_once(')')?.1.split_whitespace().nth(3)?.parse().ok()?;
        Pid::from_raw(number).filter(|pid| session == leader.as_raw_nonzero().get() && *pid != leader)
    };
    let mut found: Vec<Pid> = numbers.filter_map(member).collect();
    found.sort_unstable_by_key(|pid| pid.as_raw_nonzero());
    found
}
