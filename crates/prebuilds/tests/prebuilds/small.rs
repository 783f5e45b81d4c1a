//! Names of workspaces, the fitting preset, how many at once.

use std::collections::BTreeSet;

use groundhog_prebuilds::{Mismatched, concurrency, find_matching_preset, ready, workspace_name};
use proptest::{prelude::*, test_runner::RngSeed};

#[test]
fn a_workspaces_name_is_base_32_of_nine_bytes() {
    // What `base32` of the usual tools says, in lower case and without padding.
    assert_eq!(workspace_name([0; 9]), "prebuild-aaaaaaaaaaaaaaa");
    assert_eq!(workspace_name([255; 9]), "prebuild-77777777777777y");
    assert_eq!(workspace_name(*b"groundhog"), "prebuild-m5zg65lomrug6zy");
    assert_eq!(workspace_name([1, 2, 3, 4, 5, 6, 7, 8, 9]), "prebuild-aebagbafaydqqci");
}

#[test]
fn each_bit_of_a_workspaces_name_counts() {
    let mut names = BTreeSet::from([workspace_name([0; 9])]);
    for bit in 0..72 {
        let mut bytes = [0; 9];
        bytes[bit / 8] = 1 << (bit % 8);
        assert!(names.insert(workspace_name(bytes)), "{bit}");
    }
    assert!(names.iter().all(|name| name.len() == 24));
}

#[test]
fn half_of_the_connections_are_left_to_others() {
    for (connections, at_most, at_once) in [
        (10, 5, 5),
        (10, 3, 3),
        (10, 100, 5),
        (7, 100, 3),
        (1, 5, 1),
        (0, 5, 1),
        (-3, 5, 1),
        (10, 0, 1),
        (i64::MIN, 5, 1),
        (i64::MAX, 5, 5),
        (i64::MAX, u32::MAX, u32::MAX),
    ] {
        assert_eq!(concurrency(connections, at_most), at_once, "{connections} connections, {at_most} at most");
    }
}

#[test]
fn a_workspace_is_ready_if_all_of_its_agents_are() {
    assert!(ready(1, 0) && ready(3, 0));
    assert!(!ready(0, 0) && !ready(0, 1) && !ready(3, 1));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3_000, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default()
    })]

    #[test]
    fn the_fitting_preset_is_as_the_model_says(
        given in prop::collection::vec(("[ab]", "[12]"), 0..4),
        presets in prop::collection::btree_map("[pqr]", prop::collection::btree_map("[ab]", "[12]", 0..3), 0..4)
            .prop_map(|presets| presets.into_iter().map(|(name, of)| (name, of.into_iter().collect())).collect::<Vec<_>>())
            .prop_shuffle(),
    ) {
        let names: Vec<&str> = given.iter().map(|(name, _)| name.as_str()).collect();
        let values: Vec<&str> = given.iter().map(|(_, value)| value.as_str()).collect();
        let presets: Vec<(String, Vec<(String, String)>)> = presets;
        let found = find_matching_preset(&names, &values, &presets).expect("there are as many of both");
        let fits = |of: &[(String, String)]| of.iter().all(|pair| given.contains(pair));
        let of = |name: &str| &presets.iter().find(|(preset, _)| preset == name).expect("it is one of them").1;
        match found {
            None => prop_assert!(presets.iter().all(|(_, of)| !fits(of))),
            Some(found) => {
                prop_assert!(fits(of(found)));
                for (name, other) in presets.iter().filter(|(_, of)| fits(of)) {
                    let (ours, theirs) = (of(found).len(), other.len());
                    prop_assert!(theirs < ours || theirs == ours && name.as_str() >= found, "{found}, {name}");
                }
            }
        }
        let fewer = values.get(1..).unwrap_or(&["another"]);
        prop_assert_eq!(find_matching_preset(&names, fewer, &presets), Err(Mismatched));
    }
}
