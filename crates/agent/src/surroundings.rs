//! What everything that an agent starts has around it: environment, directory, shell.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use groundhog_host::{Command, Host};

use crate::{
    config::AgentConfig,
    environment::{Sources, assemble},
    manifest::Manifest,
};

/// Nothing can be started yet: the agent does not know what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no manifest yet: the agent has not been connected since it began")]
pub(crate) struct NoManifest;

/// Makes commands, by the manifest that is in force.
#[derive(Debug)]
pub(crate) struct Surroundings {
    host: Host,
    config: AgentConfig,
    manifest: Mutex<Option<Arc<Manifest>>>,
}

impl Surroundings {
    pub(crate) fn new(host: &Host, config: AgentConfig) -> Self {
        Self { host: host.clone(), config, manifest: Mutex::default() }
    }

    /// What the agent was started with.
    pub(crate) fn config(&self) -> &AgentConfig {
        &self.config
    }

    /// The manifest that is in force, if there has been one.
    pub(crate) fn manifest(&self) -> Option<Arc<Manifest>> {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts a manifest in force. Whether it is the first.
    pub(crate) fn replace_manifest(&self, manifest: Arc<Manifest>) -> bool {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner).replace(manifest).is_none()
    }

    /// `text`, to be run by the shell.
    pub(crate) async fn shell(&self, text: &str) -> Result<Command, NoManifest> {
        Ok(self.login_shell().await?.argument("-c").argument(text))
    }

    /// The shell itself, for somebody who types.
    pub(crate) async fn login_shell(&self) -> Result<Command, NoManifest> {
        let manifest = self.manifest().ok_or(NoManifest)?;
        let mut command = Command::new(&self.config.shell);
        command.environment = self.environment(&manifest);
        command.directory = Some(self.directory(&manifest).await);
        Ok(command)
    }

    /// The folder of programs that scripts leave for others.
    pub(crate) fn programs(&self) -> String {
        self.config.script_folder.join("bin").to_string_lossy().into_owned()
    }

    /// The directory that the manifest names; the home folder if it names none, or one that is not there (yet).
    async fn directory(&self, manifest: &Manifest) -> PathBuf {
        let home = PathBuf::from(&self.config.home);
        if manifest.directory.is_empty() {
            return home;
        }
        match self.host.files(&manifest.directory).list("").await {
            Ok(_) => PathBuf::from(&manifest.directory),
            Err(_) => home,
        }
    }

    fn environment(&self, manifest: &Manifest) -> BTreeMap<String, String> {
        assemble(Sources {
            process: &self.config.process_environment,
            predefined: &self.predefined(manifest),
            manifest: &manifest.environment,
            secrets: &manifest.secrets,
            agent: &self.config.environment,
            programs: &self.programs(),
        })
    }

    /// What programs learn of the agent that they run under.
    fn predefined(&self, manifest: &Manifest) -> BTreeMap<String, String> {
        let mut predefined: BTreeMap<String, String> = [
            ("GROUNDHOG", "true"),
            ("GROUNDHOG_WORKSPACE_NAME", &manifest.workspace_name),
            ("GROUNDHOG_WORKSPACE_ID", &manifest.workspace_id),
            ("GROUNDHOG_WORKSPACE_AGENT_NAME", &manifest.agent_name),
            ("GROUNDHOG_WORKSPACE_OWNER_NAME", &manifest.owner_name),
            ("GROUNDHOG_AGENT_TOKEN", self.config.token.expose()),
            ("CS_DISABLE_GETTING_STARTED_OVERRIDE", "true"),
            ("HOME", &self.config.home),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        if !manifest.proxy_uri.is_empty() {
            predefined.insert("VSCODE_PROXY_URI".to_owned(), manifest.proxy_uri.clone());
        }
        predefined
    }
}
