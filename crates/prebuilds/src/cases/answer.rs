//! What is answered, in the form in which cases expect it.

use serde::Serialize;
use serde_json::Value;

use super::input::{Question, Situation};
use crate::failures::{backoff_window, is_hard_limited};
use crate::{
    AT_ONCE_AT_MOST, Action, actions, can_skip, concurrency, desired_instances, find_matching_preset, ready, schedule,
    state,
};

/// What is decided about a case. As JSON it is what stands in a case's `expect`, its keys in the same order.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// What is to be done about a pool.
    StateAndActions {
        /// The pool in numbers.
        #[serde(skip_serializing_if = "Option::is_none")]
        state: Option<Numbers>,
        /// What is to be done, in order.
        #[serde(skip_serializing_if = "Option::is_none")]
        actions: Option<Vec<Doing>>,
        /// It need not be looked at.
        #[serde(skip_serializing_if = "Option::is_none")]
        can_skip: Option<bool>,
        /// There is nothing to do.
        #[serde(skip_serializing_if = "Option::is_none")]
        actions_all_noop: Option<bool>,
    },
    /// Whether a pool need be looked at.
    CanSkip {
        /// It need not.
        #[serde(skip_serializing_if = "Option::is_none")]
        can_skip: Option<bool>,
        /// There is nothing to do.
        #[serde(skip_serializing_if = "Option::is_none")]
        actions_all_noop: Option<bool>,
        /// What is to be done, in order.
        #[serde(skip_serializing_if = "Option::is_none")]
        actions: Option<Vec<Doing>>,
    },
    /// How many are wanted.
    Desired {
        /// So many.
        desired: u32,
    },
    /// Whether a cron expression holds.
    Matches {
        /// It does or not, or why it is none.
        matches: Match,
    },
    /// Which preset is meant.
    Preset {
        /// This one, if any.
        preset: Option<String>,
        /// Why none can be.
        error: Option<String>,
    },
    /// How many pools are worked on at once.
    Concurrency {
        /// So many.
        concurrency: u32,
    },
    /// Whether builds failed too often.
    HardLimit {
        /// They did.
        hard_limited: bool,
    },
    /// What failed of late, if that counts.
    Backoff(Option<Failed>),
    /// Whether a workspace is ready.
    Ready {
        /// It is.
        ready: bool,
    },
}

/// A pool in numbers; see [`State`](crate::State).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "they are explained where they come from")]
pub struct Numbers {
    pub actual: u64,
    pub desired: u64,
    pub expired: u64,
    pub eligible: u64,
    pub extraneous: u64,
    pub starting: u64,
    pub stopping: u64,
    pub deleting: u64,
}

/// Something that is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Doing {
    /// Workspaces are built.
    Create {
        /// So many.
        count: u32,
    },
    /// Workspaces are deleted.
    Delete {
        /// These, in order.
        ids: Vec<String>,
    },
    /// Nothing is built for a while.
    Backoff {
        /// For so many milliseconds.
        until_offset_ms: i64,
    },
    /// First builds that wait are withdrawn.
    CancelPending,
}

/// Whether a cron expression holds, or why it is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Match {
    /// It does or not.
    Flag(bool),
    /// `error: ` and the reason.
    Error(String),
}

/// What failed of late.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failed {
    /// So many.
    pub num_failed: u32,
    /// How many minutes ago the last of those was begun that count: a whole number if it is one.
    pub last_build_age_min: serde_json::Number,
}

impl Answer {
    /// The answer to a question, with what its asker expects to see in it.
    pub(super) fn to(question: &Question, expect: Option<&Value>) -> Self {
        match question {
            Question::StateAndActions(situation) => {
                let asked = Asked::of(situation, expect);
                Self::StateAndActions {
                    state: asked.if_wanted("state", || numbers(situation)),
                    actions: asked.if_wanted("actions", || asked.doings.clone()),
                    can_skip: asked.if_wanted("can_skip", || skips(situation)),
                    actions_all_noop: asked.if_wanted("actions_all_noop", || asked.doings.is_empty()),
                }
            }
            Question::CanSkip(situation) => {
                let asked = Asked::of(situation, expect);
                Self::CanSkip {
                    can_skip: asked.if_wanted("can_skip", || skips(situation)),
                    actions_all_noop: asked.if_wanted("actions_all_noop", || asked.doings.is_empty()),
                    actions: asked.if_wanted("actions", || asked.doings.clone()),
                }
            }
            Question::DesiredInstances { preset, at_ms } => {
                Self::Desired { desired: desired_instances(preset, *at_ms).instances }
            }
            Question::MatchesCron { spec, at_ms } => Self::Matches {
                matches: match schedule::matches_spec(spec, *at_ms) {
                    Ok(matches) => Match::Flag(matches),
                    Err(error) => Match::Error(format!("error: {error}")),
                },
            },
            Question::FindMatchingPreset { names, values, presets } => {
                let (names, values) = (texts(names), texts(values));
                match find_matching_preset(&names, &values, presets) {
                    Ok(preset) => Self::Preset { preset: preset.map(str::to_owned), error: None },
                    Err(error) => Self::Preset { preset: None, error: Some(error.to_string()) },
                }
            }
            Question::Concurrency { connections } => {
                Self::Concurrency { concurrency: concurrency(*connections, AT_ONCE_AT_MOST) }
            }
            Question::HardLimit { attempts, hard_limit } => {
                Self::HardLimit { hard_limited: is_hard_limited(attempts, *hard_limit) }
            }
            Question::BackoffWindow { attempts, desired_instances, lookback_ms } => {
                Self::Backoff(backoff_window(attempts, *desired_instances, *lookback_ms, 0).map(|backoff| Failed {
                    num_failed: backoff.num_failed,
                    last_build_age_min: minutes(backoff.last_build_at_ms.saturating_neg()),
                }))
            }
            Question::Ready { ready_agents, not_ready_agents } => {
                Self::Ready { ready: ready((*ready_agents).into(), (*not_ready_agents).into()) }
            }
        }
    }

