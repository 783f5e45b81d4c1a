//! What a control plane finds in its database when it first starts: people, groups, templates, keys.

use std::collections::BTreeMap;

use groundhog_wire::{
    Secret,
    id::{GroupId, TemplateId, UserId, VersionId},
    v1,
};

pub use crate::store::users::Role;
use crate::{
    secret_hash::SecretHash,
    store::{StoreError, Tx, daemons, templates, users},
    tags::{Tags, TagsError},
};

/// Everything that is set up before the first start. Written by [`Database::set_up`](crate::Database::set_up).
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// The people who may call.
    pub users: Vec<UserSetup>,
    /// What they may use. A person in no group has no limit.
    pub groups: Vec<GroupSetup>,
    /// What workspaces are made from.
    pub templates: Vec<TemplateSetup>,
    /// The keys that admit provisioner daemons.
    pub daemon_keys: Vec<DaemonKeySetup>,
}

/// A person.
#[derive(Clone, Debug)]
pub struct UserSetup {
    /// Unique, not empty.
    pub name: String,
    /// The session token by which they call.
    pub token: Secret,
    /// What they are to the platform.
    pub role: Role,
    /// From when on the token is worth nothing, in milliseconds since 1970; none if it lasts.
    pub token_expires_at_ms: Option<i64>,
}

/// A group of people with a budget. A person's budget is the sum over their groups.
#[derive(Clone, Debug)]
pub struct GroupSetup {
    /// Unique, not empty.
    pub name: String,
    /// Credits a day, not negative.
    pub budget: i32,
    /// The names of people.
    pub members: Vec<String>,
}

/// A version of a template, usable without an import. Several versions of one template are several entries; the last
/// one is active.
#[derive(Clone, Debug)]
pub struct TemplateSetup {
    /// The template's name, not empty.
    pub name: String,
    /// The version's name, unique within the template.
    pub version: String,
    /// What kind of provisioner runs it, such as "scripted"; not empty.
    pub provisioner_type: String,
    /// Handed to the provisioner as it is.
    pub source: Vec<u8>,
    /// What it asks of a daemon: see [`crate::tags`].
    pub tags: BTreeMap<String, String>,
}

/// A key by which daemons are admitted.
#[derive(Clone, Debug)]
pub struct DaemonKeySetup {
    /// Unique, not empty.
    pub name: String,
    /// The key.
    pub key: Secret,
}

/// A setup could not be written; nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A group names someone who is not among the users.
    #[error("the group {group:?} has the member {member:?}, who is no user: add the user or drop the member")]
    UnknownMember {
        /// The group's name.
        group: String,
        /// The member's name.
        member: String,
    },
    /// A template's tags are out of bounds.
    #[error("the template {template:?}: {source}")]
    Tags {
        /// The template's name.
        template: String,
        /// What is wrong with them.
        source: TagsError,
    },
    /// The entry broke a rule of the tables: a name, token or key that occurs twice, an empty name, a negative
    /// budget.
    #[error("the {kind} {name:?} could not be written (used twice, empty or negative?): {source}")]
    Refused {
        /// What kind of entry.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What the database says.
        source: StoreError,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(crate) fn write(tx: &Tx<'_>, setup: &Setup) -> Result<(), SetupError> {
    let mut people = BTreeMap::new();
    for UserSetup { name, token, role, token_expires_at_ms } in &setup.users {
        let user = users::User { id: UserId(tx.new_id("user")), name: name.clone(), role: *role };
        users::insert(tx, &user, &SecretHash::of(token), *token_expires_at_ms).map_err(refused("user", name))?;
        people.insert(name.as_str(), user.id);
    }
    for GroupSetup { name, budget, members } in &setup.groups {
        let group = GroupId(tx.new_id("group"));
        users::insert_group(tx, group, name, *budget).map_err(refused("group", name))?;
        for member in members {
            let user = people
                .get(member.as_str())
                .ok_or_else(|| SetupError::UnknownMember { group: name.clone(), member: member.clone() })?;
            users::insert_member(tx, group, *user).map_err(refused("group", name))?;
        }
    }
    for template in &setup.templates {
        write_template(tx, template)?;
    }
    for DaemonKeySetup { name, key } in &setup.daemon_keys {
        daemons::insert_key(tx, tx.new_id("daemon key"), name, &SecretHash::of(key))
            .map_err(refused("daemon key", name))?;
    }
    Ok(())
}

fn write_template(tx: &Tx<'_>, setup: &TemplateSetup) -> Result<(), SetupError> {
    let TemplateSetup { name, version, provisioner_type, source, tags } = setup;
    // Checked here, where the mistake can be named; they are scoped to a person when a job is made of them.
    Tags::for_job(tags, "").map_err(|source| SetupError::Tags { template: name.clone(), source })?;
    let version_id = VersionId(tx.new_id("version"));
    let template_id = match templates::by_name(tx, name)? {
        Some(template) => {
            templates::set_active(tx, template, version_id)?;
            template
        }
        None => {
            let template = TemplateId(tx.new_id("template"));
            templates::insert(tx, template, name, version_id).map_err(refused("template", name))?;
            template
        }
    };
    let version = templates::NewVersion {
        id: version_id,
        template_id,
        name: version,
        provisioner_type,
        source,
        tags,
        import: None,
        activate: false,
        given: &v1::TemplateImport::default(),
    };
    templates::insert_version(tx, &version).map_err(refused("template", name))
}

fn refused(kind: &'static str, name: &str) -> impl FnOnce(StoreError) -> SetupError {
    move |source| SetupError::Refused { kind, name: name.to_owned(), source }
}
