//! Whatever happens to the path between an agent and its control plane.

use std::{collections::BTreeMap, time::Duration};

use groundhog_sim::{Fault, Ways};
use proptest::{prelude::*, test_runner::RngSeed};

use crate::world::{AGENT, Play, on_start, on_stop, play, scripts};

/// What goes wrong, and for how many seconds.
#[derive(Clone, Debug)]
enum Trouble {
    /// Nothing, for that long.
    None(u64),
    /// The connections break.
    Reset,
    /// The control plane is away.
    Kill(u64),
    /// The path is cut.
    Cut(u64),
    /// The path loses a packet in five.
    Lossy(u64),
    /// The answers to so many calls are lost.
    Lost(&'static str, u32),
    /// So many calls are not carried out.
    Failed(&'static str, u32),
}

fn troubles() -> impl Strategy<Value = Vec<Trouble>> {
    let call = prop_oneof![
        3 => Just("update_lifecycle"),
        3 => Just("create_logs"),
        1 => Just("script_completed"),
        1 => Just("update_startup"),
        1 => Just("connect"),
    ];
    let trouble = prop_oneof![
        3 => (1_u64..20).prop_map(Trouble::None),
        2 => Just(Trouble::Reset),
        1 => (1_u64..30).prop_map(Trouble::Kill),
        1 => (1_u64..60).prop_map(Trouble::Cut),
        1 => (1_u64..30).prop_map(Trouble::Lossy),
        3 => (call.clone(), 1_u32..4).prop_map(|(call, times)| Trouble::Lost(call, times)),
        3 => (call, 1_u32..4).prop_map(|(call, times)| Trouble::Failed(call, times)),
    ];
    proptest::collection::vec(trouble, 1..7)
}

fn happen(play: &mut Play<'_>, trouble: &Trouble) {
    let (from, to) = ("agent".to_owned(), "control".to_owned());
    match trouble {
        Trouble::None(seconds) => play.run(*seconds),
        Trouble::Reset => {
            play.world.begin(&Fault::Reset { from, to }).expect("the hosts are there");
            play.run(1);
        }
        Trouble::Kill(seconds) => play.restart_control(*seconds),
        Trouble::Cut(seconds) => play.fault(&Fault::Cut { from, to, ways: Ways::Both }, *seconds),
        Trouble::Lossy(seconds) => play.fault(&Fault::Lossy { from, to, probability: 0.2 }, *seconds),
        Trouble::Lost(call, times) => {
            *play.control.state().loses_answers.entry(call).or_default() += times;
            play.run(2);
        }
        Trouble::Failed(call, times) => {
            *play.control.state().fails.entry(call).or_default() += times;
            play.run(2);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48, failure_persistence: None, rng_seed: RngSeed::Fixed(0), ..ProptestConfig::default()
    })]

    /// The control plane hears each step once, in order; every line under its own number, none of them lost; and each
    /// script runs once.
    #[test]
    fn nothing_is_lost_and_nothing_goes_back(before in troubles(), during in troubles()) {
        let hello = on_start("hello", "lines 50;sleep 20;lines 50");
        let bye = on_stop("bye", "sleep 5;lines 50;sleep 30");
        play(scripts([hello, bye]), |play| {
            before.iter().for_each(|trouble| happen(play, trouble));
            // What is well by now is back by then.
            play.run(120);
            play.control.state().loses_answers.clear();
            play.control.state().fails.clear();
            play.run(30);
            let ready = play.control.state().steps(AGENT) == ["starting", "ready"];
            prop_assert!(ready, "{:?}", play.control.state().lifecycle);
            let told = during.len().min(2);
            play.shutdown.cancel();
            during[..told].iter().for_each(|trouble| happen(play, trouble));
            play.world.run_for(Duration::from_secs(120));
            prop_assert_eq!(play.events("agent.closed"), 1);
            prop_assert_eq!(play.fields("agent.script_started", "script"), ["hello", "bye"]);
            let state = play.control.state();
            let steps = ["starting", "ready", "shutting_down", "off"];
            let heard = state.steps(AGENT);
            // The end may come while it is cut off.
            prop_assert!(heard.len() >= 2 && heard == steps[..heard.len()], "{:?}", heard);
            let mut lines: BTreeMap<(&str, u64), &str> = BTreeMap::new();
            for (_, source, number, text) in &state.lines {
                prop_assert_eq!(*lines.entry((source, *number)).or_insert(text), text);
            }
            let hello: Vec<&str> = state.texts("log-hello");
            let expected: Vec<String> = (1..=50).chain(1..=50).map(|line| format!("line {line}")).collect();
            prop_assert_eq!(hello, expected);
            Ok(())
        })?;
    }
}
