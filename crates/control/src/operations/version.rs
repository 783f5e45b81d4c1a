//! Versions of templates: made, looked at, and chosen for new workspaces.

use groundhog_wire::{
    id::{JobId, TemplateId, VersionId},
    v1,
};

use super::{Posting, organization, view};
use crate::{
    events,
    job_kind::JobKind,
    limits::{self, PROVISIONER_TYPE_BYTES_MAX},
    names::check_name,
    permission,
    refusal::{CallError, Refusal},
    store::{
        Tx,
        jobs::{self, NewJob},
        notices::Notice,
        templates::{self, NewVersion, Version},
        users::User,
    },
    tags::Tags,
};

/// Adds a version to a template, and the template with its first one, and queues the version's import.
pub fn create(tx: &Tx<'_>, admin: &User, request: &v1::CreateVersionRequest) -> Result<v1::TemplateVersion, CallError> {
    let (template, name) = (request.template.as_str(), request.version.as_str());
    let invalid = |text: String| Refusal::Invalid(text);
    check_name("template", template).map_err(|error| invalid(error.to_string()))?;
    check_name("version", name).map_err(|error| invalid(error.to_string()))?;
    let provisioner_type = request.provisioner_type.as_str();
    if !(1..=PROVISIONER_TYPE_BYTES_MAX).contains(&provisioner_type.len()) {
        let text = format!("expected a provisioner type of 1 to {PROVISIONER_TYPE_BYTES_MAX} bytes");
        return Err(invalid(text).into());
    }
    let tags = Tags::for_job(&request.tags, &admin.name).map_err(|error| invalid(error.to_string()))?;
    limits::check_variable_values(&request.variable_values)?;
    if templates::version_by_name(tx, template, name)?.is_some() {
        let text = format!("The template {template:?} has a version {name:?} already: choose another name.");
        return Err(Refusal::Exists(text).into());
    }

    let job = JobId(tx.new_id("job"));
    let kind = JobKind::TemplateImport;
    jobs::insert(tx, &NewJob { id: job, kind, provisioner_type, initiator: admin, tags: &tags })?;
    let id = VersionId(tx.new_id("version"));
    let template_id = match templates::by_name(tx, template)? {
        Some(template_id) => {
            check_organization(tx, template, &request.organization)?;
            template_id
        }
        None => {
            let template_id = TemplateId(tx.new_id("template"));
            templates::insert(tx, template_id, organization::named(tx, &request.organization)?, template, id)?;
            template_id
        }
    };
    let user_variable_values = request.variable_values.clone();
    templates::insert_version(
        tx,
        &NewVersion {
            id,
            template_id,
            name,
            provisioner_type,
            source: &request.source,
            tags: &request.tags,
            import: Some(job),
            activate: request.activate,
            given: &v1::TemplateImport { user_variable_values, ..v1::TemplateImport::default() },
            has_external_agents: false,
        },
    )?;
    let (template, name) = (template.to_owned(), name.to_owned());
    tx.after_commit(move || events::version_queued(id.event(), &template, &name, job.event()));
    tx.notify(Notice::JobPosted(Posting { provisioner_type: provisioner_type.to_owned(), tags }));
    let version = templates::version(tx, id)?.ok_or_else(|| Refusal::NotFound(format!("there is no version {id}")))?;
    show(tx, &version)
}

/// The refusal of a version that is meant for a template of another organisation; an empty name is any.
fn check_organization(tx: &Tx<'_>, template: &str, name: &str) -> Result<(), CallError> {
    if name.is_empty() {
        return Ok(());
    }
    match templates::shown(tx, template)? {
        Some((_, shown)) if shown.organization != name => {
            let text = format!("The template {template:?} belongs to the organization {:?}.", shown.organization);
            Err(Refusal::State(text).into())
        }
        Some(_) | None => Ok(()),
    }
}

/// A version as it stands. Every member of its organisation may see it: it says what a workspace's owner will be asked.
pub fn get(tx: &Tx<'_>, user: &User, request: &v1::GetVersionRequest) -> Result<v1::TemplateVersion, CallError> {
    let version = select(tx, user, request.version.as_ref())?;
    show(tx, &version)
}

/// Makes a version the one that new workspaces are made from.
pub fn activate(
    tx: &Tx<'_>,
    admin: &User,
    request: &v1::ActivateVersionRequest,
) -> Result<v1::TemplateVersion, CallError> {
    let mut version = select(tx, admin, request.version.as_ref())?;
    check_usable(tx, &version)?;
    if !version.named_active {
        set_active(tx, &version)?;
        version.named_active = true;
    }
    show(tx, &version)
}

/// Makes a version the active one of its template and tells so.
pub(super) fn set_active(tx: &Tx<'_>, version: &Version) -> Result<(), CallError> {
    templates::set_active(tx, version.template_id, version.id)?;
    let (id, template, name) = (version.id.event(), version.template.clone(), version.name.clone());
    tx.after_commit(move || events::version_activated(id, &template, &name));
    Ok(())
}

