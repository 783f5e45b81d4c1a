//! The scenario file: a story that a person writes and the simulator plays.
//!
//! It is TOML. Spans of time are text such as `"250ms"`, `"1m30s"`, `"1.5s"` (units `us ms s m h d`, the longest
//! first), a range of them is `"1ms..5ms"`. Names are 1 to 32 letters, digits and single hyphens. Times count from
//! the run's beginning. An unknown key is a mistake everywhere.
//!
//! # The file itself
//!
//! | key | what it says |
//! |---|---|
//! | `about` | what the scenario shows, in a sentence (required) |
//! | `duration` | how long the story lasts (required) |
//! | `settle` | how long the world may take to come to rest after the last fault has healed; `"20m"` |
//! | `seed` | the seed that is run unless another is asked for; `0` |
//! | `issue`, `version` | which bug report it comes from, and which version that was about |
//! | `allow_errors` | a list of texts; an error-level message that contains one of them does not fail the run |
//!
//! # The machines and what is between them
//!
//! There is one host `control` (the control plane), one host `users` (from which the people act), and one per
//! provisioner, called as it is.
//!
//! | table | keys |
//! |---|---|
//! | `[network]` | `latency` one way (`"1ms..5ms"`); `loss` 0 to 1 (`0`); `bandwidth` in bytes per second (no limit) |
//! | `[[link]]` | `between = ["a", "b"]`; `latency`, `loss`, `bandwidth` as above, where it differs from `[network]` |
//! | `[control]` | `connections` to the database (`10`); `statement_latency` (`"0ms..2ms"`); `log_bytes_max` (1 MiB) |
//! | `[[provisioner]]` | `name`; `start`, when it boots (`"0s"`); `tags = { key = "value" }`; and two intervals |
//!
//! A latency is one span of time or a range of them. A provisioner's `update_interval` (`"5s"`) is the time between
//! two heartbeats, its `force_cancel_interval` (`"10m"`) the time after which a cancelled job is ended by force.
//!
//! # People and templates
//!
//! | table | keys |
//! |---|---|
//! | `[[user]]` | `name`. Whoever is named elsewhere exists without it |
//! | `[[group]]` | `name`; `budget` in credits a day; `members`, names of users |
//! | `[[template]]` | `name`; `tags = { key = "value" }`, which a provisioner must have to build it; `plan` and `apply`, each a phase |
//!
//! A phase says how provisioning behaves: `takes` (`"0s"`); `on_cancel`, `"obey"` or `"ignore"` (`"obey"`);
//! `cancel_takes`, how long obeying takes (`"0s"`); `logs = { every, line, count, level }`, a line (`"line {n}"`)
//! again and again, `count` times or until the end; `fails`, the error with which it ends; `hangs = true`, it never
//! ends by itself; `daily_cost` in credits (`0`); `state`, what it leaves behind.
//!
//! # The story
//!
//! `[[step]]` has `at` and exactly one of:
//!
//! | key | what happens |
//! |---|---|
//! | `create_workspace` | `{ name, owner, template }` |
//! | `build_workspace` | `{ workspace, owner, transition }`, the transition being `"start"`, `"stop"` or `"destroy"` |
//! | `cancel_build` | `{ workspace, owner, by, expect_status }`: cancels the workspace's latest build |
//! | `shutdown_provisioner` | `{ name, cancel }`: its job ends first, or, with `cancel = true`, is cancelled |
//!
//! `owner` may be left out where one person alone has created a workspace of that name in earlier steps. `by` asks
//! for the cancel; it is the owner unless somebody is to be refused. `expect_status` is `"pending"` or `"running"`.
//!
//! `[[fault]]` has `at`, mostly `for` (how long it lasts; to the end of the run if left out), and exactly one of:
//!
//! | key | what happens |
//! |---|---|
//! | `cut`, `cut_one_way` | `["a", "b"]`: nothing passes, either way or from the first to the second |
//! | `hold` | `["a", "b"]`: what is sent waits, and arrives when the fault is over |
//! | `slow` | `{ between = ["a", "b"], factor }`: latency is multiplied |
//! | `lossy` | `{ between = ["a", "b"], probability }`: packets are lost |
//! | `reset` | `["a", "b"]`: their connections break at once; an instant, without `for` |
//! | `kill` | `"host"`: its processes die, its connections reset; started again after `for`, else down for good |
//! | `power_loss` | `"host"`: it goes dark without a word and loses what was not synced; `for` as with `kill` |
//! | `suspend` | `{ host, clock }`: it runs nothing `for` a while (required); its clock `"stops"` or `"runs"` |
//! | `step_clock` | `{ host, by }`: its wall clock jumps by `"5m"` or `"-5m"`, and back after `for`, if there is one |
//! | `drift` | `{ host, ppm }`: its clocks run fast (or, below zero, slow) by so many parts per million |
//!
//! # What is expected
//!
//! `[[expect]]` looks for records of the event log; `groundhog events` lists them:
//!
//! | key | what it says |
//! |---|---|
//! | `event` | the event's name (required) |
//! | `with` | `{ field = value }`: fields that must have this value |
//! | `host` | where it happened; `"-"` is the world, which causes faults |
//! | `between` | `["11m", "13m"]`: when, both ends included |
//! | `times` | how often: `2` or `"1..3"`; at least once if left out |
//! | `never` | `true`: not once |
//! | `before`, `after` | `{ event, with, host }`: see [`crate::expect`] for what order means |

