//! Options of `serve machine`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};

use super::{CallArguments, span};

/// Options of `serve machine`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct MachineArguments {
    /// The folder that the machines are in
    #[arg(long, value_name = "FOLDER", env = "GROUNDHOG_MACHINES", default_value = "groundhog-work/machines")]
    pub folder: PathBuf,
    /// How long an agent may take to end, its stop scripts included
    #[arg(long, value_name = "TIME", env = "GROUNDHOG_MACHINE_GRACE", default_value = "5m", value_parser = span)]
    pub grace: Duration,
    /// Where the agents find their control plane.
    #[command(flatten)]
    pub call: CallArguments,
    /// What to do
    #[arg(value_enum)]
    pub action: Action,
    /// The machine's name: its workspace's and its agent's, with a dot in between
    #[arg(required_if_eq_any([("action", "create"), ("action", "delete")]))]
    pub name: Option<String>,
}

/// What to do about a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Action {
    /// Make it and start its agent; nothing if that is so already
    Create,
    /// End its agent and delete its folder; nothing if there is none
    Delete,
    /// List all machines
    List,
}

const HELP: &str = "\
This is what a provisioner calls. The agent's token is taken from the variable AGENT_TOKEN, and from WORKSPACE_OWNER \
whose the workspace is, for two people may have workspaces of the same name. A machine is a process of an agent in a \
session of its own, with a folder of its own, in which are its home and its log.";
