//! Processes with a terminal, by the programs that the suite's table names.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Case, Machines, case};
use crate::{
    Command, Host,
    process::{Exit, Output, Signal},
    terminal::{Terminal, TerminalSize},
};

pub(super) const CASES: &[Case] = &[
    case!(a_terminal_shows_what_a_process_prints, "A terminal's output can be read to its end, with its line ends."),
    case!(a_terminal_tells_the_exit, "A process with a terminal tells its own exit status, again and again."),
    case!(a_terminal_echoes, "What is typed into a terminal comes back, and reaches the process line by line."),
    case!(a_terminal_has_a_size, "A process sees its terminal's size, and that it was changed."),
    case!(control_d_ends_the_input, "Byte 4 at the beginning of a line ends the process's input."),
    case!(control_c_interrupts, "Byte 3 interrupts the process."),
    case!(dropping_the_keys_ends_nothing, "A terminal into which nothing can be typed any more shows what comes."),
    case!(a_terminal_takes_signals, "A process with a terminal ends by a signal, its output ends, and it says so."),
    case!(dropping_a_terminal_kills, "A process whose terminal was dropped is gone, and its output ends."),
    case!(a_terminal_for_a_missing_program, "A program that does not exist gets no terminal but NotFound."),
    case!(much_comes_out_of_a_terminal, "No end of a long output is lost when its process ends."),
];

const SIZE: TerminalSize = TerminalSize { rows: 20, columns: 70 };

async fn start(host: &Host, program: &str, arguments: &[&str]) -> Terminal {
    let command = arguments.iter().fold(Command::new(program), |command, argument| command.argument(*argument));
    match host.start_terminal(command, SIZE).await {
        Ok(terminal) => terminal,
        Err(error) => panic!("the suite's program {program} can't be started with a terminal: {error}"),
    }
}

async fn read_all(terminal: &mut Terminal) -> String {
    let output = terminal.output.take().expect("a terminal comes with both its ends");
    read_to_end(output).await
}

async fn read_to_end(mut output: Output) -> String {
    let mut bytes = Vec::new();
    output.read_to_end(&mut bytes).await.expect("a terminal's output ends cleanly");
    String::from_utf8(bytes).expect("the suite's programs print text")
}

/// Panics unless the next that the terminal shows is `text`.
async fn expect(terminal: &mut Terminal, text: &str) {
    let mut bytes = vec![0; text.len()];
    let output = terminal.output.as_mut().expect("a terminal comes with both its ends");
    output.read_exact(&mut bytes).await.expect("a terminal shows more while its process runs");
    assert_eq!(String::from_utf8_lossy(&bytes), text);
}

async fn enter(terminal: &mut Terminal, text: &str) {
    let input = terminal.input.as_mut().expect("a terminal comes with both its ends");
    input.write_all(text.as_bytes()).await.expect("a terminal takes what is typed");
    input.flush().await.expect("what was typed can be flushed");
}

async fn wait(terminal: &mut Terminal) -> Exit {
    terminal.wait().await.expect("a process can be waited for")
}

async fn a_terminal_shows_what_a_process_prints(machines: Machines) {
    let mut terminal = start(&machines.a, "echo", &["hello", "there"]).await;
    assert_eq!(read_all(&mut terminal).await, "hello there\r\n");
    assert_eq!(wait(&mut terminal).await, Exit::Code(0));
}

async fn a_terminal_tells_the_exit(machines: Machines) {
    let mut terminal = start(&machines.a, "false", &[]).await;
    for _ in 0..3 {
        assert_eq!(wait(&mut terminal).await, Exit::Code(1));
    }
    let error = terminal.signal(Signal::Terminate).expect_err("the process has ended");
    assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}");
    assert_eq!(read_all(&mut terminal).await, "");
}

async fn a_terminal_echoes(machines: Machines) {
    let mut terminal = start(&machines.a, "cat", &[]).await;
    enter(&mut terminal, "half").await;
    expect(&mut terminal, "half").await;
    enter(&mut terminal, " a line\n").await;
    expect(&mut terminal, " a line\r\nhalf a line\r\n").await;
    // The key at a line's end sends a carriage return.
    enter(&mut terminal, "again\r").await;
    expect(&mut terminal, "again\r\nagain\r\n").await;
}

async fn a_terminal_has_a_size(machines: Machines) {
    let mut terminal = start(&machines.a, "sh", &["-c", "stty size; read line; stty size"]).await;
    expect(&mut terminal, "20 70\r\n").await;
    terminal.resize(TerminalSize { rows: 33, columns: 101 }).expect("a running process's terminal can be resized");
    enter(&mut terminal, "\n").await;
    assert_eq!(read_all(&mut terminal).await, "\r\n33 101\r\n");
    assert_eq!(wait(&mut terminal).await, Exit::Code(0));
}

async fn control_d_ends_the_input(machines: Machines) {
    let mut terminal = start(&machines.a, "cat", &[]).await;
    enter(&mut terminal, "last\n").await;
    expect(&mut terminal, "last\r\nlast\r\n").await;
    enter(&mut terminal, "\x04").await;
    assert_eq!(wait(&mut terminal).await, Exit::Code(0));
}

async fn control_c_interrupts(machines: Machines) {
    // With a word from the process first, so that it is there to be interrupted.
    let mut terminal = start(&machines.a, "cat", &[]).await;
    enter(&mut terminal, "ready\n").await;
    expect(&mut terminal, "ready\r\nready\r\n").await;
    enter(&mut terminal, "\x03").await;
    assert_eq!(wait(&mut terminal).await, Exit::Signal(Signal::Interrupt));
}

async fn dropping_the_keys_ends_nothing(machines: Machines) {
    let mut terminal = start(&machines.a, "sleep", &["0.05"]).await;
    drop(terminal.input.take());
    assert_eq!(read_all(&mut terminal).await, "");
    assert_eq!(wait(&mut terminal).await, Exit::Code(0));
}

async fn a_terminal_takes_signals(machines: Machines) {
    for signal in [Signal::Hangup, Signal::Terminate, Signal::Kill] {
        let mut terminal = start(&machines.a, "sleep", &["600"]).await;
        terminal.signal(signal).expect("a running process takes a signal");
        assert_eq!(wait(&mut terminal).await, Exit::Signal(signal));
        assert_eq!(read_all(&mut terminal).await, "");
    }
}

async fn dropping_a_terminal_kills(machines: Machines) {
    let mut terminal = start(&machines.a, "cat", &[]).await;
    let (input, output) = (terminal.input.take(), terminal.output.take());
    drop(terminal);
    assert_eq!(read_to_end(output.expect("a terminal comes with both its ends")).await, "");
    drop(input);
}

async fn a_terminal_for_a_missing_program(machines: Machines) {
    let program = "no-such-program-anywhere";
    let started = machines.a.start_terminal(Command::new(program), SIZE).await;
    let error = started.expect_err("the program does not exist");
    assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}");
    assert!(error.to_string().contains(program), "the error does not name the program: {error}");
}

async fn much_comes_out_of_a_terminal(machines: Machines) {
    let word = |number: usize| format!("{number} ").repeat(10_000);
    let words: Vec<_> = (11..18).map(word).collect();
    let arguments: Vec<_> = words.iter().map(String::as_str).collect();
    let mut terminal = start(&machines.a, "echo", &arguments).await;
    let shown = read_all(&mut terminal).await;
    assert_eq!(shown.len(), words.iter().map(String::len).sum::<usize>() + words.len() + 1);
    assert!(shown == words.join(" ") + "\r\n", "the output came through changed");
    assert_eq!(wait(&mut terminal).await, Exit::Code(0));
}
