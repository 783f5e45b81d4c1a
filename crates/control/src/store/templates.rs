//! Templates and their versions.

use std::collections::BTreeMap;

use groundhog_wire::{
    id::{JobId, OrganizationId, TemplateId, UserId, VersionId},
    v1,
};
use prost::Message;
use rusqlite::{Params, Row, params};
use uuid::Uuid;

use super::{
    StoreError, Tx,
    tx::{id, key, message},
};

/// A version of a template, without its source and without what its import found.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Which one.
    pub id: VersionId,
    /// Its template.
    pub template_id: TemplateId,
    /// Its template's name.
    pub template: String,
    /// After how long of running its template's workspaces are stopped by themselves, unless their owners want it
    /// otherwise, in milliseconds; 0 for never.
    pub default_ttl_ms: i64,
    /// Its name; unique within the template.
    pub name: String,
    /// The organisation that its template belongs to.
    pub organization: OrganizationId,
    /// Why nothing new is to be made of its template; empty if it may be.
    pub deprecated: String,
    /// Whether it has presets.
    pub has_presets: bool,
    /// What kind of provisioner runs it.
    pub provisioner_type: String,
    /// What its builds ask of a daemon: what was given with it, and over that what its source declares.
    pub tags: BTreeMap<String, String>,
    /// The job that imports it; none if it was there from the first.
    pub import: Option<JobId>,
    /// Whether its import is to make it the active version.
    pub activate: bool,
    /// Whether workspaces can be made of it: it was there from the first, or its import has succeeded.
    pub usable: bool,
    /// Whether its template names it as the active version. A version that is not usable is named only while its
    /// template has no other one.
    pub named_active: bool,
    /// What its author gave.
    pub given: v1::TemplateImport,
    /// What its source declares; nothing before that is known.
    pub declared: v1::Declarations,
    /// Some agent of its workspaces is run by somebody else, on a machine of theirs.
    pub has_external_agents: bool,
}

/// A version that is to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewVersion<'a> {
    /// Which one.
    pub id: VersionId,
    /// Its template.
    pub template_id: TemplateId,
    /// Its name; unique within the template.
    pub name: &'a str,
    /// What kind of provisioner runs it.
    pub provisioner_type: &'a str,
    /// Opaque to the control plane.
    pub source: &'a [u8],
    /// What it asks of a daemon.
    pub tags: &'a BTreeMap<String, String>,
    /// The job that imports it, which must be there; none if it is usable as it is.
    pub import: Option<JobId>,
    /// Whether its import is to make it the active version.
    pub activate: bool,
    /// What its author gave.
    pub given: &'a v1::TemplateImport,
    /// Some agent of its workspaces is run by somebody else; false until its import says so.
    pub has_external_agents: bool,
}

/// How long a template's workspaces live by default, in milliseconds; each is 0 for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetimes {
    /// After so long of running they are stopped.
    pub default_ttl_ms: i64,
    /// After so long without use they are laid aside.
    pub dormant_after_ms: i64,
    /// After so long aside they are deleted.
    pub deleted_after_ms: i64,
}

/// Writes a template whose active version follows in the same transaction.
pub fn insert(
    tx: &Tx<'_>,
    template: TemplateId,
    organization: OrganizationId,
    name: &str,
    active: VersionId,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO templates (id, organization_id, name, active_version_id) VALUES (?1, ?2, ?3, ?4)",
        params![key(template.0), key(organization.0), name, key(active.0)],
    )?;
    Ok(())
}

/// The live template with this name.
pub fn by_name(tx: &Tx<'_>, name: &str) -> Result<Option<TemplateId>, StoreError> {
    tx.row("SELECT id FROM templates WHERE name = ?1 AND deleted_at IS NULL", [name], |row| id(row, 0, TemplateId))
}

/// A template as people see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Which one.
    pub id: TemplateId,
    /// The organisation that it belongs to.
    pub organization: OrganizationId,
    /// What the protocol says of it.
    pub template: v1::Template,
}

/// The live template with this name, as people see it.
pub fn shown(tx: &Tx<'_>, name: &str) -> Result<Option<(TemplateId, v1::Template)>, StoreError> {
    let shown = tx.row(&select_shown("t.name = ?1 AND t.deleted_at IS NULL"), [name], read_shown)?;
    Ok(shown.map(|Shown { id, template, .. }| (id, template)))
}

/// The live template with this id, as people see it.
pub fn shown_by_id(tx: &Tx<'_>, template: TemplateId) -> Result<Option<Shown>, StoreError> {
    tx.row(&select_shown("t.id = ?1 AND t.deleted_at IS NULL"), [key(template.0)], read_shown)
}

