//! What a worker reports while it imports a version, and in the end.

use std::collections::BTreeSet;

use groundhog_wire::v1;

use super::version;
use crate::{
    events, limits,
    refusal::{CallError, Refusal},
    store::{
        Tx,
        jobs::Job,
        presets,
        templates::{self, Version},
    },
    tags::Tags,
    variables,
};

/// What comes of declarations: the values to go on with, or why the import can't. The declarations are kept in either
/// case, so that the author can see what is asked for.
pub type Values = Result<Vec<v1::VariableValue>, Refusal>;

/// Keeps what a version's source declares. Told again, it is answered again.
pub fn declare(tx: &Tx<'_>, job: &Job, mut declared: v1::Declarations) -> Result<Values, CallError> {
    let Some(version) = templates::version_by_import(tx, job.id)? else {
        let text = format!("declarations are for a template import, and the job {} is a {}", job.id, job.kind);
        return Err(Refusal::Invalid(text).into());
    };
    limits::check_declarations(&mut declared)?;
    let tags = version.tags.iter().chain(&declared.workspace_tags);
    // Checked here, where the mistake can be named; they are scoped to a person when a job is made of them.
    let tags = tags.map(|(tag, content)| (tag.clone(), content.clone())).collect();
    Tags::for_job(&tags, "").map_err(|error| Refusal::Invalid(format!("workspace tags: {error}")))?;
    templates::set_declared(tx, version.id, &declared)?;
    let given = &version.given.user_variable_values;
    let missing = variables::missing(&declared.variables, given);
    if missing.is_empty() {
        return Ok(Ok(variables::values(&declared.variables, given)));
    }
    let names = missing.join(", ");
    Ok(Err(Refusal::Invalid(format!("required template variables need values: {names}"))))
}

/// Why an import whose work is done is failed nevertheless, if it is: a service that its workspaces' owners would have
/// to log in to is not set up here.
pub(super) fn objection(found: &v1::CompletedTemplateImport, external_auth: &BTreeSet<String>) -> Option<String> {
    let unknown = found.external_auth_providers.iter().find(|provider| !external_auth.contains(&provider.id));
    unknown.map(|provider| format!("external auth provider {:?} is not configured", limits::shown(&provider.id)))
}

/// Keeps what an import has found. The version is usable from now on; it becomes the active one if its author wants
/// it so, or its template has none that is usable.
pub(super) fn keep(tx: &Tx<'_>, job: &Job, found: &v1::CompletedTemplateImport) -> Result<(), CallError> {
    let version = templates::version_by_import(tx, job.id)?
        .ok_or_else(|| Refusal::NotFound(format!("get template version: the job {} has none", job.id)))?;
    let becomes_active = version.activate || !templates::has_usable_active(tx, version.template_id)?;
    templates::set_imported(tx, version.id, found)?;
    presets::insert(tx, version.id, &found.presets)?;
    let Version { id, ref template, ref name, .. } = version;
    let (template, name) = (template.clone(), name.clone());
    tx.after_commit(move || events::version_imported(id.event(), &template, &name));
    if becomes_active {
        version::set_active(tx, &version)?;
    }
    Ok(())
}
