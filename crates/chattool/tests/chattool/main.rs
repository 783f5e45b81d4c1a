//! Tests of the tools.

mod create;
mod world;