/// The live templates of the organisations that `member` is a member of, or with `all` of every one, by name, at most
/// `limit`; with `only`, of that organisation.
pub fn list(
    tx: &Tx<'_>,
    member: UserId,
    all: bool,
    only: Option<OrganizationId>,
    limit: u32,
) -> Result<Vec<Shown>, StoreError> {
    let listed = select_shown(
        "t.deleted_at IS NULL AND (?3 IS NULL OR t.organization_id = ?3)
           AND (?2 OR EXISTS (SELECT 1 FROM organization_members m
                              WHERE m.user_id = ?1 AND m.organization_id = t.organization_id))
         ORDER BY t.name LIMIT ?4",
    );
    let only = only.map(|organization| key(organization.0));
    tx.rows(&listed, params![key(member.0), all, only, limit], read_shown)
}

fn select_shown(condition: &'static str) -> String {
    format!(
        "SELECT t.id, t.name, o.name, t.deprecated, t.default_ttl_ms, t.dormant_after_ms, t.deleted_after_ms,
                t.organization_id
         FROM templates t JOIN organizations o ON o.id = t.organization_id WHERE {condition}"
    )
}

fn read_shown(row: &Row<'_>) -> rusqlite::Result<Shown> {
    let template = id(row, 0, TemplateId)?;
    let shown = v1::Template {
        template_id: template.to_string(),
        name: row.get(1)?,
        organization: row.get(2)?,
        deprecated: row.get(3)?,
        default_ttl_ms: row.get(4)?,
        dormant_after_ms: row.get(5)?,
        deleted_after_ms: row.get(6)?,
    };
    Ok(Shown { id: template, organization: id(row, 7, OrganizationId)?, template: shown })
}

/// Keeps why nothing new is to be made of a template; empty if it may be.
pub fn set_deprecated(tx: &Tx<'_>, template: TemplateId, why: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE templates SET deprecated = ?2 WHERE id = ?1", params![key(template.0), why])?;
    Ok(())
}

/// Whether people have live workspaces of a template. Those of accounts that build ahead do not count.
pub fn is_used(tx: &Tx<'_>, template: TemplateId) -> Result<bool, StoreError> {
    let used = tx.row(
        "SELECT EXISTS (SELECT 1 FROM workspaces w JOIN users u ON u.id = w.owner_id
                        WHERE w.template_id = ?1 AND w.deleted_at IS NULL AND u.role <> 'prebuilds')",
        [key(template.0)],
        |row| row.get(0),
    )?;
    Ok(used.unwrap_or(false))
}

/// Marks a template as gone. Its name is free again; its versions stay, because there may be workspaces to delete.
pub fn mark_deleted(tx: &Tx<'_>, template: TemplateId) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE templates SET deleted_at = ?2 WHERE id = ?1 AND deleted_at IS NULL",
        params![key(template.0), tx.now_ms()],
    )?;
    Ok(())
}

/// Keeps how long a template's workspaces live.
pub fn set_lifetimes(tx: &Tx<'_>, template: TemplateId, lifetimes: Lifetimes) -> Result<(), StoreError> {
    let Lifetimes { default_ttl_ms, dormant_after_ms, deleted_after_ms } = lifetimes;
    tx.execute(
        "UPDATE templates SET default_ttl_ms = ?2, dormant_after_ms = ?3, deleted_after_ms = ?4 WHERE id = ?1",
        params![key(template.0), default_ttl_ms, dormant_after_ms, deleted_after_ms],
    )?;
    Ok(())
}

/// Makes another version the one that new workspaces are built from.
pub fn set_active(tx: &Tx<'_>, template: TemplateId, version: VersionId) -> Result<(), StoreError> {
    tx.execute("UPDATE templates SET active_version_id = ?2 WHERE id = ?1", params![key(template.0), key(version.0)])?;
    Ok(())
}

/// Whether workspaces can be made of the template's active version.
pub fn has_usable_active(tx: &Tx<'_>, template: TemplateId) -> Result<bool, StoreError> {
    let usable = tx.row(
        "SELECT v.import_job_id IS NULL OR v.imported IS NOT NULL
         FROM templates t JOIN template_versions v ON v.id = t.active_version_id WHERE t.id = ?1",
        [key(template.0)],
        |row| row.get(0),
    )?;
    Ok(usable.unwrap_or(false))
}

/// Writes a version.
pub fn insert_version(tx: &Tx<'_>, version: &NewVersion<'_>) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO template_versions
             (id, template_id, name, provisioner_type, source, created_at, import_job_id, activate, given,
              has_external_agents)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            key(version.id.0),
            key(version.template_id.0),
            version.name,
            version.provisioner_type,
            version.source,
            tx.now_ms(),
            version.import.map(|job| key(job.0)),
            version.activate,
            version.given.encode_to_vec(),
            version.has_external_agents
        ],
    )?;
    for (tag, content) in version.tags {
        tx.execute(
            "INSERT INTO template_version_tags (version_id, tag, content) VALUES (?1, ?2, ?3)",
            params![key(version.id.0), tag, content],
        )?;
    }
    Ok(())
}

