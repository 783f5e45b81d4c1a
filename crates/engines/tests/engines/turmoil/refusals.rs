//! What turmoil can't do is refused by name, before the story begins.

use std::time::Duration;

use groundhog_engines::turmoil::simulate;
use groundhog_sim::{Config, Engine, EngineError, Fault, LinkConfig, Ways};

use super::{cut, exact, seconds};

/// What `ask` is told, on an engine with two hosts.
fn told(config: Config, ask: impl FnOnce(&mut dyn Engine) -> Result<(), EngineError> + Send) -> String {
    simulate(config, |engine| {
        engine.host("a", |_| std::future::pending());
        engine.host("b", |_| std::future::pending());
        match ask(engine).and_then(|()| engine.ready()) {
            Ok(()) => "nothing".to_owned(),
            Err(error) => error.to_string(),
        }
    })
}

fn faults() -> Vec<(Fault, &'static str)> {
    let (from, to) = (|| "a".to_owned(), || "b".to_owned());
    vec![
        (
            cut("a", "b", Ways::One),
            "the engine turmoil can't cut the path from a to b one way: it sends nothing again, so every stream on that \
             path would be dead for ever, and would say so to nobody; run this on leap",
        ),
        (
            Fault::Hold { from: from(), to: to(), ways: Ways::One },
            "the engine turmoil can't hold the path from a to b one way: it holds both ways of a link, or none; run this \
             on leap",
        ),
        (
            Fault::Lossy { from: from(), to: to(), probability: 0.1 },
            "the engine turmoil can't make the path between a and b lossy: it sends nothing again, so a stream would end \
             with its first loss; run this on leap",
        ),
        (
            Fault::Drift { host: "a".into(), ppm: 100 },
            "the engine turmoil can't let the clocks of the host a drift: it has one clock for all of its hosts; run this \
             on leap",
        ),
        (Fault::Kill { host: "c".into() }, "no host is called \"c\": add it to the world first"),
        (cut("a", "b", Ways::Both), "nothing"),
        (Fault::Kill { host: "a".into() }, "nothing"),
    ]
}

#[test]
fn faults_that_turmoil_does_not_have_are_refused() {
    for (fault, expected) in faults() {
        assert_eq!(told(exact(), |engine| engine.plan(seconds(1), None, &fault)), expected, "{fault:?}");
    }
}

#[test]
fn paths_that_turmoil_does_not_have_are_refused() {
    let usual = LinkConfig::default;
    let cases = [
        (
            LinkConfig { bandwidth: Some(1), ..usual() },
            "the engine turmoil can't limit the bandwidth of {}: its links know no bandwidth; run this on leap",
        ),
        (
            LinkConfig { loss: 0.1, ..usual() },
            "the engine turmoil can't lose packets of {}: it sends nothing again, so a stream would end with its first \
             loss; run this on leap",
        ),
        (
            LinkConfig { duplication: 0.1, ..usual() },
            "the engine turmoil can't deliver datagrams of {} twice: its links deliver once or never; run this on leap",
        ),
    ];
    for (config, expected) in cases {
        let link = told(exact(), |engine| engine.link("a", "b", &config));
        assert_eq!(link, expected.replace("{}", "the link from a to b"));
        let network = told(Config { network: config, ..exact() }, |_| Ok(()));
        assert_eq!(network, expected.replace("{}", "the network"));
    }
}

#[test]
fn a_link_is_the_same_both_ways() {
    let slow = |millis| LinkConfig { latency_max: Duration::from_millis(millis), ..LinkConfig::default() };
    let lopsided = |from, to| {
        format!(
            "the engine turmoil can't give the link from {from} to {to} another behaviour than the way back: its links \
             are the same both ways; run this on leap"
        )
    };
    assert_eq!(told(exact(), |engine| engine.link("b", "a", &slow(9))), lopsided("b", "a"));
    let different = told(exact(), |engine| {
        engine.link("a", "b", &slow(9))?;
        engine.link("b", "a", &slow(8))
    });
    assert_eq!(different, lopsided("b", "a"));
    let same = told(exact(), |engine| {
        engine.link("a", "b", &slow(9))?;
        engine.link("b", "a", &slow(9))
    });
    assert_eq!(same, "nothing");
}
