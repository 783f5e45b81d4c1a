//! Agents and their clients as they find each other, and the replicas at which their calls are.

use groundhog_wire::{
    id::{AgentId, PeerId, UserId, WorkspaceId},
    v1,
};
use prost::Message;
use rusqlite::{Row, params};
use uuid::Uuid;

use super::{
    StoreError, Tx,
    agents::DONE,
    tx::{id, key, message},
    users::{Role, User},
};
use crate::peer_status::Known;

/// Peers that are looked at in one round: those that are not known to be lost first, then the longest lost.
const SILENT_MAX: u32 = 1_000;

/// Whose end of coordination a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// An agent's, by its number.
    Agent(i64),
    /// A client's.
    User(UserId),
}

/// Another peer, as a peer sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Other {
    /// Which one.
    pub peer: PeerId,
    /// What is known of it; none if it never was there.
    pub known: Option<Known>,
    /// Where it can be reached; none if it never said so.
    pub node: Option<v1::Node>,
    /// The secret of the two.
    pub secret: String,
    /// The build that made the agent, and the newest later one that was carried out; none of a client.
    pub build: Option<(u32, Option<u32>)>,
}

/// A peer that may be lost or gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silent {
    /// Which one.
    pub peer: PeerId,
    /// What is known of it.
    pub known: Known,
}

/// Notes that a replica lives, and counts a change that it makes if `changed`.
pub fn beat(tx: &Tx<'_>, coordinator: Uuid, changed: bool) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO coordinators (id, heard_at, changes) VALUES (?1, ?2, ?3)
         ON CONFLICT (id) DO UPDATE SET
             heard_at = excluded.heard_at, changes = coordinators.changes + excluded.changes",
        params![key(coordinator), tx.now_ms(), changed],
    )?;
    Ok(())
}

/// How many changes other replicas have made.
pub fn changes_elsewhere(tx: &Tx<'_>, coordinator: Uuid) -> Result<i64, StoreError> {
    let sum =
        tx.row("SELECT COALESCE(SUM(changes), 0) FROM coordinators WHERE id <> ?1", [key(coordinator)], |row| {
            row.get(0)
        })?;
    Ok(sum.unwrap_or(0))
}

/// Forgets replicas that nothing was heard of since `before` and at which no peer's call is or was.
pub fn forget_coordinators(tx: &Tx<'_>, before: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM coordinators WHERE heard_at < ?1 AND id NOT IN (SELECT coordinator FROM peers)", [before])?;
    Ok(())
}

/// Notes that a peer's call has begun at a replica; the number of the call, which from now on is the one that counts.
/// None if the peer is another's.
pub fn connect(tx: &Tx<'_>, peer: PeerId, whose: Whose, coordinator: Uuid) -> Result<Option<i64>, StoreError> {
    let (agent, user) = match whose {
        Whose::Agent(agent) => (Some(agent), None),
        Whose::User(user) => (None, Some(key(user.0))),
    };
    tx.row(
        "INSERT INTO peers (id, agent, user_id, coordinator, connection) VALUES (?1, ?2, ?3, ?4, 1)
         ON CONFLICT (id) DO UPDATE SET
             coordinator = excluded.coordinator, connection = peers.connection + 1, lost_at = NULL, gone = 0
         WHERE peers.agent IS NOT DISTINCT FROM excluded.agent AND peers.user_id IS NOT DISTINCT FROM excluded.user_id
         RETURNING connection",
        params![key(peer.0), agent, user, key(coordinator)],
        |row| row.get(0),
    )
}