mod check;
mod document;
mod file;
mod raw;
mod scalars;
mod story;
pub mod units;
mod world;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use groundhog_host::event::EventSpec;
pub use groundhog_sim::WORLD;

use crate::diagnostic::Diagnostics;
use crate::expect::Expectation;

pub use self::story::{Action, ClockStep, ExpectStatus, Fault, FaultKind, Step, SuspendedClock, Transition};
pub use self::world::{
    Control, Group, Link, LogLevel, Logs, OnCancel, Path as NetworkPath, Phase, Provisioner, Template,
};

/// The host of the control plane.
pub const CONTROL: &str = "control";

/// The host from which people act.
pub const USERS: &str = "users";

/// The name under which the control plane's reaper ends jobs in a log; no host.
pub const REAPER: &str = "reaper";

/// The largest scenario file, in bytes. The longest story that a person wrote is a hundredth of it.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// A story that has been checked: every name in it exists, every time lies within the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What it shows.
    pub about: String,
    /// Which bug report it comes from.
    pub issue: Option<String>,
    /// Which version the report was about.
    pub version: Option<String>,
    /// The seed that is run unless another is asked for.
    pub seed: u64,
    /// How long the story lasts.
    pub duration: Duration,
    /// How long the world may take to come to rest after the last fault has healed.
    pub settle: Duration,
    /// Error-level messages that contain one of these are expected.
    pub allow_errors: Vec<String>,
    /// How two hosts reach each other unless a link says otherwise.
    pub network: NetworkPath,
    /// Where the network differs. No pair of hosts stands here twice.
    pub links: Vec<Link>,
    /// The control plane's settings.
    pub control: Control,
    /// Groups of people, each with a budget.
    pub groups: Vec<Group>,
    /// Everybody who is named anywhere.
    pub users: BTreeSet<String>,
    /// What workspaces are made from.
    pub templates: Vec<Template>,
    /// The daemons that build them.
    pub provisioners: Vec<Provisioner>,
    /// What people do, in the order of time; at one instant, in the order of the file.
    pub steps: Vec<Step>,
    /// What goes wrong, in the order of time; at one instant, in the order of the file.
    pub faults: Vec<Fault>,
    /// What must, or must not, be seen, in the order of the file.
    pub expectations: Vec<Expectation>,
}

impl Scenario {
    /// Reads and checks a scenario file. `catalogues` are the events that can happen, one list per component.
    pub fn load(path: &Path, catalogues: &[&[EventSpec]]) -> Result<Self, Diagnostics> {
        let text = file::read(path)?;
        Self::parse(&path.display().to_string(), &text, catalogues)
    }

    /// Checks a scenario's text; `file` is what the text is called in diagnostics.
    pub fn parse(file: &str, text: &str, catalogues: &[&[EventSpec]]) -> Result<Self, Diagnostics> {
        document::read(text)
            .and_then(|document| check::check(document, text, catalogues))
            .map_err(|list| Diagnostics::new(file, text, list))
    }

    /// The names of all hosts, the control plane's and the users' first.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        [CONTROL, USERS].into_iter().chain(self.provisioners.iter().map(|provisioner| provisioner.name.as_str()))
    }
}
