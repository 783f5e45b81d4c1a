//! A machine as a picture, in the language of Mermaid, which web pages and editors show.

use std::collections::{BTreeMap, BTreeSet};

use super::Edge;

/// The diagram of some edges. What leads back to where it began is left out; several events between the same two
/// states stand on one edge.
pub(super) fn diagram(edges: &[Edge]) -> String {
    let mut labels: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for Edge { from, event, to } in edges.iter().filter(|edge| edge.from != edge.to) {
        let events = labels.entry((from, to)).or_default();
        if !events.contains(&event.as_str()) {
            events.push(event);
        }
    }
    let states: BTreeSet<&str> = labels.keys().flat_map(|(from, to)| [*from, *to]).collect();
    let ids: BTreeMap<&str, String> = states.into_iter().enumerate().map(|(n, state)| (state, id(state, n))).collect();
    let mut text = "stateDiagram-v2\n".to_owned();
    for (state, id) in ids.iter().filter(|(state, id)| **state != id.as_str()) {
        text.push_str(&format!("    state \"{state}\" as {id}\n"));
    }
    for ((from, to), events) in &labels {
        text.push_str(&format!("    {} --> {}: {}\n", ids[from], ids[to], events.join(", ")));
    }
    text
}

/// What a state is called in the diagram: by its name or, if an id can't be that, by a number.
fn id(state: &str, number: usize) -> String {
    let is_plain = state.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_plain { state.to_owned() } else { format!("s{number}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_between_two_states_are_joined_and_what_changes_nothing_is_left_out() {
        let edge = |from: &str, event: &str, to: &str| Edge {
            from: from.to_owned(),
            event: event.to_owned(),
            to: to.to_owned(),
        };
        let edges = [edge("a b", "x", "c"), edge("c", "x", "c"), edge("a b", "y", "c"), edge("a b", "x", "c")];
        assert_eq!(diagram(&edges), "stateDiagram-v2\n    state \"a b\" as s0\n    s0 --> c: x, y\n");
    }
}
