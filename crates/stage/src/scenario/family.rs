//! What a campaign may vary beyond the ranges of the file itself.

use std::collections::BTreeMap;
use std::time::Duration;

use super::units::DurationRange;

/// How many of something, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountRange {
    /// The fewest.
    pub min: u64,
    /// The most.
    pub max: u64,
}

/// What may go wrong in a campaign, and how much of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Swarm {
    /// How many faults a run has.
    pub faults: CountRange,
    /// Which kinds there are, and how often each is to be chosen compared with the others; above 0.
    pub kinds: BTreeMap<FaultName, f64>,
    /// How long a fault lasts. Short ones are as likely as long ones, by order of magnitude.
    pub lasts: DurationRange,
    /// How long things go wrong; after that everything heals. Unless set: as long as the file's own story, and ten
    /// minutes at least.
    pub within: Option<Duration>,
    /// Whether the network's and the database's speed vary too.
    pub settings: bool,
}

/// What people do in a campaign beyond the file's own steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Workspaces that are made.
    pub workspaces: CountRange,
    /// Builds of workspaces that are there.
    pub builds: CountRange,
    /// Cancels of builds.
    pub cancels: CountRange,
    /// Daemons that are told to stop.
    pub shutdowns: CountRange,
    /// Versions of templates that are imported.
    pub imports: CountRange,
    /// Dry runs of templates.
    pub dry_runs: CountRange,
    /// Logs of builds that are read as they grow.
    pub follows: CountRange,
    /// Terminals that are opened on agents' machines.
    pub terminals: CountRange,
    /// Apps on agents' machines that break for a while.
    pub outages: CountRange,
    /// Workspaces that were built ahead and are handed over or, where the platform builds ahead by itself, asked for.
    pub claims: CountRange,
    /// Tunnels that are opened into workspaces.
    pub tunnels: CountRange,
    /// Versions that are made the active ones.
    pub promotions: CountRange,
    /// Times that what was built ahead is to be made anew.
    pub invalidations: CountRange,
    /// Times that nothing is built ahead for a while.
    pub pauses: CountRange,
    /// Templates of which nothing new is to be made, or that are deleted.
    pub retirements: CountRange,
    /// Times that somebody says when a workspace starts, stops and goes by itself.
    pub lifecycles: CountRange,
    /// Tools that assistants call in the file's chats.
    pub tool_calls: CountRange,
    /// Workspaces of people's that are made their chats'.
    pub attaches: CountRange,
    /// Things that people do to the workspaces that their chats' tools have made.
    pub interventions: CountRange,
}

/// The kinds of faults, as a file names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is described at `FaultKind`")]
pub enum FaultName {
    Cut,
    CutOneWay,
    Hold,
    Slow,
    Lossy,
    Reset,
    Kill,
    PowerLoss,
    Suspend,
    StepClock,
    Drift,
    Database,
}

impl FaultName {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 12] = [
        Self::Cut,
        Self::CutOneWay,
        Self::Hold,
        Self::Slow,
        Self::Lossy,
        Self::Reset,
        Self::Kill,
        Self::PowerLoss,
        Self::Suspend,
        Self::StepClock,
        Self::Drift,
        Self::Database,
    ];

    /// Those that every file's runs have unless it says otherwise. A database that is away is for those who ask for
    /// it, and for chats, whose tools are to bear it.
    pub fn usual() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| *kind != Self::Database)
    }

    /// How a file calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::CutOneWay => "cut_one_way",
            Self::Hold => "hold",
            Self::Slow => "slow",
            Self::Lossy => "lossy",
            Self::Reset => "reset",
            Self::Kill => "kill",
            Self::PowerLoss => "power_loss",
            Self::Suspend => "suspend",
            Self::StepClock => "step_clock",
            Self::Drift => "drift",
            Self::Database => "database",
        }
    }
}

/// How many faults a run has, unless set. More hide each other's effects; some runs have none.
const FAULTS: CountRange = CountRange { min: 0, max: 5 };

/// How long a fault lasts, unless set: from a hiccup to twice as long as it takes to be given up for dead (5 min).
const LASTS: DurationRange = DurationRange { min: Duration::from_millis(100), max: Duration::from_mins(12) };

impl Default for Swarm {
    fn default() -> Self {
        Self {
            faults: FAULTS,
            kinds: FaultName::usual().map(|kind| (kind, 1.0)).collect(),
            lasts: LASTS,
            within: None,
            settings: true,
        }
    }
}

impl Default for Workload {
    /// A little more than the file's own story, so that several jobs meet. Templates, logs and what goes on in
    /// workspaces are what a file asks for.
    fn default() -> Self {
        let up_to = |max| CountRange { min: 0, max };
        Self {
            workspaces: up_to(2),
            builds: up_to(3),
            cancels: up_to(2),
            shutdowns: up_to(1),
            imports: up_to(0),
            dry_runs: up_to(0),
            follows: up_to(0),
            terminals: up_to(0),
            outages: up_to(0),
            claims: up_to(0),
            tunnels: up_to(0),
            promotions: up_to(0),
            invalidations: up_to(0),
            pauses: up_to(0),
            retirements: up_to(0),
            lifecycles: up_to(0),
            tool_calls: up_to(0),
            attaches: up_to(0),
            interventions: up_to(0),
        }
    }
}
