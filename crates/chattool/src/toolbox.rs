//! The tools of one runtime.

use groundhog_host::Host;
use groundhog_wire::{Secret, id::ChatId};

use crate::{Answer, ToolboxConfig};

/// On whose behalf, and in which chat, a tool is called.
#[derive(Clone, Debug)]
pub struct Session {
    /// The chat.
    pub chat: ChatId,
    /// The session token of the person whose chat it is.
    pub token: Secret,
}

/// The tools of one runtime, for all of its chats. Cheap to clone; every clone is the same.
#[derive(Clone, Debug)]
pub struct Toolbox {
    #[expect(dead_code, reason = "the skeleton")]
    host: Host,
    #[expect(dead_code, reason = "the skeleton")]
    config: ToolboxConfig,
}

impl Toolbox {
    /// The tools, on `host`.
    pub fn new(host: &Host, config: ToolboxConfig) -> Self {
        Self { host: host.clone(), config }
    }

    /// Calls a tool with its arguments, a JSON object as text. Ends within [`CALL_MAX`](crate::timing::CALL_MAX).
    #[expect(clippy::unused_async, reason = "the skeleton")]
    pub async fn call(&self, _session: &Session, tool: &str, _arguments: &str) -> Answer {
        Answer::Error(format!("there is no tool {tool:?}"))
    }

    /// Calls a tool by a line of JSON, and answers with one: see [`crate::definition`].
    #[expect(clippy::unused_async, reason = "the skeleton")]
    pub async fn call_json(&self, _token: &Secret, _request: &str) -> String {
        String::new()
    }
}