/// The version that the template called `name` names as the active one, usable or not.
pub fn active_version(tx: &Tx<'_>, name: &str) -> Result<Option<Version>, StoreError> {
    find(tx, "t.name = ?1 AND t.deleted_at IS NULL AND v.id = t.active_version_id", [name])
}

/// The version that this template names as the active one, usable or not.
pub fn active_version_of(tx: &Tx<'_>, template: TemplateId) -> Result<Option<Version>, StoreError> {
    find(tx, "t.id = ?1 AND v.id = t.active_version_id", [key(template.0)])
}

/// The same, unless the template was deleted.
pub fn live_active_version_of(tx: &Tx<'_>, template: TemplateId) -> Result<Option<Version>, StoreError> {
    find(tx, "t.id = ?1 AND t.deleted_at IS NULL AND v.id = t.active_version_id", [key(template.0)])
}

/// The version `name` of the template `template`.
pub fn version_by_name(tx: &Tx<'_>, template: &str, name: &str) -> Result<Option<Version>, StoreError> {
    find(tx, "t.name = ?1 AND t.deleted_at IS NULL AND v.name = ?2", [template, name])
}

/// A version by its id.
pub fn version(tx: &Tx<'_>, version: VersionId) -> Result<Option<Version>, StoreError> {
    find(tx, "v.id = ?1", [key(version.0)])
}

/// The version that a job imports.
pub fn version_by_import(tx: &Tx<'_>, job: JobId) -> Result<Option<Version>, StoreError> {
    find(tx, "v.import_job_id = ?1", [key(job.0)])
}

/// A version's source.
pub fn source(tx: &Tx<'_>, version: VersionId) -> Result<Option<Vec<u8>>, StoreError> {
    tx.row("SELECT source FROM template_versions WHERE id = ?1", [key(version.0)], |row| row.get(0))
}

/// Keeps what a version's source declares.
pub fn set_declared(tx: &Tx<'_>, version: VersionId, declared: &v1::Declarations) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE template_versions SET declared = ?2 WHERE id = ?1",
        params![key(version.0), declared.encode_to_vec()],
    )?;
    Ok(())
}

/// Keeps what a version's import found. From now on the version is usable.
pub fn set_imported(tx: &Tx<'_>, version: VersionId, imported: &v1::CompletedTemplateImport) -> Result<(), StoreError> {
    let mut agents = imported.start_resources.iter().flat_map(|resource| &resource.agents);
    let has_external_agents = agents.any(|agent| agent.external);
    tx.execute(
        "UPDATE template_versions SET imported = ?2, has_external_agents = ?3 WHERE id = ?1",
        params![key(version.0), imported.encode_to_vec(), has_external_agents],
    )?;
    Ok(())
}

/// What a version's import found; nothing before it has succeeded, or without one.
pub fn imported(tx: &Tx<'_>, version: VersionId) -> Result<v1::CompletedTemplateImport, StoreError> {
    let imported =
        tx.row("SELECT COALESCE(imported, x'') FROM template_versions WHERE id = ?1", [key(version.0)], |row| {
            message(row, 0)
        })?;
    Ok(imported.unwrap_or_default())
}

fn find(tx: &Tx<'_>, condition: &'static str, parameters: impl Params) -> Result<Option<Version>, StoreError> {
    let sql = format!(
        "SELECT v.id, v.template_id, t.name, v.name, v.provisioner_type, v.import_job_id, v.activate,
                v.import_job_id IS NULL OR v.imported IS NOT NULL, v.id = t.active_version_id, v.given, v.declared,
                t.organization_id, t.deprecated, t.default_ttl_ms,
                EXISTS (SELECT 1 FROM presets p WHERE p.version_id = v.id), v.has_external_agents
         FROM template_versions v JOIN templates t ON t.id = v.template_id WHERE {condition}"
    );
    let Some(mut version) = tx.row(&sql, parameters, read)? else { return Ok(None) };
    let tags = tx.rows(
        "SELECT tag, content FROM template_version_tags WHERE version_id = ?1 ORDER BY tag",
        [key(version.id.0)],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    version.tags = tags.into_iter().chain(version.declared.workspace_tags.clone()).collect();
    Ok(Some(version))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Version> {
    let import: Option<[u8; 16]> = row.get(5)?;
    Ok(Version {
        id: id(row, 0, VersionId)?,
        template_id: id(row, 1, TemplateId)?,
        template: row.get(2)?,
        name: row.get(3)?,
        provisioner_type: row.get(4)?,
        tags: BTreeMap::new(),
        import: import.map(|bytes| JobId(Uuid::from_bytes(bytes))),
        activate: row.get(6)?,
        usable: row.get(7)?,
        named_active: row.get(8)?,
        given: message(row, 9)?,
        declared: message(row, 10)?,
        organization: id(row, 11, OrganizationId)?,
        deprecated: row.get(12)?,
        default_ttl_ms: row.get(13)?,
        has_presets: row.get(14)?,
        has_external_agents: row.get(15)?,
    })
}
