//! Templates and their versions.

use std::collections::BTreeMap;

use groundhog_wire::id::{TemplateId, VersionId};
use rusqlite::params;

use super::{
    StoreError, Tx,
    tx::{id, key},
};

/// A version of a template, without its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Which one.
    pub id: VersionId,
    /// Its template.
    pub template_id: TemplateId,
    /// What kind of provisioner runs it.
    pub provisioner_type: String,
    /// What it asks of a daemon, as it was given.
    pub tags: BTreeMap<String, String>,
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
}

/// Writes a template whose active version follows in the same transaction.
pub fn insert(tx: &Tx<'_>, template: TemplateId, name: &str, active: VersionId) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO templates (id, name, active_version_id) VALUES (?1, ?2, ?3)",
        params![key(template.0), name, key(active.0)],
    )?;
    Ok(())
}

/// The template with this name.
pub fn by_name(tx: &Tx<'_>, name: &str) -> Result<Option<TemplateId>, StoreError> {
    tx.row("SELECT id FROM templates WHERE name = ?1", [name], |row| id(row, 0, TemplateId))
}

/// Makes another version the one that new workspaces are built from.
pub fn set_active(tx: &Tx<'_>, template: TemplateId, version: VersionId) -> Result<(), StoreError> {
    tx.execute("UPDATE templates SET active_version_id = ?2 WHERE id = ?1", params![key(template.0), key(version.0)])?;
    Ok(())
}

/// Writes a version.
pub fn insert_version(tx: &Tx<'_>, version: &NewVersion<'_>) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO template_versions (id, template_id, name, provisioner_type, source, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            key(version.id.0),
            key(version.template_id.0),
            version.name,
            version.provisioner_type,
            version.source,
            tx.now_ms()
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

/// The active version of the template called `name`.
pub fn active_version(tx: &Tx<'_>, name: &str) -> Result<Option<Version>, StoreError> {
    let active =
        tx.row("SELECT active_version_id FROM templates WHERE name = ?1", [name], |row| id(row, 0, VersionId))?;
    match active {
        Some(active) => version(tx, active),
        None => Ok(None),
    }
}

/// A version by its id.
pub fn version(tx: &Tx<'_>, version: VersionId) -> Result<Option<Version>, StoreError> {
    let found = tx.row(
        "SELECT id, template_id, provisioner_type FROM template_versions WHERE id = ?1",
        [key(version.0)],
        |row| Ok((id(row, 0, VersionId)?, id(row, 1, TemplateId)?, row.get(2)?)),
    )?;
    let Some((version, template_id, provisioner_type)) = found else { return Ok(None) };
    let tags = tx.rows(
        "SELECT tag, content FROM template_version_tags WHERE version_id = ?1 ORDER BY tag",
        [key(version.0)],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(Some(Version { id: version, template_id, provisioner_type, tags: tags.into_iter().collect() }))
}
