//! Scenario files as people meet them: good ones, and every way to get one wrong.

mod ahead;
mod any_text;
mod assistants;
mod campaign;
mod catalogue;
mod chats;
mod field_bugs;
mod files;
mod good;
mod live;
mod mistakes;
mod runs;
mod template_files;
mod tunnels;
