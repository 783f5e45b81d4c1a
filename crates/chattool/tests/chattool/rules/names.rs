//! What workspaces are called.

use groundhog_chattool::name::{BASE_BYTES_MAX, NAME_BYTES_MAX, from_base, generate, is_valid, random};
use groundhog_host::Random;
use proptest::{prelude::*, test_runner::RngSeed};

#[test]
fn a_name_is_what_the_platform_takes() {
    let longest = "a".repeat(NAME_BYTES_MAX);
    for good in ["a", "7", "dev", "Dev-2", "a-b-c", "newer", "new-1", "create-it", &longest] {
        assert!(is_valid(good), "{good}");
    }
    let too_long = "a".repeat(NAME_BYTES_MAX + 1);
    for bad in ["", "-", "-a", "a-", "a--b", "a b", "a_b", "a.b", "dév", "new", "New", "create", "CREATE", &too_long] {
        assert!(!is_valid(bad), "{bad}");
    }
}

#[test]
fn a_name_begins_as_what_it_was_made_of_does() {
    let of = |base: &str| generate(base, 0x0a7f);
    for (base, name) in [
        ("docker", "docker-0a7f"),
        ("  My Team's App! ", "my-team-s-app-0a7f"),
        ("new", "new-0a7f"),
        ("--a--b--", "a-b-0a7f"),
        ("café", "caf-0a7f"),
        // The longest base, and ones that would be longer; no hyphen is left before the digits.
        ("abcdefghijklmnopqrstuvwxyz0", "abcdefghijklmnopqrstuvwxyz0-0a7f"),
        ("abcdefghijklmnopqrstuvwxyz01", "abcdefghijklmnopqrstuvwxyz0-0a7f"),
        ("abcdefghijklmnopqrstuvwxyz-0", "abcdefghijklmnopqrstuvwxyz-0a7f"),
    ] {
        assert_eq!(of(base).as_deref(), Some(name), "{base:?}");
    }
    for nothing in ["", "  ", "---", "日本", "🦫"] {
        assert_eq!(of(nothing), None, "{nothing:?}");
    }
    assert_eq!(generate("a", 0).as_deref(), Some("a-0000"));
    assert_eq!(generate("a", u16::MAX).as_deref(), Some("a-ffff"));
}

#[test]
fn every_random_name_is_valid() {
    let mut stream = Random::from_seed([3; 32]);
    let names: std::collections::BTreeSet<String> = (0..2_000).map(|_| random(&mut stream)).collect();
    assert!(names.iter().all(|name| is_valid(name)), "{names:?}");
    assert!(names.len() > 1_500, "names repeat: {}", names.len());
    // A random name, as nothing of this one can be part of a name.
    assert!(from_base("日本", &mut stream).split('-').count() == 3);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        rng_seed: RngSeed::Fixed(25_668),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_it_is_made_of_a_name_is_valid(base in "\\PC{0,60}|[a-cA-C0-9 _-]{0,60}", digits: u16, seed: [u8; 32]) {
        if let Some(name) = generate(&base, digits) {
            prop_assert!(is_valid(&name), "{base:?}: {name:?}");
            let end = format!("-{digits:04x}");
            prop_assert!(name.ends_with(&end), "{name:?}");
            prop_assert!(name.len() <= BASE_BYTES_MAX + 5);
        } else {
            prop_assert!(!base.bytes().any(|byte| byte.is_ascii_alphanumeric()), "{base:?}");
        }
        let name = from_base(&base, &mut Random::from_seed(seed));
        prop_assert!(is_valid(&name), "{base:?}: {name:?}");
        prop_assert_eq!(&name, &from_base(&base, &mut Random::from_seed(seed)), "the same stream, the same name");
    }
}
