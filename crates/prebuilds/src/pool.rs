//! What is known of one preset's pool when it is decided about.

/// The pool of one preset: the workspaces that were built ahead for it, and what is under way. `W` names a workspace;
/// its order breaks ties.
///
/// All times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool<W> {
    /// What they are built ahead for.
    pub preset: Preset,
    /// Unclaimed workspaces whose latest build is a start that succeeded, whether they are expired or not.
    pub running: Vec<Prebuilt<W>>,
    /// Builds of such workspaces, of the template's active version, that have not ended.
    pub in_progress: InProgress,
    /// First builds that still wait for a daemon, of a version that is not the active one.
    pub pending: u32,
    /// Unclaimed workspaces whose latest build has ended, and is neither a start that succeeded nor a destroy that did
    /// (P19).
    pub lingering: Vec<Lingering<W>>,
    /// Failures of late, if there are any that count.
    pub backoff: Option<Backoff>,
    /// So many builds failed in a row that no more are tried.
    pub hard_limited: bool,
}

/// A preset of a template's version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preset {
    /// Its version is the template's active one.
    pub using_active_version: bool,
    /// Its template is deleted.
    pub deleted: bool,
    /// Its template is deprecated.
    pub deprecated: bool,
    /// So many are wanted, unless a schedule says otherwise; none if nothing was said of building ahead.
    pub desired_instances: Option<u32>,
    /// How long one is kept, in milliseconds; none or 0 for ever.
    pub ttl_ms: Option<i64>,
    /// Those that were made before then are to be made anew.
    pub last_invalidated_at_ms: Option<i64>,
    /// An IANA name; empty without schedules.
    pub timezone: String,
    /// In the order in which they are declared: the first one that holds counts (P15).
    pub schedules: Vec<Schedule>,
}

impl Preset {
    /// Workspaces of it may be built and given to people: its version is the active one, and its template is neither
    /// deleted nor deprecated.
    pub const fn is_active(&self) -> bool {
        self.using_active_version && !self.deleted && !self.deprecated
    }
}

/// When how many are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Five cron fields, the first of them `*`: the minutes that match are when it holds.
    pub cron: String,
    /// So many.
    pub instances: u32,
}

/// An unclaimed workspace that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prebuilt<W> {
    /// Which one.
    pub id: W,
    /// When it was made; none if that is not known, then its age does not count.
    pub created_at_ms: Option<i64>,
    /// All of its agents are ready: see [`ready`](crate::ready).
    pub ready: bool,
}

/// How many builds are under way, by what they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InProgress {
    /// Starts.
    pub starting: u32,
    /// Stops.
    pub stopping: u32,
    /// Destroys.
    pub deleting: u32,
}

/// An unclaimed workspace that neither runs nor is built, and is kept a while so that somebody can look at it (P19).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lingering<W> {
    /// Which one.
    pub id: W,
    /// Since when: when its latest build ended.
    pub since_ms: i64,
}

/// Failures of late: see [`backoff_window`](crate::failures::backoff_window).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// How many.
    pub num_failed: u32,
    /// When the last of those was begun that made it back off.
    pub last_build_at_ms: i64,
}

/// What can be set about decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// By how much each failure puts off the next build, in milliseconds; a minute.
    pub backoff_interval_ms: i64,
    /// How long one that lingers is kept, in milliseconds; an hour (P19).
    pub lingering_kept_ms: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { backoff_interval_ms: 60_000, lingering_kept_ms: 3_600_000 }
    }
}
