//! Sessions: how they begin, what is shown again, how they end.

use groundhog_agent::terminal::{TerminalConfig, TerminalCounts};
use groundhog_wire::terminal::Init;
use tokio::io::AsyncWriteExt;

use super::{Notes, enter, join, rest, secs, session, shell, stubborn, until, with_shell, with_terminals};

#[test]
fn somebody_types_leaves_comes_back_and_exits() {
    let seen = with_shell(1, |machine| {
        let notes = Notes::default();
        let noted = notes.clone();
        machine.person(|host, mut stream| async move {
            join(&mut stream, session(1), "").await;
            until(&mut stream, "$ ").await;
            enter(&mut stream, "hello\n").await;
            noted.add(until(&mut stream, "$ ").await);
            drop(stream);
            host.sleep(secs(200)).await;
            let mut stream = host.connect(&groundhog_host::Address::new("agent", super::PORT)).await.expect("it is up");
            join(&mut stream, session(1), "").await;
            noted.add(until(&mut stream, "$ hello\r\nyou said hello\r\n$ ").await);
            enter(&mut stream, "exit\r").await;
            noted.add(rest(&mut stream).await);
        });
        machine.world.run_for(secs(100));
        assert_eq!(machine.terminals.counts(), TerminalCounts { sessions: 1, viewers: 0 });
        machine.world.run_for(secs(400));
        assert_eq!(machine.terminals.counts(), TerminalCounts::default());
        assert_eq!((machine.ends(), machine.events("agent.terminal_opened")), (vec!["ended".to_owned()], 1));
        notes.all()
    });
    assert_eq!(seen, ["hello\r\nyou said hello\r\n$ ", "$ hello\r\nyou said hello\r\n$ ", "exit\r\n"]);
}

#[test]
fn a_first_frame_may_come_byte_by_byte() {
    // A10, F17: one read is not one frame.
    let seen = with_shell(1, |machine| {
        let notes = Notes::default();
        let noted = notes.clone();
        machine.person(|host, mut stream| async move {
            let init = Init { id: session(1), height: 0, width: 0, command: "in pieces".to_owned() };
            let mut frame = Vec::new();
            init.write(&mut frame).await.expect("memory takes it");
            for byte in frame {
                stream.write_all(&[byte]).await.expect("the agent takes it");
                stream.flush().await.expect("the agent takes it");
                host.sleep(secs(1) / 10).await;
            }
            noted.add(rest(&mut stream).await);
        });
        machine.world.run_for(secs(60));
        notes.all()
    });
    assert_eq!(seen, ["you said in pieces\r\n"]);
}

#[test]
fn who_does_not_say_what_it_wants_is_let_go() {
    with_shell(1, |machine| {
        let notes = Notes::default();
        for word in [&b""[..], b"\xff", b"\x02\x00{}"] {
            let noted = notes.clone();
            machine.person(move |host, mut stream| async move {
                stream.write_all(word).await.expect("the agent takes it");
                noted.add(rest(&mut stream).await);
                noted.add((host.now().as_micros() / 1_000_000).to_string());
            });
        }
        machine.world.run_for(secs(60));
        // The malformed one at once, the others after the time-out.
        assert_eq!(notes.all(), ["", "0", "", "30", "", "30"]);
        assert_eq!(machine.events("agent.terminal_opened"), 0);
    });
}

#[test]
fn a_session_outlives_its_first_viewer_from_the_beginning() {
    // F18: whoever came first went while it started.
    with_shell(1, |machine| {
        machine.person(|_, mut stream| async move { join(&mut stream, session(1), "").await });
        let notes = Notes::default();
        let noted = notes.clone();
        machine.person(|host, mut stream| async move {
            host.sleep(secs(10)).await;
            join(&mut stream, session(1), "").await;
            until(&mut stream, "$ ").await;
            enter(&mut stream, "still there\n").await;
            noted.add(until(&mut stream, "$ ").await);
        });
        machine.world.run_for(secs(60));
        assert_eq!(notes.all(), ["still there\r\nyou said still there\r\n$ "]);
        assert_eq!(machine.events("agent.terminal_opened"), 1);
    });
}

#[test]
fn a_session_without_anybody_ends_after_five_minutes_and_not_before() {
    with_shell(1, |machine| {
        machine.person(|host, mut stream| async move {
            join(&mut stream, session(1), "").await;
            // Being there keeps it for as long as one stays.
            host.sleep(secs(1_000)).await;
            drop(stream);
            host.sleep(secs(299)).await;
            let mut stream = host.connect(&groundhog_host::Address::new("agent", super::PORT)).await.expect("it is up");
            join(&mut stream, session(1), "").await;
            until(&mut stream, "$ ").await;
        });
        machine.world.run_for(secs(1_299 + 295));
        assert_eq!(machine.ends(), [""; 0]);
        machine.world.run_for(secs(10));
        assert_eq!(machine.ends(), ["idle"]);
        assert_eq!(machine.terminals.counts(), TerminalCounts::default());
    });
}

#[test]
fn a_command_that_is_quick_is_seen_whole_on_every_seed() {
    // The whole session may be over before its first viewer has looked.
    for seed in 0..40 {
        let seen = with_shell(seed, |machine| {
            let notes = Notes::default();
            let noted = notes.clone();
            machine.person(|_, mut stream| async move {
                join(&mut stream, session(1), "flood 500").await;
                noted.add(rest(&mut stream).await);
            });
            machine.world.run_for(secs(60));
            notes.all()
        });
        let all: String = (0..8_000).map(|line| format!("{line:063}\r\n")).collect();
        assert!(seen == [all], "seed {seed}");
    }
}

