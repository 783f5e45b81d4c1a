//! What of an agent the debug pages are made of.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::debug::{Knowledge, ManifestPage, Redacted};
use crate::{diary, manifest::Manifest, shared::Shared};

impl Knowledge for Shared {
    fn log_file(&self) -> PathBuf {
        self.config().log_folder.join(diary::FILE)
    }

    fn network(&self) -> Option<Value> {
        let port = self.network.port()?;
        let peers = self.network.peers().list();
        let peers: Vec<_> =
            peers.into_iter().map(|(id, is_lost)| json!({ "id": id.to_string(), "lost": is_lost })).collect();
        Some(json!({ "port": port, "peers": peers }))
    }

    fn manifest(&self) -> Option<ManifestPage> {
        self.surroundings.manifest().map(|manifest| page(&manifest))
    }
}

fn page(manifest: &Manifest) -> ManifestPage {
    ManifestPage {
        agent_name: manifest.agent_name.clone(),
        workspace_id: manifest.workspace_id.clone(),
        workspace_name: manifest.workspace_name.clone(),
        owner_name: manifest.owner_name.clone(),
        directory: manifest.directory.clone(),
        scripts: manifest.scripts.iter().map(|script| script.name.clone()).collect(),
        metadata: manifest.metadata.iter().map(|described| described.key.clone()).collect(),
        apps: manifest.apps.iter().map(|app| app.slug.clone()).collect(),
        environment: manifest.environment.keys().map(|name| (name.clone(), Redacted)).collect(),
    }
}
