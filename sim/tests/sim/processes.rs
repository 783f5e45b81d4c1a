//! What simulated processes can do beyond the suite of every engine: children in the background, terminals.

use groundhog_host::{
    Command, Host, TerminalSize,
    process::{Exit, Signal},
};
use groundhog_sim::{Config, Running, World, simulate};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Notes, seconds};

/// Runs `story` on a host that has the program `it`, and returns what it noted.
fn story<F>(program: impl groundhog_sim::Program, story: impl FnOnce(Host, Notes) -> F + Send) -> Vec<String>
where
    F: Future<Output = ()> + Send + 'static,
{
    played(program, story, |world| world.run_for(seconds(600)))
}

fn played<F>(
    program: impl groundhog_sim::Program,
    story: impl FnOnce(Host, Notes) -> F + Send,
    play: impl FnOnce(&mut World) + Send,
) -> Vec<String>
where
    F: Future<Output = ()> + Send + 'static,
{
    simulate(Config::new(1), |world| {
        let notes = Notes::default();
        world.host("a", |_| std::future::pending());
        world.program("a", "it", program).expect("it exists");
        let host = world.handle("a").expect("it exists");
        host.spawn("story", story(host.clone(), notes.clone())).detach();
        play(world);
        assert_eq!(world.violations(), []);
        notes.all()
    })
}

/// Prints a word, starts a child that prints one every ten seconds for a minute, and exits.
async fn leaves_a_child(process: Running) -> i32 {
    let (host, mut output) = (process.host.clone(), process.output.clone());
    process.group.start(async move {
        for _ in 0..6 {
            host.sleep(seconds(10)).await;
            let _ = output.write_all(b"child ").await;
        }
    });
    let mut output = process.output;
    let _ = output.write_all(b"leader ").await;
    process.host.sleep(seconds(1)).await;
    3
}

#[test]
fn an_output_stays_open_after_the_exit_for_as_long_as_a_child_has_it() {
    let notes = story(leaves_a_child, |host, notes| async move {
        let mut process = host.start(Command::new("it")).await.expect("it exists");
        let exit = process.wait().await.expect("it ends");
        notes.add(format!("{exit:?} at {}", host.now().as_micros() / 1_000_000));
        let mut output = process.output.take().expect("nobody took it yet");
        // A process that has ended is not killed by being dropped, nor is what it left behind.
        drop(process);
        let mut text = String::new();
        output.read_to_string(&mut text).await.expect("the output ends cleanly");
        notes.add(format!("{text:?} until {}", host.now().as_micros() / 1_000_000));
    });
    let text = "leader child child child child child child ";
    assert_eq!(notes, ["Code(3) at 1".to_owned(), format!("{text:?} until 60")]);
}

#[test]
fn a_signal_reaches_the_children_and_so_does_dropping_a_process_that_runs() {
    async fn waits_with_a_child(mut process: Running) -> i32 {
        process.signals.handle();
        let host = process.host.clone();
        process.group.start(async move { host.sleep(seconds(500)).await });
        let (host, output) = (process.host.clone(), process.output.clone());
        process.group.start(async move {
            let _held = output;
            host.sleep(seconds(500)).await;
        });
        drop(process.output);
        process.signals.receive().await;
        process.host.sleep(seconds(5)).await;
        0
    }
    let notes = story(waits_with_a_child, |host, notes| async move {
        for how in ["terminate", "drop"] {
            let mut process = host.start(Command::new("it")).await.expect("it exists");
            host.sleep(seconds(10)).await;
            let began = host.now();
            let mut output = process.output.take().expect("nobody took it yet");
            match how {
                "terminate" => process.signal(Signal::Terminate).expect("it runs"),
                _ => drop(process),
            }
            output.read_to_end(&mut Vec::new()).await.expect("the output ends cleanly");
            notes.add(format!("{how} {}", (host.now() - began).as_secs()));
        }
    });
    assert_eq!(notes, ["terminate 0", "drop 0"], "the child had the output, and no longer has it");
}

