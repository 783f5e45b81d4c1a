//! A file of people, groups, organisations and keys, for more than one administrator and one key.
//!
//! ```toml
//! [[user]]
//! name = "alice"
//! role = "member"                     # or template_admin, or admin; member unless said
//! token_file = "secrets/alice"        # or token_env = "ALICE_TOKEN", or token = "…"
//!
//! [[organization]]
//! name = "research"
//! members = ["alice"]                 # who is in none is in the one called "default"
//!
//! [[group]]
//! name = "team"
//! organization = "research"           # "default" unless said
//! budget = 100                        # credits a day
//! members = ["alice"]
//!
//! [[provisioner_key]]
//! name = "cluster"
//! key_env = "CLUSTER_KEY"             # or key_file, or key
//! ```
//!
//! Files are looked for beside this one. What the database does not know is added; whatever else it knows stays as it is.

use std::path::{Path, PathBuf};

use groundhog_control::{DaemonKeySetup, GroupSetup, OrganizationSetup, Role, Setup, UserSetup};
use groundhog_wire::Secret;
use serde::Deserialize;

use crate::{
    Error,
    secret::{self, GivenSecret, Which},
};

/// The organisation of those who are in no other one.
const DEFAULT: &str = "default";

/// Adds what stands in the file at `path` to `setup`. `variable` looks variables of the environment up.
///
/// Fails when the file can't be read or understood, or lacks a secret. No error shows a line of it, for there may be secrets.
pub fn read(path: &Path, setup: &mut Setup, variable: impl Fn(&str) -> Option<String>) -> Result<(), Error> {
    let wrong = |why: String| Error::SetupFile { path: path.to_owned(), why };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let file: File = toml::from_str(&text).map_err(|error| {
        let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        wrong(format!("{place}{}", error.message()))
    })?;
    let beside = path.parent().unwrap_or(Path::new("."));
    let look = |whose: String, given: Given| -> Result<Secret, Error> {
        given.find(beside, &variable).map_err(|why| wrong(format!("{whose}: {why}")))
    };
    for user in file.user {
        let token = look(format!("the token of the user {:?}", user.name), user.token())?;
        let role = match user.role {
            FileRole::Member => Role::Member,
            FileRole::TemplateAdmin => Role::TemplateAdmin,
            FileRole::Admin => Role::Admin,
        };
        setup.users.push(UserSetup { name: user.name, token, role, token_expires_at_ms: None });
    }
    for key in file.provisioner_key {
        let found = look(format!("the provisioner key {:?}", key.name), key.key())?;
        setup.daemon_keys.push(DaemonKeySetup { name: key.name, key: found });
    }
    setup.organizations.extend(file.organization.into_iter().map(|organization| OrganizationSetup {
        name: organization.name,
        members: organization.members,
        closed: false,
    }));
    setup.groups.extend(file.group.into_iter().map(|group| GroupSetup {
        name: group.name,
        organization: group.organization,
        budget: group.budget,
        members: group.members,
    }));
    add_to_default(setup);
    Ok(())
}

/// Makes those members of the default organisation who are in no other one. Without any organisations, all are anyway.
fn add_to_default(setup: &mut Setup) {
    if setup.organizations.is_empty() {
        return;
    }
    let in_none = |name: &&String| !setup.organizations.iter().any(|one| one.members.contains(name));
    let others: Vec<String> = setup.users.iter().map(|user| &user.name).filter(in_none).cloned().collect();
    match setup.organizations.iter_mut().find(|one| one.name == DEFAULT) {
        Some(default) => default.members.extend(others),
        None => {
            setup.organizations.push(OrganizationSetup { name: DEFAULT.to_owned(), members: others, closed: false })
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    user: Vec<FileUser>,
    #[serde(default)]
    organization: Vec<FileOrganization>,
    #[serde(default)]
    group: Vec<FileGroup>,
    #[serde(default)]
    provisioner_key: Vec<FileKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileUser {
    name: String,
    #[serde(default)]
    role: FileRole,
    token: Option<String>,
    token_file: Option<PathBuf>,
    token_env: Option<String>,
}

impl FileUser {
    fn token(&self) -> Given {
        Given { itself: self.token.clone(), file: self.token_file.clone(), variable: self.token_env.clone() }
    }
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FileRole {
    #[default]
    Member,
    TemplateAdmin,
    Admin,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileOrganization {
    name: String,
    #[serde(default)]
    members: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileGroup {
    name: String,
    #[serde(default)]
    organization: String,
    budget: i32,
    #[serde(default)]
    members: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileKey {
    name: String,
    key: Option<String>,
    key_file: Option<PathBuf>,
    key_env: Option<String>,
}

impl FileKey {
    fn key(&self) -> Given {
        Given { itself: self.key.clone(), file: self.key_file.clone(), variable: self.key_env.clone() }
    }
}

/// Where a secret is.
struct Given {
    itself: Option<String>,
    file: Option<PathBuf>,
    variable: Option<String>,
}

impl Given {
    fn find(self, beside: &Path, variable: impl Fn(&str) -> Option<String>) -> Result<Secret, String> {
        let which = Which { what: "secret", variable: "", file_flag: "" };
        let found = match (self.itself, self.file, self.variable) {
            (Some(text), None, None) => secret::read(&which, Some(&GivenSecret::new(text)), None),
            (None, Some(file), None) => secret::read(&which, None, Some(&beside.join(file))),
            (None, None, Some(name)) => {
                let text = variable(&name).ok_or_else(|| format!("the variable {name} is not set"))?;
                secret::read(&which, Some(&GivenSecret::new(text)), None)
            }
            _ => return Err("give it in one way: by itself, by a file, or by a variable".to_owned()),
        };
        found.map_err(|error| error.to_string())?.ok_or_else(|| "it is empty".to_owned())
    }
}
