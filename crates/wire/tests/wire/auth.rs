//! Tokens that don't print, names that are checked, and what a server reads from a call.

use groundhog_wire::{
    Caller, DaemonName, Secret,
    auth::{DAEMON_NAME_CHARS_MAX, TOKEN_BYTES_MAX},
};
use tonic::{Code, metadata::MetadataMap};

#[test]
fn a_token_has_1_to_256_visible_ascii_characters() {
    for (text, legal) in [
        ("a", true),
        ("~!#$%&'*+-.^_`|", true),
        (&"a".repeat(TOKEN_BYTES_MAX), true),
        ("", false),
        (&"a".repeat(TOKEN_BYTES_MAX + 1), false),
        ("a b", false),
        ("a\n", false),
        ("ä", false),
        ("a\u{7f}", false),
    ] {
        assert_eq!(Secret::new(text).is_ok(), legal, "{text:?}");
    }
}

#[test]
fn a_token_never_prints() {
    let secret = Secret::new("hunter2").expect("a legal token");
    assert_eq!(format!("{secret} {secret:?}"), "[secret] [secret]");
    assert_eq!(secret.expose(), "hunter2");
}

#[test]
fn tokens_are_equal_when_every_byte_is() {
    let secret = |text: &str| Secret::new(text).expect("a legal token");
    assert_eq!(secret("abc"), secret("abc"));
    for other in ["abd", "ab", "abcd", "bbc"] {
        assert_ne!(secret("abc"), secret(other));
    }
}

#[test]
fn a_daemon_name_has_1_to_64_of_its_characters() {
    for (text, legal) in [
        ("a", true),
        ("worker-1_b.example", true),
        (&"a".repeat(DAEMON_NAME_CHARS_MAX), true),
        ("", false),
        (&"a".repeat(DAEMON_NAME_CHARS_MAX + 1), false),
        ("Worker", false),
        ("a b", false),
        ("a/b", false),
    ] {
        assert_eq!(DaemonName::new(text).is_ok(), legal, "{text:?}");
    }
}

fn metadata(entries: &[(&'static str, &str)]) -> MetadataMap {
    let mut metadata = MetadataMap::new();
    for (key, value) in entries {
        metadata.append(*key, value.parse().expect("a value that a header can carry"));
    }
    metadata
}

#[test]
fn a_caller_is_read_from_metadata() {
    let caller = Caller::from_metadata(&metadata(&[("authorization", "Bearer abc"), ("x-daemon-name", "w1")]))
        .expect("a well-formed caller");
    assert_eq!(caller.token.expose(), "abc");
    assert_eq!(caller.require_daemon().expect("it gave a name").as_str(), "w1");

    let person = Caller::from_metadata(&metadata(&[("authorization", "bearer abc")])).expect("a scheme has no case");
    assert_eq!(person.daemon, None);
    assert_eq!(person.require_daemon().expect_err("it gave no name").code(), Code::Unauthenticated);
}

#[test]
fn what_is_malformed_is_refused_without_being_repeated() {
    let long = format!("Bearer {}", "sesame".repeat(50));
    for entries in [
        &[][..],
        &[("x-daemon-name", "sesame")],
        &[("authorization", "")],
        &[("authorization", "sesame")],
        &[("authorization", "Bearer")],
        &[("authorization", "Bearer ")],
        &[("authorization", "Bearer  sesame")],
        &[("authorization", "Basic sesame")],
        &[("authorization", "Bearer sesame open")],
        &[("authorization", &long)],
        &[("authorization", "Bearer sesame"), ("authorization", "Bearer sesame")],
        &[("authorization", "Bearer sesame"), ("x-daemon-name", "")],
        &[("authorization", "Bearer sesame"), ("x-daemon-name", "SESAME sesame")],
        &[("authorization", "Bearer sesame"), ("x-daemon-name", "a"), ("x-daemon-name", "b")],
    ] {
        let status = Caller::from_metadata(&metadata(entries)).expect_err("it is malformed");
        assert_eq!(status.code(), Code::Unauthenticated, "{entries:?}");
        assert!(!status.message().is_empty());
        assert!(!format!("{status} {status:?}").to_lowercase().contains("sesame"), "{entries:?} gave {status:?}");
    }
}
