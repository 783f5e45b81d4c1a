//! `groundhog user template`.

use groundhog_provisioner::scripted;
use groundhog_stage::{
    cast::{Source, source, users::lifetimes},
    scenario::load_template,
};
use groundhog_wire::{
    Limited,
    v1::{self, TemplateVersion, VariableValue, VersionSelector, templates_client::TemplatesClient},
};
use serde_json::json;
use tonic::Code;

use super::{arguments::PushArguments, caller::Caller, failure::Failure, follow, show, tell};
use crate::{arguments::Format, exit::Exit};

/// How many names are tried for a version that was given none. Pushes at the same moment take a few from each other.
const NAMES_TRIED_MAX: u64 = 100;

/// Adds a version to a template, and waits until it was imported.
pub(super) async fn push(caller: &Caller, arguments: &PushArguments) -> Result<Exit, Failure> {
    let template =
        load_template(&arguments.file, &arguments.name).map_err(|found| Failure::Mistakes(Box::new(found)))?;
    let source = source(&template).map_err(|error| Failure::BadInput(error.to_string()))?;
    let version = create(caller, arguments, &source).await?;
    if caller.format == Format::Json {
        let what = json!({ "id": version.version_id, "template": version.template, "name": version.name });
        tell::line("version", what)?;
    } else {
        show::say(&format!("{}: version {}", version.template, version.name))?;
    }
    if let Some(request) = lifetimes(&template) {
        let set = caller.ask(request, |channel, request| async move {
            TemplatesClient::new(channel).limited().update_template(request).await
        });
        set.await?;
    }
    match &version.import {
        Some(import) => follow::job(caller, &import.job_id).await,
        None => Ok(Exit::Good),
    }
}

async fn create(caller: &Caller, arguments: &PushArguments, source: &Source) -> Result<TemplateVersion, Failure> {
    if let Some(version) = &arguments.version {
        return once(caller, arguments, source, version).await;
    }
    let first = next_number(caller, &arguments.name).await?;
    let mut number = first;
    loop {
        match once(caller, arguments, source, &format!("v{number}")).await {
            Err(Failure::Status(status))
                if status.code() == Code::AlreadyExists && number - first < NAMES_TRIED_MAX =>
            {
                number += 1;
            }
            answer => return answer,
        }
    }
}

/// The number of the version that comes after the active one, if that is called by a number.
async fn next_number(caller: &Caller, template: &str) -> Result<u64, Failure> {
    let version = VersionSelector { template: template.to_owned(), version: String::new() };
    let request = v1::GetVersionRequest { version: Some(version) };
    let active = caller.ask(request, |channel, request| async move {
        TemplatesClient::new(channel).limited().get_version(request).await
    });
    match active.await {
        Ok(active) => {
            let number = active.name.strip_prefix('v').and_then(|number| number.parse::<u64>().ok());
            Ok(number.map_or(1, |number| number.saturating_add(1)))
        }
        Err(Failure::Status(status)) if status.code() == Code::NotFound => Ok(1),
        Err(failure) => Err(failure),
    }
}

async fn once(
    caller: &Caller,
    arguments: &PushArguments,
    source: &Source,
    version: &str,
) -> Result<TemplateVersion, Failure> {
    let variable = |(name, value): &(String, String)| VariableValue {
        name: name.clone(),
        value: value.clone(),
        sensitive: source.secrets.contains(name),
    };
    let request = v1::CreateVersionRequest {
        template: arguments.name.clone(),
        version: version.to_owned(),
        provisioner_type: scripted::TYPE.to_owned(),
        source: source.text.clone(),
        tags: source.tags.clone().into_iter().collect(),
        variable_values: arguments.variable.iter().map(variable).collect(),
        activate: !arguments.inactive,
        organization: source.organization.clone(),
    };
    let created = caller.ask(request, |channel, request| async move {
        TemplatesClient::new(channel).limited().create_version(request).await
    });
    created.await
}

/// Lists templates.
pub(super) async fn list(caller: &Caller) -> Result<Exit, Failure> {
    let listed = caller.ask(v1::ListTemplatesRequest::default(), |channel, request| async move {
        TemplatesClient::new(channel).limited().list_templates(request).await
    });
    let templates = listed.await?.templates;
    match caller.format {
        Format::Text => show::templates(&templates)?,
        Format::Json => {
            for template in &templates {
                tell::line("template", tell::template(template))?;
            }
        }
    }
    Ok(Exit::Good)
}