#[test]
fn who_joins_while_the_process_exits_sees_the_end_or_a_session_of_its_own() {
    // F19. The join arrives within a few milliseconds of the exit, before it on some seeds and after it on others.
    let mut met = [0, 0];
    for seed in 0..60 {
        with_shell(seed, |machine| {
            let notes = Notes::default();
            for (name, after) in [("first", 0), ("second", 2_000)] {
                let noted = notes.clone();
                machine.person(move |host, mut stream| async move {
                    let begin = host.now() + secs(1);
                    host.sleep_until(begin + std::time::Duration::from_millis(after)).await;
                    join(&mut stream, session(1), "first; sleep 2; last").await;
                    noted.add(format!("{name}: {}", rest(&mut stream).await));
                });
            }
            machine.world.run_for(secs(60));
            let whole = "you said first\r\nyou said last\r\n";
            let mut notes = notes.all();
            notes.sort();
            assert_eq!(notes, [format!("first: {whole}"), format!("second: {whole}")], "seed {seed}");
            let sessions = machine.events("agent.terminal_opened");
            assert_eq!(machine.ends(), vec!["ended"; sessions]);
            met[sessions - 1] += 1;
        });
    }
    assert!(met[0] > 5 && met[1] > 5, "both ways of the race were seen: {met:?}");
}

#[test]
fn a_process_that_can_not_be_started_is_told_to_all_who_wait_for_it() {
    let config = TerminalConfig::default();
    with_terminals(1, config, shell, |machine| {
        let notes = Notes::default();
        let host = machine.world.handle("agent").expect("it exists");
        let terminals = machine.terminals.clone();
        // Its shell does not exist.
        host.clone()
            .spawn("listen", async move {
                let mut listener = host.listen(4_200).await.expect("the port is free");
                while let Ok(stream) = listener.accept().await {
                    let terminals = terminals.clone();
                    let shell = groundhog_host::Command::new("fish");
                    host.spawn("viewer", async move { terminals.serve(stream, shell).await }).detach();
                }
            })
            .detach();
        for _ in 0..2 {
            let noted = notes.clone();
            machine.person(|host, _| async move {
                let mut stream = host.connect(&groundhog_host::Address::new("agent", 4_200)).await.expect("it is up");
                join(&mut stream, session(1), "").await;
                noted.add(rest(&mut stream).await);
            });
        }
        machine.world.run_for(secs(60));
        let told = "groundhog: reconnecting pty closed before connection: fish: no such program on host agent\r\n";
        assert_eq!(notes.all(), [told, told]);
        assert!(machine.ends().iter().all(|why| why == "failed"), "{:?}", machine.ends());
        assert_eq!(machine.events("agent.terminal_opened"), 0);
    });
}

#[test]
fn closing_ends_every_session_in_time_and_lets_nobody_in() {
    for (program, seen) in [(false, "$ "), (true, "not yet\r\n")] {
        let story = |machine: &mut super::Machine<'_>| {
            let notes = Notes::default();
            let noted = notes.clone();
            machine.person(|_, mut stream| async move {
                join(&mut stream, session(1), "").await;
                noted.add(rest(&mut stream).await);
            });
            machine.world.run_for(secs(10));
            let (host, terminals, noted) =
                (machine.world.handle("agent").expect("it exists"), machine.terminals.clone(), notes.clone());
            host.clone()
                .spawn("close", async move {
                    terminals.close().await;
                    terminals.close().await;
                    noted.add(format!("closed at {}", host.now().as_micros() / 1_000_000));
                })
                .detach();
            machine.world.run_for(secs(10));
            let noted = notes.clone();
            machine.person(|_, mut stream| async move {
                join(&mut stream, session(2), "").await;
                noted.add(rest(&mut stream).await);
            });
            machine.world.run_for(secs(10));
            assert_eq!(machine.ends(), ["closed"]);
            let mut notes = notes.all();
            // The close and the end of the stream come at the same time.
            notes[..2].sort();
            notes
        };
        let config = TerminalConfig::default();
        let notes = match program {
            false => with_terminals(1, config, shell, story),
            true => with_terminals(1, config, stubborn, story),
        };
        let at = if program { 12 } else { 10 };
        let mut told = [seen.to_owned(), format!("closed at {at}")];
        told.sort();
        assert_eq!(notes[..2], told);
        assert_eq!(notes[2], "groundhog: no terminal: the agent closes\r\n");
    }
}

#[test]
fn there_are_only_so_many_sessions() {
    let config = TerminalConfig { sessions_max: 3, ..TerminalConfig::default() };
    with_terminals(1, config, shell, |machine| {
        let notes = Notes::default();
        for number in 0..5 {
            let noted = notes.clone();
            machine.person(move |host, mut stream| async move {
                host.sleep(secs(1 + number)).await;
                join(&mut stream, session(number.into()), "sleep 100").await;
                noted.add(rest(&mut stream).await);
            });
        }
        machine.world.run_for(secs(60));
        let told = "groundhog: no terminal: 3 terminal sessions are as many as there may be\r\n";
        assert_eq!(notes.all(), [told, told]);
        assert_eq!(machine.terminals.counts(), TerminalCounts { sessions: 3, viewers: 3 });
    });
}
