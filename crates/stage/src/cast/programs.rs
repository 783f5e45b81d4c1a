//! What agents' machines can run: a shell, and the programs of the scenario.
//!
//! The shell is a simple one. A text is commands, each on a line of its own or after `;`, which run one after another;
//! a command is words between blanks, the first of which is a program; and of a word that begins with `$`, the rest is
//! a variable's name. What is typed into a terminal comes line by line.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use groundhog_host::{Host, process::Signal};
use groundhog_sim::{Group, PipeReader, PipeWriter, Running, Signals};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use crate::scenario::{OnSignal, Pipe, Program, units::parse_duration};

/// What the shell is called.
pub(super) const SHELL: &str = "sh";

/// The status of a command that no machine has.
const NOT_FOUND: i32 = 127;

/// The status of a program whose output nobody takes.
const BROKEN_PIPE: i32 = 141;

/// The status of a program that a signal has ended while the shell took care of signals.
const ENDED_BY_SIGNAL: i32 = 129;

/// The longest line that is typed, in bytes; what goes beyond is another line.
const LINE_BYTES_MAX: u64 = 4 << 10;

/// The programs of all machines.
pub(super) struct Programs {
    by_name: BTreeMap<String, Program>,
    /// By machine and program: how many runs have failed that had to.
    failed: Mutex<BTreeMap<(String, String), u32>>,
}

/// What came of a command.
enum Came {
    /// Its status. The shell goes on.
    Status(i32),
    /// The shell ends with this status.
    End(i32),
}

/// A process of the shell's.
struct Shell {
    programs: Arc<Programs>,
    host: Host,
    environment: BTreeMap<String, String>,
    out: Out,
    signals: Signals,
    /// Signals no longer end the process by themselves.
    takes_signals: bool,
}

/// The two outputs of a process, and what it leaves behind.
struct Out {
    output: PipeWriter,
    error: PipeWriter,
    group: Group,
}

impl Out {
    async fn write(&mut self, to: Pipe, bytes: &[u8]) -> io::Result<()> {
        match to {
            Pipe::Output => self.output.write_all(bytes).await,
            Pipe::Error => self.error.write_all(bytes).await,
        }
    }
}

impl Programs {
    pub(super) fn new(programs: &[Program]) -> Self {
        let by_name = programs.iter().map(|program| (program.name.clone(), program.clone())).collect();
        Self { by_name, failed: Mutex::default() }
    }

    /// Whether this run of a program has to fail, one more of those that do.
    fn has_to_fail(&self, host: &Host, program: &Program) -> bool {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let runs = failed.entry((host.name().to_owned(), program.name.clone())).or_default();
        let has_to = *runs < program.fails_first;
        *runs += u32::from(has_to);
        has_to
    }

    /// A shell's life: `sh -c TEXT`, or without arguments one that somebody types into.
    pub(super) async fn shell(self: Arc<Self>, running: Running) -> i32 {
        let Running { host, command, input, output, error, signals, group, .. } = running;
        let out = Out { output, error, group };
        let environment = command.environment;
        let mut shell = Shell { programs: self, host, environment, out, signals, takes_signals: false };
        match command.arguments.as_slice() {
            [option, text] if option == "-c" => match shell.run(text).await {
                Came::Status(status) | Came::End(status) => status,
            },
            _ => shell.interact(input).await,
        }
    }
}

impl Shell {
    /// Runs a text.
    async fn run(&mut self, text: &str) -> Came {
        let mut status = 0;
        for command in text.split([';', '\n']) {
            let words: Vec<String> = command.split_whitespace().map(|word| self.expanded(word)).collect();
            if let Some((program, arguments)) = words.split_first() {
                match self.command(program, arguments).await {
                    Came::Status(came) => status = came,
                    Came::End(status) => return Came::End(status),
                }
            }
        }
        Came::Status(status)
    }

    fn expanded(&self, word: &str) -> String {
        match word.strip_prefix('$') {
            Some(name) => self.environment.get(name).cloned().unwrap_or_default(),
            None => word.to_owned(),
        }
    }

    async fn command(&mut self, program: &str, arguments: &[String]) -> Came {
        let first = arguments.first().map(String::as_str).unwrap_or_default();
        let came = match program {
            "true" => Ok(0),
            "false" => Ok(1),
            "exit" => return Came::End(first.parse().unwrap_or(0)),
            "echo" => self.out.write(Pipe::Output, format!("{}\n", arguments.join(" ")).as_bytes()).await.map(|()| 0),
            "env" => {
                let lines: String = self.environment.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
                self.out.write(Pipe::Output, lines.as_bytes()).await.map(|()| 0)
            }
            "sleep" => match parse_duration(first) {
                Ok(time) => {
                    self.host.sleep(time).await;
                    Ok(0)
                }
                Err(error) => self.complain(&format!("sleep: {error}"), 1).await,
            },
            other => match self.programs.by_name.get(other).cloned() {
                Some(program) => return self.play(&program).await,
                None => self.complain(&format!("sh: {other}: not found"), NOT_FOUND).await,
            },
        };
        // Who writes to nobody is ended by it.
        came.map_or(Came::End(BROKEN_PIPE), Came::Status)
    }

