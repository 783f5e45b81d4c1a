//! Every event that a run can show, by who tells it.

use groundhog_host::event::{EventSpec, FieldSpec};

use crate::cast::{machines, tunnels, users};

/// The events of one part of the platform.
#[derive(Clone, Copy, Debug)]
pub struct Chapter {
    /// Who tells them.
    pub teller: &'static str,
    /// The events.
    pub events: &'static [EventSpec],
}

/// Errors that are no domain events: what a component or a library reports at error level.
const ERRORS: &[EventSpec] = &[EventSpec {
    name: "error",
    about: "A component or a library reported an error. Fails the run unless the scenario allows it.",
    quiet: false,
    fields: &[
        FieldSpec { name: "message", about: "what it said" },
        FieldSpec { name: "target", about: "which module said it" },
    ],
}];

/// All events, in the order in which a job meets them.
pub const CHAPTERS: &[Chapter] = &[
    Chapter { teller: "users", events: users::EVENTS },
    Chapter { teller: "users of tunnels", events: tunnels::EVENTS },
    Chapter { teller: "control", events: groundhog_control::EVENTS },
    Chapter { teller: "control, of what is built ahead", events: groundhog_control::PREBUILD_EVENTS },
    Chapter { teller: "control, of chats", events: groundhog_control::CHAT_EVENTS },
    Chapter { teller: "provisioner", events: groundhog_provisioner::events::EVENTS },
    Chapter { teller: "cloud", events: machines::EVENTS },
    Chapter { teller: "agent", events: groundhog_agent::EVENTS },
    Chapter { teller: "tunnel", events: groundhog_tunnel::EVENTS },
    Chapter { teller: "chat tools", events: groundhog_chattool::EVENTS },
    Chapter { teller: "world", events: groundhog_sim::FAULT_EVENTS },
    Chapter { teller: "any host", events: ERRORS },
];

/// The lists alone, as [`Scenario::load`](crate::scenario::Scenario::load) takes them.
pub fn lists() -> Vec<&'static [EventSpec]> {
    CHAPTERS.iter().map(|chapter| chapter.events).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_event_has_one_name_and_says_what_it_means() {
        let mut names = BTreeSet::new();
        for event in lists().into_iter().flatten() {
            assert!(names.insert(event.name), "{} is told twice", event.name);
            assert!(!event.about.is_empty(), "{}", event.name);
            assert!(event.fields.iter().all(|field| !field.about.is_empty()), "{}", event.name);
        }
    }
}
