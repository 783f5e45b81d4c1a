//! What a watch of a workspace tells next, decided.

use groundhog_control::connection_watch::{Facts, Next, Told, has_started, next, words};
use groundhog_wire::v1::{
    self, AgentLifecycle, JobStatus, Transition,
    connection_news::Kind::{self, Agent, Build},
    watch_end,
};
use proptest::{prelude::*, test_runner::RngSeed};

const TRANSITIONS: [Transition; 3] = [Transition::Start, Transition::Stop, Transition::Destroy];
const STATUSES: [JobStatus; 6] = [
    JobStatus::Pending,
    JobStatus::Running,
    JobStatus::Succeeded,
    JobStatus::Canceling,
    JobStatus::Canceled,
    JobStatus::Failed,
];
const LIFECYCLES: [AgentLifecycle; 4] =
    [AgentLifecycle::Created, AgentLifecycle::Starting, AgentLifecycle::Ready, AgentLifecycle::Off];

fn build(number: u32, transition: Transition, status: JobStatus) -> v1::BuildNews {
    v1::BuildNews {
        workspace_name: "dev".to_owned(),
        number,
        transition: transition.into(),
        status: status.into(),
        ..v1::BuildNews::default()
    }
}

fn agent(build: u32, name: &str, lifecycle: AgentLifecycle) -> v1::AgentNews {
    v1::AgentNews { agent_id: format!("{name} of {build}"), name: name.to_owned(), lifecycle: lifecycle.into() }
}

/// A workspace whose latest build has made agents of these names.
fn found(build: v1::BuildNews, names: &[&str], lifecycle: AgentLifecycle) -> Facts {
    let agents = if has_started(&build) { names } else { &[] };
    let agents = agents.iter().map(|name| agent(build.number, name, lifecycle)).collect();
    Facts::Found { build, agents }
}

/// All that is told of `facts`, in the words of events.
fn all(told: &mut Told, facts: &Facts, agent_name: &str) -> Vec<String> {
    let mut parts = Vec::new();
    loop {
        match next(told, facts.clone(), agent_name) {
            Next::Nothing => return parts,
            Next::Tell(part) => parts.push(words(&part)),
            Next::End(kind, _) => {
                parts.push(kind.as_str_name().to_owned());
                return parts;
            }
        }
        assert!(parts.len() <= 2, "a build and an agent are all there is: {parts:?}");
    }
}

#[test]
fn every_build_is_told_and_the_agent_after_a_start_that_succeeded_only() {
    for transition in TRANSITIONS {
        for status in STATUSES {
            let facts = found(build(1, transition, status), &["main"], AgentLifecycle::Ready);
            let parts = all(&mut Told::default(), &facts, "");
            let started = transition == Transition::Start && status == JobStatus::Succeeded;
            assert_eq!(parts.len(), if started { 2 } else { 1 }, "{parts:?}");
            assert!(parts[0].starts_with("build 1 "), "{parts:?}");
            assert_eq!(parts.get(1).map(String::as_str), started.then_some("agent main ready"));
        }
    }
}

#[test]
fn whatever_came_before_the_difference_is_told_and_no_more() {
    for transition in TRANSITIONS {
        for status in STATUSES {
            for (number, lifecycle) in [(1, AgentLifecycle::Starting), (1, AgentLifecycle::Ready)] {
                let mut told = Told::default();
                let before = found(build(number, transition, status), &["main"], lifecycle);
                all(&mut told, &before, "main");
                let after = found(build(1, transition, status), &["main"], AgentLifecycle::Ready);
                let parts = all(&mut told, &after, "main");
                let news = if before == after { vec![] } else { vec!["agent main ready"] };
                assert_eq!(parts, news);
                let next_build = found(build(2, Transition::Start, JobStatus::Succeeded), &["main"], lifecycle);
                let parts = all(&mut told, &next_build, "main");
                let word = if lifecycle == AgentLifecycle::Ready { "ready" } else { "starting" };
                assert_eq!(parts, ["build 2 start succeeded".to_owned(), format!("agent main {word}")]);
            }
        }
    }
}

