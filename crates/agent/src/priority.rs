//! Processes that people start must not starve the agent: whoever waits at a terminal would blame the platform.
//!
//! Once a second every process of the machine is looked at. One that nobody has given a priority of its own becomes
//! *nicer*, and likelier to be ended by the kernel when memory is short than the agent is. The decision is a pure
//! function; looking and doing go through the machine's files under `/proc` and its program `renice`.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use groundhog_host::{Command, Host, Instant, files::Files};

use crate::config::PriorityConfig;

/// How nice processes are made, of 19: this platform's customary number.
const NICENESS: i32 = 10;

/// What a command contains that is the agent itself.
const OWN_COMMAND: &str = "groundhog agent";

/// How often the same difficulty is told.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// How many processes are looked at in a pass. A machine with more has other worries.
const PROCESSES_MAX: usize = 10_000;

/// How many difficulties are remembered as told. With as many, some are told once more.
const TOLD_MAX: usize = 100;

/// How long `renice` may take.
const RENICE_TIMEOUT: Duration = Duration::from_secs(5);

/// A process, as far as matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    command: String,
    /// From -20 to 19; 0 unless somebody has changed it.
    niceness: i32,
    oom_score: i32,
}

/// What is done to a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Treatment {
    /// It is made nicer.
    renice: bool,
    /// It gets this score.
    oom_score: Option<i32>,
}

/// The score of processes that people start: likelier to be ended than an agent of score `agent`, and less likely than
/// what has put itself first.
fn score_beside(agent: i32) -> i32 {
    match agent {
        ..0 => 0,
        998.. => 1_000,
        _ => 998,
    }
}

/// What is done to `process` beside an agent with the score `agent`, if others are to have `score`.
fn treat(process: &Seen, agent: i32, score: i32) -> Treatment {
    // Whoever has chosen a niceness has thought about it, and is left alone.
    if process.command.contains(OWN_COMMAND) || process.niceness != 0 {
        return Treatment::default();
    }
    let is_custom = ![agent, 0, 998, 1_000].contains(&process.oom_score);
    let oom_score = (!is_custom && process.oom_score != score).then_some(score);
    Treatment { renice: true, oom_score }
}

/// The niceness in `/proc/PID/stat`: the 19th field. The second is the command in brackets, which may contain spaces and
/// brackets of its own.
fn niceness(stat: &str) -> Option<i32> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(16)?.parse().ok()
}

/// The command in `/proc/PID/cmdline`, whose words end with NUL.
fn command(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim_end_matches('\0').replace('\0', " ")
}

/// Sees to the priorities of the machine's processes, for ever.
pub async fn keep(host: &Host, config: &PriorityConfig) -> Infallible {
    let mut keeper = Keeper { host, proc: host.files("/proc"), told: BTreeMap::new() };
    loop {
        if let Err(error) = keeper.pass(config).await {
            keeper.tell("looking for processes", &error);
        }
        host.sleep(config.interval).await;
    }
}

struct Keeper<'a> {
    host: &'a Host,
    proc: Files,
    /// When each difficulty was told last.
    told: BTreeMap<String, Instant>,
}

