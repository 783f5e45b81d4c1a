//! What the control plane tells an agent to be.

use std::{collections::BTreeMap, fmt};

use groundhog_wire::{
    id::{AgentId, IdError},
    v1::{AgentApp, AgentManifest, AgentMetadataDescription, RelayMap},
};

use crate::{config::AgentConfig, directory, scripts::Script};

/// The manifest can't be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ManifestError {
    /// It is nobody's.
    #[error("the manifest names no agent: {0}")]
    Nameless(#[from] IdError),
    /// It is another agent's.
    #[error("the manifest is that of agent {found}, and the session that of agent {expected}")]
    Another {
        /// Whose it is.
        found: AgentId,
        /// Whose it should be.
        expected: AgentId,
    },
}

/// Who an agent is and what it is to do.
#[derive(Clone, PartialEq)]
pub(crate) struct Manifest {
    pub(crate) agent_name: String,
    pub(crate) workspace_id: String,
    pub(crate) workspace_name: String,
    /// Whose the workspace is.
    pub(crate) owner_id: String,
    pub(crate) owner_name: String,
    /// With everything in it expanded; may be empty.
    pub(crate) directory: String,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) secrets: BTreeMap<String, String>,
    pub(crate) scripts: Vec<Script>,
    pub(crate) metadata: Vec<AgentMetadataDescription>,
    pub(crate) apps: Vec<AgentApp>,
    pub(crate) relay_map: RelayMap,
    pub(crate) proxy_uri: String,
    /// A direct path to the agent is not to be used.
    pub(crate) disable_direct: bool,
}

impl Manifest {
    /// What the message says to `agent`, on the machine of `config`.
    pub(crate) fn read(message: AgentManifest, agent: AgentId, config: &AgentConfig) -> Result<Self, ManifestError> {
        let found: AgentId = message.agent_id.parse()?;
        if found != agent {
            return Err(ManifestError::Another { found, expected: agent });
        }
        let variables = home_and(config);
        Ok(Self {
            agent_name: message.agent_name,
            workspace_id: message.workspace_id,
            workspace_name: message.workspace_name,
            owner_id: message.owner_id,
            owner_name: message.owner_name,
            directory: directory::expanded(&message.directory, &config.home, &variables),
            environment: message.environment.into_iter().collect(),
            secrets: message.secrets.into_iter().collect(),
            scripts: message.scripts.into_iter().map(Script::from).collect(),
            metadata: message.metadata,
            apps: message.apps,
            relay_map: message.relay_map.unwrap_or_default(),
            proxy_uri: message.proxy_uri,
            disable_direct: message.disable_direct,
        })
    }
}

/// The environment of the agent's own process, with the home folder even if that has none.
fn home_and(config: &AgentConfig) -> BTreeMap<String, String> {
    let mut variables = config.process_environment.clone();
    variables.entry("HOME".to_owned()).or_insert_with(|| config.home.clone());
    variables
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the secrets nor the environment, which may hold some.
        f.debug_struct("Manifest")
            .field("agent_name", &self.agent_name)
            .field("workspace_name", &self.workspace_name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use groundhog_host::Address;
    use groundhog_wire::Secret;
    use uuid::Uuid;

    use super::*;

    fn config() -> AgentConfig {
        AgentConfig::new(Address::new("control", 443), Secret::new("token").expect("a token"), "/home/me")
    }

    fn agent(number: u128) -> AgentId {
        AgentId(Uuid::from_u128(number))
    }

    #[test]
    fn a_manifest_is_its_agents() {
        let read = |agent_id: &str| {
            let message = AgentManifest { agent_id: agent_id.to_owned(), ..AgentManifest::default() };
            Manifest::read(message, agent(1), &config())
        };
        assert!(read(&agent(1).to_string()).is_ok());
        assert!(matches!(read(""), Err(ManifestError::Nameless(_))));
        let (found, expected) = (agent(2), agent(1));
        assert_eq!(read(&agent(2).to_string()).map(drop), Err(ManifestError::Another { found, expected }));
    }

    #[test]
    fn its_directory_is_expanded_even_without_a_home_in_the_environment() {
        let message = AgentManifest {
            agent_id: agent(1).to_string(),
            directory: "$HOME/src".to_owned(),
            ..AgentManifest::default()
        };
        let manifest = Manifest::read(message, agent(1), &config()).expect("a manifest");
        assert_eq!(manifest.directory, "/home/me/src");
    }

    #[test]
    fn it_is_never_printed_with_its_secrets() {
        let values = [("NAME".to_owned(), "hidden".to_owned())];
        let message = AgentManifest {
            agent_id: agent(1).to_string(),
            secrets: values.clone().into(),
            environment: values.into(),
            ..AgentManifest::default()
        };
        let manifest = Manifest::read(message, agent(1), &config()).expect("a manifest");
        assert!(!format!("{manifest:?}").contains("hidden"));
    }
}
