//! Options of `serve control`.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;
use groundhog_host::Address;

use super::listen;
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
    /// The SQLite file with everything that the control plane knows; made if it is missing
    #[arg(long, value_name = "FILE", env = "GROUNDHOG_DATABASE", default_value = "control.sqlite")]
    pub database: PathBuf,
    /// Where agents and people reach this control plane [default: where it listens]
    #[arg(long, value_name = "HOST:PORT", env = "GROUNDHOG_ACCESS_ADDRESS")]
    pub access_address: Option<Address>,
    /// The name of the administrator whose token is given
    #[arg(long, value_name = "NAME", env = "GROUNDHOG_ADMIN_NAME", default_value = "admin")]
    pub admin_name: String,
    /// The administrator's session token, needed at the first start
    #[arg(
        long,
        value_name = "TOKEN",
        env = "GROUNDHOG_ADMIN_TOKEN",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub admin_token: GivenSecret,
    /// A file with the administrator's session token
    #[arg(long, value_name = "FILE", env = "GROUNDHOG_ADMIN_TOKEN_FILE", conflicts_with = "admin_token")]
    pub admin_token_file: Option<PathBuf>,
    /// The key that admits provisioner daemons
    #[arg(
        long,
        value_name = "KEY",
        env = "GROUNDHOG_PROVISIONER_KEY",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub provisioner_key: GivenSecret,
    /// A file with the key that admits provisioner daemons
    #[arg(long, value_name = "FILE", env = "GROUNDHOG_PROVISIONER_KEY_FILE", conflicts_with = "provisioner_key")]
    pub provisioner_key_file: Option<PathBuf>,
    /// What that key is called
    #[arg(long, value_name = "NAME", env = "GROUNDHOG_PROVISIONER_KEY_NAME", default_value = "default")]
    pub provisioner_key_name: String,
    /// Put the given secrets in the place of those that the database knows, instead of refusing to start
    #[arg(long, env = "GROUNDHOG_REPLACE_SECRETS")]
    pub replace_secrets: bool,
}

const HELP: &str = "\
The first start over a new database needs an administrator's token. Whatever secrets are given at a later start have to \
be those that the database knows: it keeps hashes of them, so none can be read out of it.

The first signal lets calls in flight end, for five seconds at most; the second ends the program at once. Either way, \
and if it is killed, nothing is lost that was committed.";
