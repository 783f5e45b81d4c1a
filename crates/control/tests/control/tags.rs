//! Which daemon may run which job.

use groundhog_control::tags::{TAG_BYTES_MAX, TAGS_MAX, Tags, TagsError};

use crate::support::world::map;

#[test]
fn the_matching_table() {
    // The job's tags, the daemon's tags, whether the daemon takes the job; jobs are alice's.
    type Entries<'a> = &'a [(&'a str, &'a str)];
    let table: &[(Entries<'_>, Entries<'_>, bool)] = &[
        (&[], &[], true),
        (&[("scope", "organization"), ("owner", "")], &[], true),
        (&[], &[("scope", "organization")], true),
        (&[("scope", "nonsense")], &[], true),
        // An untagged job is not for a daemon that was set apart.
        (&[], &[("gpu", "yes")], false),
        (&[("owner", "")], &[("a", "1"), ("b", "2")], false),
        // A tagged job asks for a superset.
        (&[("gpu", "yes")], &[], false),
        (&[("gpu", "yes")], &[("gpu", "yes")], true),
        (&[("gpu", "yes")], &[("gpu", "no")], false),
        (&[("gpu", "yes")], &[("gpu", "yes"), ("arch", "arm")], true),
        (&[("gpu", "yes"), ("arch", "arm")], &[("gpu", "yes")], false),
        (&[("gpu", "yes"), ("arch", "arm")], &[("arch", "arm"), ("gpu", "yes")], true),
        // A person's job is for that person's daemons.
        (&[("scope", "user")], &[], false),
        (&[("scope", "user")], &[("scope", "user"), ("owner", "alice")], true),
        (&[("scope", "user")], &[("scope", "user"), ("owner", "bob")], false),
        (&[("scope", "user"), ("owner", "bob")], &[("scope", "user"), ("owner", "alice")], true),
        (&[("scope", "user"), ("gpu", "yes")], &[("scope", "user"), ("owner", "alice")], false),
        (&[("scope", "user"), ("gpu", "yes")], &[("scope", "user"), ("owner", "alice"), ("gpu", "yes")], true),
        (&[], &[("scope", "user"), ("owner", "alice")], false),
        (&[("gpu", "yes")], &[("scope", "user"), ("owner", "alice"), ("gpu", "yes")], false),
        // A daemon of the organization has no owner, whatever it says.
        (&[], &[("scope", "organization"), ("owner", "alice")], true),
    ];
    for (job, daemon, expected) in table {
        let job_tags = Tags::for_job(&map(job), "alice").expect("few and short");
        let daemon_tags = Tags::for_daemon(&map(daemon)).expect("few and short");
        assert_eq!(job_tags.accepted_by(&daemon_tags), *expected, "job {job:?}, daemon {daemon:?}");
    }
}

#[test]
fn tags_are_bounded() {
    let many: Vec<String> = (0..=TAGS_MAX).map(|n| n.to_string()).collect();
    let entries: Vec<(&str, &str)> = many.iter().map(|key| (key.as_str(), "")).collect();
    assert_eq!(Tags::for_daemon(&map(&entries)), Err(TagsError::TooMany { count: TAGS_MAX + 1 }));
    assert!(Tags::for_daemon(&map(&entries[1..])).is_ok());
    let long = "x".repeat(TAG_BYTES_MAX + 1);
    assert!(matches!(Tags::for_job(&map(&[("key", long.as_str())]), "alice"), Err(TagsError::TooLong { .. })));
    assert!(Tags::for_job(&map(&[("key", &long[1..])]), "alice").is_ok());
}
