//! What can be asked of `groundhog serve`: each setting by a flag, or by a variable of the environment. A flag wins.
//!
//! Secrets are best given by the environment or in a file: a command line is there for everybody on the machine to read.

pub mod agent;
pub mod control;
pub mod machine;
pub mod provisioner;
pub mod tools;

use std::{net::SocketAddr, time::Duration};

use clap::{Args, Subcommand, ValueEnum};
use groundhog_host::Address;
use groundhog_wire::Endpoints;
use jiff::SignedDuration;

pub use self::{
    agent::AgentArguments, control::ControlArguments, machine::MachineArguments, provisioner::ProvisionerArguments,
    tools::ToolsArguments,
};

/// Options of `serve`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct ServeArguments {
    /// Which component.
    #[command(subcommand)]
    pub component: Component,
    /// How the log is told.
    #[command(flatten)]
    pub log: LogArguments,
}

const HELP: &str = "\
Each program runs until it is told to end, by SIGTERM or SIGINT, and ends in order; what a further signal does, its own \
help says. Its log goes to standard error; on standard output it says once that it is ready.

Exit status:
  0  it was told to end, and did
  1  it could not run, could not go on, or was told to end at once
  2  the command line, a variable or a file was not understood; nothing was done";

/// A component that runs as a program.
#[derive(Debug, Subcommand)]
pub enum Component {
    /// The control plane: what people and programs call, over a database in a file
    Control(Box<ControlArguments>),
    /// A provisioner daemon, which builds workspaces; their agents run on this machine
    Provisioner(ProvisionerArguments),
    /// A workspace agent
    Agent(AgentArguments),
    /// The tools by which an assistant gets a chat a workspace: a line of JSON a call
    Tools(ToolsArguments),
    /// What a provisioner makes and deletes agents' machines by, where they are processes of one machine
    Machine(MachineArguments),
}

/// How the log is told.
#[derive(Clone, Copy, Debug, Args)]
pub struct LogArguments {
    /// How the log's lines are written
    #[arg(long, global = true, value_enum, default_value_t, env = "GROUNDHOG_LOG_FORMAT")]
    pub log_format: LogFormat,
    /// How much is told
    #[arg(long, global = true, value_enum, default_value_t, env = "GROUNDHOG_LOG_LEVEL")]
    pub log_level: LogLevel,
}

/// How the log's lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line, for programs
    Json,
}

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// What went wrong for good
    Error,
    /// And what went wrong and is tried again
    Warn,
    /// And what happens
    #[default]
    Info,
    /// And the quiet events, such as heartbeats
    Debug,
}

/// Where a control plane is.
#[derive(Clone, Debug, Args)]
pub struct CallArguments {
    /// Where the control plane is; several times, or with commas, for its replicas
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "GROUNDHOG_CONTROL",
        value_delimiter = ',',
        default_value = "127.0.0.1:7080"
    )]
    pub control: Vec<Address>,
}

impl CallArguments {
    /// The same, as a channel takes it.
    pub fn endpoints(&self) -> Endpoints {
        let mut addresses = self.control.iter().cloned();
        let first = addresses.next().unwrap_or_else(|| Address::new("127.0.0.1", groundhog_control::config::PORT));
        Endpoints::new(first, addresses.collect())
    }
}

/// Reads a place to listen at: an address of this machine and a port, 0 for any free one.
fn listen(text: &str) -> Result<SocketAddr, String> {
    let expected = "expected an address of this machine and a port, such as 127.0.0.1:7080; port 0 is any free one";
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    numeric.as_deref().unwrap_or(text).parse().map_err(|_| expected.to_owned())
}

/// Reads a span of time above zero.
fn span(text: &str) -> Result<Duration, String> {
    let expected = "expected a span of time above zero, such as 90s, 5m or 1h 30m";
    let span: SignedDuration = text.parse().map_err(|_| expected.to_owned())?;
    Duration::try_from(span).ok().filter(|span| !span.is_zero()).ok_or_else(|| expected.to_owned())
}
