//! Scenario files as people meet them: good ones, and every way to get one wrong.

mod any_text;
mod campaign;
mod field_bugs;
mod catalogue;
mod files;
mod good;
mod mistakes;
mod runs;
