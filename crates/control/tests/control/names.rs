//! What a workspace may be called.

use groundhog_control::names::{check_workspace_name, truncated};

#[test]
fn names_are_letters_digits_and_single_hyphens() {
    let longest = "a".repeat(32);
    for good in ["a", "7", "dev", "Dev-2", "a-b-c", longest.as_str()] {
        assert!(check_workspace_name(good).is_ok(), "{good}");
    }
    let too_long = "a".repeat(33);
    for bad in ["", "-a", "a-", "a--b", "a_b", "a b", "é", "a.b", too_long.as_str()] {
        assert!(check_workspace_name(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_refused_name_is_repeated_in_part_only() {
    let error = check_workspace_name(&"x".repeat(1_000_000)).expect_err("it is too long");
    assert!(error.to_string().len() < 300);
}

#[test]
fn text_is_cut_between_characters() {
    assert_eq!(truncated("aé", 2), "a");
    assert_eq!(truncated("aé", 3), "aé");
    assert_eq!(truncated("ab", 100), "ab");
}