impl Keeper<'_> {
    async fn pass(&mut self, config: &PriorityConfig) -> io::Result<()> {
        let agent = number(&self.proc.read("self/oom_score_adj").await?)?;
        let score = config.oom_score.unwrap_or_else(|| score_beside(agent));
        let names = self.proc.list("").await?;
        let processes = names.iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        for process in processes.take(PROCESSES_MAX) {
            // It may have ended since it was listed.
            let Ok(seen) = self.look(process).await else { continue };
            let treatment = treat(&seen, agent, score);
            if treatment.renice
                && let Err(error) = self.renice(process).await
            {
                self.tell("renicing a process", &error);
            }
            if let Some(score) = treatment.oom_score {
                let file = Path::new(process).join("oom_score_adj");
                if let Err(error) = self.proc.write(file, score.to_string()).await {
                    self.tell("setting a process's score", &error);
                }
            }
        }
        Ok(())
    }

    async fn look(&self, process: &str) -> io::Result<Seen> {
        let folder = PathBuf::from(process);
        let stat = self.proc.read(folder.join("stat")).await?;
        let line = self.proc.read(folder.join("cmdline")).await?;
        let score = self.proc.read(folder.join("oom_score_adj")).await?;
        let niceness = niceness(&String::from_utf8_lossy(&stat));
        let niceness = niceness.ok_or_else(|| io::Error::other("a process's state has no niceness"))?;
        Ok(Seen { command: command(&line), niceness, oom_score: number(&score)? })
    }

    async fn renice(&self, process: &str) -> io::Result<()> {
        let words = ["-n".to_owned(), NICENESS.to_string(), "-p".to_owned(), process.to_owned()];
        let mut renice = Command::new("renice");
        renice.arguments.extend(words);
        let mut renice = self.host.start(renice).await?;
        // What it prints fits its pipes; a process that is not ours, or has ended, is nothing that can be helped.
        let waited = self.host.timeout(RENICE_TIMEOUT, renice.wait()).await;
        waited.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "renice did not end"))?.map(drop)
    }

    /// Tells a difficulty, at most once a minute each. That others' processes are out of reach is none.
    fn tell(&mut self, doing: &str, error: &io::Error) {
        if error.kind() == io::ErrorKind::PermissionDenied {
            return;
        }
        let text = format!("{doing}: {}", error.kind());
        let now = self.host.now();
        if self.told.get(&text).is_some_and(|at| now.since(*at) < TOLD_EVERY) {
            return;
        }
        if self.told.len() >= TOLD_MAX {
            self.told.clear();
        }
        self.told.insert(text, now);
        tracing::warn!(%error, "{doing}");
    }
}

/// A number that is a file's whole text.
fn number(text: &[u8]) -> io::Result<i32> {
    let text = String::from_utf8_lossy(text);
    text.trim().parse().map_err(|_| io::Error::other(format!("{:?} is no number", text.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_likelier_to_be_ended_than_the_agent() {
        let check = |agent, others| assert_eq!(score_beside(agent), others, "beside {agent}");
        check(-1_000, 0);
        check(-1, 0);
        check(0, 998);
        check(997, 998);
        check(998, 1_000);
        check(1_000, 1_000);
    }

    #[test]
    fn a_process_is_treated_by_what_it_is() {
        let check = |command: &str, niceness, oom_score, (agent, score), renice, expected| {
            let seen = Seen { command: command.to_owned(), niceness, oom_score };
            assert_eq!(treat(&seen, agent, score), Treatment { renice, oom_score: expected }, "{seen:?}");
        };
        check("sleep 9", 0, 0, (0, 998), true, Some(998));
        check("sleep 9", 0, 998, (0, 998), true, None);
        check("sleep 9", 0, 1_000, (0, 998), true, Some(998));
        // As the agent, from which it was inherited.
        check("sleep 9", 0, -500, (-500, 0), true, Some(0));
        // Somebody has chosen it.
        check("sleep 9", 0, 500, (0, 998), true, None);
        check("sleep 9", 5, 0, (0, 998), false, None);
        check("sleep 9", -5, 0, (0, 998), false, None);
        check("/opt/groundhog agent --verbose", 0, 0, (0, 998), false, None);
    }

    #[test]
    fn a_process_is_read_from_its_files() {
        let stat = |command: &str, niceness: i32| {
            format!("17 ({command}) S 1 17 17 0 -1 4194304 1 2 3 4 5 6 7 8 20 {niceness} 1 0 99 9 9\n")
        };
        assert_eq!(niceness(&stat("bash", 0)), Some(0));
        assert_eq!(niceness(&stat("a) R (b c", -20)), Some(-20));
        assert_eq!(niceness(&stat("", 19)), Some(19));
        for text in ["", "17 (bash", "17 (bash) S 1", ")"] {
            assert_eq!(niceness(text), None, "{text:?}");
        }
        assert_eq!(command(b"sleep\x009\x00"), "sleep 9");
        assert_eq!(command(b""), "");
        assert_eq!(number(b"-17\n").expect("it is one"), -17);
        assert!(number(b"x").is_err());
    }
}
