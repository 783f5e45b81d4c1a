//! What a control plane finds in its database when it first starts: people, groups, templates, keys.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use groundhog_wire::{
    Secret,
    id::{ChatId, GroupId, OrganizationId, TemplateId, UserId, VersionId},
    v1,
};

pub use crate::store::users::Role;
use crate::{
    limits,
    millis::millis,
    refusal::Refusal,
    secret_hash::SecretHash,
    store::{
        StoreError, Tx,
        chats::{self, NewChat},
        daemons,
        organizations::{self, Organization},
        presets,
        templates::{self, Lifetimes},
        users,
    },
    tags::{Tags, TagsError},
};

/// Everything that is set up before the first start. Written by [`Database::set_up`](crate::Database::set_up).
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// The organisations. With none, there is one called "default" of which everybody is a member.
    pub organizations: Vec<OrganizationSetup>,
    /// The people who may call.
    pub users: Vec<UserSetup>,
    /// What they may use. A person in no group has no limit.
    pub groups: Vec<GroupSetup>,
    /// What workspaces are made from.
    pub templates: Vec<TemplateSetup>,
    /// The keys that admit provisioner daemons.
    pub daemon_keys: Vec<DaemonKeySetup>,
    /// People's chats with assistants.
    pub chats: Vec<ChatSetup>,
}

/// A chat, which has no workspace yet.
#[derive(Clone, Debug)]
pub struct ChatSetup {
    /// Unique.
    pub id: ChatId,
    /// The name of the person whose it is.
    pub owner: String,
    /// The name of the organisation of whose templates its workspace is to be; empty for "default".
    pub organization: String,
}

/// An organisation.
#[derive(Clone, Debug, Default)]
pub struct OrganizationSetup {
    /// Unique, not empty. "default" is there in any case, and is described here if it is to have members.
    pub name: String,
    /// The names of people.
    pub members: Vec<String>,
    /// Its members and groups are managed elsewhere: it takes no new ones once it is set up.
    pub closed: bool,
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

/// A group of people with a budget. A person's budget for an organisation's templates is the sum over their groups in
/// it.
#[derive(Clone, Debug, Default)]
pub struct GroupSetup {
    /// Unique within its organisation, not empty.
    pub name: String,
    /// The organisation's name; empty for "default".
    pub organization: String,
    /// Credits a day, not negative.
    pub budget: i32,
    /// The names of people.
    pub members: Vec<String>,
}

/// A version of a template, usable without an import. Several versions of one template are several entries; the last
/// one is active.
#[derive(Clone, Debug, Default)]
pub struct TemplateSetup {
    /// The template's name, not empty.
    pub name: String,
    /// The name of its organisation; empty for "default". Of several entries of one template the first one counts, for
    /// this as for how long its workspaces live.
    pub organization: String,
    /// The version's name, unique within the template.
    pub version: String,
    /// What kind of provisioner runs it, such as "scripted"; not empty.
    pub provisioner_type: String,
    /// Handed to the provisioner as it is.
    pub source: Vec<u8>,
    /// What it asks of a daemon: see [`crate::tags`].
    pub tags: BTreeMap<String, String>,
    /// What an import would have found; names are unique within the version.
    pub presets: Vec<v1::Preset>,
    /// After how long of running its workspaces are stopped by themselves; zero for never.
    pub default_ttl: Duration,
    /// After how long without use they are laid aside; zero for never.
    pub dormant_after: Duration,
    /// After how long aside they are deleted; zero for never.
    pub deleted_after: Duration,
    /// Some agent of its workspaces is run by somebody else, on a machine of theirs.
    pub has_external_agents: bool,
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
    /// A group or an organisation names someone who is not among the users.
    #[error("the {kind} {name:?} has the member {member:?}, who is no user: add the user or drop the member")]
    UnknownMember {
        /// "group" or "organization".
        kind: &'static str,
        /// Its name.
        name: String,
        /// The member's name.
        member: String,
    },
    /// A chat is of someone who is not among the users.
    #[error("the chat {chat} belongs to {owner:?}, who is no user: add the user")]
    UnknownOwner {
        /// Which one.
        chat: ChatId,
        /// The name of the person whose it is meant to be.
        owner: String,
    },
    /// A group, a template or a chat names an organisation that is not there.
    #[error("the {kind} {name:?} belongs to the organization {organization:?}, which is not there: add it")]
    UnknownOrganization {
        /// "group", "template" or "chat".
        kind: &'static str,
        /// Its name.
        name: String,
        /// The organisation's name.
        organization: String,
    },
    /// A template's presets can't be taken.
    #[error("the template {template:?}: {source}")]
    Presets {
        /// The template's name.
        template: String,
        /// What is wrong with them.
        source: Refusal,
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
        let organizations = BTreeSet::new();
        let user = users::User { id: UserId(tx.new_id("user")), name: name.clone(), role: *role, organizations };
        users::insert(tx, &user, &SecretHash::of(token), *token_expires_at_ms).map_err(refused("user", name))?;
        people.insert(name.as_str(), user.id);
    }
    let find = |kind: &'static str, name: &str, member: &str| {
        let unknown = || SetupError::UnknownMember { kind, name: name.to_owned(), member: member.to_owned() };
        people.get(member).copied().ok_or_else(unknown)
    };
    if setup.organizations.is_empty() {
        for user in setup.users.iter().filter(|user| user.role != Role::Prebuilds) {
            let member = find("organization", organizations::DEFAULT, &user.name)?;
            organizations::insert_member(tx, organizations::DEFAULT_ID, member)?;
        }
    }
    for organization in &setup.organizations {
        let id = write_organization(tx, organization)?;
        for member in &organization.members {
            organizations::insert_member(tx, id, find("organization", &organization.name, member)?)?;
        }
    }
    for GroupSetup { name, organization, budget, members } in &setup.groups {
        let group = GroupId(tx.new_id("group"));
        let organization = organization_of(tx, "group", name, organization)?;
        users::insert_group(tx, group, organization, name, *budget).map_err(refused("group", name))?;
        for member in members {
            users::insert_member(tx, group, find("group", name, member)?).map_err(refused("group", name))?;
        }
    }
    for template in &setup.templates {
        write_template(tx, template)?;
    }
    for ChatSetup { id, owner, organization } in &setup.chats {
        let unknown = || SetupError::UnknownOwner { chat: *id, owner: owner.clone() };
        let owner = people.get(owner.as_str()).copied().ok_or_else(unknown)?;
        let name = id.to_string();
        let organization = organization_of(tx, "chat", &name, organization)?;
        chats::insert(tx, NewChat { id: *id, owner, organization }).map_err(refused("chat", &name))?;
    }
    for DaemonKeySetup { name, key } in &setup.daemon_keys {
        daemons::insert_key(tx, tx.new_id("daemon key"), name, &SecretHash::of(key))
            .map_err(refused("daemon key", name))?;
    }
    Ok(())
}

