//! Which agent a chat goes on with.

use groundhog_chattool::agents::{Choice, choose, choose_some, not_reached};
use groundhog_wire::v1::AgentView;
use proptest::{prelude::*, sample::subsequence, test_runner::RngSeed};

fn agent(name: &str, display_order: i32, agent_id: &str) -> AgentView {
    AgentView { name: name.to_owned(), display_order, agent_id: agent_id.to_owned(), ..AgentView::default() }
}

fn chosen(agents: &[AgentView]) -> Result<Option<&str>, String> {
    match choose(agents) {
        Choice::None => Ok(None),
        Choice::One(agent) => Ok(Some(&agent.name)),
        Choice::Ambiguous(ambiguous) => Err(ambiguous.text()),
    }
}

#[test]
fn the_agent_for_chats_is_preferred() {
    let agents = [agent("main", 0, "1"), agent("helper-coderd-chat", 9, "2"), agent("coderd-chat-helper", 1, "3")];
    assert_eq!(chosen(&agents), Ok(Some("helper-coderd-chat")));
    assert_eq!(chosen(&[agent("main", 0, "1"), agent("Helper-Coderd-Chat", 9, "2")]), Ok(Some("Helper-Coderd-Chat")));
    // The suffix alone, without its hyphen, is a name like others.
    assert_eq!(chosen(&[agent("main", 1, "1"), agent("coderd-chat", 2, "2")]), Ok(Some("main")));
}

#[test]
fn several_agents_for_chats_are_a_mistake() {
    let agents = [agent("main", 0, "1"), agent("b-coderd-chat", 2, "2"), agent("a-coderd-chat", 2, "3")];
    let expected = "multiple agents match the chat suffix \"-coderd-chat\", such as \"a-coderd-chat\" and \
                    \"b-coderd-chat\"; expected at most one in a template";
    assert_eq!(chosen(&agents), Err(expected.to_owned()));
    // A workspace that is there already is gone on with all the same, by the first of all its agents.
    assert_eq!(choose_some(&agents).map(|agent| agent.name.as_str()), Some("main"));
}

#[test]
fn otherwise_the_first_is_taken_by_order_name_and_id() {
    assert_eq!(chosen(&[]), Ok(None));
    assert_eq!(choose_some(&[]), None);
    assert_eq!(chosen(&[agent("a", 1, "1"), agent("z", 0, "2")]), Ok(Some("z")));
    assert_eq!(chosen(&[agent("a", 0, "1"), agent("z", -1, "2")]), Ok(Some("z")));
    assert_eq!(chosen(&[agent("b", 0, "1"), agent("A", 0, "2"), agent("C", 0, "3")]), Ok(Some("A")));
    let twins = [agent("same", 0, "2"), agent("same", 0, "1")];
    assert_eq!(choose_some(&twins).map(|agent| agent.agent_id.as_str()), Some("1"));
}

#[test]
fn who_has_to_start_an_external_agent_is_told() {
    let plain = agent("main", 0, "1");
    assert_eq!(not_reached(&plain, "no answer within 5s"), "no answer within 5s");
    let told = not_reached(&AgentView { external: true, ..plain }, "no answer within 5s");
    for part in ["\"main\"", "externally managed", "Ask the user to start it", "no answer within 5s"] {
        assert!(told.contains(part), "{told}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        rng_seed: RngSeed::Fixed(22_442),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// The order in which the control plane lists agents changes nothing.
    #[test]
    fn the_choice_is_the_same_in_any_order(
        some in subsequence(vec![("a", 1), ("b", 0), ("B", 0), ("x-coderd-chat", 5), ("y-coderd-chat", 5)], 0..=5),
        order in any::<[prop::sample::Index; 5]>(),
    ) {
        let agents: Vec<_> =
            some.iter().enumerate().map(|(n, (name, order))| agent(name, *order, &n.to_string())).collect();
        let mut shuffled = agents.clone();
        for (n, index) in order.iter().enumerate().take(agents.len()) {
            shuffled.swap(n, index.index(agents.len()));
        }
        prop_assert_eq!(chosen(&agents), chosen(&shuffled));
        prop_assert_eq!(choose_some(&agents), choose_some(&shuffled));
        prop_assert_eq!(choose_some(&agents).is_none(), agents.is_empty());
    }
}
