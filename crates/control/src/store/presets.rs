//! Presets of templates' versions.

use groundhog_wire::{
    id::{PresetId, VersionId},
    v1,
};
use prost::Message;
use rusqlite::{Row, params};
use sha2::{Digest, Sha256};
use uuid::Builder;

use super::{
    StoreError, Tx,
    tx::{id, key, message},
};
use crate::preset_status::PresetStatus;

/// A preset of a version.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// Which one.
    pub id: PresetId,
    /// Its version.
    pub version: VersionId,
    /// Its place among the version's presets as they are declared, from 0.
    pub position: u32,
    /// What the version declares: name, parameters, how many are built ahead.
    pub declared: v1::Preset,
    /// Whether workspaces are built ahead for it.
    pub status: PresetStatus,
    /// Those that were built ahead before then are to be made anew, in milliseconds since 1970.
    pub last_invalidated_at: Option<i64>,
}

/// The id of a version's preset in this place. It follows from the two, so that writing presets draws nothing: what is
/// drawn after an import does not depend on how many presets it found.
pub fn id_of(version: VersionId, position: u32) -> PresetId {
    let digest = Sha256::new().chain_update(version.0.as_bytes()).chain_update(position.to_be_bytes()).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    PresetId(Builder::from_custom_bytes(bytes).into_uuid())
}

/// Writes a version's presets, in the order in which it declares them: all of them in one go with what was written before,
/// because there may be a thousand.
pub fn insert(tx: &Tx<'_>, version: VersionId, declared: &[v1::Preset]) -> Result<(), StoreError> {
    let write = |(position, preset): (u32, &v1::Preset)| {
        tx.execute(
            "INSERT INTO presets (id, version_id, position, name, declared, desired_instances)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                key(id_of(version, position).0),
                key(version.0),
                position,
                preset.name,
                preset.encode_to_vec(),
                preset.prebuild.as_ref().map(|prebuild| prebuild.instances)
            ],
        )?;
        Ok(())
    };
    tx.together(|| (0..).zip(declared).try_for_each(write))
}

/// A version's presets, in the order in which it declares them.
pub fn of_version(tx: &Tx<'_>, version: VersionId) -> Result<Vec<Preset>, StoreError> {
    tx.rows(&select("version_id = ?1 ORDER BY position"), [key(version.0)], read)
}

/// The same, asked for in one go with the version itself.
pub fn with_version(tx: &Tx<'_>, version: VersionId) -> Result<Vec<Preset>, StoreError> {
    tx.together(|| of_version(tx, version))
}

/// The preset with this id.
pub fn by_id(tx: &Tx<'_>, preset: PresetId) -> Result<Option<Preset>, StoreError> {
    tx.row(&select("id = ?1"), [key(preset.0)], read)
}

/// Keeps whether workspaces are built ahead for a preset; whether that is another status than before.
pub fn set_status(tx: &Tx<'_>, preset: PresetId, status: PresetStatus) -> Result<bool, StoreError> {
    let changed =
        tx.execute("UPDATE presets SET status = ?2 WHERE id = ?1 AND status <> ?2", params![key(preset.0), status])?;
    Ok(changed == 1)
}

/// Has the workspaces that were built ahead for a version's presets before now be made anew; the presets' names, in
/// their order.
pub fn invalidate(tx: &Tx<'_>, version: VersionId) -> Result<Vec<String>, StoreError> {
    let mut presets = tx.rows(
        "UPDATE presets SET last_invalidated_at = ?2 WHERE version_id = ?1 RETURNING position, name",
        params![key(version.0), tx.now_ms()],
        |row| Ok((row.get::<_, u32>(0)?, row.get::<_, String>(1)?)),
    )?;
    // The order of what a change returns is left open by the database.
    presets.sort_unstable();
    Ok(presets.into_iter().map(|(_, name)| name).collect())
}

fn select(condition: &'static str) -> String {
    format!("SELECT id, version_id, position, declared, status, last_invalidated_at FROM presets WHERE {condition}")
}

fn read(row: &Row<'_>) -> rusqlite::Result<Preset> {
    Ok(Preset {
        id: id(row, 0, PresetId)?,
        version: id(row, 1, VersionId)?,
        position: row.get(2)?,
        declared: message(row, 3)?,
        status: row.get(4)?,
        last_invalidated_at: row.get(5)?,
    })
}
