//! Which fields are not compared.
//!
//! The catalogue says of each field what it holds, and that decides: a field measures if its name ends with a unit of time
//! or size, or if what is said of it begins with how many, how long or how far. How many lines had come or tries were
//! made by some instant depends on when that was. An address is not compared either: it is the engine's to give.

use std::{collections::BTreeSet, sync::LazyLock};

use groundhog_host::event::FieldSpec;

use crate::catalogue;

/// The units in which fields' names end.
const UNITS: [&str; 3] = ["_ms", "_s", "_bytes"];

/// How what is said of a field begins if it measures.
const MEASURES: [&str; 5] = ["how many", "how long", "how far", "for how long", "so many"];

fn measures(field: &FieldSpec) -> bool {
    let about = field.about.to_lowercase();
    UNITS.iter().any(|unit| field.name.ends_with(unit))
        || MEASURES.iter().any(|measure| about.starts_with(measure))
        || about.contains("address")
}

static MEASURED: LazyLock<BTreeSet<(&str, &str)>> = LazyLock::new(|| {
    let events = catalogue::lists().into_iter().flatten();
    let fields = events.flat_map(|event| event.fields.iter().map(move |field| (event.name, field)));
    fields.filter(|(_, field)| measures(field)).map(|(event, field)| (event, field.name)).collect()
});

/// Whether the field `field` of the event `event` is not compared.
pub(super) fn is_measured(event: &str, field: &str) -> bool {
    MEASURED.contains(&(event, field))
}