    /// Whether it is what a case expects. A `state` that is null expects nothing of it, and of a deletion without `ids` only
    /// the `count` counts.
    pub(super) fn is(&self, expect: &Value) -> bool {
        let ours = serde_json::to_value(self).unwrap_or_default();
        match (expect, &ours) {
            (Value::Object(expect), Value::Object(ours)) => expect.iter().all(|(key, expect)| match key.as_str() {
                "state" if expect.is_null() => true,
                "actions" => are(ours.get("actions"), expect),
                _ => ours.get(key) == Some(expect),
            }),
            _ => ours == *expect,
        }
    }
}

/// What is to be done about a pool, and what of it is asked.
struct Asked<'a> {
    doings: Vec<Doing>,
    expect: Option<&'a Value>,
}

impl<'a> Asked<'a> {
    fn of(situation: &Situation, expect: Option<&'a Value>) -> Self {
        Self { doings: doings(situation), expect }
    }

    /// Told if the case's own answer has such a key, or if it has none at all.
    fn if_wanted<T>(&self, key: &str, value: impl FnOnce() -> T) -> Option<T> {
        let wanted =
            self.expect.and_then(Value::as_object).is_none_or(|keys| keys.is_empty() || keys.contains_key(key));
        wanted.then(value)
    }
}

fn numbers(situation: &Situation) -> Numbers {
    let state = state(&situation.pool, situation.now_ms);
    Numbers {
        actual: state.actual,
        desired: state.desired,
        expired: state.expired,
        eligible: state.eligible,
        extraneous: state.extraneous,
        starting: state.starting,
        stopping: state.stopping,
        deleting: state.deleting,
    }
}

fn doings(situation: &Situation) -> Vec<Doing> {
    let doing = |action| match action {
        Action::Backoff { until_ms } => Doing::Backoff { until_offset_ms: until_ms.saturating_sub(situation.now_ms) },
        Action::CancelPending => Doing::CancelPending,
        Action::Delete { ids, .. } => Doing::Delete { ids },
        Action::Create { count } => Doing::Create { count },
    };
    actions(&situation.pool, &situation.settings, situation.now_ms).into_iter().map(doing).collect()
}

fn skips(situation: &Situation) -> bool {
    can_skip(&situation.pool, &situation.settings, situation.now_ms)
}

fn texts(of: &[String]) -> Vec<&str> {
    of.iter().map(String::as_str).collect()
}

/// Milliseconds as minutes.
fn minutes(ms: i64) -> serde_json::Number {
    #[allow(clippy::cast_precision_loss, reason = "a fraction of minutes is told as closely as it can be")]
    let fraction = || serde_json::Number::from_f64(ms as f64 / 60_000.0);
    if ms % 60_000 == 0 { (ms / 60_000).into() } else { fraction().unwrap_or_else(|| (ms / 60_000).into()) }
}

/// Whether actions are the expected ones.
fn are(ours: Option<&Value>, expect: &Value) -> bool {
    match (ours.and_then(Value::as_array), expect.as_array()) {
        (Some(ours), Some(expect)) => {
            ours.len() == expect.len() && ours.iter().zip(expect).all(|(ours, expect)| is_action(ours, expect))
        }
        _ => ours == Some(expect),
    }
}

fn is_action(ours: &Value, expect: &Value) -> bool {
    if expect["type"] == "delete" && expect["ids"].is_null() {
        let count = ours["ids"].as_array().map(Vec::len);
        return ours["type"] == "delete" && count.is_some_and(|count| expect["count"] == count);
    }
    ours == expect
}
