//! What can be asked of a platform that runs.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use groundhog_host::Address;
use groundhog_wire::id::ChatId;

use super::name::{AgentName, LogsOf, WorkspaceName};
use crate::arguments::Format;

/// Options of `user`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct UserArguments {
    /// How the platform is reached.
    #[command(flatten)]
    pub connection: ConnectionArguments,
    /// What is asked.
    #[command(subcommand)]
    pub command: UserCommand,
}

const HELP: &str = "\
Who asks is known by a session token: in the environment variable GROUNDHOG_TOKEN, or in a file that --token-file names.
It is never shown.

A workspace is called by its name if it is one's own, or OWNER/NAME, which administrators may ask about.

Exit status: 1 if the control plane refuses, or the job that was waited for did not succeed; 2 if the command line, a
file or the token was not understood; 3 if the control plane can't be reached; 130 after an interrupt, which ends the
waiting and nothing else.";

/// How the platform is reached.
#[derive(Debug, Args)]
pub struct ConnectionArguments {
    /// Where the control plane listens; more than one for its replicas
    #[arg(
        long,
        global = true,
        value_name = "HOST:PORT",
        env = "GROUNDHOG_CONTROL",
        value_delimiter = ',',
        default_value = "127.0.0.1:7080"
    )]
    pub control: Vec<Address>,
    /// A file with the session token, instead of the environment variable GROUNDHOG_TOKEN
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// How results are written
    #[arg(long, global = true, value_enum, default_value_t)]
    pub format: Format,
}

/// What is asked.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// What workspaces are made from
    #[command(subcommand)]
    Template(TemplateCommand),
    /// Make, start, stop, delete and look at workspaces
    #[command(subcommand)]
    Workspace(WorkspaceCommand),
    /// A workspace's builds
    #[command(subcommand)]
    Build(BuildCommand),
    /// Chats, each of which has one workspace at most, which an assistant's tools look after
    #[command(subcommand)]
    Chat(ChatCommand),
    /// The programs that build workspaces
    #[command(subcommand)]
    Daemon(DaemonCommand),
    /// Show the log of a job, or of a workspace's latest build
    Logs(LogsArguments),
    /// Show what an agent's scripts have written
    AgentLogs(AgentLogsArguments),
}

/// A command about templates.
#[derive(Debug, Subcommand)]
pub enum TemplateCommand {
    /// Add a version to a template, or make one, and wait until it was imported
    Push(PushArguments),
    /// List the templates that you may see
    List,
}

/// Options of `template push`.
#[derive(Debug, Args)]
#[command(after_help = PUSH_HELP)]
pub struct PushArguments {
    /// What the template is called
    pub name: String,
    /// How it behaves
    pub file: PathBuf,
    /// What the version is called [default: v1, v2 and so on, whichever is free]
    #[arg(long, value_name = "VERSION")]
    pub version: Option<String>,
    /// A value for a variable that the template declares
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub variable: Vec<(String, String)>,
    /// Leave the version that is active as it is
    #[arg(long)]
    pub inactive: bool,
}

const PUSH_HELP: &str = "\
FILE is TOML with the keys of one [[template]] of a scenario file, without the brackets; what its agents' scripts run is a
text for a real shell.";

/// A command about workspaces.
#[derive(Debug, Subcommand)]
pub enum WorkspaceCommand {
    /// Make a workspace and build it
    Create(CreateArguments),
    /// Start a workspace
    Start(StartArguments),
    /// Stop a workspace
    Stop(TransitionArguments),
    /// Delete a workspace and all that it has
    Delete(TransitionArguments),
    /// List workspaces
    List(ListArguments),
    /// Show a workspace, its latest build and its agents
    Show(ShowArguments),
}

/// Options of `workspace create`.
#[derive(Debug, Args)]
pub struct CreateArguments {
    /// What it is called
    pub name: String,
    /// What it is made from
    #[arg(long, value_name = "TEMPLATE")]
    pub template: String,
    /// A version of the template [default: the active one]
    #[arg(long, value_name = "VERSION")]
    pub version: Option<String>,
    /// A preset of the version
    #[arg(long, value_name = "PRESET")]
    pub preset: Option<String>,
    /// What is chosen for a parameter
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub parameter: Vec<(String, String)>,
    /// Show the build's log as it grows, and wait for its end
    #[arg(long)]
    pub follow: bool,
}

/// Options of `workspace start`.
#[derive(Debug, Args)]
pub struct StartArguments {
    /// Which, and whether to wait.
    #[command(flatten)]
    pub transition: TransitionArguments,
    /// Start it as the template's active version has it, instead of the version that it was built of
    #[arg(long)]
    pub update: bool,
}

/// Options of `workspace start`, `stop` and `delete`.
#[derive(Debug, Args)]
pub struct TransitionArguments {
    /// Which workspace
    pub workspace: WorkspaceName,
    /// Show the build's log as it grows, and wait for its end
    #[arg(long)]
    pub follow: bool,
}

/// Options of `workspace list`.
#[derive(Debug, Args)]
pub struct ListArguments {
    /// Whose [default: your own]
    #[arg(long, value_name = "OWNER")]
    pub owner: Option<String>,
}

/// Options of `workspace show`.
#[derive(Debug, Args)]
pub struct ShowArguments {
    /// Which workspace
    pub workspace: WorkspaceName,
}

/// A command about builds.
#[derive(Debug, Subcommand)]
pub enum BuildCommand {
    /// Cancel the latest build of a workspace
    Cancel(CancelArguments),
}

/// Options of `build cancel`.
#[derive(Debug, Args)]
pub struct CancelArguments {
    /// Whose latest build
    pub workspace: WorkspaceName,
    /// Show the build's log as it grows, and wait for its end
    #[arg(long)]
    pub follow: bool,
}

/// A command about chats.
#[derive(Debug, Subcommand)]
pub enum ChatCommand {
    /// Make a chat of yours
    Create(CreateChatArguments),
    /// Show a chat, and which workspace it has
    Show(ShowChatArguments),
}

/// Options of `chat create`.
#[derive(Debug, Args)]
pub struct CreateChatArguments {
    /// Of whose templates its workspace is to be [default: the platform's default one]
    #[arg(long, value_name = "ORGANIZATION")]
    pub organization: Option<String>,
}

/// Options of `chat show`.
#[derive(Debug, Args)]
pub struct ShowChatArguments {
    /// Which chat
    #[arg(value_name = "CHAT")]
    pub chat: ChatId,
}

/// A command about provisioner daemons.
#[derive(Debug, Subcommand)]
pub enum DaemonCommand {
    /// List the daemons that are known; for administrators
    List,
}

/// Options of `logs`.
#[derive(Debug, Args)]
pub struct LogsArguments {
    /// A job, by its id, or a workspace, whose latest build is meant
    #[arg(value_name = "JOB|WORKSPACE")]
    pub of: LogsOf,
    /// Show the log as it grows, until the job has ended
    #[arg(long)]
    pub follow: bool,
}

/// Options of `agent-logs`.
#[derive(Debug, Args)]
pub struct AgentLogsArguments {
    /// Which agent; its name may be left out where a workspace has only one
    #[arg(value_name = "WORKSPACE[.AGENT]")]
    pub agent: AgentName,
    /// Show the log as it grows, until the agent's build is outdated
    #[arg(long)]
    pub follow: bool,
}

/// Reads `NAME=VALUE`.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("expected NAME=VALUE, such as size=large".to_owned()),
    }
}
