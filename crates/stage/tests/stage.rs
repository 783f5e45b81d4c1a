//! Scenario files as people meet them: good ones, and every way to get one wrong.

#[path = "stage/any_text.rs"]
mod any_text;
#[path = "stage/catalogue.rs"]
mod catalogue;
#[path = "stage/files.rs"]
mod files;
#[path = "stage/good.rs"]
mod good;
#[path = "stage/mistakes.rs"]
mod mistakes;
