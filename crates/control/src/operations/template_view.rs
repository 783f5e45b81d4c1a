//! Templates as whoever may make workspaces of them sees them.

use groundhog_wire::{id::TemplateId, v1};

use super::{organization, template, version};
use crate::{
    permission,
    refusal::{CallError, Refusal},
    store::{
        Tx, presets,
        templates::{self, Shown},
        users::User,
    },
};

/// The most templates in one answer: a thousand of them fit it many times over.
const LISTED_MAX: u32 = 1_000;

/// The templates that `user` may see, by name, at most a thousand: of one organisation, or of all.
pub fn list(
    tx: &Tx<'_>,
    user: &User,
    request: &v1::ListTemplatesRequest,
) -> Result<v1::ListTemplatesResponse, CallError> {
    let only = match request.organization.as_str() {
        "" => None,
        name => {
            let id = organization::named(tx, name)?;
            if !permission::sees_template(user.role, user.organizations.contains(&id)) {
                return Err(organization::unknown(name).into());
            }
            Some(id)
        }
    };
    let sees_all = permission::sees_template(user.role, false);
    let listed = templates::list(tx, user.id, sees_all, only, LISTED_MAX)?;
    Ok(v1::ListTemplatesResponse { templates: listed.into_iter().map(|shown| shown.template).collect() })
}

/// A template that `user` may see.
pub fn get(tx: &Tx<'_>, user: &User, request: &v1::GetTemplateRequest) -> Result<v1::Template, CallError> {
    let id: TemplateId = request.template_id.parse().map_err(|error| Refusal::Invalid(format!("{error}")))?;
    let sees = |shown: &Shown| permission::sees_template(user.role, user.organizations.contains(&shown.organization));
    let found = templates::shown_by_id(tx, id)?.filter(sees);
    Ok(found.ok_or_else(|| version::no_template(&id.to_string()))?.template)
}

/// What whoever makes a workspace of a template can choose: of the version that it is made of.
pub fn choices(tx: &Tx<'_>, user: &User, request: &v1::GetChoicesRequest) -> Result<v1::Choices, CallError> {
    let version = version::active_of(tx, user, &request.template_id)?;
    version::check_usable(tx, &version)?;
    let parameters = templates::imported(tx, version.id)?.parameters;
    let presets = presets::of_version(tx, version.id)?.into_iter().map(template::preset_view).collect();
    Ok(v1::Choices {
        version_id: version.id.to_string(),
        version: version.name,
        has_external_agents: version.has_external_agents,
        parameters,
        presets,
    })
}