    async fn complain(&mut self, what: &str, status: i32) -> io::Result<i32> {
        self.out.write(Pipe::Error, format!("{what}\n").as_bytes()).await.map(|()| status)
    }

    /// Runs a program of the scenario, and does to it what signals do to it.
    async fn play(&mut self, program: &Program) -> Came {
        if self.programs.has_to_fail(&self.host, program) {
            let status = i32::from(program.exit.max(1));
            let told = self.complain(&format!("{}: not yet", program.name), status).await;
            return told.map_or(Came::End(BROKEN_PIPE), Came::Status);
        }
        if program.on_signal != OnSignal::Ends && !self.takes_signals {
            self.signals.handle();
            self.takes_signals = true;
        }
        let body = act(program, &self.host, &mut self.out);
        let came = if self.takes_signals {
            let signal = heed(program.on_signal, &self.host, &mut self.signals);
            // In this order: a program that ends in the instant of a signal was ended by it.
            tokio::select! {
                biased;
                status = signal => return Came::End(status),
                came = body => came,
            }
        } else {
            body.await
        };
        came.map_or(Came::End(BROKEN_PIPE), Came::Status)
    }

    /// Reads commands that somebody types, until they leave.
    async fn interact(&mut self, input: PipeReader) -> i32 {
        let mut input = BufReader::new(input);
        let mut status = 0;
        loop {
            if self.out.write(Pipe::Output, b"$ ").await.is_err() {
                return BROKEN_PIPE;
            }
            let mut line = Vec::new();
            let read = (&mut input).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await;
            // Nobody types any more.
            if !matches!(read, Ok(1..)) {
                return status;
            }
            match self.run(&String::from_utf8_lossy(&line)).await {
                Came::Status(came) => status = came,
                Came::End(status) => return status,
            }
        }
    }
}

/// Waits for the signal that ends a program, and tells with which status. Pends for ever if none does.
async fn heed(on_signal: OnSignal, host: &Host, signals: &mut Signals) -> i32 {
    loop {
        let _: Signal = signals.receive().await;
        match on_signal {
            OnSignal::Ends => return ENDED_BY_SIGNAL,
            OnSignal::EndsAfter(after) => {
                host.sleep(after).await;
                return 1;
            }
            OnSignal::Ignores => {}
        }
    }
}

