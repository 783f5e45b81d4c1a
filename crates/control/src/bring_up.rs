//! What a control plane is started with, held against what its database knows.
//!
//! At the first start everything is written. At any later one the same is given again, as programs are started, and the
//! database is right: what it knows stays as it is, and what it does not know yet is added. A person or a key that it
//! knows by another secret is refused, because one of the two is a mistake; unless the given one is to take its place.

use std::collections::BTreeMap;

use groundhog_wire::id::{GroupId, OrganizationId, UserId};

use crate::{
    secret_hash::SecretHash,
    setup::{
        DaemonKeySetup, GroupSetup, OrganizationSetup, Role, Setup, SetupError, UserSetup, organization_of, refused,
        write_organization,
    },
    store::{StoreError, Tx, daemons, organizations, users},
};

/// What becomes of a secret that is not the one by which the database knows somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtherSecret {
    /// Nothing is done at all, and the mistake is told.
    #[default]
    Refused,
    /// It takes the known one's place, which is worth nothing from then on.
    Replaces,
}

/// By what the database knows somebody, in comparison with what is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It does not know them.
    Not,
    /// By the given secret.
    ByIt,
    /// By another one.
    ByAnother,
    /// By a key that was taken back, whichever.
    TakenBack,
}

/// What is done about somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// They are written.
    Add,
    /// They stay as they are.
    Leave,
    /// They get the given secret.
    Replace,
    /// Nothing at all is done, because the secrets differ.
    RefuseOther,
    /// Nothing at all is done, because the key was taken back.
    RefuseTakenBack,
}

/// What is to be done about somebody who is known like this.
pub const fn decide(known: Known, other: OtherSecret) -> Action {
    match (known, other) {
        (Known::Not, _) => Action::Add,
        (Known::ByIt, _) => Action::Leave,
        (Known::ByAnother, OtherSecret::Replaces) => Action::Replace,
        (Known::ByAnother, OtherSecret::Refused) => Action::RefuseOther,
        // Whoever took it back wanted its daemons to end. They must not come back because a program was started again.
        (Known::TakenBack, _) => Action::RefuseTakenBack,
    }
}

/// What has been done, by kinds and names: `user "alice"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BroughtUp {
    /// What was written.
    pub added: Vec<String>,
    /// Whose secrets were replaced.
    pub replaced: Vec<String>,
}

