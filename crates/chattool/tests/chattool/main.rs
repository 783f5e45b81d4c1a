//! Tests of the tools.

mod agent;
mod build;
mod create;
mod existing;
mod templates;
mod weather;
mod world;
