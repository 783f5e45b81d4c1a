//! What the log tells of an event.

use std::sync::{Arc, Mutex};

use groundhog_serve::log::{json, line::Line, text};
use jiff::Timestamp;
use serde_json::{Value, json};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    layer::{Context, Layer, SubscriberExt},
    registry::Registry,
};

groundhog_host::events! {
    /// What a kettle says.
    EVENTS;

    /// The water boils.
    log boiled = "kettle.boiled" {
        /// Whose it is.
        by: &str,
        /// After how long, in seconds.
        after_s: u64,
    }
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Line>>>);

impl<S: Subscriber> Layer<S> for Kept {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.0.lock().unwrap().push(Line::of(event, Timestamp::UNIX_EPOCH));
    }
}

fn told(tell: impl FnOnce()) -> Line {
    let kept = Kept::default();
    tracing::subscriber::with_default(Registry::default().with(kept.clone()), tell);
    let mut lines = kept.0.lock().unwrap();
    assert_eq!(lines.len(), 1);
    lines.remove(0)
}

#[test]
fn a_domain_event_is_told_by_its_name_and_its_fields() {
    assert_eq!(EVENTS[0].name, "kettle.boiled");
    let line = told(|| boiled("the one upstairs", 90));
    assert_eq!(text::write(&line), r#"1970-01-01T00:00:00.000Z INFO  kettle.boiled by="the one upstairs" after_s=90"#);
    let object: Value = serde_json::from_str(&json::write(&line)).expect("one object");
    let expected = json!({
        "time": "1970-01-01T00:00:00.000Z",
        "level": "info",
        "event": "kettle.boiled",
        "fields": { "by": "the one upstairs", "after_s": "90" },
    });
    assert_eq!(object, expected);
}

#[test]
fn anything_else_is_told_by_its_message_on_one_line() {
    let line = told(|| tracing::warn!(tries = 3, error = "no\nanswer", "cold\nagain"));
    assert_eq!(text::write(&line), r#"1970-01-01T00:00:00.000Z WARN  cold again tries=3 error="no\nanswer""#);
    let object: Value = serde_json::from_str(&json::write(&line)).expect("one object");
    assert_eq!((&object["message"], &object["fields"]["tries"]), (&json!("cold\nagain"), &json!(3)));
    assert!(!json::write(&line).contains('\n'));
}

#[test]
fn a_long_value_is_cut_between_two_characters() {
    let long = "é".repeat(10_000);
    let line = told(|| tracing::info!(long = long.as_str(), "a lot"));
    let shown = line.fields[0].1.as_str().expect("text");
    assert_eq!(shown.len(), 8 << 10);
}

#[test]
fn a_secret_is_told_as_such() {
    let secret = groundhog_wire::Secret::new("open-sesame").unwrap();
    let line = told(|| tracing::info!(token = %secret, again = ?secret, "here"));
    let shown = text::write(&line) + &json::write(&line);
    assert!(shown.contains("[secret]") && !shown.contains("sesame"), "{shown}");
}
