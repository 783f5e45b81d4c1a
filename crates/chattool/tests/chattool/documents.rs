//! What the crate's documents promise.

use std::collections::BTreeSet;

use groundhog_chattool::EVENTS;

#[test]
fn every_event_is_named_once_and_documented() {
    let names: BTreeSet<&str> = EVENTS.iter().map(|event| event.name).collect();
    assert_eq!(names.len(), EVENTS.len());
    for event in EVENTS {
        assert!(event.name.starts_with("tool.") && !event.about.is_empty(), "{}", event.name);
        assert!(event.fields.iter().all(|field| !field.about.is_empty()), "{}", event.name);
    }
}
