//! Workspaces are built ahead: every so often all pools are looked at, and what they lack or have too much of is seen to.
//!
//! What is to be done is decided by [`groundhog_prebuilds`], which is pure. Here is what it needs to know, and what
//! becomes of its decisions:
//!
//! - [`reconciler`]: when it is done, and by which of several replicas. [`cycle`]: what holds one look together: the lease, and
//!   what every transaction of it begins with.
//! - [`membership`]: the account that builds ahead belongs to the organisations for which it does.
//! - [`snapshot`]: all pools as they stand at one moment. [`carry_out`]: what was decided of one of them is done.
//! - [`told`]: what this process told last, so that it tells only what is new. [`side_by_side`]: a few presets at once.
//!
//! Two things make it safe. Every transaction after the first asks first whether its replica still has the lease, by the lease's
//! number (P14); and it looks again at what it is about to change, because people promote versions and claim workspaces in
//! the meantime (P13, P6). So nothing that was read before is trusted, and no connection is held in between.
//!
//! Architecture invariant: nothing here decides how many workspaces are wanted, which one goes, or when to give up.

pub mod carry_out;
pub mod cycle;
pub mod membership;
pub mod reconciler;
pub mod side_by_side;
pub mod snapshot;
pub mod told;

pub use self::reconciler::{Outcome, Reconciler, Stats};
