//! A file of people, groups, organisations and keys.

use groundhog_control::{Role, Setup};
use groundhog_serve::{Exit, control::setup_file::read};

/// Reads `text` as a file, beside which there is one called `alice` with a token.
fn setup(text: &str) -> Result<Setup, String> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("alice"), "alices-token\n").unwrap();
    let path = folder.path().join("setup.toml");
    std::fs::write(&path, text).unwrap();
    let mut setup = Setup::default();
    let variable = |name: &str| (name == "BOB").then(|| "bobs-token".to_owned());
    match read(&path, &mut setup, variable) {
        Ok(()) => Ok(setup),
        Err(error) => {
            assert_eq!(error.exit(), Exit::BadArguments);
            Err(error.to_string())
        }
    }
}

#[test]
fn people_organizations_groups_and_keys_are_read() {
    let setup = setup(
        r#"
        [[user]]
        name = "alice"
        token_file = "alice"
        [[user]]
        name = "bob"
        role = "template_admin"
        token_env = "BOB"
        [[organization]]
        name = "research"
        members = ["alice"]
        [[group]]
        name = "team"
        organization = "research"
        budget = 100
        members = ["alice"]
        [[provisioner_key]]
        name = "cluster"
        key = "hush"
        "#,
    )
    .expect("it is all right");
    let users: Vec<_> = setup.users.iter().map(|user| (user.name.as_str(), user.role, user.token.expose())).collect();
    assert_eq!(users, [("alice", Role::Member, "alices-token"), ("bob", Role::TemplateAdmin, "bobs-token")]);
    assert_eq!((setup.groups[0].budget, setup.groups[0].organization.as_str()), (100, "research"));
    assert_eq!((setup.daemon_keys[0].name.as_str(), setup.daemon_keys[0].key.expose()), ("cluster", "hush"));
    let members: Vec<_> = setup.organizations.iter().map(|one| (one.name.as_str(), one.members.join(" "))).collect();
    assert_eq!(members, [("research", "alice".to_owned()), ("default", "bob".to_owned())]);
}

#[test]
fn a_mistake_is_told_with_its_place_and_without_the_secret() {
    for (text, expected) in [
        ("[[user]]\nname = \"alice\"\ntoken = \"open-sesame\"\nrolle = \"admin\"", "line 4"),
        ("[[user]]\ntoken = \"open-sesame\"", "name"),
        ("[[user]]\nname = \"alice\"\ntoken = \"open-sesame", "line 3"),
        ("[[user]]\nname = \"alice\"\ntoken = \"open sesame\"", "visible ASCII"),
        ("[[user]]\nname = \"alice\"", "in one way"),
        ("[[user]]\nname = \"alice\"\ntoken = \"open-sesame\"\ntoken_env = \"BOB\"", "in one way"),
        ("[[user]]\nname = \"alice\"\ntoken = \"\"", "it is empty"),
        ("[[user]]\nname = \"alice\"\ntoken_env = \"CAROL\"", "the variable CAROL is not set"),
        ("[[user]]\nname = \"alice\"\ntoken_file = \"carol\"", "carol"),
        ("[[user]]\nname = \"alice\"\ntoken = \"open-sesame\"\nrole = \"king\"", "line 4"),
        ("[[group]]\nname = \"team\"", "budget"),
    ] {
        let error = setup(text).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
        assert!(!error.contains("sesame"), "{text}: {error}");
    }
}