/// The database does not go with what was given; it is as it was.
#[derive(Debug, thiserror::Error)]
pub enum BringUpError {
    /// The secrets differ.
    #[error("the {kind} {name:?} is known by another secret than the given one: give that one, or have it replaced")]
    OtherSecret {
        /// "user" or "daemon key".
        kind: &'static str,
        /// Whose.
        name: String,
    },
    /// The key was taken back.
    #[error("the daemon key {name:?} was taken back and can't come back: give a new key, by another name")]
    TakenBack {
        /// Its name.
        name: String,
    },
    /// The person has another role.
    #[error("the user {name:?} has the role {known} and not {given}: give that one, or another name")]
    OtherRole {
        /// Whose.
        name: String,
        /// The role in the database.
        known: &'static str,
        /// The one that was given.
        given: &'static str,
    },
    /// Nobody could look after the platform.
    #[error("no administrator is known, and none was given")]
    NoAdministrator,
    /// Something that is new could not be written.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Brings the database up to `setup`'s people, organisations, groups and keys. Its templates and chats are not looked
/// at: they are made by people.
pub(crate) fn bring_up(tx: &Tx<'_>, setup: &Setup, other: OtherSecret) -> Result<BroughtUp, BringUpError> {
    let mut done = BroughtUp::default();
    let mut new = BTreeMap::new();
    for user in &setup.users {
        if let Some(id) = bring_up_user(tx, user, other, &mut done)? {
            new.insert(user.name.as_str(), id);
        }
    }
    if setup.organizations.is_empty() {
        for user in setup.users.iter().filter(|user| user.role != Role::Prebuilds) {
            if let Some(id) = new.get(user.name.as_str()) {
                organizations::insert_member(tx, organizations::DEFAULT_ID, *id)?;
            }
        }
    }
    let people = People { tx, new };
    for organization in &setup.organizations {
        bring_up_organization(&people, organization, &mut done)?;
    }
    for group in &setup.groups {
        bring_up_group(&people, group, &mut done)?;
    }
    for key in &setup.daemon_keys {
        bring_up_key(tx, key, other, &mut done)?;
    }
    if users::any_of(tx, Role::Admin)? { Ok(done) } else { Err(BringUpError::NoAdministrator) }
}

/// Who may be a member of something.
struct People<'a, 'b> {
    tx: &'a Tx<'b>,
    /// Those who have just been written, by name.
    new: BTreeMap<&'a str, UserId>,
}

impl People<'_, '_> {
    /// Those of `members` who become members of the thing of this `kind`, called `name`: of a new thing all, of one that
    /// is there only people who are new themselves. Whoever was taken out of it stays out.
    fn of(
        &self,
        kind: &'static str,
        name: &str,
        members: &[String],
        thing_is_new: bool,
    ) -> Result<Vec<UserId>, BringUpError> {
        let mut found = Vec::new();
        for member in members {
            let unknown = || SetupError::UnknownMember { kind, name: name.to_owned(), member: member.clone() };
            match self.new.get(member.as_str()) {
                Some(id) => found.push(*id),
                None => {
                    let user = users::by_name(self.tx, member)?.ok_or_else(unknown)?;
                    found.extend(thing_is_new.then_some(user.id));
                }
            }
        }
        Ok(found)
    }
}

/// Gives the person's id if they were added.
fn bring_up_user(
    tx: &Tx<'_>,
    setup: &UserSetup,
    other: OtherSecret,
    done: &mut BroughtUp,
) -> Result<Option<UserId>, BringUpError> {
    let UserSetup { name, token, role, token_expires_at_ms } = setup;
    let hash = SecretHash::of(token);
    let found = users::by_name(tx, name)?;
    let known = match &found {
        None => Known::Not,
        Some(user) if user.role != *role => {
            let (name, known, given) = (name.clone(), user.role.as_str(), role.as_str());
            return Err(BringUpError::OtherRole { name, known, given });
        }
        Some(user) => match users::own_session(tx, &hash)? {
            Some(session) if session.user.id == user.id => Known::ByIt,
            Some(_) | None => Known::ByAnother,
        },
    };
    match (act(known, other, "user", name, done)?, found) {
        (Act::Write, _) => {
            let id = UserId(tx.new_id("user"));
            let user = users::User { id, name: name.clone(), role: *role, organizations: Default::default() };
            users::insert(tx, &user, &hash, *token_expires_at_ms).map_err(refused("user", name))?;
            Ok(Some(id))
        }
        (Act::Replace, Some(user)) => {
            users::set_token(tx, user.id, &hash, *token_expires_at_ms).map_err(refused("user", name))?;
            Ok(None)
        }
        (Act::Nothing | Act::Replace, _) => Ok(None),
    }
}

fn bring_up_key(
    tx: &Tx<'_>,
    setup: &DaemonKeySetup,
    other: OtherSecret,
    done: &mut BroughtUp,
) -> Result<(), BringUpError> {
    let DaemonKeySetup { name, key } = setup;
    let hash = SecretHash::of(key);
    let found = daemons::key_by_name(tx, name)?;
    let known = match found {
        None => Known::Not,
        Some(key) if key.deleted => Known::TakenBack,
        Some(key) if daemons::key_by_hash(tx, &hash)?.is_some_and(|given| given.id == key.id) => Known::ByIt,
        Some(_) => Known::ByAnother,
    };
    match (act(known, other, "daemon key", name, done)?, found) {
        (Act::Write, _) => {
            let id = tx.new_id("daemon key");
            daemons::insert_key(tx, id, name, &hash).map_err(refused("daemon key", name))?;
        }
        (Act::Replace, Some(key)) => {
            daemons::set_key_hash(tx, key.id, &hash).map_err(refused("daemon key", name))?;
        }
        (Act::Nothing | Act::Replace, _) => {}
    }
    Ok(())
}

/// What is left to do about somebody.
enum Act {
    Nothing,
    Write,
    Replace,
}

/// Decides, and notes what is going to be done.
fn act(
    known: Known,
    other: OtherSecret,
    kind: &'static str,
    name: &str,
    done: &mut BroughtUp,
) -> Result<Act, BringUpError> {
    match decide(known, other) {
        Action::Add => {
            done.added.push(shown(kind, name));
            Ok(Act::Write)
        }
        Action::Leave => Ok(Act::Nothing),
        Action::Replace => {
            done.replaced.push(shown(kind, name));
            Ok(Act::Replace)
        }
        Action::RefuseOther => Err(BringUpError::OtherSecret { kind, name: name.to_owned() }),
        Action::RefuseTakenBack => Err(BringUpError::TakenBack { name: name.to_owned() }),
    }
}

fn bring_up_organization(
    people: &People<'_, '_>,
    setup: &OrganizationSetup,
    done: &mut BroughtUp,
) -> Result<(), BringUpError> {
    let known = organizations::by_name(people.tx, &setup.name)?;
    let (id, is_new) = match known {
        Some(known) => (known.id, false),
        None => {
            done.added.push(shown("organization", &setup.name));
            (write_organization(people.tx, setup)?, true)
        }
    };
    for member in people.of("organization", &setup.name, &setup.members, is_new)? {
        organizations::insert_member(people.tx, id, member)?;
    }
    Ok(())
}

fn bring_up_group(people: &People<'_, '_>, setup: &GroupSetup, done: &mut BroughtUp) -> Result<(), BringUpError> {
    let GroupSetup { name, organization, budget, members } = setup;
    let organization: OrganizationId = organization_of(people.tx, "group", name, organization)?;
    let (id, is_new) = match users::group_by_name(people.tx, organization, name)? {
        Some(known) => (known, false),
        None => {
            let id = GroupId(people.tx.new_id("group"));
            users::insert_group(people.tx, id, organization, name, *budget).map_err(refused("group", name))?;
            done.added.push(shown("group", name));
            (id, true)
        }
    };
    for member in people.of("group", name, members, is_new)? {
        users::insert_member(people.tx, id, member).map_err(refused("group", name))?;
    }
    Ok(())
}

fn shown(kind: &str, name: &str) -> String {
    format!("{kind} {name:?}")
}
