//! Terminal sessions in a simulated world: a machine with a shell, and people who come and go.

mod live;
mod sessions;
mod viewers;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use groundhog_agent::terminal::{TerminalConfig, Terminals};
use groundhog_host::{Address, Command, Host, Stream, process::Signal};
use groundhog_sim::{Config, PipeWriter, Running, World, simulate};
use groundhog_wire::terminal::{Init, Input};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use uuid::Uuid;

/// Where the machine of these tests lets people in.
const PORT: u16 = 4_100;

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn session(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// What tasks note, with the second in which they did.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    pub(crate) fn add(&self, note: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(note.into());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One line of the test's shell. None ends it.
async fn run(line: &str, process: &Host, terminal: &groundhog_sim::TerminalEnd, output: &mut PipeWriter) -> Option<()> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let number: u64 = rest.parse().unwrap_or(0);
    match word {
        "exit" => return None,
        "sleep" => process.sleep(secs(number)).await,
        "size" => {
            let size = terminal.size();
            output.write_all(format!("{}x{}\n", size.rows, size.columns).as_bytes()).await.ok()?;
        }
        // So many kibibytes, in numbered lines of 64 bytes.
        "flood" => {
            for line in 0..number * 16 {
                output.write_all(format!("{line:063}\n").as_bytes()).await.ok()?;
            }
        }
        // A line every tenth of a second.
        "count" => {
            for line in 0..number {
                output.write_all(format!("line {line}\n").as_bytes()).await.ok()?;
                process.sleep(Duration::from_millis(100)).await;
            }
        }
        _ => output.write_all(format!("you said {line}\n").as_bytes()).await.ok()?,
    }
    Some(())
}

/// The test's shell: runs the lines of its command, or what is typed.
async fn shell(process: Running) -> i32 {
    let (Some(terminal), mut output) = (process.terminal, process.output) else { return 2 };
    match process.command.arguments.as_slice() {
        [flag, text] if flag == "-c" => {
            for line in text.split("; ") {
                if run(line, &process.host, &terminal, &mut output).await.is_none() {
                    break;
                }
            }
        }
        [flag] if flag == "-l" => {
            let mut lines = BufReader::new(process.input).lines();
            let mut prompt = output.clone();
            while prompt.write_all(b"$ ").await.is_ok()
                && let Ok(Some(line)) = lines.next_line().await
                && run(&line, &process.host, &terminal, &mut output).await.is_some()
            {}
        }
        other => panic!("the shell is called with {other:?}"),
    }
    0
}

/// A shell that does not mind being hung up.
async fn stubborn(mut process: Running) -> i32 {
    process.signals.handle();
    while process.signals.receive().await != Signal::Kill {
        let _ = process.output.write_all(b"not yet\n").await;
    }
    0
}

/// A world with the machine `agent`, which serves terminals with the `program` as its shell.
struct Machine<'a> {
    world: &'a mut World,
    terminals: Terminals,
    people: usize,
}

impl Machine<'_> {
    /// Somebody on a machine of their own does `what` to a stream that leads to the terminals.
    fn person<F>(&mut self, what: impl FnOnce(Host, Stream) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.people += 1;
        let name = format!("person-{}", self.people);
        self.world.host(&name, |_| std::future::pending());
        let host = self.world.handle(&name).expect("it was just added");
        host.clone()
            .spawn("person", async move {
                let stream = host.connect(&Address::new("agent", PORT)).await.expect("the agent listens");
                what(host, stream).await;
            })
            .detach();
    }

    fn events(&self, name: &str) -> usize {
        self.world.records().iter().filter(|record| record.event == name).count()
    }

    /// Why sessions ended, in order.
    fn ends(&self) -> Vec<String> {
        let closed = self.world.records().into_iter().filter(|record| record.event == "agent.terminal_closed");
        closed.filter_map(|record| record.field("why").map(str::to_owned)).collect()
    }
}

fn with_terminals<T: Send>(
    seed: u64,
    config: TerminalConfig,
    program: impl groundhog_sim::Program,
    story: impl FnOnce(&mut Machine<'_>) -> T + Send,
) -> T {
    simulate(Config::new(seed), |world| {
        world.host("agent", |_| std::future::pending());
        world.program("agent", "sh", program).expect("it was just added");
        let host = world.handle("agent").expect("it was just added");
        let terminals = Terminals::new(host.clone(), config);
        let serving = terminals.clone();
        host.clone()
            .spawn("listen", async move {
                let mut listener = host.listen(PORT).await.expect("the port is free");
                while let Ok(stream) = listener.accept().await {
                    let terminals = serving.clone();
                    host.spawn("viewer", async move { terminals.serve(stream, Command::new("sh")).await }).detach();
                }
            })
            .detach();
        let mut machine = Machine { world, terminals, people: 0 };
        let result = story(&mut machine);
        assert_eq!(machine.world.violations(), []);
        result
    })
}

/// With the shell that people type into.
fn with_shell<T: Send>(seed: u64, story: impl FnOnce(&mut Machine<'_>) -> T + Send) -> T {
    with_terminals(seed, TerminalConfig::default(), shell, story)
}

async fn join(stream: &mut Stream, id: Uuid, command: &str) {
    let init = Init { id, height: 0, width: 0, command: command.to_owned() };
    init.write(stream).await.expect("the agent takes it");
}

async fn enter(stream: &mut Stream, text: &str) {
    Input { data: text.to_owned(), ..Input::default() }.write(stream).await.expect("the agent takes it");
}

/// Reads until `text` has come, and returns everything.
async fn until(stream: &mut Stream, text: &str) -> String {
    let mut seen = Vec::new();
    while !seen.ends_with(text.as_bytes()) {
        match stream.read_u8().await {
            Ok(byte) => seen.push(byte),
            Err(error) => panic!("{error} before {text:?}, after {:?}", String::from_utf8_lossy(&seen)),
        }
    }
    String::from_utf8(seen).expect("these shells print text")
}

/// Reads to the end.
async fn rest(stream: &mut Stream) -> String {
    let mut seen = Vec::new();
    stream.read_to_end(&mut seen).await.expect("a session's stream ends cleanly");
    String::from_utf8(seen).expect("these shells print text")
}
