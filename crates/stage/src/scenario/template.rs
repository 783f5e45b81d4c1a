//! What workspaces are made from.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Agent, Transition};

/// What workspaces are made from: how provisioning one behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// What a provisioner must have among its tags to build it.
    pub tags: BTreeMap<String, String>,
    /// Reading what it declares, when a version of it is imported.
    pub parse: Phase,
    /// Finding out what is to be done.
    pub plan: Phase,
    /// Doing it.
    pub apply: Phase,
    /// Planning and applying a stop, where that differs.
    pub stop: Option<Phases>,
    /// Planning and applying a workspace's end, where that differs.
    pub destroy: Option<Phases>,
    /// What its author can set.
    pub variables: Vec<Variable>,
    /// What a workspace's owner can choose.
    pub parameters: Vec<Parameter>,
    /// Choices that go together.
    pub presets: Vec<Preset>,
    /// Other services that its users must have logged in to.
    pub external_auth: Vec<ExternalAuth>,
    /// What runs on the machines of its workspaces.
    pub agents: Vec<Agent>,
    /// What it says of itself.
    pub readme: String,
    /// It is there from the first; otherwise an import has to bring it.
    pub set_up: bool,
    /// The organisation whose it is; the default one if left out.
    pub organization: Option<String>,
    /// After how long of running its workspaces are stopped by themselves; never if left out.
    pub default_ttl: Option<Duration>,
    /// After how long without use they are laid aside; never if left out.
    pub dormant_after: Option<Duration>,
    /// After how long aside they are deleted; never if left out.
    pub deleted_after: Option<Duration>,
}

impl Template {
    /// Whether workspaces are to be built ahead of it.
    pub fn is_built_ahead(&self) -> bool {
        self.presets.iter().any(|preset| preset.prebuilds.is_some())
    }

    /// Whether its workspaces stop or go by the clock.
    pub(crate) fn goes_by_the_clock(&self) -> bool {
        [self.default_ttl, self.dormant_after, self.deleted_after].iter().any(Option::is_some)
    }

    /// Planning and applying a build.
    pub fn phases(&self, transition: Transition) -> (&Phase, &Phase) {
        let own = match transition {
            Transition::Start => &None,
            Transition::Stop => &self.stop,
            Transition::Destroy => &self.destroy,
        };
        own.as_ref().map_or((&self.plan, &self.apply), |own| (&own.plan, &own.apply))
    }
}

/// The two phases of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phases {
    /// Finding out what is to be done.
    pub plan: Phase,
    /// Doing it.
    pub apply: Phase,
}

/// Something that a template's author can set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its type, `string` mostly.
    pub kind: String,
    /// What it is unless it is set.
    pub default: Option<String>,
    /// It has to be set.
    pub required: bool,
    /// Its value is a secret.
    pub sensitive: bool,
}

/// Something that a workspace's owner can choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its type, `string` mostly.
    pub kind: String,
    /// How it is asked; empty for what fits the type.
    pub form_type: String,
    /// What it is unless it is chosen.
    pub default: Option<String>,
    /// It has to be chosen.
    pub required: bool,
    /// It can be chosen anew in a later build.
    pub mutable: bool,
}

/// Choices that go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its name.
    pub name: String,
    /// The choices.
    pub parameters: BTreeMap<String, String>,
    /// It is meant where none is named.
    pub default: bool,
    /// How many workspaces are built ahead.
    pub prebuilds: Option<Prebuilds>,
}

impl Preset {
    /// Changes what is said of building ahead, if anything is.
    pub(crate) fn prebuilds_mut(&mut self, change: impl FnOnce(&mut Prebuilds)) {
        self.prebuilds.as_mut().map(change);
    }
}

/// How many workspaces are built ahead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prebuilds {
    /// So many, unless a schedule says otherwise.
    pub instances: u32,
    /// How long one is kept; for ever if left out.
    pub expires_after: Option<Duration>,
    /// An IANA time zone, for the schedules.
    pub timezone: String,
    /// When there are how many.
    pub schedules: Vec<Schedule>,
}

/// When there are how many workspaces ahead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Minute, hour, day of month, month, day of week.
    pub cron: String,
    /// So many.
    pub instances: u32,
}

/// Another service that a template's users must have logged in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalAuth {
    /// Its id.
    pub id: String,
    /// One may do without.
    pub optional: bool,
}

/// How one phase of provisioning behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Phase {
    /// How long it takes; without meaning if it hangs.
    pub takes: Duration,
    /// What a cancel does to it.
    pub on_cancel: OnCancel,
    /// What it writes.
    pub logs: Option<Logs>,
    /// The error with which it ends, if it fails.
    pub fails: Option<String>,
    /// It never ends by itself.
    pub hangs: bool,
    /// What its resources cost, in credits a day.
    pub daily_cost: u32,
    /// What it leaves behind, for the next build to find.
    pub state: Option<String>,
    /// What it must find of the build before, if it is a plan; else it fails.
    pub finds: Option<String>,
    /// What is wrong with its answer.
    pub misbehaves: Option<Misbehaviour>,
    /// What its plan takes away and makes anew.
    pub replacements: Vec<Replacement>,
}

/// What is wrong with a phase's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    /// There is none: the session ends.
    Closes,
    /// It is one to something else.
    WrongAnswer,
    /// There are two.
    AnswersTwice,
    /// It comes before it is asked for.
    AnswersEarly,
}

/// A resource that is taken away and made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// Its name.
    pub resource: String,
    /// What of it can't be changed in place.
    pub paths: Vec<String>,
}

/// What a cancel does to a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnCancel {
    /// It ends after a while.
    Obey {
        /// How long that takes.
        takes: Duration,
    },
    /// Nothing.
    Ignore,
}

/// Lines that a phase writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logs {
    /// The time before each line.
    pub every: Duration,
    /// The line, in which `{n}` stands for its number.
    pub line: String,
    /// How many lines; until the phase ends if left out.
    pub count: Option<u64>,
    /// Their level.
    pub level: LogLevel,
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "everybody knows the five levels")]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl Default for OnCancel {
    fn default() -> Self {
        Self::Obey { takes: Duration::ZERO }
    }
}
