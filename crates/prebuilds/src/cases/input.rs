//! What a case asks.

use super::fields::{Fields, Mistake};
use crate::failures::Attempt;
use crate::{Backoff, InProgress, Lingering, Pool, Prebuilt, Preset, Schedule, Settings};

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Question {
    /// What is to be done about a pool.
    StateAndActions(Situation),
    /// Whether a pool need be looked at.
    CanSkip(Situation),
    /// How many are wanted of a preset.
    DesiredInstances { preset: Preset, at_ms: i64 },
    /// Whether a cron expression holds.
    MatchesCron { spec: String, at_ms: i64 },
    /// Which preset is meant.
    FindMatchingPreset { names: Vec<String>, values: Vec<String>, presets: Vec<(String, Vec<(String, String)>)> },
    /// How many pools are worked on at once.
    Concurrency { connections: i64 },
    /// Whether builds failed too often.
    HardLimit { attempts: Vec<Attempt<usize>>, hard_limit: u32 },
    /// Whether builds failed of late; the time is 0.
    BackoffWindow { attempts: Vec<Attempt<usize>>, desired_instances: u32, lookback_ms: i64 },
    /// Whether a workspace is ready.
    Ready { ready_agents: u32, not_ready_agents: u32 },
}

/// A pool at a time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Situation {
    pub(super) pool: Pool<String>,
    pub(super) settings: Settings,
    pub(super) now_ms: i64,
}

/// The kinds that there are, for whoever wrote another one.
const KINDS: &str = "state_and_actions, can_skip, desired_instances, matches_cron, find_matching_preset, \
                     reconciliation_concurrency, hard_limit, backoff_window or ready";

impl Question {
    /// A question of this kind.
    pub(super) fn read(kind: &str, mut input: Fields) -> Result<Self, Mistake> {
        let question = match kind {
            "state_and_actions" => Self::StateAndActions(situation(&mut input)?),
            "can_skip" => Self::CanSkip(situation(&mut input)?),
            "desired_instances" => desired_instances(&mut input)?,
            "matches_cron" => Self::MatchesCron { spec: input.text("spec")?, at_ms: input.instant("at")? },
            "find_matching_preset" => find_matching_preset(&mut input)?,
            "reconciliation_concurrency" => {
                let connections = input.number("max_db_connections")?;
                Self::Concurrency { connections: input.required("max_db_connections", connections)? }
            }
            "hard_limit" => hard_limit(&mut input)?,
            "backoff_window" => backoff_window(&mut input)?,
            "ready" => Self::Ready {
                ready_agents: input.count("ready_agents")?.unwrap_or(0),
                not_ready_agents: input.count("not_ready_agents")?.unwrap_or(0),
            },
            _ => {
                return Err(Mistake { key: "kind".to_owned(), message: format!("expected {KINDS}, found {kind:?}") });
            }
        };
        input.end()?;
        Ok(question)
    }
}

fn situation(input: &mut Fields) -> Result<Situation, Mistake> {
    let now_ms = input.instant("now")?;
    let at = |offset_ms: i64| now_ms.saturating_add(offset_ms);
    let mut settings = Settings::default();
    if let Some(interval_ms) = input.number("backoff_interval_ms")? {
        settings.backoff_interval_ms = interval_ms;
    }
    if let Some(kept_ms) = input.number("lingering_kept_ms")? {
        settings.lingering_kept_ms = kept_ms;
    }
    let mut of = input.object("preset")?;
    let preset = Preset {
        using_active_version: of.flag("using_active_version")?.unwrap_or(false),
        deleted: of.flag("deleted")?.unwrap_or(false),
        deprecated: of.flag("deprecated")?.unwrap_or(false),
        desired_instances: of.count("desired_instances")?,
        ttl_ms: of.number("ttl_s")?.map(|ttl_s| ttl_s.saturating_mul(1_000)),
        last_invalidated_at_ms: of.number("last_invalidated_at_offset_ms")?.map(at),
        timezone: of.optional_text("scheduling_timezone")?.unwrap_or_default(),
        schedules: schedules(input)?,
    };
    of.end()?;
    let mut running = Vec::new();
    for mut one in input.objects("running")? {
        running.push(Prebuilt {
            id: one.text("id")?,
            created_at_ms: one.number("created_at_offset_ms")?.map(at),
            ready: one.flag("ready")?.unwrap_or(false),
        });
        one.end()?;
    }
    let mut lingering = Vec::new();
    for mut one in input.objects("lingering")? {
        let since = one.number("since_offset_ms")?;
        lingering.push(Lingering { id: one.text("id")?, since_ms: at(one.required("since_offset_ms", since)?) });
        one.end()?;
    }
    let backoff = match input.optional_object("backoff")? {
        None => None,
        Some(mut backoff) => {
            let (num_failed, last) = (backoff.count("num_failed")?, backoff.number("last_build_at_offset_ms")?);
            let num_failed = backoff.required("num_failed", num_failed)?;
            let last_build_at_ms = at(backoff.required("last_build_at_offset_ms", last)?);
            backoff.end()?;
            Some(Backoff { num_failed, last_build_at_ms })
        }
    };
    let pool = Pool {
        preset,
        running,
        in_progress: in_progress(input)?,
        pending: input.count("pending_count")?.unwrap_or(0),
        lingering,
        backoff,
        hard_limited: input.flag("is_hard_limited")?.unwrap_or(false),
    };
    Ok(Situation { pool, settings, now_ms })
}