#[test]
fn which_agent_is_meant_is_judged_on_those_of_a_start_that_succeeded() {
    use watch_end::Kind::{NameNotFound, NoAgents, TooManyAgents};
    let cases: [(&[&str], &str, Option<watch_end::Kind>); 8] = [
        (&["main"], "", None),
        (&["main"], "main", None),
        (&["main", "side"], "side", None),
        (&[], "", Some(NoAgents)),
        (&[], "main", Some(NoAgents)),
        (&["main", "side"], "", Some(TooManyAgents)),
        (&["main"], "MAIN", Some(NameNotFound)),
        (&["main", "side"], "mains", Some(NameNotFound)),
    ];
    for (names, asked, end) in cases {
        let ends = |transition, status| {
            let mut told = Told::default();
            let facts = found(build(1, transition, status), names, AgentLifecycle::Ready);
            assert!(matches!(next(&mut told, facts.clone(), asked), Next::Tell(Build(_))), "the build comes first");
            match next(&mut told, facts, asked) {
                Next::End(kind, text) => {
                    assert!(text.contains("\"dev\""), "{text}");
                    Some(kind)
                }
                Next::Tell(_) | Next::Nothing => None,
            }
        };
        assert_eq!(ends(Transition::Start, JobStatus::Succeeded), end, "{names:?} {asked:?}");
        for status in STATUSES.into_iter().filter(|status| *status != JobStatus::Succeeded) {
            assert_eq!(ends(Transition::Start, status), None);
        }
        assert_eq!(ends(Transition::Stop, JobStatus::Succeeded), None);
    }
    let gone = next(&mut Told::default(), Facts::NotFound, "");
    assert!(matches!(gone, Next::End(watch_end::Kind::NotFound, _)));
}

/// A workspace's life: each step is what is there, and how often the watch looks at it.
fn lives() -> impl Strategy<Value = Vec<(Facts, usize)>> {
    let step = (0..3_usize, 0..6_usize, 0..4_usize, any::<bool>(), 0..4_usize);
    prop::collection::vec(step, 1..30).prop_map(|steps| {
        let mut number = 1;
        let step = |(transition, status, lifecycle, newer, looks): (usize, usize, usize, bool, usize)| {
            number += u32::from(newer);
            let build = build(number, TRANSITIONS[transition], STATUSES[status]);
            (found(build, &["main", "side"], LIFECYCLES[lifecycle]), looks)
        };
        steps.into_iter().map(step).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0),
        ..ProptestConfig::default()
    })]

    /// However often it looks, a watch tells only what is there, the build before its agent, nothing twice in a row; and
    /// once it has looked its fill, the last thing that it has told of each is what is there.
    #[test]
    fn what_is_told_is_true_in_order_and_complete(life in lives()) {
        let mut told = Told::default();
        let (mut build, mut agent, mut last): (Option<v1::BuildNews>, Option<v1::AgentNews>, Option<Kind>) =
            (None, None, None);
        let steps = life.len();
        for (at, (facts, looks)) in life.into_iter().enumerate() {
            let Facts::Found { build: there, agents } = &facts else { unreachable!("it is not gone") };
            // At the end it looks until there is nothing more, as a watch does.
            let looks = if at + 1 == steps { usize::MAX } else { looks };
            for look in 0..looks {
                let part = match next(&mut told, facts.clone(), "main") {
                    Next::Tell(part) => part,
                    Next::Nothing => break,
                    Next::End(kind, text) => panic!("{kind:?}: {text}"),
                };
                prop_assert!(look < 2, "a build and an agent are all there is");
                prop_assert_ne!(last.as_ref(), Some(&part));
                match &part {
                    Build(news) => {
                        prop_assert_eq!(news, there);
                        (build, agent) = (Some(news.clone()), None);
                    }
                    Agent(news) => {
                        prop_assert_eq!(build.as_ref(), Some(there), "its build was told");
                        prop_assert!(has_started(there) && agents.contains(news));
                        agent = Some(news.clone());
                    }
                    Kind::End(end) => panic!("{end:?}"),
                }
                last = Some(part);
            }
            if at + 1 == steps {
                prop_assert_eq!(build.as_ref(), Some(there));
                prop_assert_eq!(agent.as_ref(), agents.iter().find(|agent| agent.name == "main"));
            }
        }
    }
}