/// Whether this id is an agent's, and how many peers a person has.
pub fn taken(tx: &Tx<'_>, peer: PeerId, user: UserId) -> Result<(bool, u32), StoreError> {
    let found = tx.row(
        "SELECT EXISTS (SELECT 1 FROM agents WHERE id = ?1), (SELECT COUNT(*) FROM peers WHERE user_id = ?2)",
        params![key(peer.0), key(user.0)],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(found.unwrap_or_default())
}

/// Whether a call of a peer's is the one that counts.
pub fn is_current(tx: &Tx<'_>, peer: PeerId, connection: i64) -> Result<bool, StoreError> {
    let found = tx.row(
        "SELECT 1 FROM peers WHERE id = ?1 AND connection = ?2 AND gone = 0",
        params![key(peer.0), connection],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// Keeps where a peer can be reached; whether its call is the one that counts.
pub fn set_node(tx: &Tx<'_>, peer: PeerId, connection: i64, node: &v1::Node) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE peers SET node = ?3 WHERE id = ?1 AND connection = ?2",
        params![key(peer.0), connection, node.encode_to_vec()],
    )?;
    Ok(changed > 0)
}

/// Notes that a peer is lost, if that was not known; by `connection` only if that call is the one that counts.
pub fn lose(tx: &Tx<'_>, peer: PeerId, connection: Option<i64>) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE peers SET lost_at = ?3
         WHERE id = ?1 AND connection = COALESCE(?2, connection) AND lost_at IS NULL AND gone = 0",
        params![key(peer.0), connection, tx.now_ms()],
    )?;
    Ok(changed > 0)
}

/// Notes that a peer has gone, if that was not known; by `connection` only if that call is the one that counts.
///
/// An agent's tunnels stay, because it may be started again; a client's go with it.
pub fn leave(tx: &Tx<'_>, peer: PeerId, connection: Option<i64>) -> Result<bool, StoreError> {
    let agent: Option<Option<i64>> = tx.row(
        "UPDATE peers SET gone = 1 WHERE id = ?1 AND connection = COALESCE(?2, connection) AND gone = 0
         RETURNING agent",
        params![key(peer.0), connection],
        |row| row.get(0),
    )?;
    if agent == Some(None) {
        tx.execute("DELETE FROM tunnels WHERE client_id = ?1", [key(peer.0)])?;
        tx.execute("DELETE FROM peers WHERE id = ?1", [key(peer.0)])?;
    }
    Ok(agent.is_some())
}

/// Makes a tunnel; whether there was none.
pub fn insert_tunnel(tx: &Tx<'_>, client: PeerId, agent: i64, secret: &str) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "INSERT INTO tunnels (client_id, agent, secret) VALUES (?1, ?2, ?3) ON CONFLICT (client_id, agent) DO NOTHING",
        params![key(client.0), agent, secret],
    )?;
    Ok(changed > 0)
}

/// Takes a tunnel away; whether there was one.
pub fn delete_tunnel(tx: &Tx<'_>, client: PeerId, agent: AgentId) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "DELETE FROM tunnels WHERE client_id = ?1 AND agent = (SELECT number FROM agents WHERE id = ?2)",
        params![key(client.0), key(agent.0)],
    )?;
    Ok(changed > 0)
}

