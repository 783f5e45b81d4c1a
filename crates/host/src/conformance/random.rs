//! Random streams and ids.

use std::collections::BTreeSet;

use super::{Case, Machines, case};
use crate::Host;

pub(super) const CASES: &[Case] = &[
    case!(random_streams_differ, "Streams differ by purpose, by call and by machine."),
    case!(ids_are_version_4_and_distinct, "Ids are of version 4, and no two are the same."),
];

/// The beginning of the next stream for `purpose`.
fn draw(host: &Host, purpose: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    host.random(purpose).fill(&mut bytes);
    bytes
}

async fn random_streams_differ(machines: Machines) {
    let mut seen = BTreeSet::new();
    for host in [&machines.a, &machines.b] {
        for purpose in ["one", "one", "two", "two", ""] {
            assert!(seen.insert(draw(host, purpose)), "{} has a stream for {purpose:?} twice", host.name());
        }
    }
}

async fn ids_are_version_4_and_distinct(machines: Machines) {
    let mut seen = BTreeSet::new();
    for host in [&machines.a, &machines.b] {
        for purpose in ["job", "workspace"].repeat(100) {
            let id = host.new_id(purpose);
            assert_eq!((id.get_version_num(), id.get_variant()), (4, uuid::Variant::RFC4122), "{id}");
            assert!(seen.insert(id), "{} gave {id} twice", host.name());
        }
    }
}
