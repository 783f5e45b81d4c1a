//! What this process told last of the pools, so that it tells only what is new.

use std::collections::{BTreeMap, BTreeSet};

use groundhog_prebuilds::{Action, DeleteCause, State};
use groundhog_wire::id::PresetId;

use super::snapshot::PresetPool;
use crate::{events, preset_status::PresetStatus};

/// Why a preset's pool is not brought to what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// So many builds failed in a row that no more are tried.
    HardLimited,
    /// The version does not take the preset's parameters.
    ValidationFailed,
    /// Builds failed of late, and the next ones are put off (P11).
    Backoff,
    /// Building ahead is paused.
    Paused,
    /// The account that builds ahead is no member of the template's organisation (P10).
    Membership,
}

impl Limited {
    /// The word that events use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HardLimited => "hard_limited",
            Self::ValidationFailed => "validation_failed",
            Self::Backoff => "backoff",
            Self::Paused => "paused",
            Self::Membership => "membership",
        }
    }

    /// Why nothing is built for a preset, whatever its pool lacks; none if it may be.
    pub fn gate(pool: &PresetPool) -> Option<Self> {
        if pool.pool.hard_limited {
            return Some(Self::HardLimited);
        }
        (pool.preset.status == PresetStatus::ValidationFailed).then_some(Self::ValidationFailed)
    }

    /// Why nothing is built, in a sentence.
    const fn why(self) -> &'static str {
        match self {
            Self::HardLimited => "so many builds failed in a row that no more are tried: publish another version",
            Self::ValidationFailed => "the version does not take the preset's parameters: publish another version",
            Self::Backoff => "builds failed of late",
            Self::Paused => "building ahead is paused",
            Self::Membership => "the account that builds ahead is no member of the organisation",
        }
    }
}

/// A pool as it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    preset: String,
    version: String,
    state: State,
    limited: Option<Limited>,
    /// Until when builds are put off, in milliseconds since 1970.
    until_ms: Option<i64>,
    /// Why builds that are wanted are left out.
    skipped: Option<Limited>,
}

impl Told {
    fn tell_pool(&self) {
        let State { actual, desired, eligible, starting, .. } = self.state;
        let limited = self.limited.map_or("", Limited::as_str);
        events::prebuild_pool(&self.preset, &self.version, actual, desired, eligible, starting, limited);
    }
}

/// What this process told last.
#[derive(Debug, Default)]
pub struct Memory {
    /// The lease's number when it last told of pools.
    number: Option<i64>,
    pools: BTreeMap<PresetId, Told>,
    memberships: BTreeMap<String, String>,
}

impl Memory {
    /// Begins a cycle under this number. If another replica had the lease in between it has told of pools too, and what this
    /// one told is not the last word.
    pub fn begin(&mut self, number: i64) {
        if self.number.is_none_or(|last| last.checked_add(1) != Some(number)) {
            self.pools.clear();
        }
        self.number = Some(number);
    }

    /// Tells of active pools what has changed. Those that are no longer among them are forgotten.
    pub fn tell(&mut self, decided: &[Decided<'_>], now_ms: i64) {
        let mut pools = BTreeMap::new();
        for Decided { pool, state, actions, gate, membership } in decided {
            if !pool.pool.preset.is_active() {
                continue;
            }
            let until_ms = actions.iter().find_map(|action| match action {
                Action::Backoff { until_ms } => Some(*until_ms),
                Action::CancelPending | Action::Delete { .. } | Action::Create { .. } => None,
            });
            let creates = actions.iter().any(|action| matches!(action, Action::Create { .. }));
            let limited = membership.then_some(Limited::Membership).or(*gate);
            let told = Told {
                preset: pool.name(),
                version: pool.preset.version_name.clone(),
                state: *state,
                limited: limited.or(until_ms.map(|_| Limited::Backoff)),
                until_ms,
                skipped: limited.filter(|_| creates),
            };
            let before = self.pools.remove(&pool.preset.id);
            told.tell_changes(before.as_ref(), pool, now_ms);
            pools.insert(pool.preset.id, told);
        }
        self.pools = pools;
    }

    /// Tells of the pools that were told of that nothing is done about them while building ahead is paused.
    pub fn tell_paused(&mut self) {
        for told in self.pools.values_mut().filter(|told| told.limited != Some(Limited::Paused)) {
            told.limited = Some(Limited::Paused);
            told.tell_pool();
        }
    }

    /// Tells that an organisation's membership could not be completed, if that is new.
    pub fn tell_membership(&mut self, organization: &str, error: &str) {
        if self.memberships.get(organization).is_none_or(|before| before != error) {
            events::membership_failed(organization, error);
            self.memberships.insert(organization.to_owned(), error.to_owned());
        }
    }

    /// Forgets what was told of organisations that are all right now: all but these.
    pub fn forget_memberships(&mut self, failed: &BTreeSet<&str>) {
        self.memberships.retain(|organization, _| failed.contains(organization.as_str()));
    }
}

impl Told {
    fn tell_changes(&self, before: Option<&Self>, pool: &PresetPool, now_ms: i64) {
        if before.is_none_or(|before| before.state != self.state || before.limited != self.limited) {
            self.tell_pool();
        }
        if let Some(until_ms) = self.until_ms
            && before.is_none_or(|before| before.until_ms != self.until_ms)
        {
            let failed = pool.pool.backoff.map_or(0, |backoff| u64::from(backoff.num_failed));
            // A part of a second counts as one: the last millisecond belongs to it.
            let for_s = until_ms.saturating_sub(now_ms).max(0).cast_unsigned().div_ceil(1_000);
            events::prebuild_backing_off(&self.preset, &self.version, failed, for_s);
        }
        if let Some(skipped) = self.skipped
            && before.is_none_or(|before| before.skipped != self.skipped)
        {
            events::prebuild_create_skipped(&self.preset, &self.version, skipped.why());
        }
    }
}

/// What was decided of one pool.
#[derive(Debug)]
pub struct Decided<'a> {
    /// The pool.
    pub pool: &'a PresetPool,
    /// The pool in numbers.
    pub state: State,
    /// What is to be done about it.
    pub actions: Vec<Action<groundhog_wire::id::WorkspaceId>>,
    /// Why nothing is built, if that is so.
    pub gate: Option<Limited>,
    /// Its organisation's membership could not be completed: nothing is done about it.
    pub membership: bool,
}

/// What is to be done, in words: "delete 2 (expired), create 1".
pub fn words<W>(actions: &[Action<W>], waiting: usize) -> String {
    let words = actions.iter().filter_map(|action| match action {
        Action::Backoff { .. } => None,
        Action::CancelPending => Some(format!("withdraw {waiting}")),
        Action::Delete { ids, cause } => Some(format!("delete {} ({})", ids.len(), cause_word(*cause))),
        Action::Create { count } => Some(format!("create {count}")),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// The word for why workspaces are deleted.
pub const fn cause_word(cause: DeleteCause) -> &'static str {
    match cause {
        DeleteCause::Expired => "expired",
        DeleteCause::Extraneous => "extraneous",
        DeleteCause::Inactive => "inactive",
        DeleteCause::Lingering => "lingering",
    }
}
