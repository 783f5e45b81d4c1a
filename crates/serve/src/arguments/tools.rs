//! Options of `serve tools`.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::Args;
use groundhog_wire::id::{ChatId, TemplateId};

use super::CallArguments;
use crate::secret::GivenSecret;

/// Options of `serve tools`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct ToolsArguments {
    /// Where the control plane is.
    #[command(flatten)]
    pub call: CallArguments,
    /// The session token of the person whose chats they are
    #[arg(long, value_name = "TOKEN", env = "GROUNDHOG_TOKEN", hide_env_values = true)]
    pub token: Option<GivenSecret>,
    /// A file with that token
    #[arg(long, value_name = "FILE", env = "GROUNDHOG_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    /// The chat that all calls are of [default: the one that each says]
    #[arg(long, value_name = "ID", env = "GROUNDHOG_CHAT", value_parser = chat)]
    pub chat: Option<ChatId>,
    /// A template that may be used, by its id; several times for several [default: all]
    #[arg(long = "template", value_name = "ID", env = "GROUNDHOG_TEMPLATES", value_delimiter = ',', value_parser = template)]
    pub templates: Vec<TemplateId>,
    /// How many calls may be under way at once; a further one waits
    #[arg(long, value_name = "N", default_value = "16")]
    pub calls: NonZeroUsize,
}

const HELP: &str = "\
A call is a line of JSON on standard input, such as
  {\"id\": 1, \"tool\": \"create_workspace\", \"arguments\": {\"template_id\": \"…\"}}
and is answered by one on standard output, with the same id, as soon as it is done; so answers may come in another order \
than their calls. `groundhog tools` lists the tools. The program ends with its input, once all is answered.

The first signal is as the end of the input; the second ends the program at once.";

fn chat(text: &str) -> Result<ChatId, String> {
    text.parse().map_err(|_| "expected the id of a chat, a UUID".to_owned())
}

fn template(text: &str) -> Result<TemplateId, String> {
    text.parse().map_err(|_| "expected the id of a template, a UUID".to_owned())
}
