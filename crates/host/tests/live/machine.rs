//! What only a live machine has: its making and its end, names and addresses, real process groups.

use std::{future::Future, io, net::Ipv4Addr, pin::pin, sync::Arc, time::Duration};

use groundhog_host::{
    Address, Command, Host,
    live::{LiveConfig, LiveMachine},
    process::{Exit, Signal},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::oneshot,
    time::timeout,
};

const A_MOMENT: Duration = Duration::from_millis(20);
const TOO_LONG: Duration = Duration::from_secs(5);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(TOO_LONG, future).await.expect("this takes moments, not seconds")
}

#[test]
fn a_machine_needs_a_runtime() {
    let folder = tempfile::tempdir().expect("there is room for a temporary folder");
    let error = LiveMachine::new("lonely", LiveConfig::new(folder.path())).expect_err("there is no runtime");
    assert!(error.to_string().contains("lonely"), "{error}");
}

#[tokio::test]
async fn a_machine_needs_a_folder_that_can_be_made() {
    let error = LiveMachine::new("a", LiveConfig::new("/dev/null/below")).expect_err("a device has nothing below it");
    assert!(error.to_string().contains("/dev/null/below"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_a_machine_drops_its_tasks_and_frees_their_ports() {
    let pair = super::pair();
    let host = pair.a.host();
    let owned = Arc::new(());
    let held = owned.clone();
    let (ready, is_ready) = oneshot::channel();
    let task = host.spawn("serve", {
        let host = host.clone();
        async move {
            let _held = held;
            let mut listener = host.listen(0).await.expect("a free port can be listened on");
            ready.send(listener.port()).expect("the test waits for it");
            let _ = listener.accept().await;
            std::future::pending::<()>().await;
        }
    });
    let port = soon(is_ready).await.expect("the task tells its port");
    soon(pair.a.stop()).await;
    assert_eq!(Arc::strong_count(&owned), 1, "a task's belongings outlived its machine");
    soon(task).await;
    let error = soon(pair.b.host().connect(&Address::new("a", port))).await.expect_err("the listener is gone");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused, "{error}");
}

async fn assert_pends(what: &str, future: impl Future) {
    assert!(timeout(A_MOMENT, future).await.is_err(), "{what} completed on a machine that has stopped");
}

#[tokio::test]
async fn what_a_stopped_machine_gave_out_pends() {
    let pair = super::pair();
    let host = pair.a.host();
    let mut sleep = pin!(host.sleep(Duration::from_millis(1)));
    let files = host.files("data");
    let listener = pair.b.host().listen(0).await.expect("a free port can be listened on");
    let to = Address::new("b", listener.port());
    drop(pair.a);
    assert_pends("an old sleep", sleep.as_mut()).await;
    assert_pends("a new sleep", host.sleep(Duration::ZERO)).await;
    assert_pends("a connection", host.connect(&to)).await;
    assert_pends("a listener", host.listen(0)).await;
    assert_pends("a datagram socket", host.bind_datagram(0)).await;
    assert_pends("a process", host.start(Command::new("echo"))).await;
    assert_pends("a file", files.write("note", "text")).await;
    assert!(!pair.folder.path().join("a/data").exists(), "a stopped machine wrote a file");
}

#[tokio::test]
async fn a_task_spawned_on_a_stopped_machine_never_runs() {
    let pair = super::pair();
    let host = pair.a.host();
    drop(pair.a);
    soon(host.spawn("too late", async { panic!("it ran") })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_panics_counts_as_ended() {
    let pair = super::pair();
    soon(pair.a.host().spawn("fail", async { panic!("this panic is part of the test") })).await;
}

/// A shell that starts another process, and waits for it, with the output open in both.
async fn start_two(host: &Host) -> groundhog_host::Process {
    let mut process = host
        .start(
            Command::new("/bin/sh")
                .argument("-c")
                .argument("sleep 600 & echo ready; wait")
                .variable("PATH", "/usr/bin:/bin"),
        )
        .await
        .expect("there is a shell");
    let output = process.output.as_mut().expect("a process is started with all its pipes");
    let mut line = [0; 6];
    soon(output.read_exact(&mut line)).await.expect("the shell says that both run");
    assert_eq!(&line, b"ready\n");
    process
}

#[tokio::test]
async fn a_signal_reaches_what_a_process_started() {
    let pair = super::pair();
    let mut process = start_two(&pair.a.host()).await;
    process.signal(Signal::Terminate).expect("a running process takes a signal");
    assert_eq!(soon(process.wait()).await.expect("a process can be waited for"), Exit::Signal(Signal::Terminate));
    let mut output = process.output.take().expect("nobody took it yet");
    // The output ends only when the last process that has it is gone.
    soon(output.read_to_end(&mut Vec::new())).await.expect("the output ends cleanly");
}

#[tokio::test]
async fn processes_end_with_their_machine() {
    let pair = super::pair();
    let mut process = start_two(&pair.a.host()).await;
    let mut output = process.output.take().expect("nobody took it yet");
    drop(pair.a);
    soon(output.read_to_end(&mut Vec::new())).await.expect("the output ends cleanly");
}

#[tokio::test]
async fn a_process_gets_its_own_environment_and_folder() {
    let pair = super::pair();
    let host = pair.a.host();
    host.files("work").create_folder("").await.expect("a folder can be created");
    let mut command = Command::new("/bin/sh").argument("-c").argument("echo $GREETING,$HOME,${PWD##*/}");
    command = command.variable("GREETING", "hello");
    command.directory = Some("work".into());
    let mut process = host.start(command).await.expect("there is a shell");
    let mut text = String::new();
    let mut output = process.output.take().expect("nobody took it yet");
    soon(output.read_to_string(&mut text)).await.expect("the output is text");
    assert_eq!(text, "hello,,work\n");
}

#[tokio::test]
async fn names_that_no_directory_has_are_addresses() {
    let pair = super::pair();
    let mut config = LiveConfig::new(pair.folder.path().join("stranger"));
    config.bind = Ipv4Addr::LOCALHOST.into();
    let stranger = LiveMachine::new("stranger", config).expect("a machine can be made");
    let mut listener = stranger.host().listen(0).await.expect("a free port can be listened on");
    for name in ["127.0.0.1", "localhost"] {
        let to = Address::new(name, listener.port());
        let mut opened = soon(pair.a.host().connect(&to)).await.expect("the address leads to the listener");
        assert_eq!(opened.peer(), name);
        let mut accepted = soon(listener.accept()).await.expect("a stream that was opened can be accepted");
        opened.write_all(b"!").await.expect("an open stream takes bytes");
        assert_eq!(soon(accepted.read_u8()).await.expect("an open stream gives bytes"), b'!');
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn machines_with_addresses_of_their_own_know_each_other_by_name() {
    let pair = super::pair();
    let (a, b) = (pair.a.host(), pair.b.host());
    let mut listener = a.listen(0).await.expect("a free port can be listened on");
    let opened = soon(b.connect(&Address::new("a", listener.port()))).await.expect("a listener can be connected to");
    let accepted = soon(listener.accept()).await.expect("a stream that was opened can be accepted");
    assert_eq!((opened.peer(), accepted.peer()), ("a", "b"));

    let server = a.bind_datagram(0).await.expect("a free port can be bound");
    let client = b.bind_datagram(0).await.expect("a free port can be bound");
    client.send(b"hello", &Address::new("a", server.port())).await.expect("a datagram can be sent");
    let (_, sender) = soon(server.receive()).await.expect("a bound socket receives");
    assert_eq!(sender, Address::new("b", client.port()));
}