fn schedules(input: &mut Fields) -> Result<Vec<Schedule>, Mistake> {
    let mut schedules = Vec::new();
    for mut schedule in input.objects("schedules")? {
        let instances = schedule.count("instances")?;
        schedules
            .push(Schedule { cron: schedule.text("cron")?, instances: schedule.required("instances", instances)? });
        schedule.end()?;
    }
    Ok(schedules)
}

fn in_progress(input: &mut Fields) -> Result<InProgress, Mistake> {
    let mut in_progress = InProgress::default();
    for mut builds in input.objects("in_progress")? {
        let transition = builds.text("transition")?;
        let sum = match transition.as_str() {
            "start" => &mut in_progress.starting,
            "stop" => &mut in_progress.stopping,
            "delete" => &mut in_progress.deleting,
            _ => {
                let message = format!("expected start, stop or delete, found {transition:?}");
                return Err(builds.mistake("transition", message));
            }
        };
        let count = builds.count("count")?;
        *sum = sum.saturating_add(builds.required("count", count)?);
        builds.end()?;
    }
    Ok(in_progress)
}

fn desired_instances(input: &mut Fields) -> Result<Question, Mistake> {
    let preset = Preset {
        using_active_version: true,
        desired_instances: input.count("desired_instances")?,
        timezone: input.optional_text("scheduling_timezone")?.unwrap_or_default(),
        schedules: schedules(input)?,
        ..Preset::default()
    };
    Ok(Question::DesiredInstances { preset, at_ms: input.instant("at")? })
}

fn find_matching_preset(input: &mut Fields) -> Result<Question, Mistake> {
    let (names, values) = (input.texts("names")?, input.texts("values")?);
    let mut presets = Vec::new();
    if let Some(mut all) = input.optional_object("presets")? {
        for preset in all.keys() {
            let mut parameters = Vec::new();
            if let Some(mut of) = all.optional_object(&preset)? {
                for name in of.keys() {
                    let value = of.text(&name)?;
                    parameters.push((name, value));
                }
            }
            presets.push((preset, parameters));
        }
    }
    Ok(Question::FindMatchingPreset { names, values, presets })
}

fn hard_limit(input: &mut Fields) -> Result<Question, Mistake> {
    let mut attempts = Vec::new();
    for (id, (build, key)) in input.list("builds_oldest_first")?.into_iter().enumerate() {
        let failed = match build.as_str() {
            Some("F") => true,
            Some("S" | "C") => false,
            _ => return Err(Mistake { key, message: format!("expected \"F\", \"S\" or \"C\", found {build}") }),
        };
        // Only the order counts, and ids say it.
        attempts.push(Attempt { id, created_at_ms: 0, failed });
    }
    let hard_limit = input.count("hard_limit")?;
    Ok(Question::HardLimit { attempts, hard_limit: input.required("hard_limit", hard_limit)? })
}

fn backoff_window(input: &mut Fields) -> Result<Question, Mistake> {
    let mut attempts = Vec::new();
    for (id, mut build) in input.objects("builds")?.into_iter().enumerate() {
        let failed = build.flag("failed")?;
        let failed = build.required("failed", failed)?;
        attempts.push(Attempt { id, created_at_ms: build.minutes("age_min")?.saturating_neg(), failed });
        build.end()?;
    }
    let desired_instances = input.count("desired_instances")?.unwrap_or(0);
    Ok(Question::BackoffWindow { attempts, desired_instances, lookback_ms: input.minutes("lookback_min")? })
}
