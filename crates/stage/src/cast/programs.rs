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
            next = next + prints.every;
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
