//! The suite that every engine passes, on this one: every case, on several seeds.

use groundhog_host::conformance::{Case, Machines, cases};
use groundhog_sim::{Config, Running, TerminalEnd, World, simulate};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Notes, seconds};

/// The programs that the suite asks for, as their namesakes behave.
fn install_programs(world: &mut World, host: &str) {
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
        process.host.sleep(std::time::Duration::from_secs_f64(seconds)).await;
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
        world.program(host, "sh", sh),
        world.program(host, "echo", echo),
        world.program(host, "cat", cat),
        world.program(host, "sleep", sleep),
        world.program(host, "false", |_: Running| async { 1 }),
    ];
    assert!(installed.iter().all(Result::is_ok));
}

fn run(case: &Case, seed: u64) -> Vec<String> {
    simulate(Config::new(seed), |world| {
        for name in ["a", "b"] {
            world.host(name, |_| std::future::pending());
            install_programs(world, name);
        }
        let done = Notes::default();
        let machines =
            Machines { a: world.handle("a").expect("just added"), b: world.handle("b").expect("just added") };
        let (future, note) = ((case.run)(machines.clone()), done.clone());
        machines
            .a
            .spawn("case", async move {
                future.await;
                note.add("done");
            })
            .detach();
        world.run_for(seconds(60));
        let mut problems: Vec<_> = world.violations().into_iter().map(|violation| violation.message).collect();
        if done.all().is_empty() && problems.is_empty() {
            problems.push("did not end".to_owned());
        }
        problems
    })
}

#[test]
fn every_case_holds_on_every_seed() {
    let failures: Vec<String> = cases()
        .iter()
        .flat_map(|case| (0..8).map(move |seed| (case, seed)))
        .flat_map(|(case, seed)| {
            run(case, seed).into_iter().map(move |problem| format!("{} (seed {seed}): {problem}", case.name))
        })
        .collect();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
