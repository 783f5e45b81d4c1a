//! Events for scenarios to expect.

use groundhog_host::event::{EventSpec, FieldSpec};

/// The catalogues of two components.
pub(crate) const ALL: &[&[EventSpec]] = &[
    &[
        event("job.failed", &[field("job"), field("by"), field("error")]),
        event("quota.committed", &[field("cost"), field("ok")]),
        event("control.started", &[]),
    ],
    &[event("runner.started", &[field("job")])],
];

const fn event(name: &'static str, fields: &'static [FieldSpec]) -> EventSpec {
    EventSpec { name, about: "What happened.", quiet: false, fields }
}

const fn field(name: &'static str) -> FieldSpec {
    FieldSpec { name, about: "What it holds." }
}
