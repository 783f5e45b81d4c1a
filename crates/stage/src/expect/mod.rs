//! What a scenario expects of a run, and whether it came.
//!
//! An [`Expectation`] describes records by a [`Pattern`] (an event, some of its fields, a host), perhaps a
//! [`Window`] of time, and says how often one must be found. It may also say that they come before or after
//! another event. Quiet records count like logged ones.
//!
//! # Order
//!
//! `before` and `after` compare *first* matches: the first record that this expectation finds must come before
//! (after) the first record that the other pattern finds in the whole run. Later matches on either side are free.
//! With `never`, where there is no first match, the order narrows what is looked at: no match before (after) the
//! other pattern's first. In either case the other event must happen; an order against something that never came
//! is not kept.

mod judge;
mod pattern;

pub use judge::{Unmet, judge};
pub use pattern::{Count, Expectation, Pattern, Window};
