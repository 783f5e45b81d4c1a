//! The suite that every engine passes, on this one.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use groundhog_engines::turmoil::{Options, simulate_with};
use groundhog_host::conformance::{Case, Machines, cases};
use groundhog_sim::{Config, Engine, Running, TerminalEnd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The programs that the suite asks for, as their namesakes behave.
fn install_programs(engine: &mut dyn Engine, host: &str) {
    let echo = |mut process: Running| async move {
        let line = process.command.arguments.join(" ") + "\n";
        let _ = process.output.write_all(line.as_bytes()).await;
        0
    };
    let cat = |mut process: Running| async move {
        let mut bytes = [0; 1024];
        while let Ok(count @ 1..) = process.input.read(&mut bytes).await {
            if process.output.write_all(&bytes[..count]).await.is_err() {
                return 1;
            }
        }
        0
    };
    let sleep = |process: Running| async move {
        let seconds: f64 = process.command.arguments.first().and_then(|text| text.parse().ok()).unwrap_or(0.0);
        process.host.sleep(Duration::from_secs_f64(seconds)).await;
        0
    };
    // Just what the suite asks for, as the suite writes it.
    let sh = |mut process: Running| async move {
        let arguments: Vec<_> = process.command.arguments.iter().map(String::as_str).collect();
        assert_eq!(arguments, ["-c", "stty size; read line; stty size"]);
        for is_last in [false, true] {
            let Some(size) = process.terminal.as_ref().map(TerminalEnd::size) else { return 1 };
            let text = format!("{} {}\n", size.rows, size.columns);
            let _ = process.output.write_all(text.as_bytes()).await;
            while !is_last && process.input.read_u8().await.is_ok_and(|byte| byte != b'\n') {}
        }
        0
    };
    let installed = [
        engine.program(host, "sh", sh),
        engine.program(host, "echo", echo),
        engine.program(host, "cat", cat),
        engine.program(host, "sleep", sleep),
        engine.program(host, "false", |_: Running| async { 1 }),
    ];
    assert!(installed.iter().all(Result::is_ok));
}

fn run(case: &Case, options: Options) -> Vec<String> {
    simulate_with(Config::new(1), options, |engine| {
        for name in ["a", "b"] {
            engine.host(name, |_| std::future::pending());
            install_programs(engine, name);
        }
        let done = Arc::new(Mutex::new(false));
        let machines =
            Machines { a: engine.handle("a").expect("just added"), b: engine.handle("b").expect("just added") };
        let (future, note) = ((case.run)(machines.clone()), done.clone());
        let work = async move {
            future.await;
            *note.lock().expect("nobody panics with it") = true;
        };
        machines.a.spawn("case", work).detach();
        for second in 1..=60 {
            engine.run_until(Duration::from_secs(second));
            if engine.journal().failed() || *done.lock().expect("nobody panics with it") {
                break;
            }
        }
        let mut problems: Vec<_> =
            engine.journal().violations().into_iter().map(|violation| violation.message).collect();
        if !*done.lock().expect("nobody panics with it") && problems.is_empty() {
            problems.push("did not end".to_owned());
        }
        problems
    })
}

/// What turmoil does not do, and why.
const LEFT_OUT: &[(&str, &str)] = &[];

#[test]
fn every_case_holds() {
    let millisecond = Options { tick: Duration::from_millis(1) };
    let mut failures = Vec::new();
    for case in cases() {
        if LEFT_OUT.iter().any(|(name, _)| *name == case.name) {
            continue;
        }
        for options in [Options::default(), millisecond] {
            let problems = run(&case, options).into_iter();
            failures.extend(problems.map(|problem| format!("{} ({:?}): {problem}", case.name, options.tick)));
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
