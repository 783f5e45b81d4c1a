//! The shell of the tests' machines: commands with ";" between them.

use std::time::Duration;

use groundhog_sim::Running;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Runs `sh -c TEXT`; without a text, what is typed.
pub(crate) async fn sh(mut process: Running) -> i32 {
    match process.command.arguments.as_slice() {
        [flag, text] if flag == "-c" => {
            let text = text.clone();
            for command in text.split(';') {
                if let Some(code) = run(command.trim(), &mut process).await {
                    return code;
                }
            }
            0
        }
        _ => {
            let mut typed = Vec::new();
            let mut byte = [0];
            while process.input.read_exact(&mut byte).await.is_ok() {
                if byte[0] != b'\n' {
                    typed.push(byte[0]);
                    continue;
                }
                let line = String::from_utf8_lossy(&std::mem::take(&mut typed)).into_owned();
                if let Some(code) = run(line.trim(), &mut process).await {
                    return code;
                }
            }
            0
        }
    }
}

/// Runs one command. Its exit status, if it is the last.
async fn run(command: &str, process: &mut Running) -> Option<i32> {
    let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
    let number = || rest.parse::<u64>().expect("the command has a number");
    match name {
        "echo" => say(process, format!("{rest}\n").as_bytes()).await,
        "complain" => process.error.write_all(format!("{rest}\n").as_bytes()).await.unwrap_or_default(),
        "variable" => {
            let value = process.command.environment.get(rest).cloned().unwrap_or_else(|| "unset".to_owned());
            say(process, format!("{rest}={value}\n").as_bytes()).await;
        }
        "where" => say(process, format!("{:?}\n", process.command.directory).as_bytes()).await,
        "lines" => {
            for line in 1..=number() {
                say(process, format!("line {line}\n").as_bytes()).await;
            }
        }
        "fill" => say(process, "x".repeat(number() as usize).as_bytes()).await,
        "garbage" => say(process, b"a\xff\xfe\0b\n").await,
        "sleep" => process.host.sleep(Duration::from_secs(number())).await,
        "deaf" => process.signals.handle(),
        "leave" => {
            let (host, output, seconds) = (process.host.clone(), process.output.clone(), number());
            process.group.start(async move {
                host.sleep(Duration::from_secs(seconds)).await;
                drop(output);
            });
        }
        "exit" => return Some(number() as i32),
        "" => {}
        other => {
            let _ = process.error.write_all(format!("{other}: not found\n").as_bytes()).await;
            return Some(127);
        }
    }
    None
}

async fn say(process: &mut Running, bytes: &[u8]) {
    // Nobody may listen.
    let _ = process.output.write_all(bytes).await;
}