#[test]
fn children_die_with_their_host() {
    let notes = Notes::default();
    let noted = notes.clone();
    let program = move |process: Running| {
        let notes = noted.clone();
        async move {
            let host = process.host.clone();
            process.group.start(async move {
                host.sleep(seconds(20)).await;
                notes.add("the child lived on");
            });
            0
        }
    };
    let kill = groundhog_sim::Fault::Kill { host: "a".into() };
    let start = |host: Host, _| async move {
        let mut process = host.start(Command::new("it")).await.expect("it exists");
        process.wait().await.expect("it ends");
    };
    played(program, start, |world| {
        world.run_for(seconds(10));
        world.begin(&kill).expect("it exists");
        world.run_for(seconds(60));
    });
    assert_eq!(notes.all(), [""; 0]);
}

#[test]
fn all_who_write_to_a_full_pipe_go_on() {
    async fn three_writers(process: Running) -> i32 {
        for letter in [b'a', b'b', b'c'] {
            let mut output = process.output.clone();
            process.group.start(async move { drop(output.write_all(&[letter; 100_000]).await) });
        }
        0
    }
    let notes = story(three_writers, |host, notes| async move {
        let mut process = host.start(Command::new("it")).await.expect("it exists");
        host.sleep(seconds(10)).await;
        let mut bytes = Vec::new();
        let mut output = process.output.take().expect("nobody took it yet");
        output.read_to_end(&mut bytes).await.expect("the output ends cleanly");
        let count = |letter| bytes.iter().filter(|byte| **byte == letter).count();
        notes.add(format!("{:?}", [b'a', b'b', b'c'].map(count)));
    });
    assert_eq!(notes, ["[100000, 100000, 100000]"]);
}

#[test]
fn a_program_is_told_of_its_terminals_size_as_it_changes() {
    async fn shows_sizes(process: Running) -> i32 {
        let (mut terminal, mut output) = (process.terminal.expect("it is started with one"), process.output);
        loop {
            let size = terminal.resized().await;
            let _ = output.write_all(format!("{}x{}\n", size.rows, size.columns).as_bytes()).await;
        }
    }
    let notes = story(shows_sizes, |host, notes| async move {
        let mut terminal = host.start_terminal(Command::new("it"), TerminalSize::default()).await.expect("it exists");
        // The second is none; the third and the fourth come at once.
        for (at, rows) in [(1, 30), (2, 30), (3, 31), (3, 32)] {
            host.sleep_until(groundhog_host::Instant::from_micros(at * 1_000_000)).await;
            terminal.resize(TerminalSize { rows, columns: 80 }).expect("it runs");
        }
        host.sleep(seconds(1)).await;
        terminal.signal(Signal::Hangup).expect("it runs");
        let mut text = String::new();
        terminal.output.take().expect("nobody took it").read_to_string(&mut text).await.expect("it ends cleanly");
        notes.add(text);
    });
    assert_eq!(notes, ["30x80\r\n32x80\r\n"]);
}

#[test]
fn a_terminals_session_ends_with_its_leader_whatever_children_hold() {
    let notes = story(leaves_a_child, |host, notes| async move {
        let mut terminal = host.start_terminal(Command::new("it"), TerminalSize::default()).await.expect("it exists");
        let mut text = String::new();
        terminal.output.take().expect("nobody took it").read_to_string(&mut text).await.expect("it ends cleanly");
        let exit = terminal.wait().await.expect("it ends");
        notes.add(format!("{text}{exit:?} {}", host.now().as_micros() / 1_000_000));
    });
    assert_eq!(notes, [format!("leader {:?} 1", Exit::Code(3))]);
}

#[test]
fn a_program_that_takes_signals_over_is_interrupted_by_the_key() {
    async fn shell(mut process: Running) -> i32 {
        process.signals.handle();
        for _ in 0..2 {
            let signal = process.signals.receive().await;
            let _ = process.error.write_all(format!("{signal:?}\n").as_bytes()).await;
        }
        7
    }
    let notes = story(shell, |host, notes| async move {
        let mut terminal = host.start_terminal(Command::new("it"), TerminalSize::default()).await.expect("it exists");
        host.sleep(seconds(1)).await;
        let input = terminal.input.as_mut().expect("nobody took it");
        input.write_all(b"ab\x03").await.expect("a terminal takes what is typed");
        host.sleep(seconds(1)).await;
        terminal.signal(Signal::Hangup).expect("it runs");
        let mut text = String::new();
        terminal.output.take().expect("nobody took it").read_to_string(&mut text).await.expect("it ends cleanly");
        notes.add(format!("{text:?} {:?}", terminal.wait().await.expect("it ends")));
    });
    assert_eq!(notes, [r#""ab^CInterrupt\r\nHangup\r\n" Code(7)"#]);
}
