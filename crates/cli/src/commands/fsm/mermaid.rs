//! A machine as a picture, in the language of Mermaid, which web pages and editors show.

use std::collections::BTreeMap;

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
    let mut text = "stateDiagram-v2\n".to_owned();
    for ((from, to), events) in labels {
        text.push_str(&format!("    {} --> {}: {}\n", id(from), id(to), events.join(", ")));
    }
    text
}

/// A state's name, of the characters that an id may have.
fn id(state: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    state.chars().map(plain).collect()
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
        assert_eq!(diagram(&edges), "stateDiagram-v2\n    a_b --> c: x, y\n");
    }
}
