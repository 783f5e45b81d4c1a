//! Processes, by the programs that the suite's table names.

use std::{io, time::Duration};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Case, Machines, answer, assert_pattern, case, pattern_bytes};
use crate::{
    Command, Host, Process,
    process::{Exit, Output, Signal},
};

pub(super) const CASES: &[Case] = &[
    case!(a_process_prints_and_ends, "A process's output can be read to its end, and then its exit status."),
    case!(a_failing_process_tells_its_status, "A process that fails tells its own exit status."),
    case!(a_program_that_is_missing_is_not_found, "Starting a program that does not exist fails with NotFound."),
    case!(a_process_reads_its_input, "A process reads what is written to its input, and sees its end."),
    case!(a_process_answers_while_it_runs, "Input and output flow while a process runs."),
    case!(much_goes_through_a_process, "Input and output are bounded pipes through which any amount passes."),
    case!(a_process_ends_by_terminate, "A process without a handler ends by SIGTERM, and says so."),
    case!(a_process_ends_by_kill, "A process ends by SIGKILL, and says so."),
    case!(waiting_again_tells_the_same, "Waiting for a process that has ended tells its exit again."),
    case!(giving_up_on_wait_loses_nothing, "A process that was not waited for to the end can be waited for again."),
    case!(signalling_an_ended_process_fails, "A signal to a process that has ended fails with NotFound."),
    case!(dropping_a_process_kills_it, "A process that was dropped is gone, and its output ends."),
    case!(processes_run_side_by_side, "Several processes run at once, each with pipes of its own."),
];

async fn start(host: &Host, program: &str, arguments: &[&str]) -> Process {
    let command = arguments.iter().fold(Command::new(program), |command, argument| command.argument(*argument));
    match host.start(command).await {
        Ok(process) => process,
        Err(error) => panic!("the suite's program {program} can't be started: {error}"),
    }
}

async fn read_all(output: Option<Output>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut output = output.expect("a process is started with all its pipes");
    output.read_to_end(&mut bytes).await.expect("a process's output ends cleanly");
    bytes
}

async fn wait(process: &mut Process) -> Exit {
    process.wait().await.expect("a process can be waited for")
}

async fn a_process_prints_and_ends(machines: Machines) {
    let mut process = start(&machines.a, "echo", &["hello", "there"]).await;
    assert_eq!(read_all(process.output.take()).await, b"hello there\n");
    assert_eq!(read_all(process.error.take()).await, b"");
    let exit = wait(&mut process).await;
    assert_eq!(exit, Exit::Code(0));
    assert!(exit.success());
}

async fn a_failing_process_tells_its_status(machines: Machines) {
    let mut process = start(&machines.a, "false", &[]).await;
    let exit = wait(&mut process).await;
    assert_eq!(exit, Exit::Code(1));
    assert!(!exit.success());
}

async fn a_program_that_is_missing_is_not_found(machines: Machines) {
    let program = "no-such-program-anywhere";
    let error = machines.a.start(Command::new(program)).await.expect_err("the program does not exist");
    assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}");
    assert!(error.to_string().contains(program), "the error does not name the program: {error}");
}

async fn a_process_reads_its_input(machines: Machines) {
    let mut process = start(&machines.a, "cat", &[]).await;
    let mut input = process.input.take().expect("a process is started with all its pipes");
    input.write_all(b"first line\nsecond").await.expect("a process that reads takes input");
    input.flush().await.expect("input can be flushed");
    drop(input);
    assert_eq!(read_all(process.output.take()).await, b"first line\nsecond");
    assert_eq!(wait(&mut process).await, Exit::Code(0));

    let mut process = start(&machines.a, "cat", &[]).await;
    drop(process.input.take());
    assert_eq!(read_all(process.output.take()).await, b"");
    assert_eq!(wait(&mut process).await, Exit::Code(0));
}

async fn a_process_answers_while_it_runs(machines: Machines) {
    let mut process = start(&machines.a, "cat", &[]).await;
    let mut input = process.input.take().expect("a process is started with all its pipes");
    let mut output = process.output.take().expect("a process is started with all its pipes");
    for word in [b"ping", b"pong"] {
        input.write_all(word).await.expect("a process that reads takes input");
        input.flush().await.expect("input can be flushed");
        let mut copy = [0; 4];
        output.read_exact(&mut copy).await.expect("the copy comes while the input is open");
        assert_eq!(&copy, word);
    }
}

async fn much_goes_through_a_process(machines: Machines) {
    const LENGTH: usize = 300_000;
    let mut process = start(&machines.a, "cat", &[]).await;
    let mut input = process.input.take().expect("a process is started with all its pipes");
    let writer = answer(&machines.a, "write", async move { input.write_all(&pattern_bytes(LENGTH)).await });
    assert_pattern(&read_all(process.output.take()).await, LENGTH);
    writer.get().await.expect("a process that reads takes input");
    assert_eq!(wait(&mut process).await, Exit::Code(0));
}

async fn end_by(host: &Host, signal: Signal) {
    let mut process = start(host, "sleep", &["600"]).await;
    process.signal(signal).expect("a running process takes a signal");
    assert_eq!(wait(&mut process).await, Exit::Signal(signal));
    assert_eq!(read_all(process.output.take()).await, b"");
}

async fn a_process_ends_by_terminate(machines: Machines) {
    end_by(&machines.a, Signal::Terminate).await;
}

async fn a_process_ends_by_kill(machines: Machines) {
    end_by(&machines.a, Signal::Kill).await;
}

async fn waiting_again_tells_the_same(machines: Machines) {
    let mut process = start(&machines.a, "false", &[]).await;
    for _ in 0..3 {
        assert_eq!(wait(&mut process).await, Exit::Code(1));
    }
}

async fn giving_up_on_wait_loses_nothing(machines: Machines) {
    let mut process = start(&machines.a, "cat", &[]).await;
    for _ in 0..3 {
        let waited = machines.a.timeout(Duration::from_millis(2), process.wait()).await;
        assert!(waited.is_err(), "a process that waits for input ended: {waited:?}");
    }
    drop(process.input.take());
    assert_eq!(wait(&mut process).await, Exit::Code(0));
}

async fn signalling_an_ended_process_fails(machines: Machines) {
    let mut process = start(&machines.a, "echo", &[]).await;
    wait(&mut process).await;
    let error = process.signal(Signal::Terminate).expect_err("the process has ended");
    assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}");
}

async fn dropping_a_process_kills_it(machines: Machines) {
    let mut process = start(&machines.a, "cat", &[]).await;
    // Its input stays open, so that nothing but a kill ends it.
    let input = process.input.take();
    let output = process.output.take();
    drop(process);
    assert_eq!(read_all(output).await, b"");
    drop(input);
}

async fn processes_run_side_by_side(machines: Machines) {
    let mut processes = Vec::new();
    for _ in 0..5 {
        processes.push(start(&machines.a, "cat", &[]).await);
    }
    // Last first, so that each must run while those before it wait.
    for (number, mut process) in processes.into_iter().enumerate().rev() {
        let text = format!("process {number}");
        let mut input = process.input.take().expect("a process is started with all its pipes");
        input.write_all(text.as_bytes()).await.expect("a process that reads takes input");
        drop(input);
        assert_eq!(read_all(process.output.take()).await, text.as_bytes());
        assert_eq!(wait(&mut process).await, Exit::Code(0));
    }
}
