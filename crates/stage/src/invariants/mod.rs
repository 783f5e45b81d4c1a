//! What holds on every run of every scenario.
//!
//! Each invariant has a file of its own, a stable id and one sentence. It reads the records of a run, quiet ones
//! included, one by one as the log grows, and says when one of them breaks it. None looks into a component.
//!
//! An invariant never cries wolf: where a log leaves room for an innocent explanation, it is believed. What each
//! takes for innocent stands in its module's documentation. A bound on time counts from the last trouble that
//! touched the hosts in question (`weather`), and a run that ends before a bound is over breaks nothing.

mod agent_log_order;
mod agent_returns;
mod audit_once;
mod bounds;
mod cancel_bound;
mod cancel_heeded;
mod chat_log;
mod chat_one;
mod claim_once;
mod close_bound;
mod error_code;
mod force_cancel;
mod import_activates;
mod job_delivered;
mod job_ends;
mod job_once;
mod job_owner;
mod lifecycle_order;
mod log_order;
mod log_prompt;
mod logs_followed;
mod lost_retried;
mod open_jobs;
mod outdated_stays_out;
mod people_first;
mod pool_bound;
mod pool_connections;
mod prompt_pickup;
mod quota;
mod quota_sum;
mod reaped_for_cause;
mod refused_ends;
mod runner_silence;
mod scripts_once;
mod tool_ends;
mod tool_true;
mod tunnel_ends;
mod tunnel_nesting;
mod tunnel_starts_once;
mod weather;
mod worker_known;

use std::time::Duration;

use crate::Record;

pub(crate) use self::agent_returns::is_refused;
pub use self::bounds::{Bounds, Queue};

/// Something that always holds.
pub trait Invariant {
    /// Names it for good.
    fn id(&self) -> &'static str;

    /// What always holds, in a sentence.
    fn about(&self) -> &'static str;

    /// Looks at the run's next record. Says what it breaks, if anything; a thing that is broken is told once.
    fn observe(&mut self, record: &Record) -> Option<Violation>;

    /// The run ended at this time. Says what was already broken by then and showed in no record.
    fn finish(&mut self, end: Duration) -> Option<Violation> {
        let _ = end;
        None
    }
}

/// An invariant that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which invariant.
    pub id: &'static str,
    /// What broke it; names the job, host or person.
    pub message: String,
    /// The record that broke it; for a bound that passed, the record from which it counts.
    pub ordinal: u64,
}

/// All invariants, in the order in which they are listed, each at the beginning of a run.
pub fn all(bounds: &Bounds) -> Vec<Box<dyn Invariant>> {
    vec![
        Box::new(job_once::JobOnce::default()),
        Box::new(job_owner::JobOwner::default()),
        Box::new(prompt_pickup::PromptPickup::new(bounds)),
        Box::new(job_delivered::JobDelivered::new(bounds)),
        Box::new(worker_known::WorkerKnown::default()),
        Box::new(refused_ends::RefusedEnds::new(bounds)),
        Box::new(job_ends::JobEnds::new(bounds.clone())),
        Box::new(cancel_bound::CancelBound::new(bounds.clone())),
        Box::new(cancel_heeded::CancelHeeded::default()),
        Box::new(force_cancel::ForceCancel::new(bounds)),
        Box::new(runner_silence::RunnerSilence::default()),
        Box::new(lost_retried::LostRetried::new(bounds)),
        Box::new(log_order::LogOrder::new(bounds)),
        Box::new(log_prompt::LogPrompt::new()),
        Box::new(quota::Quota::default()),
        Box::new(quota_sum::QuotaSum::default()),
        Box::new(error_code::ErrorCode::default()),
        Box::new(reaped_for_cause::ReapedForCause::new(bounds)),
        Box::new(close_bound::CloseBound::new(bounds)),
        Box::new(people_first::PeopleFirst::new(bounds)),
        Box::new(import_activates::ImportActivates::default()),
        Box::new(logs_followed::LogsFollowed::default()),
        Box::new(audit_once::AuditOnce::default()),
        Box::new(lifecycle_order::LifecycleOrder::default()),
        Box::new(scripts_once::ScriptsOnce::default()),
        Box::new(agent_returns::AgentReturns::new(bounds)),
        Box::new(agent_log_order::AgentLogOrder::new(bounds)),
        Box::new(outdated_stays_out::OutdatedStaysOut::new(bounds)),
        Box::new(tunnel_nesting::TunnelNesting::default()),
        Box::new(tunnel_ends::TunnelEnds::default()),
        Box::new(tunnel_starts_once::TunnelStartsOnce::default()),
        Box::new(claim_once::ClaimOnce::default()),
        Box::new(pool_bound::PoolBound::default()),
        Box::new(pool_connections::PoolConnections::new(bounds)),
        Box::new(chat_one::ChatOne::new(bounds)),
        Box::new(tool_ends::ToolEnds::default()),
        Box::new(tool_true::ToolTrue::default()),
    ]
}

/// The host whose software has gone, or begins anew: what ran there before is over. A host that goes on after a
/// suspension is none.
pub(crate) fn begins_anew(record: &Record) -> Option<&str> {
    match record.event.as_str() {
        "host.killed" | "host.power_lost" | "host.removed" | "host.started" => record.field("host"),
        _ => None,
    }
}

/// Whether an event is the beginning of a job, whatever it is for.
pub(crate) fn begins(event: &str) -> bool {
    matches!(event, "build.queued" | "version.queued" | "dry_run.queued")
}

/// Whether an event ends a job for good.
pub(crate) fn is_terminal(event: &str) -> bool {
    matches!(event, "job.completed" | "job.failed" | "job.canceled")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_every_invariant_is_described() {
        let all = all(&Bounds::default());
        let ids: BTreeSet<&str> = all.iter().map(|invariant| invariant.id()).collect();
        assert_eq!(ids.len(), all.len());
        assert!(all.iter().all(|invariant| !invariant.about().is_empty()));
    }
}
