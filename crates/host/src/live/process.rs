//! Real processes, each the leader of a process group of its own, so that a signal reaches what it started.

use std::{
    future::Future,
    io,
    os::unix::process::ExitStatusExt,
    path::Path,
    pin::pin,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, ready},
};

use rustix::process::{Pid, Signal as UnixSignal};
use tokio::process::Child;

use super::{named, signals};
use crate::process::{Command, Exit, Process, ProcessControl, Signal};

/// The processes of one machine, known so that they can end with it.
#[derive(Debug, Default)]
pub(super) struct Processes {
    running: Mutex<Vec<Weak<Mutex<Leader>>>>,
}

impl Processes {
    /// Starts `command`. A program's bare name is looked up in the command's own `PATH`, and without one in the
    /// system's default.
    pub(super) fn start(&self, root: &Path, command: Command) -> io::Result<Process> {
        let directory = command.directory.as_ref().map_or_else(|| root.to_owned(), |directory| root.join(directory));
        let mut starting = tokio::process::Command::new(&command.program);
        #[allow(unsafe_code, reason = "how a child takes signals can be said in no other way")]
        // SAFETY: what is called may be called between fork and exec.
        unsafe {
            starting.pre_exec(signals::take_by_default);
        }
        let mut child = starting
            .args(&command.arguments)
            .env_clear()
            .envs(&command.environment)
            .current_dir(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| named(error, format_args!("starting {} in {}", command.program, directory.display())))?;
        let (Some(input), Some(output), Some(error)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            unreachable!("a process that was started with three pipes came without one")
        };
        let control = self.lead(child, command.program);
        Ok(Process::new(Box::new(input), Box::new(output), Box::new(error), control))
    }

    /// Takes over a child that leads a group of its own.
    pub(super) fn lead(&self, child: Child, program: String) -> Control {
        let leader = Arc::new(Mutex::new(Leader { child, program }));
        let mut running = self.lock();
        running.retain(|known| known.strong_count() > 0);
        running.push(Arc::downgrade(&leader));
        Control { leader }
    }

    /// Kills every process that is still held by somebody.
    pub(super) fn kill_all(&self) {
        for leader in self.lock().iter().filter_map(Weak::upgrade) {
            lock(&leader).kill();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Mutex<Leader>>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The process that was started, which leads its group.
#[derive(Debug)]
struct Leader {
    child: Child,
    program: String,
}

impl Leader {
    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        // Its number is its own until it has been waited for, which happens only here and in `poll_exit`: no
        // signal can hit a stranger that was given the number since.
        let group = match self.child.try_wait()? {
            None => self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)),
            Some(_) => None,
        };
        let group = group
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{} has ended already", self.program)))?;
        rustix::process::kill_process_group(group, to_unix(signal))
            .map_err(|error| named(error.into(), format_args!("sending {signal:?} to {}", self.program)))
    }

    fn kill(&mut self) {
        // The only thing that can go wrong is that it has ended, which is what is wanted.
        let _ = self.signal(Signal::Kill);
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        // tokio kills the process, and sees to it that no zombie stays; this is for what the process started.
        self.kill();
    }
}

/// The way to a process for whoever started it.
pub(super) struct Control {
    leader: Arc<Mutex<Leader>>,
}

impl ProcessControl for Control {
    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        lock(&self.leader).signal(signal)
    }

    fn poll_exit(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Exit>> {
        let mut leader = lock(&self.leader);
        // What is being waited for, and by whom, is kept in the child: the future can be made anew each time.
        let status = ready!(pin!(leader.child.wait()).poll(context));
        Poll::Ready(match status {
            Ok(status) => Ok(to_exit(status)),
            Err(error) => Err(named(error, format_args!("waiting for {}", leader.program))),
        })
    }
}

fn lock(leader: &Mutex<Leader>) -> MutexGuard<'_, Leader> {
    leader.lock().unwrap_or_else(PoisonError::into_inner)
}

const SIGNALS: [Signal; 4] = [Signal::Hangup, Signal::Interrupt, Signal::Terminate, Signal::Kill];

fn to_unix(signal: Signal) -> UnixSignal {
    match signal {
        Signal::Hangup => UnixSignal::HUP,
        Signal::Interrupt => UnixSignal::INT,
        Signal::Terminate => UnixSignal::TERM,
        Signal::Kill => UnixSignal::KILL,
    }
}

fn to_exit(status: ExitStatus) -> Exit {
    if let Some(code) = status.code() {
        return Exit::Code(code);
    }
    let number = status.signal().unwrap_or_default();
    let known = SIGNALS.into_iter().find(|signal| to_unix(*signal).as_raw() == number);
    known.map_or(Exit::OtherSignal(number), Exit::Signal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_status_is_told_as_an_exit() {
        // A wait status holds the exit code in its second byte, or the signal's number in its lowest seven bits.
        let told = |raw| to_exit(ExitStatus::from_raw(raw));
        assert_eq!(told(0), Exit::Code(0));
        assert_eq!(told(3 << 8), Exit::Code(3));
        assert_eq!(told(1), Exit::Signal(Signal::Hangup));
        assert_eq!(told(2), Exit::Signal(Signal::Interrupt));
        assert_eq!(told(9), Exit::Signal(Signal::Kill));
        assert_eq!(told(15), Exit::Signal(Signal::Terminate));
        assert_eq!(told(11), Exit::OtherSignal(11));
    }
}
