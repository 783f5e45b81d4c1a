//! What a toolbox is given.

use std::{collections::BTreeSet, fmt, sync::Arc};

use groundhog_wire::{
    ChannelConfig, Endpoints, Secret,
    id::{AgentId, TemplateId},
    v1,
};

/// Reaches agents. A trait, because how that is done is another component's.
#[tonic::async_trait]
pub trait AgentDialer: Send + Sync {
    /// Connects to an agent as the person whose session `token` is, and lets go of the connection again. The error says why
    /// that could not be done. Bounding it is the caller's: dropping the future leaves nothing behind.
    async fn dial(&self, token: &Secret, agent: AgentId) -> Result<(), String>;
}

/// Hears of chats that have changed.
pub trait ChatObserver: Send + Sync {
    /// The chat is bound to another workspace, build or agent now.
    fn chat_updated(&self, chat: &v1::Chat);
}

/// What a toolbox is given.
#[derive(Clone, Default)]
pub struct ToolboxConfig {
    /// Where the control plane is; without it, no tool does anything.
    pub control: Option<Endpoints>,
    /// For the channels to it.
    pub channel: ChannelConfig,
    /// The templates that chats may use; empty for all.
    pub allowed_templates: BTreeSet<TemplateId>,
    /// How agents are reached; without it, nobody finds out whether they can be.
    pub dialer: Option<Arc<dyn AgentDialer>>,
    /// Who hears of chats that have changed.
    pub observer: Option<Arc<dyn ChatObserver>>,
}

impl fmt::Debug for ToolboxConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolboxConfig")
            .field("control", &self.control)
            .field("allowed_templates", &self.allowed_templates)
            .field("dials", &self.dialer.is_some())
            .field("observed", &self.observer.is_some())
            .finish_non_exhaustive()
    }
}
