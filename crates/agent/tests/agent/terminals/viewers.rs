//! Several viewers of one session.

use groundhog_wire::terminal::{Init, Input};
use tokio::io::AsyncReadExt;

use super::{Notes, enter, join, rest, secs, session, until, with_shell};

#[test]
fn all_see_what_one_types_and_the_end() {
    with_shell(1, |machine| {
        let notes = Notes::default();
        let noted = notes.clone();
        machine.person(|host, mut stream| async move {
            join(&mut stream, session(1), "").await;
            host.sleep(secs(10)).await;
            enter(&mut stream, "one\n").await;
            host.sleep(secs(10)).await;
            enter(&mut stream, "exit\n").await;
            noted.add(rest(&mut stream).await);
        });
        for after in [0, 5, 15] {
            let noted = notes.clone();
            machine.person(move |host, mut stream| async move {
                host.sleep(secs(after)).await;
                join(&mut stream, session(1), "").await;
                noted.add(rest(&mut stream).await);
            });
        }
        machine.world.run_for(secs(60));
        assert_eq!(notes.all(), ["$ one\r\nyou said one\r\n$ exit\r\n"; 4]);
        assert_eq!((machine.events("agent.terminal_opened"), machine.events("agent.viewer_joined")), (1, 4));
    });
}

#[test]
fn one_that_does_not_read_is_dropped_and_stops_nobody() {
    // A9. What one can be behind is a mebibyte and what the network holds.
    for seed in 0..4 {
        with_shell(seed, |machine| {
            let notes = Notes::default();
            machine.person(|host, mut stream| async move {
                join(&mut stream, session(1), "").await;
                host.sleep(secs(3_600)).await;
                drop(stream);
            });
            let noted = notes.clone();
            machine.person(|host, mut stream| async move {
                host.sleep(secs(1)).await;
                join(&mut stream, session(1), "").await;
                until(&mut stream, "$ ").await;
                enter(&mut stream, "flood 4000\n").await;
                let seen = until(&mut stream, "$ ").await;
                noted.add(format!("{} lines by {}", seen.lines().count(), host.now().as_micros() / 60_000_000));
            });
            machine.world.run_for(secs(600));
            // The line that was typed, the flood, and the prompt.
            assert_eq!(notes.all().len(), 1, "seed {seed}");
            assert!(notes.all()[0].starts_with("64002 lines"), "{:?}", notes.all());
            assert_eq!(machine.events("agent.viewer_dropped"), 1);
            assert_eq!(machine.terminals.counts().viewers, 0, "the one was dropped and the other has gone");
        });
    }
}

#[test]
fn one_that_was_dropped_may_come_back() {
    with_shell(1, |machine| {
        let notes = Notes::default();
        let noted = notes.clone();
        machine.person(|host, mut stream| async move {
            join(&mut stream, session(1), "").await;
            enter(&mut stream, "flood 4000\n").await;
            host.sleep(secs(60)).await;
            let mut seen = Vec::new();
            let ended = stream.read_to_end(&mut seen).await;
            noted.add(format!("{} {}", seen.len() < 4_000 << 10, ended.is_err() || !seen.ends_with(b"$ ")));
            let mut stream = host.connect(&groundhog_host::Address::new("agent", super::PORT)).await.expect("it is up");
            join(&mut stream, session(1), "").await;
            let seen = until(&mut stream, "$ ").await;
            noted.add(format!("{}", seen.len()));
        });
        machine.world.run_for(secs(600));
        assert_eq!(notes.all(), ["true true", "65536"], "what came last is shown again");
    });
}

#[test]
fn the_last_who_says_so_has_its_size() {
    with_shell(1, |machine| {
        let notes = Notes::default();
        let noted = notes.clone();
        machine.person(|host, mut stream| async move {
            join(&mut stream, session(1), "").await;
            enter(&mut stream, "size\n").await;
            host.sleep(secs(10)).await;
            enter(&mut stream, "size\n").await;
            host.sleep(secs(10)).await;
            let both = Input { data: "size\n".to_owned(), height: 0, width: 33 };
            both.write(&mut stream).await.expect("the agent takes it");
            host.sleep(secs(10)).await;
            enter(&mut stream, "exit\n").await;
            noted.add(rest(&mut stream).await);
        });
        machine.person(|host, mut stream| async move {
            host.sleep(secs(5)).await;
            let init = Init { id: session(1), height: 50, width: 132, command: String::new() };
            init.write(&mut stream).await.expect("the agent takes it");
            rest(&mut stream).await;
        });
        machine.world.run_for(secs(60));
        let sizes: Vec<_> = notes.all()[0].lines().filter(|line| line.contains('x')).map(str::to_owned).collect();
        assert_eq!(sizes, ["24x80", "50x132", "50x33", "$ exit"]);
    });
}

#[test]
fn what_each_sees_is_a_contiguous_tail_on_every_seed() {
    // People who come, stay for a while and come back, over a network that cuts everything into pieces.
    let whole: String = (0..200).map(|line| format!("line {line}\r\n")).collect();
    for seed in 0..20 {
        with_shell(seed, |machine| {
            let notes = Notes::default();
            for number in 0..6 {
                let noted = notes.clone();
                machine.person(move |host, mut stream| async move {
                    let mut random = host.random("stays");
                    let arrives = if number == 0 { 0 } else { random.between(0, 15_000) };
                    host.sleep(std::time::Duration::from_millis(arrives)).await;
                    join(&mut stream, session(1), "count 200").await;
                    let mut seen = Vec::new();
                    let stay = std::time::Duration::from_millis(random.between(1_000, 30_000));
                    let _ = host.timeout(stay, stream.read_to_end(&mut seen)).await;
                    noted.add(String::from_utf8(seen).expect("these shells print text"));
                });
            }
            machine.world.run_for(secs(100));
            assert_eq!(notes.all().len(), 6);
            for seen in notes.all() {
                // Less than is replayed: everybody begins at the beginning.
                assert!(whole.starts_with(&seen) && !seen.is_empty(), "seed {seed}: {seen:?}");
            }
            assert_eq!(machine.ends(), ["ended"]);
        });
    }
}
