//! What an agent runs.

use groundhog_wire::v1::{
    AgentManifest, AgentScript,
    script_completed_request::{Stage, Status as Ended},
};

use crate::world::{AGENT, Play, after, config, on_start, play, play_with, script, scripts, within};

/// How scripts ended, as the control plane was told: id, stage, status, exit status.
fn told(play: &Play<'_>) -> Vec<(String, Stage, Ended, i32)> {
    let state = play.control.state();
    let told = state.scripts.iter().map(|end| (end.script_id.clone(), end.stage(), end.status(), end.exit_code));
    told.collect()
}

#[test]
fn output_is_logged_and_the_end_is_told() {
    play(scripts([on_start("hello", "echo one;complain two;exit 3")]), |play| {
        play.run(20);
        assert_eq!(play.control.state().texts("log-hello"), ["one", "two"]);
        assert_eq!(told(play), [("id-hello".to_owned(), Stage::Start, Ended::ExitFailure, 3)]);
        assert_eq!(play.control.state().steps(AGENT), ["starting", "start_error"]);
        // It is in the file too.
        play.act("agent", 1, |host| async move {
            let files = host.files("/home/me/.groundhog/log");
            let content = files.read("groundhog-script-log-hello.log").await.expect("there is a file");
            assert_eq!(String::from_utf8_lossy(&content), "one\ntwo\n");
        });
    });
}

#[test]
fn a_script_over_its_time_is_hung_up_and_then_killed() {
    let manifest = scripts([
        within(on_start("polite", "sleep 1000"), 5),
        within(on_start("deaf", "deaf;echo I hear nothing;sleep 1000"), 5),
    ]);
    play(manifest, |play| {
        play.run(10);
        assert_eq!(told(play), [("id-polite".to_owned(), Stage::Start, Ended::TimedOut, 255)]);
        play.run(10);
        assert_eq!(told(play)[1], ("id-deaf".to_owned(), Stage::Start, Ended::TimedOut, 255));
        assert_eq!(play.control.state().steps(AGENT), ["starting", "start_timeout"]);
    });
}

#[test]
fn who_leaves_its_output_open_is_not_waited_for_without_end() {
    let manifest = scripts([on_start("brief", "leave 5"), on_start("long", "echo partial;leave 500")]);
    play(manifest, |play| {
        play.run(9);
        assert_eq!(told(play), [("id-brief".to_owned(), Stage::Start, Ended::Ok, 0)]);
        play.run(10);
        assert_eq!(told(play)[1], ("id-long".to_owned(), Stage::Start, Ended::PipesLeftOpen, 0));
        let state = play.control.state();
        assert_eq!(state.steps(AGENT), ["starting", "start_error"]);
        assert_eq!(
            state.texts("log-long"),
            ["partial", "the script has ended, but its output is still open after 10s"]
        );
    });
}

#[test]
fn what_can_not_be_started_fails() {
    let mut config = config();
    config.shell = "no-such-shell".to_owned();
    play_with(scripts([on_start("hello", "echo hello")]), config, |play| {
        play.run(20);
        assert_eq!(told(play), [("id-hello".to_owned(), Stage::Start, Ended::ExitFailure, 255)]);
        let state = play.control.state();
        assert_eq!(state.steps(AGENT), ["starting", "start_error"]);
        let texts = state.texts("log-hello");
        assert!(texts.len() == 1 && texts[0].starts_with("could not start \"no-such-shell\": "), "{texts:?}");
    });
}

#[test]
fn scripts_run_side_by_side_but_for_those_that_wait() {
    let manifest = scripts([
        after(on_start("third", "echo third"), "second", true),
        after(on_start("never", "echo never"), "second", false),
        after(on_start("second", "sleep 5;exit 1"), "first", false),
        on_start("first", "sleep 40"),
        on_start("apart", "sleep 1"),
    ]);
    play(manifest, |play| {
        play.run(60);
        let ended = play.fields("agent.script_ended", "script");
        assert_eq!(ended, ["apart", "first", "second", "never", "third"]);
        let statuses = play.fields("agent.script_ended", "status");
        assert_eq!(statuses, ["ok", "ok", "exit_failure", "skipped", "ok"]);
        let state = play.control.state();
        // Who waits says for whom, every half minute.
        assert_eq!(state.texts("log-second"), ["waiting for first"]);
        assert_eq!(
            state.texts("log-never"),
            ["waiting for second", "not run: a script that it waits for did not go well"]
        );
        assert_eq!(state.steps(AGENT), ["starting", "start_error"]);
        drop(state);
        assert_eq!(told(play)[3], ("id-never".to_owned(), Stage::Start, Ended::Skipped, 255));
    });
}

