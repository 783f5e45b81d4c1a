//! How a component tells its story.
//!
//! A domain event is a `tracing` event with the target [`TARGET`], a dotted name (`job.acquired`) and a few
//! fields. Each component declares its events once, with [`events!`](crate::events), which makes a function per
//! event and the catalogue that the program prints. Events come in two loudnesses: *logged* ones make the event
//! log that people read and snapshots hold; *quiet* ones (a heartbeat, a stored batch of log lines) are seen by
//! invariants and by the full trace only.

use std::fmt;

use uuid::Uuid;

/// The `tracing` target of domain events.
pub const TARGET: &str = "event";

/// What the catalogue says of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventSpec {
    /// The dotted name, subject first.
    pub name: &'static str,
    /// One or two sentences: what happened.
    pub about: &'static str,
    /// Whether it is kept out of the event log.
    pub quiet: bool,
    /// Its fields, in the order in which they are logged.
    pub fields: &'static [FieldSpec],
}

/// What the catalogue says of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSpec {
    /// The field's name.
    pub name: &'static str,
    /// What it holds, with its unit.
    pub about: &'static str,
}

/// An id in an event: what kind of thing, and which one.
///
/// It is written `kind:uuid`. A log that is meant for people replaces that by the kind and the order of first
/// appearance (`job#1`), so that a text does not change with a seed's random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    /// What kind of thing: `job`, `ws`.
    pub kind: &'static str,
    /// Which one.
    pub uuid: Uuid,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.uuid)
    }
}

/// Declares a component's events: a documented function per event, and a catalogue of all.
///
/// ```
/// groundhog_host::events! {
///     /// What the post office says.
///     pub CATALOGUE;
///
///     /// A letter was handed to its addressee.
///     log letter_delivered = "letter.delivered" {
///         /// Who received it.
///         to: &str,
///         /// Postage paid, in cents.
///         cents: u64,
///     }
///
///     /// The office closed for the day.
///     log closed = "office.closed" {}
///
///     /// The van passed a milestone.
///     quiet van_passed = "van.passed" {
///         /// Which milestone.
///         milestone: u64,
///     }
/// }
///
/// letter_delivered("alice", 85);
/// closed();
/// assert_eq!(CATALOGUE[0].name, "letter.delivered");
/// assert!(CATALOGUE[2].quiet);
/// ```
#[macro_export]
macro_rules! events {
    (
        $(#[doc = $catalogue_about:literal])*
        $visibility:vis $catalogue:ident;
        $(
            $(#[doc = $about:literal])*
            $loudness:ident $function:ident = $name:literal {
                $( $(#[doc = $field_about:literal])* $field:ident: $type:ty ),* $(,)?
            }
        )*
    ) => {
        $(#[doc = $catalogue_about])*
        $visibility const $catalogue: &[$crate::event::EventSpec] = &[
            $(
                $crate::event::EventSpec {
                    name: $name,
                    about: concat!($($about),*).trim_ascii(),
                    quiet: $crate::events!(@quiet $loudness),
                    fields: &[
                        $( $crate::event::FieldSpec {
                            name: stringify!($field),
                            about: concat!($($field_about),*).trim_ascii(),
                        } ),*
                    ],
                },
            )*
        ];

        $(
            $(#[doc = $about])*
            #[allow(clippy::too_many_arguments, reason = "an event has the fields that it has")]
            $visibility fn $function($($field: $type),*) {
                $crate::events!(@emit $loudness $name $($field)*);
            }
        )*
    };
    (@quiet log) => { false };
    (@quiet quiet) => { true };
    (@emit log $name:literal $($field:ident)*) => {
        $crate::event::tracing::event!(
            name: $name, target: "event", $crate::event::tracing::Level::INFO, { $($field = %$field),* }
        )
    };
    (@emit quiet $name:literal $($field:ident)*) => {
        $crate::event::tracing::event!(
            name: $name, target: "event", $crate::event::tracing::Level::DEBUG, { $($field = %$field),* }
        )
    };
}

#[doc(hidden)]
pub use tracing;
