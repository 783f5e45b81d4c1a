//! Secrets as they are given.

use std::path::Path;

use groundhog_serve::{
    Exit,
    secret::{ADMIN_TOKEN, GivenSecret, need, read},
};

fn given(text: &str) -> Option<GivenSecret> {
    Some(GivenSecret::new(text))
}

#[test]
fn a_secret_is_given_once_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, "from-a-file\n").unwrap();
    let nothing = folder.path().join("nothing");
    let by = |given: Option<GivenSecret>, file: Option<&Path>| {
        read(&ADMIN_TOKEN, given.as_ref(), file).map(|found| found.map(|secret| secret.expose().to_owned()))
    };
    assert_eq!(by(None, None).unwrap(), None);
    assert_eq!(by(given(""), None).unwrap(), None, "a variable that is set to nothing");
    assert_eq!(by(None, Some(Path::new(""))).unwrap(), None);
    assert_eq!(by(given("open-sesame"), None).unwrap().as_deref(), Some("open-sesame"));
    assert_eq!(by(None, Some(&file)).unwrap().as_deref(), Some("from-a-file"));
    assert_eq!(by(given(""), Some(&file)).unwrap().as_deref(), Some("from-a-file"));
    for (given, file) in [
        (given("open-sesame"), Some(file.as_path())),
        (given("two words"), None),
        (given(&"x".repeat(1_000)), None),
        (None, Some(nothing.as_path())),
    ] {
        let error = by(given, file).expect_err("it can't be taken");
        assert_eq!(error.exit(), Exit::BadArguments);
        assert!(!error.to_string().contains("open-sesame") && !error.to_string().contains("two words"), "{error}");
    }
    let missing = need(&ADMIN_TOKEN, None, None).expect_err("there is none").to_string();
    assert!(missing.contains("GROUNDHOG_ADMIN_TOKEN") && missing.contains("--admin-token-file"), "{missing}");
}
