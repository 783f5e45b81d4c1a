//! The crate as others use it, in a simulated world.

mod services;
mod terminals;
