//! Templates as wholes: how long their workspaces live, whether anything new is made of them, and their end.

use groundhog_wire::{id::TemplateId, v1};

use super::{clock, version};
use crate::{
    events,
    preset_status::PresetStatus,
    refusal::{CallError, Refusal},
    store::{
        Tx,
        presets::{self, Preset},
        templates::{self, Lifetimes},
        users::User,
    },
};

/// The longest message of a template that is deprecated, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 1_024;

/// The longest time after which workspaces are laid aside or deleted, in milliseconds: ten years of 365 days, which
/// nobody lives to see and no sum of times overflows with.
pub const LIFETIME_MS_MAX: i64 = 10 * 365 * 24 * 60 * 60 * 1_000;

/// Says how long a template's workspaces live; what the request leaves out stays as it is. The new default is for
/// workspaces that are made from now on.
pub fn update(tx: &Tx<'_>, request: &v1::UpdateTemplateRequest) -> Result<v1::Template, CallError> {
    let (id, template) = find(tx, &request.template)?;
    let default_ttl_ms = request.default_ttl_ms.map_or(Ok(template.default_ttl_ms), clock::check_ttl)?;
    let dormant_after_ms =
        request.dormant_after_ms.map_or(Ok(template.dormant_after_ms), |ms| check_lifetime("dormant_after_ms", ms))?;
    let deleted_after_ms =
        request.deleted_after_ms.map_or(Ok(template.deleted_after_ms), |ms| check_lifetime("deleted_after_ms", ms))?;
    templates::set_lifetimes(tx, id, Lifetimes { default_ttl_ms, dormant_after_ms, deleted_after_ms })?;
    Ok(v1::Template { default_ttl_ms, dormant_after_ms, deleted_after_ms, ..template })
}

fn check_lifetime(key: &str, ms: i64) -> Result<i64, Refusal> {
    if (0..=LIFETIME_MS_MAX).contains(&ms) {
        return Ok(ms);
    }
    Err(Refusal::Invalid(format!("{key} = {ms}: expected 0 (never) to {LIFETIME_MS_MAX} (ten years)")))
}

/// Says that nothing new is to be made of a template, and why; an empty message takes it back. Its workspaces go on, and
/// those that were built ahead and not claimed go.
pub fn deprecate(tx: &Tx<'_>, request: &v1::DeprecateTemplateRequest) -> Result<v1::Template, CallError> {
    let bytes = request.message.len();
    if bytes > MESSAGE_BYTES_MAX {
        return Err(
            Refusal::Invalid(format!("the message has {bytes} bytes, and at most {MESSAGE_BYTES_MAX} fit")).into()
        );
    }
    let (id, mut template) = find(tx, &request.template)?;
    if template.deprecated != request.message {
        templates::set_deprecated(tx, id, &request.message)?;
        let (name, message) = (template.name.clone(), request.message.clone());
        tx.after_commit(move || {
            if message.is_empty() {
                events::template_restored(&name);
            } else {
                events::template_deprecated(&name, &message);
            }
        });
        template.deprecated.clone_from(&request.message);
    }
    Ok(template)
}

/// Deletes a template: its name is free, and what was built ahead of it goes. Refused while people have workspaces of it.
pub fn delete(tx: &Tx<'_>, request: &v1::DeleteTemplateRequest) -> Result<v1::DeleteTemplateResponse, CallError> {
    let (id, template) = find(tx, &request.template)?;
    if templates::is_used(tx, id)? {
        let text = "All workspaces must be deleted before a template can be removed.";
        return Err(Refusal::State(text.to_owned()).into());
    }
    templates::mark_deleted(tx, id)?;
    tx.after_commit(move || events::template_deleted(&template.name));
    Ok(v1::DeleteTemplateResponse {})
}

/// A version's presets as they stand, for whoever sees the version.
pub fn presets(
    tx: &Tx<'_>,
    user: &User,
    request: &v1::ListPresetsRequest,
) -> Result<v1::ListPresetsResponse, CallError> {
    let version = version::select(tx, user, request.version.as_ref())?;
    Ok(v1::ListPresetsResponse { presets: presets::of_version(tx, version.id)?.into_iter().map(preset_view).collect() })
}

/// What the protocol says of a preset.
pub(super) fn preset_view(preset: Preset) -> v1::PresetView {
    v1::PresetView {
        preset_id: preset.id.to_string(),
        status: PresetStatus::to_wire(preset.status).into(),
        last_invalidated_at_ms: preset.last_invalidated_at,
        preset: Some(preset.declared),
    }
}

/// Has what was built ahead so far for the presets of a template's active version be made anew; nobody is given it any
/// more (P7).
pub fn invalidate(
    tx: &Tx<'_>,
    admin: &User,
    request: &v1::InvalidatePrebuildsRequest,
) -> Result<v1::InvalidatePrebuildsResponse, CallError> {
    let selector = v1::VersionSelector { template: request.template.clone(), version: String::new() };
    let version = version::select(tx, admin, Some(&selector))?;
    let presets = presets::invalidate(tx, version.id)?;
    let (template, count, by) = (version.template, presets.len() as u64, admin.name.clone());
    tx.after_commit(move || events::prebuilds_invalidated(&template, count, &by));
    Ok(v1::InvalidatePrebuildsResponse { presets })
}

fn find(tx: &Tx<'_>, name: &str) -> Result<(TemplateId, v1::Template), CallError> {
    templates::shown(tx, name)?.ok_or_else(|| version::no_template(name).into())
}
