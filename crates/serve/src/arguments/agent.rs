//! Options of `serve agent`.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

use super::{CallArguments, listen};
use crate::secret::GivenSecret;

/// Options of `serve agent`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct AgentArguments {
    /// Where the control plane is.
    #[command(flatten)]
    pub call: CallArguments,
    /// The token by which the control plane lets the agent in
    #[arg(long, value_name = "TOKEN", env = "GROUNDHOG_AGENT_TOKEN", hide_env_values = true)]
    pub token: Option<GivenSecret>,
    /// A file with that token
    #[arg(long, value_name = "FILE", env = "GROUNDHOG_AGENT_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    /// The home folder of whoever the agent works for; made if it is missing [default: $HOME]
    #[arg(long, value_name = "FOLDER", env = "GROUNDHOG_AGENT_DIRECTORY")]
    pub directory: Option<PathBuf>,
    /// Where people reach the agent directly; whom that does not suit, the control plane passes on
    #[arg(long, value_name = "IP:PORT", env = "GROUNDHOG_AGENT_LISTEN", default_value = "127.0.0.1:0", value_parser = listen)]
    pub listen: SocketAddr,
    /// Under which name or address others reach this machine [default: where the agent listens]
    #[arg(long, value_name = "HOST", env = "GROUNDHOG_AGENT_ADVERTISE")]
    pub advertise: Option<String>,
    /// Where health and metrics are shown, over HTTP, to whoever asks [default: nowhere]
    #[arg(long, value_name = "IP:PORT", env = "GROUNDHOG_AGENT_HTTP", value_parser = listen)]
    pub http: Option<SocketAddr>,
}

const HELP: &str = "\
The first signal closes the agent: its stop scripts run, as long as their own time-outs let them, and it says good-bye. \
The second ends it at once, with everything that it has started.";
