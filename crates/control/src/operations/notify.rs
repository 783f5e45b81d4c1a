//! Whoever looks after templates is told of what goes wrong with them.
//!
//! What is told is written in the transaction of what it is about, one row for each who is told: it is there if that is,
//! and it is there once.

use std::collections::BTreeMap;

use groundhog_wire::v1;

use crate::{
    events,
    refusal::CallError,
    store::{
        StoreError, Tx,
        builds::Build,
        notifications, organizations,
        presets::{self, Preset},
        templates::{self, Version},
        users::{self, User},
    },
};

/// A preset's builds failed so often that no more are tried (P2).
pub const LIMIT_REACHED: &str = "prebuild_failure_limit_reached";

/// A claim replaced resources of the workspace that was built ahead.
pub const RESOURCES_REPLACED: &str = "workspace_resource_replaced";

/// Notifications in one page.
pub const PAGE_MAX: u32 = 1_000;

/// What somebody was told, oldest first.
pub fn list(
    tx: &Tx<'_>,
    user: &User,
    request: &v1::ListNotificationsRequest,
) -> Result<v1::ListNotificationsResponse, CallError> {
    let limit = if request.limit == 0 { PAGE_MAX } else { request.limit.min(PAGE_MAX) };
    let notifications = notifications::after(tx, user.id, request.after_id, limit)?;
    Ok(v1::ListNotificationsResponse { notifications })
}

/// Tells that no more is built ahead for a preset, because so many builds failed. It belongs into the transaction that
/// writes the preset's status, if that changed; so it is told once.
pub fn failure_limit_reached(tx: &Tx<'_>, preset: &Preset) -> Result<(), StoreError> {
    let Some(version) = templates::version(tx, preset.version)? else { return Ok(()) };
    let labels = labels(tx, &version, &preset.declared.name)?;
    tell(tx, &v1::Notification { kind: LIMIT_REACHED.to_owned(), labels, ..v1::Notification::default() })
}

/// Tells that the build by which a workspace was claimed replaced resources: what had been built ahead of them was for
/// nothing. Nothing is told of a workspace that was built for no preset.
pub(super) fn resources_replaced(
    tx: &Tx<'_>,
    build: &Build,
    replacements: &[v1::ResourceReplacement],
) -> Result<(), StoreError> {
    let Some(preset) = build.built_for.map(|preset| presets::by_id(tx, preset)).transpose()?.flatten() else {
        return Ok(());
    };
    let Some(version) = templates::version(tx, build.version)? else { return Ok(()) };
    let mut labels = labels(tx, &version, &preset.declared.name)?;
    labels.insert("workspace".to_owned(), build.workspace_name.clone());
    labels.insert("workspace_build_num".to_owned(), build.number.to_string());
    labels.insert("claimant".to_owned(), users::name(tx, build.owner)?.unwrap_or_default());
    let data = replacements.iter().map(|replaced| (replaced.resource.clone(), replaced.paths.join(","))).collect();
    let (ws, about, count) =
        (build.workspace.event(), format!("{}/{}", version.template, preset.declared.name), replacements.len() as u64);
    tx.after_commit(move || events::resources_replaced(ws, &about, count));
    tell(tx, &v1::Notification { kind: RESOURCES_REPLACED.to_owned(), labels, data, ..v1::Notification::default() })
}

/// What every such notification is about.
fn labels(tx: &Tx<'_>, version: &Version, preset: &str) -> Result<BTreeMap<String, String>, StoreError> {
    let organization = organizations::by_id(tx, version.organization)?.map(|organization| organization.name);
    let labels = [
        ("organization", organization.unwrap_or_default()),
        ("template", version.template.clone()),
        ("template_version", version.name.clone()),
        ("preset", preset.to_owned()),
    ];
    Ok(labels.into_iter().map(|(label, text)| (label.to_owned(), text)).collect())
}

/// Tells everybody who looks after templates, in the order of their names.
fn tell(tx: &Tx<'_>, notification: &v1::Notification) -> Result<(), StoreError> {
    let label = |label: &str| notification.labels.get(label).map_or("", String::as_str);
    let about = format!("{}/{}", label("template"), label("preset"));
    for admin in users::template_admins(tx)? {
        notifications::insert(tx, admin.id, notification)?;
        let (to, kind, about) = (admin.name, notification.kind.clone(), about.clone());
        tx.after_commit(move || events::notification_sent(&to, &kind, &about));
    }
    Ok(())
}
