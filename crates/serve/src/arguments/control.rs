//! Options of `serve control`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, builder::BoolishValueParser};
use groundhog_host::Address;

use super::{listen, span};
use crate::secret::GivenSecret;

/// Options of `serve control`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct ControlArguments {
    /// Where people, daemons and agents call
    #[arg(long, value_name = "IP:PORT", env = "GROUNDHOG_LISTEN", default_value = "127.0.0.1:7080", value_parser = listen)]
    pub listen: SocketAddr,
    /// Where health and metrics are shown, over HTTP, to whoever asks
    #[arg(long, value_name = "IP:PORT", env = "GROUNDHOG_HTTP", default_value = "127.0.0.1:7081", value_parser = listen)]
    pub http: SocketAddr,
    /// Where agents and people reach this control plane [default: where it listens]
    #[arg(long, value_name = "HOST:PORT", env = "GROUNDHOG_ACCESS_ADDRESS")]
    pub access_address: Option<Address>,
    /// The SQLite file with everything that the control plane knows; made if it is missing
    #[arg(long, value_name = "FILE", env = "GROUNDHOG_DATABASE", default_value = "control.sqlite")]
    pub database: PathBuf,
    /// Whom the database is to know.
    #[command(flatten)]
    pub people: PeopleArguments,
    /// What else can be set.
    #[command(flatten)]
    pub settings: SettingArguments,
}

/// Whom the database is to know.
#[derive(Debug, Args)]
#[command(next_help_heading = "People and keys")]
pub struct PeopleArguments {
    /// The name of the administrator whose token is given
    #[arg(long, value_name = "NAME", env = "GROUNDHOG_ADMIN_NAME", default_value = "admin")]
    pub admin_name: String,
    /// The administrator's session token, needed at the first start
    #[arg(long, value_name = "TOKEN", env = "GROUNDHOG_ADMIN_TOKEN", hide_env_values = true)]
    pub admin_token: Option<GivenSecret>,
    /// A file with the administrator's session token
    #[arg(long, value_name = "FILE", env = "GROUNDHOG_ADMIN_TOKEN_FILE")]
    pub admin_token_file: Option<PathBuf>,
    /// The key that admits provisioner daemons
    #[arg(long, value_name = "KEY", env = "GROUNDHOG_PROVISIONER_KEY", hide_env_values = true)]
    pub provisioner_key: Option<GivenSecret>,
    /// A file with the key that admits provisioner daemons
    #[arg(long, value_name = "FILE", env = "GROUNDHOG_PROVISIONER_KEY_FILE")]
    pub provisioner_key_file: Option<PathBuf>,
    /// What that key is called
    #[arg(long, value_name = "NAME", env = "GROUNDHOG_PROVISIONER_KEY_NAME", default_value = "default")]
    pub provisioner_key_name: String,
    /// A file of more people, groups, organizations and keys that the database is to know
    #[arg(long, value_name = "FILE.toml", env = "GROUNDHOG_SETUP")]
    pub setup: Option<PathBuf>,
    /// Put the given secrets in the place of those that the database knows, instead of refusing to start
    #[arg(long, env = "GROUNDHOG_REPLACE_SECRETS", value_parser = BoolishValueParser::new())]
    pub replace_secrets: bool,
}

/// What else can be set.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
pub struct SettingArguments {
    /// How often jobs are looked for of which nothing is heard
    #[arg(long, value_name = "TIME", env = "GROUNDHOG_REAPER_INTERVAL", default_value = "1m", value_parser = span)]
    pub reaper_interval: Duration,
    /// After how long without a word from its provisioner a running job is failed
    #[arg(long, value_name = "TIME", env = "GROUNDHOG_JOB_HUNG_AFTER", default_value = "5m", value_parser = span)]
    pub job_hung_after: Duration,
    /// After how long a job is failed that no provisioner has taken
    #[arg(long, value_name = "TIME", env = "GROUNDHOG_JOB_PENDING_AFTER", default_value = "30m", value_parser = span)]
    pub job_pending_after: Duration,
    /// How much output is kept of a job, in bytes
    #[arg(long, value_name = "BYTES", env = "GROUNDHOG_JOB_LOG_BYTES", default_value = "1048576")]
    pub job_log_bytes: u64,
    /// How much output is kept of an agent, in bytes
    #[arg(long, value_name = "BYTES", env = "GROUNDHOG_AGENT_LOG_BYTES", default_value = "1048576")]
    pub agent_log_bytes: u64,
    /// How often it is looked whether workspaces are to be built ahead
    #[arg(long, value_name = "TIME", env = "GROUNDHOG_PREBUILDS_INTERVAL", default_value = "1m", value_parser = span)]
    pub prebuilds_interval: Duration,
    /// Build no workspaces ahead
    #[arg(long, env = "GROUNDHOG_NO_PREBUILDS", value_parser = BoolishValueParser::new())]
    pub no_prebuilds: bool,
    /// How often it is looked which workspaces are to start, stop or go by the clock
    #[arg(long, value_name = "TIME", env = "GROUNDHOG_AUTOBUILD_INTERVAL", default_value = "1m", value_parser = span)]
    pub autobuild_interval: Duration,
    /// Let no workspace start, stop or go by the clock
    #[arg(long, env = "GROUNDHOG_NO_AUTOBUILD", value_parser = BoolishValueParser::new())]
    pub no_autobuild: bool,
    /// A service that owners of workspaces can log in to, by its id; several times for several
    #[arg(long, value_name = "ID", env = "GROUNDHOG_EXTERNAL_AUTH", value_delimiter = ',')]
    pub external_auth: Vec<String>,
}

const HELP: &str = "\
The first start over a new database needs an administrator's token. Whatever secrets are given at a later start have to \
be those that the database knows; none has to be given. It keeps hashes of them alone, so none can be read out of it. \
What it does not know yet is added.

A setup file has tables [[user]] (name, role, token), [[organization]] (name, members), [[group]] (name, organization, \
budget, members) and [[provisioner_key]] (name, key). In place of a token or a key may stand token_file or token_env, \
key_file or key_env.

The first signal lets calls in flight end, for five seconds at most; the second ends the program at once. Either way, \
and if it is killed, nothing is lost that was committed.";
