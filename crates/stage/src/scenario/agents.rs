//! The agents of a template, and the programs that run on their machines.

use std::collections::BTreeMap;
use std::time::Duration;

/// An agent of a template: each workspace that is made from it gets a machine on which one runs, or several alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its name; with a count, what its name begins with.
    pub name: String,
    /// So many of them, called by the name and a number; one that is called as it is if left out.
    pub count: Option<u32>,
    /// Where its scripts and terminals run, as a template's author writes it.
    pub directory: String,
    /// What it adds to the environment of what it runs.
    pub environment: BTreeMap<String, String>,
    /// How long its machine takes from its beginning to the agent's start.
    pub boots: Duration,
    /// How long it may take to connect for the first time; the control plane's choice if left out.
    pub connection_timeout: Option<Duration>,
    /// A start over a running workspace leaves its machine and its token as they are.
    pub keeps_token: bool,
    /// The smaller, the earlier it is shown, and chosen where nothing else tells agents apart.
    pub display_order: i32,
    /// Its machine is somebody else's: the platform makes none, and nobody ever sees the agent.
    pub external: bool,
    /// What it runs by itself.
    pub scripts: Vec<AgentScript>,
    /// What it finds out again and again.
    pub metadata: Vec<AgentMetadata>,
    /// What listens on its machine.
    pub apps: Vec<AgentApp>,
}

impl Agent {
    /// The names of those that it stands for.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        let alone = self.count.is_none().then(|| self.name.clone());
        alone.into_iter().chain((1..=self.count.unwrap_or(0)).map(|number| format!("{}-{number}", self.name)))
    }

    /// The names of those that have machines.
    pub fn machines(&self) -> impl Iterator<Item = String> + '_ {
        self.names().filter(|_| !self.external)
    }

    /// Takes a script away. Those that waited for it do so no more.
    pub(crate) fn without_script(&mut self, index: usize) {
        let gone = self.scripts.remove(index).name;
        for script in &mut self.scripts {
            script.after.retain(|other| *other != gone);
            script.after_completion.retain(|other| *other != gone);
        }
    }
}

/// What an agent runs by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentScript {
    /// Its name, by which others wait for it.
    pub name: String,
    /// What a shell is told to run.
    pub runs: String,
    /// It runs when the agent has started.
    pub on_start: bool,
    /// It runs before the agent ends.
    pub on_stop: bool,
    /// When else it runs: six fields, the first one for seconds.
    pub cron: Option<String>,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// The scripts that have to end well before it begins.
    pub after: Vec<String>,
    /// The scripts that have to end, well or not, before it begins.
    pub after_completion: Vec<String>,
}

/// A value that an agent finds out again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentMetadata {
    /// What it is called.
    pub key: String,
    /// What a shell is told to run: what it writes is the value.
    pub runs: String,
    /// How often, in whole seconds; once if zero.
    pub interval: Duration,
    /// How long it may take, in whole seconds; the interval if left out.
    pub timeout: Option<Duration>,
}

/// Something that listens on an agent's machine, and answers over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentApp {
    /// What it is called.
    pub slug: String,
    /// Where it listens.
    pub port: u16,
    /// How often the agent looks whether it is well, in whole seconds; never if left out.
    pub interval: Option<Duration>,
    /// So many failures in a row are still well.
    pub threshold: u32,
}

/// What is wrong with an app for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AppFailure {
    /// It takes no connections.
    Refuses,
    /// It takes them, and never answers.
    Hangs,
    /// It answers that it is broken.
    AnswersBroken,
}

impl AppFailure {
    /// How a file calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuses => "refuses",
            Self::Hangs => "hangs",
            Self::AnswersBroken => "500",
        }
    }
}

/// A program that agents' machines have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// What it is called by.
    pub name: String,
    /// How long it takes at least; without meaning if it hangs.
    pub takes: Duration,
    /// The status with which it ends.
    pub exit: u8,
    /// What it writes.
    pub prints: Option<Prints>,
    /// What it writes first, whatever that may be: not always text.
    pub prints_bytes: Vec<u8>,
    /// It never ends by itself.
    pub hangs: bool,
    /// What a signal does to it.
    pub on_signal: OnSignal,
    /// What it has started holds its output open for so long after its end.
    pub leaves_pipe_open: Option<Duration>,
    /// On each machine, so many runs end at once with a status that is not 0.
    pub fails_first: u32,
}

/// Lines that a program writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prints {
    /// The time before each line.
    pub every: Duration,
    /// The line, in which `{n}` stands for its number.
    pub line: String,
    /// How many lines, all of which are written before it ends; as many as there is time for if left out.
    pub count: Option<u64>,
    /// Whereto.
    pub to: Pipe,
}

/// One of the two outputs of a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pipe {
    /// Its standard output.
    #[default]
    Output,
    /// Its standard error.
    Error,
}

/// What a signal does to a program. Nothing withstands a kill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnSignal {
    /// It ends at once.
    #[default]
    Ends,
    /// It tidies up first, and ends with status 1.
    EndsAfter(Duration),
    /// Nothing.
    Ignores,
}

/// What every machine's shell knows without a `[[program]]`.
pub const BUILTINS: [&str; 6] = ["true", "false", "echo", "exit", "env", "sleep"];
