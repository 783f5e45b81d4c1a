//! Ids of things, a type each, so that a build's id is never passed for a job's.

use std::{fmt, str::FromStr};

use groundhog_host::event;
use uuid::Uuid;

/// The text was not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {kind} id: expected a UUID")]
pub struct IdError {
    kind: &'static str,
    text: String,
}

macro_rules! ids {
    ($( $(#[doc = $about:literal])* $name:ident = $kind:literal; )*) => {
        $(
            $(#[doc = $about])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name(pub Uuid);

            impl $name {
                /// The id as an event's field.
                pub const fn event(self) -> event::Id {
                    event::Id { kind: $kind, uuid: self.0 }
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(f)
                }
            }

            impl FromStr for $name {
                type Err = IdError;

                fn from_str(text: &str) -> Result<Self, IdError> {
                    Uuid::parse_str(text)
                        .map(Self)
                        .map_err(|_| IdError { kind: $kind, text: text.chars().take(64).collect() })
                }
            }
        )*
    };
}

ids! {
    /// A job of the provisioner queue.
    JobId = "job";
    /// A workspace.
    WorkspaceId = "ws";
    /// One build of a workspace.
    BuildId = "build";
    /// A template.
    TemplateId = "template";
    /// A version of a template.
    VersionId = "version";
    /// A preset of a version.
    PresetId = "preset";
    /// An organisation, to which people, groups and templates belong.
    OrganizationId = "organization";
    /// Somebody's chat with an assistant.
    ChatId = "chat";
    /// A dry run of a version.
    DryRunId = "dry_run";
    /// A person.
    UserId = "user";
    /// A group of people, which has a budget.
    GroupId = "group";
    /// An agent of one build.
    AgentId = "agent";
    /// One end of coordination: an agent's, which has the agent's id, or a client's.
    PeerId = "peer";
    /// A provisioner daemon, by its name: the same over reconnects and restarts.
    WorkerId = "worker";
}
