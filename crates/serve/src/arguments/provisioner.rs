//! Options of `serve provisioner`.

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf, time::Duration};

use clap::Args;

use super::{CallArguments, listen, span};
use crate::secret::GivenSecret;

/// Options of `serve provisioner`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct ProvisionerArguments {
    /// Where the control plane is.
    #[command(flatten)]
    pub call: CallArguments,
    /// The daemon's name: it is the same worker after a restart if it has the same name [default: this machine's]
    #[arg(long, value_name = "NAME", env = "GROUNDHOG_PROVISIONER_NAME")]
    pub name: Option<String>,
    /// The key by which the control plane lets it in
    #[arg(long, value_name = "KEY", env = "GROUNDHOG_PROVISIONER_KEY", hide_env_values = true)]
    pub key: Option<GivenSecret>,
    /// A file with that key
    #[arg(long, value_name = "FILE", env = "GROUNDHOG_PROVISIONER_KEY_FILE")]
    pub key_file: Option<PathBuf>,
    /// A tag that jobs can ask for; several times for several
    #[arg(long = "tag", value_name = "KEY=VALUE", env = "GROUNDHOG_PROVISIONER_TAGS", value_delimiter = ',', value_parser = tag)]
    pub tags: Vec<(String, String)>,
    /// How many jobs it runs at a time
    #[arg(long, value_name = "N", env = "GROUNDHOG_PROVISIONER_SLOTS", default_value = "1")]
    pub slots: NonZeroUsize,
    /// The folder for its machines; the provisioners of one machine share it
    #[arg(long, value_name = "FOLDER", env = "GROUNDHOG_WORK", default_value = "groundhog-work")]
    pub work: PathBuf,
    /// How long the agent of a machine that is deleted may take to end, its stop scripts included
    #[arg(long, value_name = "TIME", env = "GROUNDHOG_MACHINE_GRACE", default_value = "5m", value_parser = span)]
    pub machine_grace: Duration,
    /// Where health and metrics are shown, over HTTP, to whoever asks [default: nowhere]
    #[arg(long, value_name = "IP:PORT", env = "GROUNDHOG_PROVISIONER_HTTP", value_parser = listen)]
    pub http: Option<SocketAddr>,
}

const HELP: &str = "\
It runs scripted templates. The machines of their agents are processes of this machine: each agent has a folder of its \
own below the work folder, and goes on when the provisioner ends.

The first signal lets the jobs in hand end, and no other one is taken; the second cancels them; the third gives them \
up within a second; the fourth ends the program at once.";

/// Reads `KEY=VALUE`.
fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE, such as region=eu".to_owned()),
    }
}