pub(crate) fn write_organization(tx: &Tx<'_>, setup: &OrganizationSetup) -> Result<OrganizationId, SetupError> {
    let OrganizationSetup { name, closed, .. } = setup;
    if name == organizations::DEFAULT {
        organizations::set_closed(tx, organizations::DEFAULT_ID, *closed)?;
        return Ok(organizations::DEFAULT_ID);
    }
    let id = OrganizationId(tx.new_id("organization"));
    let organization = Organization { id, name: name.clone(), closed: *closed };
    organizations::insert(tx, &organization).map_err(refused("organization", name))?;
    Ok(id)
}

/// The organisation that a thing of this `kind`, called `name`, belongs to.
pub(crate) fn organization_of(
    tx: &Tx<'_>,
    kind: &'static str,
    name: &str,
    organization: &str,
) -> Result<OrganizationId, SetupError> {
    if organization.is_empty() {
        return Ok(organizations::DEFAULT_ID);
    }
    let found = organizations::by_name(tx, organization)?;
    let (name, organization) = (name.to_owned(), organization.to_owned());
    found.map(|found| found.id).ok_or(SetupError::UnknownOrganization { kind, name, organization })
}

fn write_template(tx: &Tx<'_>, setup: &TemplateSetup) -> Result<(), SetupError> {
    let TemplateSetup { name, version, provisioner_type, source, tags, presets, .. } = setup;
    // Checked here, where the mistake can be named; they are scoped to a person when a job is made of them.
    Tags::for_job(tags, "").map_err(|source| SetupError::Tags { template: name.clone(), source })?;
    limits::check_presets(presets).map_err(|source| SetupError::Presets { template: name.clone(), source })?;
    let version_id = VersionId(tx.new_id("version"));
    let template_id = match templates::by_name(tx, name)? {
        Some(template) => {
            templates::set_active(tx, template, version_id)?;
            template
        }
        None => {
            let template = TemplateId(tx.new_id("template"));
            let organization = organization_of(tx, "template", name, &setup.organization)?;
            templates::insert(tx, template, organization, name, version_id).map_err(refused("template", name))?;
            let lifetimes = Lifetimes {
                default_ttl_ms: millis(setup.default_ttl),
                dormant_after_ms: millis(setup.dormant_after),
                deleted_after_ms: millis(setup.deleted_after),
            };
            templates::set_lifetimes(tx, template, lifetimes)?;
            template
        }
    };
    let new_version = templates::NewVersion {
        id: version_id,
        template_id,
        name: version,
        provisioner_type,
        source,
        tags,
        import: None,
        activate: false,
        given: &v1::TemplateImport::default(),
        has_external_agents: setup.has_external_agents,
    };
    templates::insert_version(tx, &new_version).map_err(refused("template", name))?;
    presets::insert(tx, version_id, presets).map_err(refused("template", name))
}

pub(crate) fn refused(kind: &'static str, name: &str) -> impl FnOnce(StoreError) -> SetupError {
    move |source| SetupError::Refused { kind, name: name.to_owned(), source }
}
