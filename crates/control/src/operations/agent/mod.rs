//! What agents do, and what is done to them.
//!
//! - [`register`]: a build that has ended makes its agents known. [`session`]: an agent's session begins.
//! - [`presence`]: an agent comes, lives and goes. [`manifest`]: it is told what to do.
//! - [`life`]: the steps of its life are kept. [`logs`]: its log lines are. [`reports`]: all else that it finds out is.

pub mod life;
pub mod logs;
pub mod manifest;
pub mod presence;
pub mod register;
pub mod reports;
pub mod session;