#[test]
fn scripts_that_can_not_be_run_fail_the_start() {
    let bad: [(AgentScript, &str); 3] = [
        (after(on_start("bad", "echo bad"), "nobody", false), "which is no script of this agent"),
        (after(on_start("bad", "echo bad"), "bad", false), "scripts wait for each other: bad"),
        (AgentScript { cron: "often".to_owned(), ..on_start("bad", "echo bad") }, "\"often\" is no schedule"),
    ];
    for (bad, why) in bad {
        play(scripts([bad, on_start("good", "echo good")]), |play| {
            play.run(20);
            assert_eq!(play.events("agent.script_started"), 0);
            let state = play.control.state();
            // The start does not stay under way for ever (A3).
            assert_eq!(state.steps(AGENT), ["starting", "start_error"]);
            let texts = state.texts("log-bad");
            assert!(texts.len() == 1 && texts[0].contains(why), "{texts:?}");
        });
    }
}

#[test]
fn some_scripts_go_by_the_clock() {
    let cron = AgentScript { cron: "*/10 * * * * *".to_owned(), ..script("tick", "echo tick;sleep 12") };
    play(scripts([on_start("first", "sleep 15"), cron]), |play| {
        play.run(61);
        // From the end of the start, without a time that comes while one still runs.
        assert_eq!(play.control.state().texts("log-tick").len(), 3);
        assert!(
            told(play)[1..].iter().all(|(id, stage, status, _)| {
                (id.as_str(), *stage, *status) == ("id-tick", Stage::Cron, Ended::Ok)
            })
        );
        let before = play.events("agent.script_started");
        play.shutdown.cancel();
        play.run(60);
        assert_eq!(play.events("agent.script_started"), before, "a closed agent runs nothing");
        assert_eq!(play.events("agent.closed"), 1);
    });
}

#[test]
fn a_script_finds_its_surroundings() {
    let commands = [
        "variable NAME",
        "variable SECRET",
        "variable OVERRIDDEN",
        "variable GROUNDHOG_WORKSPACE_NAME",
        "variable GROUNDHOG_SCRIPT_DATA_DIR",
        "variable PATH",
        "where",
    ];
    let mut manifest = scripts([on_start("look", &commands.join(";"))]);
    manifest.workspace_name = "dev".to_owned();
    manifest.directory = "~/src".to_owned();
    manifest.environment = [("NAME", "below $HOME"), ("OVERRIDDEN", "manifest")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    manifest.secrets = [("SECRET".to_owned(), "not $expanded".to_owned())].into();
    let mut config = config();
    config.process_environment =
        [("HOME".to_owned(), "/home/me".to_owned()), ("PATH".to_owned(), "/bin".to_owned())].into();
    config.environment = [("OVERRIDDEN".to_owned(), "agent".to_owned())].into();
    play_with(manifest, config, |play| {
        play.run(20);
        let state = play.control.state();
        assert_eq!(
            state.texts("log-look"),
            [
                "NAME=below /home/me",
                "SECRET=not $expanded",
                "OVERRIDDEN=agent",
                "GROUNDHOG_WORKSPACE_NAME=dev",
                "GROUNDHOG_SCRIPT_DATA_DIR=/home/me/.groundhog/scripts/log-look",
                "PATH=/home/me/.groundhog/scripts/bin:/bin",
                // The one that the manifest names is not there.
                "Some(\"/home/me\")",
            ]
        );
        assert_eq!(state.startups[0].expanded_directory, "/home/me/src");
    });
}

#[test]
fn a_killed_agent_runs_its_start_scripts_again_as_another_process() {
    play(scripts([on_start("hello", "echo hello")]), |play| {
        play.run(20);
        play.fault(&groundhog_sim::Fault::Kill { host: "agent".to_owned() }, 5);
        play.run(20);
        let processes = play.fields("agent.script_started", "process");
        assert_eq!(processes.len(), 2);
        assert_ne!(processes[0], processes[1]);
    });
}

#[test]
fn an_agent_without_scripts_is_ready() {
    play(AgentManifest::default(), |play| {
        play.run(5);
        assert_eq!(play.control.state().steps(AGENT), ["starting", "ready"]);
    });
}
