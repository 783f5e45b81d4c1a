//! A program that goes on while a test looks at what it says.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// How long anything here may take: a machine that is busy with other tests is slow, and one that hangs hangs for ever.
pub(crate) const PATIENCE: Duration = Duration::from_mins(4);

/// How often it is looked whether a program has ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How many of a program's lines are told where something is wrong.
const TOLD_LINES: usize = 40;

/// A program that was started. Dropping it kills it.
pub(crate) struct Running {
    name: String,
    child: Child,
    out: Said,
    err: Said,
}

/// What a program has said on one of its pipes.
#[derive(Clone, Default)]
struct Said {
    shared: Arc<(Mutex<Lines>, Condvar)>,
}

#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    /// The pipe was closed.
    over: bool,
}

impl Said {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let said = Self::default();
        let writer = said.clone();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                writer.lock().lines.push(line);
                writer.shared.1.notify_all();
            }
            writer.lock().over = true;
            writer.shared.1.notify_all();
        });
        said
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first line of which this is true; none if it never comes.
    fn wait_for(&self, is_it: impl Fn(&str) -> bool) -> Option<String> {
        let until = Instant::now() + PATIENCE;
        let mut said = self.lock();
        loop {
            if let Some(line) = said.lines.iter().find(|line| is_it(line)) {
                return Some(line.clone());
            }
            let left = until.saturating_duration_since(Instant::now());
            if said.over || left.is_zero() {
                return None;
            }
            said = self.shared.1.wait_timeout(said, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Running {
    /// Starts `command`, which is called `name` where something about it is wrong.
    pub(crate) fn start(name: impl Into<String>, command: &mut Command) -> Self {
        let name = name.into();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} can't be started: {error}"));
        let out = Said::of(child.stdout.take().expect("it was asked for"));
        let err = Said::of(child.stderr.take().expect("it was asked for"));
        Self { name, child, out, err }
    }

    /// Waits until it says a line on standard output of which this is true.
    #[track_caller]
    pub(crate) fn says(&self, is_it: impl Fn(&str) -> bool) -> String {
        self.out.wait_for(is_it).unwrap_or_else(|| panic!("{} never said it; {}", self.name, self.told()))
    }

    /// Waits until it says a line on standard error that contains `part`.
    #[track_caller]
    pub(crate) fn warns(&self, part: &str) {
        let line = self.err.wait_for(|line| line.contains(part));
        assert!(line.is_some(), "{} never said {part:?}; {}", self.name, self.told());
    }

    /// The lines of standard output so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.out.lock().lines.clone()
    }

    /// The last that it has said, for whoever has to find out what is wrong.
    fn told(&self) -> String {
        let last = |said: &Said| {
            let lines = said.lock().lines.clone();
            lines[lines.len().saturating_sub(TOLD_LINES)..].join("\n")
        };
        format!("standard output:\n{}\nstandard error:\n{}", last(&self.out), last(&self.err))
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                return status;
            }
            assert!(Instant::now() < until, "{} never ended; {}", self.name, self.told());
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Waits for its end, which must have this status, and for all that it said on standard output.
    #[track_caller]
    pub(crate) fn ends_with(mut self, status: i32) -> Vec<String> {
        let ended = self.ends();
        // Nobody but itself has its pipes.
        let never = self.out.wait_for(|_| false);
        assert_eq!(never, None);
        assert_eq!(ended.code(), Some(status), "{}; {}", self.name, self.told());
        self.lines()
    }

    /// Kills it, as a machine that runs out of memory does.
    pub(crate) fn kill(mut self) {
        self.signal(Signal::KILL);
        let status = self.ends();
        assert_eq!(status.code(), None, "{} ended by itself; {}", self.name, self.told());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails if it has ended, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks until there is something to be seen.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(seen) => return seen,
            Err(instead) => assert!(Instant::now() < until, "{what} never came about, but {instead}"),
        }
        thread::sleep(LOOK_EVERY);
    }
}