/// Does what a program does, up to its status. Fails when nobody takes what it writes.
async fn act(program: &Program, host: &Host, out: &mut Out) -> io::Result<i32> {
    let begin = host.now();
    if !program.prints_bytes.is_empty() {
        out.write(Pipe::Output, &program.prints_bytes).await?;
    }
    if let Some(prints) = &program.prints {
        let mut next = begin;
        for number in 1_u64.. {
            next += prints.every;
            let is_over = match prints.count {
                Some(count) => number > count,
                None => !program.hangs && next > begin + program.takes,
            };
            if is_over {
                break;
            }
            host.sleep_until(next).await;
            let line = prints.line.replace("{n}", &number.to_string());
            out.write(prints.to, format!("{line}\n").as_bytes()).await?;
        }
    }
    if program.hangs {
        std::future::pending::<()>().await;
    }
    host.sleep_until(begin + program.takes).await;
    if let Some(open) = program.leaves_pipe_open {
        let (host, output) = (host.clone(), out.output.clone());
        out.group.start(async move {
            host.sleep(open).await;
            drop(output);
        });
    }
    Ok(i32::from(program.exit))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use groundhog_host::{Command, process::Exit};
    use groundhog_sim::{Config, simulate};

    use super::*;
    use crate::scenario::Prints;

    /// What became of a shell.
    #[derive(Debug, PartialEq)]
    struct Outcome {
        exit: Exit,
        output: String,
        error: String,
        /// After how many seconds it had ended.
        ended_s: u64,
        /// After how many seconds its output had.
        silent_s: u64,
    }

    /// Has shells run texts one after another on one machine, and sends each a signal after so many seconds, if any.
    fn run(programs: &[Program], texts: &[&'static str], signal: Option<(u64, Signal)>) -> Vec<Outcome> {
        simulate(Config::new(1), |world| {
            let programs = Arc::new(Programs::new(programs));
            world.host("dev.main", |_| std::future::pending());
            world.program("dev.main", SHELL, move |running| programs.clone().shell(running)).expect("it exists");
            let host = world.handle("dev.main").expect("it exists");
            let outcomes: Arc<Mutex<Vec<Outcome>>> = Arc::default();
            let (told, asking, texts) = (outcomes.clone(), host.clone(), texts.to_vec());
            host.spawn("test", async move {
                for text in texts {
                    let outcome = one(&asking, text, signal).await;
                    told.lock().expect("nobody panicked").push(outcome);
                }
            })
            .detach();
            world.run_for(Duration::from_mins(5));
            std::mem::take(&mut *outcomes.lock().expect("nobody panicked"))
        })
    }

    async fn one(host: &Host, text: &str, signal: Option<(u64, Signal)>) -> Outcome {
        let command = Command::new(SHELL).argument("-c").argument(text).variable("LEVEL", "5");
        let begin = host.now();
        let seconds = || host.now().since(begin).as_secs();
        let mut process = host.start(command).await.expect("there is a shell");
        let (mut output, mut error) = (process.output.take().expect("a pipe"), process.error.take().expect("a pipe"));
        let (mut out, mut err) = (String::new(), String::new());
        let reads = async {
            let (one, other) = tokio::join!(output.read_to_string(&mut out), error.read_to_string(&mut err));
            assert!(one.is_ok() && other.is_ok());
            seconds()
        };
        let ends = async {
            if let Some((after, signal)) = signal {
                host.sleep(Duration::from_secs(after)).await;
                process.signal(signal).expect("it still runs");
            }
            (process.wait().await.expect("it is ours"), seconds())
        };
        let (silent_s, (exit, ended_s)) = tokio::join!(reads, ends);
        Outcome { exit, output: out, error: err, ended_s, silent_s }
    }

    #[track_caller]
    fn check(programs: &[Program], text: &'static str, exit: i32, output: &str, error: &str, ended_s: u64) {
        let [outcome] = &run(programs, &[text], None)[..] else { panic!("one shell") };
        let expected = (Exit::Code(exit), output, error, ended_s);
        assert_eq!((outcome.exit, outcome.output.as_str(), outcome.error.as_str(), outcome.ended_s), expected);
    }

    fn program(name: &str, takes_s: u64) -> Program {
        Program { name: name.to_owned(), takes: Duration::from_secs(takes_s), ..Program::default() }
    }

    #[test]
    fn a_shell_runs_what_it_knows() {
        check(&[], "true", 0, "", "", 0);
        check(&[], "echo level $LEVEL;false", 1, "level 5\n", "", 0);
        check(&[], "env\nsleep 3s", 0, "LEVEL=5\n", "", 3);
        check(&[], "exit 7; echo never", 7, "", "", 0);
        check(&[], "nonsense", 127, "", "sh: nonsense: not found\n", 0);
        check(&[], "sleep soon", 1, "", "sleep: this is not a span of time\n", 0);
    }

    #[test]
    fn a_program_takes_its_time_and_writes_its_lines() {
        let every = Duration::from_secs(1);
        let prints = |count, to| Some(Prints { every, line: "line {n}".to_owned(), count, to });
        let until = Program { prints: prints(None, Pipe::Error), exit: 3, ..program("until", 2) };
        check(&[until], "until", 3, "", "line 1\nline 2\n", 2);
        let counted = Program { prints: prints(Some(3), Pipe::Output), ..program("counted", 0) };
        check(&[counted], "counted --all; echo done", 0, "line 1\nline 2\nline 3\ndone\n", "", 3);
    }

    #[test]
    fn what_a_program_leaves_behind_keeps_its_output_open() {
        let leaves = Program { leaves_pipe_open: Some(Duration::from_secs(20)), ..program("leaves", 1) };
        let outcomes = run(&[leaves], &["leaves"], None);
        assert_eq!(outcomes.iter().map(|one| (one.ended_s, one.silent_s)).collect::<Vec<_>>(), [(1, 21)]);
    }

    #[test]
    fn the_first_runs_fail_that_have_to() {
        let flaky = Program { fails_first: 2, ..program("flaky", 1) };
        let outcomes = run(&[flaky], &["flaky"; 3], None);
        let statuses: Vec<_> = outcomes.iter().map(|one| (one.exit, one.ended_s)).collect();
        assert_eq!(statuses, [(Exit::Code(1), 0), (Exit::Code(1), 0), (Exit::Code(0), 1)]);
    }

    #[test]
    fn signals_do_what_the_scenario_says() {
        let hangs = |on_signal| Program { hangs: true, on_signal, ..program("hangs", 0) };
        let end = |on_signal, signal| {
            let outcomes = run(&[hangs(on_signal)], &["hangs"], Some((2, signal)));
            outcomes.first().map(|one| (one.exit, one.ended_s))
        };
        assert_eq!(end(OnSignal::Ends, Signal::Hangup), Some((Exit::Signal(Signal::Hangup), 2)));
        let tidies = OnSignal::EndsAfter(Duration::from_secs(5));
        assert_eq!(end(tidies, Signal::Hangup), Some((Exit::Code(1), 7)));
        assert_eq!(end(OnSignal::Ignores, Signal::Hangup), None);
        assert_eq!(end(OnSignal::Ignores, Signal::Kill), Some((Exit::Signal(Signal::Kill), 2)));
    }
}
