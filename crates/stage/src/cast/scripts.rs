//! The scenario's programs for machines that are real: a shell script for each, which does what [`super::programs`] plays.
//!
//! Agents' scripts are run by the real `sh` there, which finds these programs first in its `PATH`. What is different: a
//! span of time that a scenario's script hands to `sleep` is read by the real one, which knows no `ms`; and what a signal
//! does to a script of several commands, of which the program is one, is the shell's business.

use std::{
    fmt::Write,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::scenario::{OnSignal, Pipe, Prints, Program};

/// How many bytes one command of a script writes at most. A longer line would be hard to read, and no other harm.
const BYTES_PER_COMMAND: usize = 64;

/// Where on a real machine its files are.
pub(super) struct Folders {
    pub(super) home: PathBuf,
    /// The folder of the scenario's programs.
    pub(super) programs: PathBuf,
}

impl Folders {
    /// Makes the folders of a machine below the run's `folder`, and writes the programs into theirs.
    pub(super) fn make(folder: &Path, machine: &str, programs: &[Program]) -> io::Result<Self> {
        let own = folder.join("agents").join(machine);
        let folders = Self { home: own.join("home"), programs: own.join("bin") };
        fs::create_dir_all(&folders.home)?;
        fs::create_dir_all(&folders.programs)?;
        for program in programs {
            let path = folders.programs.join(&program.name);
            fs::write(&path, text(program))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        }
        Ok(folders)
    }
}

/// The script that does what `program` does.
fn text(program: &Program) -> String {
    let mut script = "#!/bin/sh\n".to_owned();
    // Writing to a string can't fail, here and below.
    if program.fails_first > 0 {
        let status = program.exit.max(1);
        let complaint = quoted(&format!("{}: not yet", program.name));
        let _ = write!(
            script,
            "failed=0\n\
             [ -f \"$0.failed\" ] && read -r failed < \"$0.failed\"\n\
             if [ \"$failed\" -lt {} ]; then\n    \
             echo $((failed + 1)) > \"$0.failed\"\n    \
             echo {complaint} >&2\n    \
             exit {status}\n\
             fi\n",
            program.fails_first
        );
    }
    match program.on_signal {
        OnSignal::Ends => {}
        OnSignal::EndsAfter(after) => {
            let _ = writeln!(script, "trap 'trap \"\" HUP INT TERM; {}; exit 1' HUP INT TERM", sleep(after));
        }
        OnSignal::Ignores => script.push_str("trap '' HUP INT TERM\n"),
    }
    for bytes in program.prints_bytes.chunks(BYTES_PER_COMMAND) {
        let octal: String = bytes.iter().map(|byte| format!("\\{byte:03o}")).collect();
        let _ = writeln!(script, "printf '{octal}'");
    }
    let mut rest = program.takes;
    if let Some(prints) = &program.prints {
        let lines = lines(program, prints);
        print_lines(&mut script, prints, lines);
        let spent = lines.map_or(u128::MAX, |lines| prints.every.as_nanos().saturating_mul(u128::from(lines)));
        rest = nanos(rest.as_nanos().saturating_sub(spent));
    }
    if program.hangs {
        script.push_str("while :; do sleep 3600; done\n");
    }
    if !rest.is_zero() {
        let _ = writeln!(script, "{}", sleep(rest));
    }
    if let Some(open) = program.leaves_pipe_open {
        let _ = writeln!(script, "{} </dev/null 2>/dev/null &", sleep(open));
    }
    let _ = writeln!(script, "exit {}", program.exit);
    script
}

/// How many lines it writes; none without an end.
fn lines(program: &Program, prints: &Prints) -> Option<u64> {
    match prints.count {
        Some(count) => Some(count),
        None if program.hangs => None,
        // As many as there is time for.
        None => {
            let count = program.takes.as_nanos().checked_div(prints.every.as_nanos()).unwrap_or(0);
            Some(u64::try_from(count).unwrap_or(u64::MAX))
        }
    }
}

fn print_lines(script: &mut String, prints: &Prints, lines: Option<u64>) {
    let condition = lines.map_or(":".to_owned(), |lines| format!("[ $n -le {lines} ]"));
    let parts: Vec<String> = prints.line.split("{n}").map(quoted).collect();
    let to = if prints.to == Pipe::Error { " >&2" } else { "" };
    let _ = write!(
        script,
        "n=1\nwhile {condition}; do\n    {}\n    printf '%s\\n' {}{to}\n    n=$((n + 1))\ndone\n",
        sleep(prints.every),
        parts.join("\"$n\"")
    );
}

/// A command that takes so long.
fn sleep(time: Duration) -> String {
    format!("sleep {}.{:06}", time.as_secs(), time.subsec_micros())
}

fn nanos(count: u128) -> Duration {
    Duration::from_nanos(u64::try_from(count).unwrap_or(u64::MAX))
}

/// A word as the shell reads it back.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "these tests are about real processes")]

    use std::{
        io::Read,
        os::unix::process::{CommandExt, ExitStatusExt},
        process::{Command, ExitStatus, Stdio},
        time::Instant,
    };

    use super::*;

    fn program(name: &str, takes_ms: u64) -> Program {
        Program { name: name.to_owned(), takes: Duration::from_millis(takes_ms), ..Program::default() }
    }

    fn prints(every_ms: u64, line: &str, count: Option<u64>, to: Pipe) -> Option<Prints> {
        Some(Prints { every: Duration::from_millis(every_ms), line: line.to_owned(), count, to })
    }

    #[test]
    fn a_script_does_what_the_program_does() {
        let check = |program: Program, expected: &str| {
            assert_eq!(text(&program), format!("#!/bin/sh\n{expected}"), "{program:?}");
        };
        check(program("nothing", 0), "exit 0\n");
        check(Program { exit: 3, ..program("fails", 1_500) }, "sleep 1.500000\nexit 3\n");
        check(Program { hangs: true, ..program("hangs", 0) }, "while :; do sleep 3600; done\nexit 0\n");
        check(
            Program { prints: prints(400, "it's {n} of {n}", None, Pipe::Output), ..program("prints", 1_000) },
            "n=1\nwhile [ $n -le 2 ]; do\n    sleep 0.400000\n    printf '%s\\n' 'it'\\''s '\"$n\"' of '\"$n\"''\n    \
             n=$((n + 1))\ndone\nsleep 0.200000\nexit 0\n",
        );
        check(
            Program { prints: prints(500, "x", Some(3), Pipe::Error), ..program("counts", 1_000) },
            "n=1\nwhile [ $n -le 3 ]; do\n    sleep 0.500000\n    printf '%s\\n' 'x' >&2\n    n=$((n + 1))\ndone\n\
             exit 0\n",
        );
        check(
            Program { hangs: true, prints: prints(500, "x", None, Pipe::Output), ..program("chatters", 0) },
            "n=1\nwhile :; do\n    sleep 0.500000\n    printf '%s\\n' 'x'\n    n=$((n + 1))\ndone\n\
             while :; do sleep 3600; done\nexit 0\n",
        );
        check(Program { prints_bytes: vec![0, 65, 255], ..program("bytes", 0) }, "printf '\\000\\101\\377'\nexit 0\n");
        check(
            Program { on_signal: OnSignal::EndsAfter(Duration::from_secs(2)), ..program("tidies", 0) },
            "trap 'trap \"\" HUP INT TERM; sleep 2.000000; exit 1' HUP INT TERM\nexit 0\n",
        );
        check(Program { on_signal: OnSignal::Ignores, ..program("deaf", 0) }, "trap '' HUP INT TERM\nexit 0\n");
        check(
            Program { leaves_pipe_open: Some(Duration::from_secs(20)), ..program("leaves", 0) },
            "sleep 20.000000 </dev/null 2>/dev/null &\nexit 0\n",
        );
        check(
            Program { fails_first: 2, ..program("flaky", 0) },
            "failed=0\n[ -f \"$0.failed\" ] && read -r failed < \"$0.failed\"\nif [ \"$failed\" -lt 2 ]; then\n    \
             echo $((failed + 1)) > \"$0.failed\"\n    echo 'flaky: not yet' >&2\n    exit 1\nfi\nexit 0\n",
        );
    }

    /// How long any of these may take.
    const TOO_LONG: Duration = Duration::from_secs(20);

    /// A machine's folders, with programs in them.
    struct Real {
        _temporary: tempfile::TempDir,
        folders: Folders,
    }

    impl Real {
        fn new(programs: &[Program]) -> Self {
            let temporary = tempfile::tempdir().expect("there is room for a temporary folder");
            let folders = Folders::make(temporary.path(), "dev.main", programs).expect("there is room");
            Self { _temporary: temporary, folders }
        }

        /// A shell that runs `text`, as agents start it.
        fn shell(&self, text: &str) -> Command {
            let mut command = Command::new("sh");
            let path = format!("{}:/usr/bin:/bin", self.folders.programs.display());
            command.args(["-c", text]).env_clear().env("PATH", path).current_dir(&self.folders.home);
            command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            command
        }

        fn run(&self, text: &str) -> (Option<i32>, Vec<u8>, String) {
            let output = self.shell(text).output().expect("there is a shell");
            (output.status.code(), output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
        }

        /// Sends the program `name` a signal once it has written its first byte, then another. Tells how it ended.
        fn signalled(&self, name: &str, signals: &[&str]) -> ExitStatus {
            let mut child = self.shell(&format!("exec {name}")).spawn().expect("there is a shell");
            let mut first = [0];
            child.stdout.as_mut().expect("a pipe").read_exact(&mut first).expect("it writes before it waits");
            for signal in signals {
                let kill = format!("kill -{signal} -{}", child.id());
                assert!(self.shell(&kill).status().is_ok_and(|status| status.success()), "{kill}");
            }
            let begin = Instant::now();
            while begin.elapsed() < TOO_LONG {
                if let Some(status) = child.try_wait().expect("it is ours") {
                    return status;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            assert!(child.kill().is_ok() && child.wait().is_ok());
            panic!("{name} still runs");
        }
    }

    #[test]
    fn a_shell_runs_the_scripts() {
        let real = Real::new(&[
            Program { exit: 3, prints: prints(20, "line {n}", None, Pipe::Error), ..program("steady", 50) },
            Program { prints: prints(1, "it's {n}", Some(3), Pipe::Output), ..program("counted", 0) },
            Program { prints_bytes: (0..=255).collect(), ..program("bytes", 0) },
            Program { fails_first: 2, ..program("flaky", 0) },
            Program { leaves_pipe_open: Some(Duration::from_millis(300)), ..program("leaves", 0) },
        ]);
        assert_eq!(real.run("steady"), (Some(3), Vec::new(), "line 1\nline 2\n".to_owned()));
        let counted = (Some(0), b"it's 1\nit's 2\nit's 3\ndone\n".to_vec(), String::new());
        assert_eq!(real.run("counted --all; echo done"), counted);
        assert_eq!(real.run("bytes"), (Some(0), (0..=255).collect(), String::new()));
        let not_yet = (Some(1), Vec::new(), "flaky: not yet\n".to_owned());
        let outcomes: Vec<_> = (0..3).map(|_| real.run("flaky")).collect();
        assert_eq!(outcomes, [not_yet.clone(), not_yet, (Some(0), Vec::new(), String::new())]);
        let begin = Instant::now();
        let mut child = real.shell("leaves").spawn().expect("there is a shell");
        assert!(child.wait().is_ok_and(|status| status.success()));
        let mut rest = Vec::new();
        child.stdout.take().expect("a pipe").read_to_end(&mut rest).expect("it ends");
        assert!(begin.elapsed() >= Duration::from_millis(300), "nothing kept the output open");
    }

    #[test]
    fn signals_do_to_them_what_the_scenario_says() {
        let hangs =
            |name, on_signal| Program { hangs: true, prints_bytes: b"x".to_vec(), on_signal, ..program(name, 0) };
        let real = Real::new(&[
            hangs("ends", OnSignal::Ends),
            hangs("tidies", OnSignal::EndsAfter(Duration::from_millis(100))),
            hangs("deaf", OnSignal::Ignores),
        ]);
        assert_eq!(real.signalled("ends", &["HUP"]).signal(), Some(1));
        assert_eq!(real.signalled("tidies", &["TERM"]).code(), Some(1));
        assert_eq!(real.signalled("deaf", &["TERM", "INT", "HUP", "KILL"]).signal(), Some(9));
    }
}