/// The version that a selector names, if `user` sees its template. A template's active version can be meant only once
/// there is one.
pub(super) fn select(tx: &Tx<'_>, user: &User, selector: Option<&v1::VersionSelector>) -> Result<Version, CallError> {
    let Some(v1::VersionSelector { template, version }) = selector else {
        return Err(Refusal::Invalid("expected a version: its template's name, and its own".to_owned()).into());
    };
    if version.is_empty() {
        return active(tx, user, template);
    }
    named(tx, user, template, version)
}

/// The version that a new workspace is to be made from: the one that is named, or the template's active one.
pub(super) fn to_build(tx: &Tx<'_>, user: &User, template: &str, version: &str) -> Result<Version, CallError> {
    if version.is_empty() {
        return active(tx, user, template);
    }
    let version = named(tx, user, template, version)?;
    check_usable(tx, &version)?;
    Ok(version)
}

/// The same, of the template with this id.
pub(super) fn to_build_of(tx: &Tx<'_>, user: &User, template: &str, version: &str) -> Result<Version, CallError> {
    let active = active_of(tx, user, template)?;
    if version.is_empty() {
        check_usable(tx, &active)?;
        return Ok(active);
    }
    // A template's name is its own as long as it is there, and that was seen just now.
    to_build(tx, user, &active.template, version)
}

/// The version that the template with this id names as the active one, usable or not, if `user` sees the template.
pub(super) fn active_of(tx: &Tx<'_>, user: &User, template: &str) -> Result<Version, CallError> {
    let id = template.parse().map_err(|error| Refusal::Invalid(format!("{error}")))?;
    let found = templates::live_active_version_of(tx, id)?.filter(|version| is_seen(user, version));
    found.ok_or_else(|| no_template(template).into())
}

fn named(tx: &Tx<'_>, user: &User, template: &str, version: &str) -> Result<Version, CallError> {
    let found = templates::version_by_name(tx, template, version)?.filter(|version| is_seen(user, version));
    found.ok_or_else(|| {
        let (template, version) = (limits::shown(template), limits::shown(version));
        Refusal::NotFound(format!("Template {template:?} has no version {version:?}.")).into()
    })
}

/// The version that new workspaces of a template are made from.
fn active(tx: &Tx<'_>, user: &User, template: &str) -> Result<Version, CallError> {
    let Some(version) = templates::active_version(tx, template)?.filter(|version| is_seen(user, version)) else {
        return Err(no_template(template).into());
    };
    check_usable(tx, &version)?;
    Ok(version)
}

fn is_seen(user: &User, version: &Version) -> bool {
    permission::sees_template(user.role, user.organizations.contains(&version.organization))
}

/// The refusal of a template that does not exist, or of whose organisation the caller is no member.
pub(super) fn no_template(template: &str) -> Refusal {
    Refusal::NotFound(format!("Template {:?} doesn't exist.", limits::shown(template)))
}

/// The version that new workspaces are made from, of the template that another version is of.
pub(super) fn active_beside(tx: &Tx<'_>, version: &Version) -> Result<Version, CallError> {
    let active = templates::active_version_of(tx, version.template_id)?
        // A template has an active version from its first one on, so only a damaged database gets here.
        .ok_or_else(|| Refusal::NotFound(format!("Template {:?} has no version.", version.template)))?;
    check_usable(tx, &active)?;
    Ok(active)
}

/// The refusal of whatever needs a version whose import has succeeded, if this one's has not.
pub(super) fn check_usable(tx: &Tx<'_>, version: &Version) -> Result<(), CallError> {
    if version.usable {
        return Ok(());
    }
    let job = version.import.map(|job| jobs::by_id(tx, job)).transpose()?.flatten();
    let Version { template, name, .. } = version;
    let text = match job {
        Some(job) if job.completed_at.is_none() => {
            format!("The version {name:?} of the template {template:?} is not imported yet: wait for its import.")
        }
        Some(_) | None => format!(
            "The import of the version {name:?} of the template {template:?} did not succeed: see why, and add \
             another version."
        ),
    };
    Err(Refusal::State(text).into())
}

fn show(tx: &Tx<'_>, version: &Version) -> Result<v1::TemplateVersion, CallError> {
    let import = version.import.map(|job| jobs::by_id(tx, job)).transpose()?.flatten();
    let imported = templates::imported(tx, version.id)?;
    let shown = |variable: &v1::TemplateVariable| {
        let hidden = v1::TemplateVariable { default_value: String::new(), ..variable.clone() };
        if variable.sensitive { hidden } else { variable.clone() }
    };
    Ok(v1::TemplateVersion {
        version_id: version.id.to_string(),
        template: version.template.clone(),
        name: version.name.clone(),
        active: version.named_active && version.usable,
        import: import.as_ref().map(view::job),
        readme: version.declared.readme.clone(),
        variables: version.declared.variables.iter().map(shown).collect(),
        parameters: imported.parameters,
        presets: imported.presets,
        external_auth_providers: imported.external_auth_providers,
        start_resources: imported.start_resources,
        stop_resources: imported.stop_resources,
    })
}
