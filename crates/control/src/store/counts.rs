//! What is counted of workspaces that were built ahead, over all that there ever were.

use groundhog_wire::id::{PresetId, UserId};
use rusqlite::Row;

use super::{StoreError, Tx, tx::key};
use crate::metrics::Labels;

/// What was built ahead for presets of one name, of all versions of a template that is not deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// Of what.
    pub labels: Labels,
    /// Workspaces that were built.
    pub created: u64,
    /// Those whose first build failed.
    pub failed: u64,
    /// Those that are a person's now, or were when they were deleted.
    pub claimed: u64,
    /// Claims whose build replaced something that had been built ahead.
    pub replaced: u64,
}

/// What was built ahead by `account`, by the names of templates, presets and organisations. It looks at every workspace that
/// was ever built ahead, so it is not for every moment.
pub fn built_ahead(tx: &Tx<'_>, account: UserId) -> Result<Vec<Count>, StoreError> {
    tx.rows(
        "SELECT o.name, t.name, p.name, COUNT(*),
                SUM(CASE WHEN j.error <> '' THEN 1 ELSE 0 END),
                SUM(CASE WHEN w.owner_id <> ?1 THEN 1 ELSE 0 END),
                SUM(CASE WHEN c.replaced > 0 THEN 1 ELSE 0 END)
         FROM templates t
         JOIN organizations o ON o.id = t.organization_id
         JOIN template_versions v ON v.template_id = t.id
         JOIN presets p ON p.version_id = v.id
         JOIN builds b ON b.preset_id = p.id AND b.number = 1
         JOIN jobs j ON j.id = b.job_id AND j.initiator_id = ?1
         JOIN workspaces w ON w.id = b.workspace_id
         LEFT JOIN claims k ON k.workspace_id = w.id
         LEFT JOIN builds c ON c.id = k.build_id
         WHERE t.deleted_at IS NULL
         GROUP BY t.name, p.name, o.name ORDER BY t.name, p.name, o.name",
        [key(account.0)],
        |row| {
            let count = |column| row.get::<_, Option<i64>>(column).map(|count| count.unwrap_or(0).cast_unsigned());
            let (created, failed, claimed, replaced) = (count(3)?, count(4)?, count(5)?, count(6)?);
            Ok(Count { labels: labels(row)?, created, failed, claimed, replaced })
        },
    )
}

/// How what is built for a preset is counted; none if the preset is not there.
pub fn labels_of(tx: &Tx<'_>, preset: PresetId) -> Result<Option<Labels>, StoreError> {
    tx.row(
        "SELECT o.name, t.name, p.name
         FROM presets p
         JOIN template_versions v ON v.id = p.version_id
         JOIN templates t ON t.id = v.template_id
         JOIN organizations o ON o.id = t.organization_id
         WHERE p.id = ?1",
        [key(preset.0)],
        labels,
    )
}

fn labels(row: &Row<'_>) -> rusqlite::Result<Labels> {
    Ok(Labels { organization: row.get(0)?, template: row.get(1)?, preset: row.get(2)? })
}
