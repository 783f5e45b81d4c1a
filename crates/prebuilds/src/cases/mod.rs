//! Cases: what is known of a pool, or of something smaller, as data, and what is decided about it.
//!
//! A file is an object with a list `cases`, or one case of it. A case is an object with an `id`, a `kind`, an `input` and,
//! if somebody knows better, an `expect`; whatever else stands in it is a remark. What `input` and `expect` have in them
//! depends on the kind:
//!
//! | kind | input | expect |
//! |---|---|---|
//! | `state_and_actions` | a pool | `state`, `actions`, `can_skip`, `actions_all_noop` |
//! | `can_skip` | a pool | `can_skip`, `actions_all_noop`, `actions` |
//! | `desired_instances` | `desired_instances`, `scheduling_timezone`, `schedules`, `at` | `desired` |
//! | `matches_cron` | `spec` (UTC unless it begins with `CRON_TZ=`), `at` | `matches`: a flag, or `error: ` and the reason |
//! | `find_matching_preset` | `names`, `values`, `presets` | `preset`, `error` |
//! | `reconciliation_concurrency` | `max_db_connections` | `concurrency` |
//! | `hard_limit` | `builds_oldest_first` (`F` failed, `S` succeeded, `C` canceled), `hard_limit` | `hard_limited` |
//! | `backoff_window` | `desired_instances`, `lookback_min`, `builds` (`failed`, `age_min`), a later one being the newer of two of one age | null, or `num_failed` and `last_build_age_min` |
//! | `ready` | `ready_agents`, `not_ready_agents` | `ready` |
//!
//! A pool has `now`, `backoff_interval_ms`, `preset` (`using_active_version`, `deleted`, `deprecated`,
//! `desired_instances`, `ttl_s`, `last_invalidated_at_offset_ms`, `scheduling_timezone`), `schedules` (`cron`,
//! `instances`), `running` (`id`, `created_at_offset_ms`, `ready`), `in_progress` (`transition`, `count`),
//! `pending_count`, `backoff` (`num_failed`, `last_build_at_offset_ms`), `is_hard_limited`, and beyond what others have
//! `lingering` (`id`, `since_offset_ms`) and `lingering_kept_ms` (P19). Offsets are from `now`, so that the past is
//! negative. What is left out is nothing, false or what it is without being set.
//!
//! An `expect` also says by its keys what is asked for; without one, everything that its kind has is told.

mod answer;
mod explain;
mod fields;
mod input;

use serde_json::Value;

pub use answer::{Answer, Doing, Failed, Match, Numbers};
pub use fields::Mistake;
use input::Question;

/// A case that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What it is called.
    pub id: String,
    /// What is asked.
    question: Question,
    /// What its author expects.
    expect: Option<Value>,
}

/// A case that was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("case `{id}`: {mistake}")]
pub struct CaseError {
    /// What it is called; if that is what is wrong, which one it is, counted from 1.
    pub id: String,
    /// What is wrong, and where.
    pub mistake: Mistake,
}

/// A file that holds no cases.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It is no JSON.
    #[error("this is no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It is something else.
    #[error("expected an object with a list `cases`, or one case: an object with `id`, `kind` and `input`")]
    NoCases,
}

/// The cases of a file, in its order. One that is not understood does not keep the others from being answered.
///
/// # Errors
///
/// If there are no cases at all.
pub fn read(text: &str) -> Result<Vec<Result<Case, CaseError>>, FileError> {
    let cases = match serde_json::from_str(text)? {
        Value::Object(mut file) => match file.remove("cases") {
            Some(Value::Array(cases)) => cases,
            None if file.contains_key("kind") => vec![Value::Object(file)],
            _ => return Err(FileError::NoCases),
        },
        _ => return Err(FileError::NoCases),
    };
    Ok(cases.into_iter().enumerate().map(|(index, case)| Case::read(case, index + 1)).collect())
}

impl Case {
    /// The case in `value`, the `number`th of its file.
    fn read(value: Value, number: usize) -> Result<Self, CaseError> {
        let id = value.get("id").and_then(Value::as_str).map_or_else(|| number.to_string(), str::to_owned);
        let read = |value: Value| {
            let mut case = fields::Fields::of(value, "")?;
            let id = case.text("id")?;
            let kind = case.text("kind")?;
            let question = Question::read(&kind, case.object("input")?)?;
            Ok(Self { id, question, expect: case.maybe("expect") })
        };
        read(value).map_err(|mistake| CaseError { id, mistake })
    }

    /// What is decided.
    pub fn answer(&self) -> Answer {
        Answer::to(&self.question, self.expect.as_ref())
    }

    /// Whether the answer is what the case expects; none if it expects nothing.
    pub fn is_as_expected(&self) -> Option<bool> {
        self.expect.as_ref().map(|expect| self.answer().is(expect))
    }

    /// What the case expects, if it says so.
    pub const fn expected(&self) -> Option<&Value> {
        self.expect.as_ref()
    }

    /// What is decided and why, in words: a line for each number and for each decision.
    pub fn explain(&self) -> Vec<String> {
        explain::explain(&self.question)
    }
}
