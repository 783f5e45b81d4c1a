//! Decisions as people read them.

use groundhog_prebuilds::cases;

fn explained(text: &str) -> Vec<String> {
    let read = cases::read(text).expect("there is a case");
    read[0].as_ref().expect("it is understood").explain()
}

#[test]
fn a_pool_is_explained_number_by_number() {
    let text = r#"{
        "id": "morning", "kind": "state_and_actions",
        "input": {
            "now": "2026-03-02T08:30:00Z",
            "preset": {
                "using_active_version": true, "desired_instances": 1, "ttl_s": 3600, "scheduling_timezone": "Europe/Berlin",
                "last_invalidated_at_offset_ms": -60000
            },
            "schedules": [{ "cron": "5 1 * * 6", "instances": 9 }, { "cron": "* 9-18 * * 1-5", "instances": 4 }],
            "running": [
                { "id": "new", "created_at_offset_ms": -1000, "ready": true },
                { "id": "invalid", "created_at_offset_ms": -90000, "ready": true },
                { "id": "old", "created_at_offset_ms": -3600001, "ready": true }
            ],
            "in_progress": [{ "transition": "start", "count": 1 }, { "transition": "delete", "count": 2 }]
        }
    }"#;
    assert_eq!(
        explained(&text.replace("5 1 * * 6", "* 1 * * 6")),
        [
            "4 wanted: schedule 2 (`* 9-18 * * 1-5`, Europe/Berlin) is the first that holds on Monday 2026-03-02 09:30:00",
            "3 run, 2 are expired, 1 can be given to people",
            "invalid is expired: it was made before the preset was invalidated on 2026-03-02T08:29:00Z",
            "old is expired: it is 1h 1ms old, and is kept for 1h",
            "under way: 1 is being built, none stopped, 2 deleted",
            "delete invalid, old: expired",
            "create 2: 4 wanted by schedule 2 (`* 9-18 * * 1-5`, Europe/Berlin), 1 runs and is not expired, 1 is being built",
        ]
    );
    // A minute keeps a schedule from counting, and is told.
    let told = explained(text);
    assert!(told[0].starts_with("schedule 1 (`5 1 * * 6`, Europe/Berlin) counts for nothing: "), "{told:?}");
    assert!(told[1].starts_with("4 wanted: schedule 2 "), "{told:?}");
}

#[test]
fn what_is_not_done_is_explained() {
    let pool = |more: &str| {
        explained(&format!(
            r#"{{ "id": "x", "kind": "can_skip", "input": {{ "now": "2026-03-02T08:30:00Z", {more} }} }}"#
        ))
        .join("\n")
    };
    let active = r#""preset": { "using_active_version": true, "desired_instances": 2 }"#;
    for (more, part) in [
        (
            format!(r#"{active}, "backoff": {{ "num_failed": 3, "last_build_at_offset_ms": -60000 }}"#),
            "back off until 2026-03-02T08:32:00Z (2m from now): 3 builds failed of late, and each puts the next one off by \
             1m\ncreate none, although 2 are missing: it backs off",
        ),
        (
            format!(r#"{active}, "backoff": {{ "num_failed": 1, "last_build_at_offset_ms": -60001 }}"#),
            "create 2: 2 wanted by the preset itself, none runs, none is being built\nno back-off any more: 1 build failed",
        ),
        (
            format!(r#"{active}, "in_progress": [{{ "transition": "start", "count": 2 }}]"#),
            "create none: 2 wanted, none runs, 2 are being built",
        ),
        (format!(r#"{active}, "is_hard_limited": true"#), "whoever carries this out builds none"),
        (r#""preset": {}"#.to_owned(), "0 wanted: the preset is of a version that is not active"),
        (r#""preset": {}"#.to_owned(), "it need not be looked at"),
        (r#""preset": { "using_active_version": true, "deprecated": true }"#.to_owned(), "the template is deprecated"),
        (r#""preset": {}, "pending_count": 2"#.to_owned(), "withdraw 2 first builds that wait"),
    ] {
        let told = pool(&more);
        assert!(told.contains(part), "no {part:?} in:\n{told}");
    }
}
