//! Campaigns: many runs, each by a plan of its own, and what is made of those that fail.
//!
//! A *plan* is everything that varies in a run: which hosts there are, what happens on them, what goes wrong. A
//! *subject* runs plans. Nothing here knows what is in a plan: that is the user's.
//!
//! - [`subject`]: what a user brings, and what a run brings back.
//! - [`seeds`]: which seed the n-th run of a campaign has, and who runs it; random streams for drawing plans.
//! - [`signature`]: when two failures are one finding.
//! - [`tally`]: what is known after any number of runs. Tallies of parts of a campaign join to that of the whole.
//! - [`distribution`]: spans of time, counted by size.
//! - [`shrink`](mod@shrink): how a failing plan is made small.

pub mod distribution;
pub mod seeds;
pub mod shrink;
pub mod signature;
pub mod subject;
pub mod tally;

pub use self::{
    distribution::Distribution,
    seeds::{Draws, Shard, ShardError, campaign_seed},
    shrink::{Progress, Shrunk, shrink},
    signature::Signature,
    subject::{Coverage, Outcome, Plan, Settled, Subject},
    tally::{Finding, Tally},
};