/// Whether a client is this person's, has not gone, and has a tunnel to an agent.
pub fn has_tunnel(tx: &Tx<'_>, client: PeerId, user: UserId, agent: i64) -> Result<bool, StoreError> {
    let found = tx.row(
        "SELECT 1 FROM tunnels t JOIN peers p ON p.id = t.client_id
         WHERE t.client_id = ?1 AND t.agent = ?2 AND p.user_id = ?3 AND p.gone = 0",
        params![key(client.0), agent, key(user.0)],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// How many tunnels a client has.
pub fn tunnels(tx: &Tx<'_>, client: PeerId) -> Result<u32, StoreError> {
    let count = tx.row("SELECT COUNT(*) FROM tunnels WHERE client_id = ?1", [key(client.0)], |row| row.get(0))?;
    Ok(count.unwrap_or(0))
}

/// Those at the other ends of a peer's tunnels, by their ids.
pub fn others(tx: &Tx<'_>, peer: PeerId) -> Result<Vec<PeerId>, StoreError> {
    tx.rows(
        "SELECT a.id FROM tunnels t JOIN agents a ON a.number = t.agent WHERE t.client_id = ?1
         UNION SELECT t.client_id FROM agents a JOIN tunnels t ON t.agent = a.number WHERE a.id = ?1
         ORDER BY 1",
        [key(peer.0)],
        |row| id(row, 0, PeerId),
    )
}

/// Both ends of every tunnel to an agent of a workspace, by their ids.
pub fn of_workspace(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<PeerId>, StoreError> {
    tx.rows(
        "SELECT a.id FROM agents a WHERE a.workspace_id = ?1 AND EXISTS (SELECT 1 FROM tunnels WHERE agent = a.number)
         UNION SELECT t.client_id FROM agents a JOIN tunnels t ON t.agent = a.number WHERE a.workspace_id = ?1
         ORDER BY 1",
        [key(workspace.0)],
        |row| id(row, 0, PeerId),
    )
}

/// The agents to which a client has tunnels and which its person may see.
pub fn agents_of(tx: &Tx<'_>, client: PeerId, user: &User) -> Result<Vec<Other>, StoreError> {
    tx.rows(
        &format!(
            "SELECT a.id, p.node, p.lost_at, p.gone, c.heard_at, t.secret, a.build_number, {DONE}
             FROM tunnels t
             JOIN agents a ON a.number = t.agent
             JOIN workspaces w ON w.id = a.workspace_id
             LEFT JOIN peers p ON p.id = a.id
             LEFT JOIN coordinators c ON c.id = p.coordinator
             WHERE t.client_id = ?1 AND (w.owner_id = ?2 OR ?3)
             ORDER BY a.id"
        ),
        params![key(client.0), key(user.id.0), user.role == Role::Admin],
        |row| Ok(Other { build: Some((row.get(6)?, row.get(7)?)), ..read(row)? }),
    )
}

/// The clients that have tunnels to an agent and whose persons may see it.
pub fn clients_of(tx: &Tx<'_>, agent: i64) -> Result<Vec<Other>, StoreError> {
    tx.rows(
        "SELECT p.id, p.node, p.lost_at, p.gone, c.heard_at, t.secret
         FROM tunnels t
         JOIN agents a ON a.number = t.agent
         JOIN workspaces w ON w.id = a.workspace_id
         JOIN peers p ON p.id = t.client_id
         JOIN coordinators c ON c.id = p.coordinator
         JOIN users u ON u.id = p.user_id
         WHERE t.agent = ?1 AND (w.owner_id = u.id OR u.role = 'admin')
         ORDER BY p.id",
        [agent],
        read,
    )
}

/// Peers that have not gone and whose calls have ended, or whose replicas were not heard of since `before`.
pub fn silent(tx: &Tx<'_>, before: i64) -> Result<Vec<Silent>, StoreError> {
    tx.rows(
        "SELECT p.id, p.lost_at, c.heard_at FROM peers p JOIN coordinators c ON c.id = p.coordinator
         WHERE p.gone = 0 AND (p.lost_at IS NOT NULL OR c.heard_at <= ?1)
         ORDER BY p.lost_at IS NOT NULL, p.lost_at, p.id LIMIT ?2",
        params![before, SILENT_MAX],
        |row| {
            let known = Known { lost_at: row.get(1)?, heard_at: row.get(2)?, gone: false };
            Ok(Silent { peer: id(row, 0, PeerId)?, known })
        },
    )
}

fn read(row: &Row<'_>) -> rusqlite::Result<Other> {
    let node = if row.get_ref(1)? != rusqlite::types::ValueRef::Null { Some(message(row, 1)?) } else { None };
    let known = match row.get::<_, Option<i64>>(4)? {
        Some(heard_at) => Some(Known { lost_at: row.get(2)?, heard_at, gone: row.get(3)? }),
        None => None,
    };
    Ok(Other { peer: id(row, 0, PeerId)?, known, node, secret: row.get(5)?, build: None })
}
