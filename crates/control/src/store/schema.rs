//! The tables, as a list of migrations. A migration that has run anywhere is never edited: a change is a new one.
//!
//! The dialect is what SQLite and PostgreSQL share. Ids are 16 bytes; times are milliseconds since 1970; no
//! default reads a clock or draws a number. A job's status is in no column: see [`crate::job_status`].
//!
//! What is only ever written and read as a whole is one column with the protocol's own message in it, encoded: what
//! a version's author gave, what its source declares, what its import found; what an owner chose for a build, and
//! what the build reported. Tables of parameters, presets and schedules would be a dozen, and no statement would
//! ever select by one of their columns. What is selected by, joined or summed has columns of its own.

use std::sync::{Mutex, OnceLock, PoisonError};

use rusqlite::{Connection, backup::Backup};

use super::StoreError;

const MIGRATIONS: &[&str] = &[FIRST, SECOND, THIRD, FOURTH, FIFTH];

const FIRST: &str = "
CREATE TABLE users (
    id          BLOB PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE CHECK (length(name) > 0),
    token_hash  BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    created_at  INTEGER NOT NULL
);
CREATE TABLE user_groups (
    id          BLOB PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE CHECK (length(name) > 0),
    budget      INTEGER NOT NULL CHECK (budget >= 0)
);
CREATE TABLE group_members (
    group_id    BLOB NOT NULL REFERENCES user_groups (id),
    user_id     BLOB NOT NULL REFERENCES users (id),
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX group_members_by_user ON group_members (user_id);
CREATE TABLE templates (
    id                BLOB PRIMARY KEY,
    name              TEXT NOT NULL UNIQUE CHECK (length(name) > 0),
    active_version_id BLOB NOT NULL REFERENCES template_versions (id) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE template_versions (
    id               BLOB PRIMARY KEY,
    template_id      BLOB NOT NULL REFERENCES templates (id),
    name             TEXT NOT NULL,
    provisioner_type TEXT NOT NULL CHECK (length(provisioner_type) > 0),
    source           BLOB NOT NULL,
    created_at       INTEGER NOT NULL,
    UNIQUE (template_id, name)
);
CREATE TABLE template_version_tags (
    version_id  BLOB NOT NULL REFERENCES template_versions (id),
    tag         TEXT NOT NULL,
    content     TEXT NOT NULL,
    PRIMARY KEY (version_id, tag)
);
CREATE TABLE daemon_keys (
    id          BLOB PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE CHECK (length(name) > 0),
    key_hash    BLOB NOT NULL UNIQUE CHECK (length(key_hash) = 32)
);
CREATE TABLE daemons (
    id           BLOB PRIMARY KEY,
    key_id       BLOB NOT NULL REFERENCES daemon_keys (id),
    name         TEXT NOT NULL CHECK (length(name) > 0),
    last_seen_at INTEGER NOT NULL,
    UNIQUE (key_id, name)
);
CREATE TABLE workspaces (
    id          BLOB PRIMARY KEY,
    owner_id    BLOB NOT NULL REFERENCES users (id),
    template_id BLOB NOT NULL REFERENCES templates (id),
    name        TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 32),
    created_at  INTEGER NOT NULL,
    deleted_at  INTEGER
);
CREATE UNIQUE INDEX workspaces_live_name ON workspaces (owner_id, lower(name)) WHERE deleted_at IS NULL;
CREATE TABLE jobs (
    id               BLOB PRIMARY KEY,
    provisioner_type TEXT NOT NULL,
    initiator_id     BLOB NOT NULL REFERENCES users (id),
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    started_at       INTEGER,
    canceled_at      INTEGER,
    completed_at     INTEGER,
    worker_id        BLOB REFERENCES daemons (id),
    delivered        INTEGER NOT NULL DEFAULT 0 CHECK (delivered IN (0, 1)),
    error            TEXT NOT NULL DEFAULT '',
    error_code       TEXT NOT NULL DEFAULT '',
    terminal_digest  BLOB,
    log_bytes        INTEGER NOT NULL DEFAULT 0 CHECK (log_bytes >= 0),
    log_lines        INTEGER NOT NULL DEFAULT 0 CHECK (log_lines >= 0),
    log_overflowed   INTEGER NOT NULL DEFAULT 0 CHECK (log_overflowed IN (0, 1)),
    CHECK (worker_id IS NULL OR started_at IS NOT NULL),
    CHECK (error = '' OR completed_at IS NOT NULL),
    CHECK (terminal_digest IS NULL OR completed_at IS NOT NULL)
);
CREATE INDEX jobs_waiting ON jobs (created_at, id) WHERE started_at IS NULL AND completed_at IS NULL;
CREATE INDEX jobs_open ON jobs (updated_at, id) WHERE completed_at IS NULL;
CREATE TABLE job_tags (
    job_id      BLOB NOT NULL REFERENCES jobs (id),
    tag         TEXT NOT NULL,
    content     TEXT NOT NULL,
    PRIMARY KEY (job_id, tag)
);
CREATE TABLE builds (
    id           BLOB PRIMARY KEY,
    workspace_id BLOB NOT NULL REFERENCES workspaces (id),
    version_id   BLOB NOT NULL REFERENCES template_versions (id),
    job_id       BLOB NOT NULL UNIQUE REFERENCES jobs (id),
    number       INTEGER NOT NULL CHECK (number >= 1),
    transition   TEXT NOT NULL CHECK (transition IN ('start', 'stop', 'destroy')),
    created_at   INTEGER NOT NULL,
    state        BLOB,
    daily_cost   INTEGER NOT NULL CHECK (daily_cost >= 0),
    cost_is_own  INTEGER NOT NULL DEFAULT 0 CHECK (cost_is_own IN (0, 1)),
    UNIQUE (workspace_id, number)
);
CREATE TABLE build_resources (
    build_id    BLOB NOT NULL REFERENCES builds (id),
    position    INTEGER NOT NULL,
    name        TEXT NOT NULL,
    type        TEXT NOT NULL,
    daily_cost  INTEGER NOT NULL,
    PRIMARY KEY (build_id, position)
);
CREATE TABLE job_logs (
    id          INTEGER PRIMARY KEY,
    job_id      BLOB NOT NULL REFERENCES jobs (id),
    sequence    INTEGER NOT NULL CHECK (sequence >= 1),
    source      INTEGER NOT NULL,
    level       INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    stage       TEXT NOT NULL,
    output      TEXT NOT NULL,
    UNIQUE (job_id, sequence)
);
CREATE INDEX job_logs_by_job ON job_logs (job_id, id);
";

/// Template imports and dry runs, roles, expiring sessions, keys that are taken back, the audit trail.
const SECOND: &str = "
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'member' CHECK (role IN ('member', 'admin', 'prebuilds'));
ALTER TABLE users ADD COLUMN token_expires_at INTEGER;
ALTER TABLE daemon_keys ADD COLUMN deleted_at INTEGER;
ALTER TABLE jobs ADD COLUMN kind TEXT NOT NULL DEFAULT 'workspace_build'
    CHECK (kind IN ('workspace_build', 'template_import', 'template_dry_run'));
ALTER TABLE jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE template_versions ADD COLUMN import_job_id BLOB REFERENCES jobs (id);
ALTER TABLE template_versions ADD COLUMN activate INTEGER NOT NULL DEFAULT 0 CHECK (activate IN (0, 1));
ALTER TABLE template_versions ADD COLUMN given BLOB NOT NULL DEFAULT x'';
ALTER TABLE template_versions ADD COLUMN declared BLOB NOT NULL DEFAULT x'';
ALTER TABLE template_versions ADD COLUMN imported BLOB;
ALTER TABLE builds ADD COLUMN asked BLOB NOT NULL DEFAULT x'';
ALTER TABLE builds ADD COLUMN report BLOB NOT NULL DEFAULT x'';
ALTER TABLE build_resources ADD COLUMN agents BLOB NOT NULL DEFAULT x'';
CREATE INDEX template_versions_by_import ON template_versions (import_job_id);
CREATE INDEX jobs_by_worker ON jobs (worker_id) WHERE worker_id IS NOT NULL;
DROP INDEX jobs_waiting;
CREATE INDEX jobs_waiting ON jobs (priority, created_at, id) WHERE started_at IS NULL AND completed_at IS NULL;
CREATE TABLE workspace_sessions (
    workspace_id BLOB PRIMARY KEY REFERENCES workspaces (id),
    token_hash   BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    expires_at   INTEGER NOT NULL
);
CREATE TABLE dry_runs (
    id          BLOB PRIMARY KEY,
    version_id  BLOB NOT NULL REFERENCES template_versions (id),
    job_id      BLOB NOT NULL UNIQUE REFERENCES jobs (id),
    asked       BLOB NOT NULL,
    found       BLOB
);
CREATE TABLE audit_entries (
    id           INTEGER PRIMARY KEY,
    at           INTEGER NOT NULL,
    user_name    TEXT NOT NULL,
    action       TEXT NOT NULL,
    workspace_id BLOB NOT NULL REFERENCES workspaces (id),
    build_id     BLOB NOT NULL UNIQUE REFERENCES builds (id),
    job_id       BLOB NOT NULL REFERENCES jobs (id),
    status_code  INTEGER NOT NULL,
    error        TEXT NOT NULL
);
";

/// Workspace agents: who they are, what they report, and how they and their clients find each other.
///
/// An agent's own row is small, because every beat writes it; what is read once a connection is beside it. What an
/// agent reports of itself again and again is merged into one message: a list of its values would be rows that no
/// statement ever selects by. Its log lines are kept as they come, many at a time: a script may print thousands, and a
/// statement for each would take longer than the agent waits.
const THIRD: &str = "
CREATE TABLE agents (
    number                INTEGER PRIMARY KEY,
    id                    BLOB NOT NULL UNIQUE,
    workspace_id          BLOB NOT NULL REFERENCES workspaces (id),
    build_id              BLOB NOT NULL REFERENCES builds (id),
    build_number          INTEGER NOT NULL CHECK (build_number >= 1),
    name                  TEXT NOT NULL,
    token_hash            BLOB NOT NULL CHECK (length(token_hash) = 32),
    created_at            INTEGER NOT NULL,
    connection_timeout_ms INTEGER NOT NULL CHECK (connection_timeout_ms >= 0),
    connection            INTEGER NOT NULL DEFAULT 0 CHECK (connection >= 0),
    first_connected_at    INTEGER,
    last_connected_at     INTEGER,
    disconnected_at       INTEGER,
    log_bytes             INTEGER NOT NULL DEFAULT 0 CHECK (log_bytes >= 0),
    log_lines             INTEGER NOT NULL DEFAULT 0 CHECK (log_lines >= 0),
    log_overflowed        INTEGER NOT NULL DEFAULT 0 CHECK (log_overflowed IN (0, 1))
);
CREATE INDEX agents_by_token ON agents (token_hash, number);
CREATE INDEX agents_by_build ON agents (build_id, name);
CREATE TABLE agent_descriptions (
    agent       INTEGER PRIMARY KEY REFERENCES agents (number),
    description BLOB NOT NULL
);
CREATE TABLE agent_reports (
    agent       INTEGER PRIMARY KEY REFERENCES agents (number),
    report      BLOB NOT NULL
);
CREATE TABLE agent_metadata (
    agent       INTEGER PRIMARY KEY REFERENCES agents (number),
    found       BLOB NOT NULL
);
CREATE TABLE agent_sessions (
    number      INTEGER PRIMARY KEY,
    agent       INTEGER NOT NULL REFERENCES agents (number),
    token_hash  BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    opened_at   INTEGER NOT NULL
);
CREATE INDEX agent_sessions_by_agent ON agent_sessions (agent, number);
CREATE TABLE agent_logs (
    agent       INTEGER NOT NULL REFERENCES agents (number),
    last_id     INTEGER NOT NULL CHECK (last_id >= 1),
    lines       BLOB NOT NULL,
    PRIMARY KEY (agent, last_id)
);
CREATE TABLE agent_log_sources (
    agent       INTEGER NOT NULL REFERENCES agents (number),
    source_id   BLOB NOT NULL,
    process_id  BLOB NOT NULL,
    sequence    INTEGER NOT NULL,
    PRIMARY KEY (agent, source_id, process_id)
);
CREATE TABLE agent_connections (
    number          INTEGER PRIMARY KEY,
    agent           INTEGER NOT NULL REFERENCES agents (number),
    connection_id   BLOB NOT NULL,
    type            TEXT NOT NULL,
    ip              TEXT NOT NULL,
    connected_at    INTEGER,
    disconnected_at INTEGER,
    reason          TEXT NOT NULL DEFAULT '',
    status_code     INTEGER NOT NULL DEFAULT 0,
    UNIQUE (agent, connection_id)
);
CREATE TABLE claims (
    workspace_id BLOB PRIMARY KEY REFERENCES workspaces (id),
    owner_id     BLOB NOT NULL REFERENCES users (id),
    build_id     BLOB NOT NULL UNIQUE REFERENCES builds (id),
    claimed_at   INTEGER NOT NULL
);
CREATE TABLE coordinators (
    id          BLOB PRIMARY KEY,
    heard_at    INTEGER NOT NULL,
    changes     INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE peers (
    id          BLOB PRIMARY KEY,
    agent       INTEGER UNIQUE REFERENCES agents (number),
    user_id     BLOB REFERENCES users (id),
    coordinator BLOB NOT NULL REFERENCES coordinators (id),
    connection  INTEGER NOT NULL CHECK (connection >= 1),
    node        BLOB,
    lost_at     INTEGER,
    gone        INTEGER NOT NULL DEFAULT 0 CHECK (gone IN (0, 1)),
    CHECK ((agent IS NULL) <> (user_id IS NULL))
);
CREATE TABLE tunnels (
    client_id   BLOB NOT NULL REFERENCES peers (id),
    agent       INTEGER NOT NULL REFERENCES agents (number),
    secret      TEXT NOT NULL,
    PRIMARY KEY (client_id, agent)
);
CREATE INDEX tunnels_by_agent ON tunnels (agent, client_id);
";

/// Organisations, presets and what is built ahead for them, workspaces that live by the clock, notifications.
///
/// Three tables are made anew, because a rule of theirs changes: there is a role more, a group's name is unique within
/// its organisation, a template's among those that are not deleted. Whoever refers to them does so by their names.
const FOURTH: &str = "
CREATE TABLE organizations (
    id          BLOB PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE CHECK (length(name) > 0),
    closed      INTEGER NOT NULL DEFAULT 0 CHECK (closed IN (0, 1))
);
INSERT INTO organizations (id, name) VALUES (x'00000000000000000000000000000001', 'default');
CREATE TABLE organization_members (
    organization_id BLOB NOT NULL REFERENCES organizations (id),
    user_id         BLOB NOT NULL REFERENCES users (id),
    PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX organization_members_by_user ON organization_members (user_id, organization_id);
INSERT INTO organization_members (organization_id, user_id)
    SELECT x'00000000000000000000000000000001', id FROM users WHERE role <> 'prebuilds';
CREATE TABLE new_users (
    id               BLOB PRIMARY KEY,
    name             TEXT NOT NULL UNIQUE CHECK (length(name) > 0),
    token_hash       BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    created_at       INTEGER NOT NULL,
    role             TEXT NOT NULL DEFAULT 'member' CHECK (role IN ('member', 'template_admin', 'admin', 'prebuilds')),
    token_expires_at INTEGER
);
INSERT INTO new_users SELECT id, name, token_hash, created_at, role, token_expires_at FROM users;
DROP TABLE users;
ALTER TABLE new_users RENAME TO users;
INSERT INTO users (id, name, token_hash, created_at, role)
    VALUES (x'c42fdf753097471c8c33fb52454d81c0', 'prebuilds', zeroblob(32), 0, 'prebuilds');
CREATE TABLE new_user_groups (
    id              BLOB PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL CHECK (length(name) > 0),
    budget          INTEGER NOT NULL CHECK (budget >= 0),
    UNIQUE (organization_id, name)
);
INSERT INTO new_user_groups SELECT id, x'00000000000000000000000000000001', name, budget FROM user_groups;
DROP TABLE user_groups;
ALTER TABLE new_user_groups RENAME TO user_groups;
CREATE TABLE new_templates (
    id                BLOB PRIMARY KEY,
    organization_id   BLOB NOT NULL REFERENCES organizations (id),
    name              TEXT NOT NULL CHECK (length(name) > 0),
    active_version_id BLOB NOT NULL REFERENCES template_versions (id) DEFERRABLE INITIALLY DEFERRED,
    deprecated        TEXT NOT NULL DEFAULT '',
    deleted_at        INTEGER,
    default_ttl_ms    INTEGER NOT NULL DEFAULT 0 CHECK (default_ttl_ms >= 0),
    dormant_after_ms  INTEGER NOT NULL DEFAULT 0 CHECK (dormant_after_ms >= 0),
    deleted_after_ms  INTEGER NOT NULL DEFAULT 0 CHECK (deleted_after_ms >= 0)
);
INSERT INTO new_templates (id, organization_id, name, active_version_id)
    SELECT id, x'00000000000000000000000000000001', name, active_version_id FROM templates;
DROP TABLE templates;
ALTER TABLE new_templates RENAME TO templates;
CREATE UNIQUE INDEX templates_live_name ON templates (name) WHERE deleted_at IS NULL;
CREATE TABLE presets (
    id                  BLOB PRIMARY KEY,
    version_id          BLOB NOT NULL REFERENCES template_versions (id),
    position            INTEGER NOT NULL,
    name                TEXT NOT NULL,
    declared            BLOB NOT NULL,
    desired_instances   INTEGER CHECK (desired_instances >= 0),
    status              TEXT NOT NULL DEFAULT 'healthy'
        CHECK (status IN ('healthy', 'hard_limited', 'validation_failed')),
    last_invalidated_at INTEGER,
    UNIQUE (version_id, name)
);
CREATE INDEX presets_wanted ON presets (version_id, position) WHERE desired_instances IS NOT NULL;
ALTER TABLE workspaces ADD COLUMN autostart TEXT NOT NULL DEFAULT '';
ALTER TABLE workspaces ADD COLUMN next_start_at INTEGER;
ALTER TABLE workspaces ADD COLUMN ttl_ms INTEGER NOT NULL DEFAULT 0 CHECK (ttl_ms >= 0);
ALTER TABLE workspaces ADD COLUMN last_used_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workspaces ADD COLUMN dormant_at INTEGER;
ALTER TABLE workspaces ADD COLUMN deleting_at INTEGER;
UPDATE workspaces SET last_used_at = created_at;
ALTER TABLE builds ADD COLUMN preset_id BLOB REFERENCES presets (id);
ALTER TABLE builds ADD COLUMN reason TEXT NOT NULL DEFAULT 'initiator'
    CHECK (reason IN ('initiator', 'autostart', 'autostop', 'dormancy', 'autodelete'));
ALTER TABLE builds ADD COLUMN deadline_at INTEGER;
ALTER TABLE builds ADD COLUMN orphan INTEGER NOT NULL DEFAULT 0 CHECK (orphan IN (0, 1));
ALTER TABLE builds ADD COLUMN replaced INTEGER NOT NULL DEFAULT 0 CHECK (replaced >= 0);
ALTER TABLE daemons ADD COLUMN wants BLOB NOT NULL DEFAULT x'';
CREATE INDEX builds_by_preset ON builds (preset_id, created_at) WHERE preset_id IS NOT NULL;
CREATE INDEX builds_by_deadline ON builds (deadline_at) WHERE deadline_at IS NOT NULL;
CREATE INDEX workspaces_by_owner ON workspaces (owner_id, id) WHERE deleted_at IS NULL;
CREATE INDEX workspaces_by_template ON workspaces (template_id, id) WHERE deleted_at IS NULL;
CREATE INDEX workspaces_by_next_start ON workspaces (next_start_at) WHERE next_start_at IS NOT NULL;
CREATE INDEX workspaces_dormant ON workspaces (deleting_at, id) WHERE dormant_at IS NOT NULL AND deleted_at IS NULL;
CREATE TABLE prebuilds_settings (
    only_row    INTEGER PRIMARY KEY CHECK (only_row = 1),
    paused      INTEGER NOT NULL CHECK (paused IN (0, 1))
);
INSERT INTO prebuilds_settings (only_row, paused) VALUES (1, 0);
CREATE TABLE leases (
    name        TEXT PRIMARY KEY,
    number      INTEGER NOT NULL CHECK (number >= 1),
    expires_at  INTEGER NOT NULL
);
CREATE TABLE notifications (
    id          INTEGER PRIMARY KEY,
    user_id     BLOB NOT NULL REFERENCES users (id),
    created_at  INTEGER NOT NULL,
    content     BLOB NOT NULL
);
CREATE INDEX notifications_by_user ON notifications (user_id, id);
";

/// Chats, and the workspace that each of them has: of all that it ever had, at most one is its own at a time, whoever
/// asked for it at which replica (C2).
const FIFTH: &str = "
CREATE TABLE chats (
    id              BLOB PRIMARY KEY,
    owner_id        BLOB NOT NULL REFERENCES users (id),
    organization_id BLOB NOT NULL REFERENCES organizations (id),
    created_at      INTEGER NOT NULL
);
CREATE TABLE chat_workspaces (
    chat_id         BLOB NOT NULL REFERENCES chats (id),
    workspace_id    BLOB NOT NULL REFERENCES workspaces (id),
    build_id        BLOB REFERENCES builds (id),
    agent_id        BLOB,
    request_id      BLOB,
    bound_at        INTEGER NOT NULL,
    released_at     INTEGER
);
CREATE UNIQUE INDEX chat_workspaces_bound ON chat_workspaces (chat_id) WHERE released_at IS NULL;
CREATE INDEX chat_workspaces_by_workspace ON chat_workspaces (workspace_id, bound_at);
CREATE TABLE chat_settings (
    only_row        INTEGER PRIMARY KEY CHECK (only_row = 1),
    workspace_ttl   TEXT NOT NULL
);
INSERT INTO chat_settings (only_row, workspace_ttl) VALUES (1, '');
ALTER TABLE template_versions ADD COLUMN has_external_agents INTEGER NOT NULL DEFAULT 0
    CHECK (has_external_agents IN (0, 1));
";

/// Makes a new database in memory an empty one with every migration done, or leaves it as it is if that can't be made;
/// then whoever migrates learns why.
///
/// It is made once per process and copied, because a simulation opens a database for each of its runs, and to migrate
/// one takes longer than many a run's whole database work. It depends on nothing but the migrations. The copy is page
/// by page, into a database that has no file, not even one in memory: such a one would be written at each commit.
pub(super) fn copy_empty(connection: &mut Connection) -> Result<(), StoreError> {
    static EMPTY: OnceLock<Option<Mutex<Connection>>> = OnceLock::new();
    let make = || {
        let mut connection = Connection::open_in_memory().ok()?;
        migrate(&mut connection).ok()?;
        Some(Mutex::new(connection))
    };
    let Some(empty) = EMPTY.get_or_init(make) else { return Ok(()) };
    // Only read after it was made.
    let empty = empty.lock().unwrap_or_else(PoisonError::into_inner);
    let backup = Backup::new(&empty, connection)?;
    // All pages at once; nobody else holds a lock on either.
    backup.step(-1)?;
    Ok(())
}

/// Brings the database up to date: each missing migration in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    connection.execute_batch("CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY)")?;
    let done: i64 =
        connection.query_row("SELECT COALESCE(MAX(version), 0) FROM schema_migrations", [], |row| row.get(0))?;
    let known = MIGRATIONS.len() as i64;
    if done > known {
        return Err(StoreError::SchemaIsNewer { found: done, known });
    }
    // Each run of a simulation opens a database that needs nothing.
    if done == known {
        return Ok(());
    }
    // A table that is made anew is dropped while others refer to it.
    connection.pragma_update(None, "foreign_keys", false)?;
    for (version, statements) in (1..).zip(MIGRATIONS).filter(|(version, _)| *version > done) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(statements)?;
        transaction.execute("INSERT INTO schema_migrations (version) VALUES (?1)", [version])?;
        transaction.commit()?;
    }
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(())
}
