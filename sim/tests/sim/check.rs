//! What makes a run differ is found and named: a toy with one planted at a time.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::iter_over_hash_type,
    reason = "the toy does what components must not"
)]

use std::{
    collections::HashMap,
    fs::File,
    io::{BufReader, BufWriter, Write},
    process::Command,
    time::{Instant, SystemTime},
};

use groundhog_host::Host;
use groundhog_sim::{Bypass, BypassKind, Cause, Config, Divergence, Recording, simulate};

use super::{connect, echo, exchange, millis, seconds};

groundhog_host::events! {
    /// What the toy says.
    EVENTS;

    /// It chose a number.
    log chose = "toy.chose" {
        /// The number.
        number: String,
    }

    /// It is about to choose.
    quiet thought = "toy.thought" {
        /// How often it has thought.
        count: u64,
    }
}

/// What is wrong with the toy. Each is a function of its own, for it to be named.
#[derive(Clone, Copy, Debug)]
enum Planted {
    Nothing,
    HashOrder,
    Wall,
    Monotonic,
    Random,
    RawRandom,
    RawClock,
    Thread,
    Address,
}

#[inline(never)]
fn toy_hash_order() -> String {
    let map: HashMap<u32, ()> = (0..10).map(|number| (number, ())).collect();
    map.keys().map(u32::to_string).collect()
}

#[inline(never)]
fn toy_wall() -> String {
    format!("{:?}", SystemTime::now())
}

#[inline(never)]
fn toy_monotonic() -> String {
    format!("{:?}", Instant::now())
}

#[inline(never)]
#[allow(unsafe_code, reason = "the toy asks the C library")]
fn toy_random() -> String {
    let mut bytes = [0_u8; 8];
    // SAFETY: the buffer has the length that is given.
    let count = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    assert_eq!(count, 8);
    u64::from_le_bytes(bytes).to_string()
}

#[inline(never)]
#[allow(unsafe_code, reason = "the toy asks the kernel, which nobody can answer for")]
fn toy_raw_random() -> String {
    let mut bytes = [0_u8; 8];
    // SAFETY: the buffer has the length that is given.
    let count = unsafe { libc::syscall(libc::SYS_getrandom, bytes.as_mut_ptr(), bytes.len(), 0) };
    assert_eq!(count, 8);
    u64::from_le_bytes(bytes).to_string()
}

#[inline(never)]
#[allow(unsafe_code, reason = "the toy asks the kernel, which nobody can answer for")]
fn toy_raw_clock() -> String {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for a time.
    let status = unsafe { libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_MONOTONIC, &raw mut time) };
    assert_eq!(status, 0);
    format!("{}{:09}", time.tv_sec, time.tv_nsec)
}

#[inline(never)]
fn toy_thread() -> String {
    std::thread::spawn(|| 4).join().expect("it does not panic").to_string()
}

#[inline(never)]
fn toy_address() -> String {
    format!("{:p}", &raw const *Box::new(7))
}

impl Planted {
    const ALL: [Self; 9] = [
        Self::Nothing,
        Self::HashOrder,
        Self::Wall,
        Self::Monotonic,
        Self::Random,
        Self::RawRandom,
        Self::RawClock,
        Self::Thread,
        Self::Address,
    ];

    fn choose(self, host: &Host) -> String {
        match self {
            Self::Nothing => host.random("choice").next_u64().to_string(),
            Self::HashOrder => toy_hash_order(),
            Self::Wall => toy_wall(),
            Self::Monotonic => toy_monotonic(),
            Self::Random => toy_random(),
            Self::RawRandom => toy_raw_random(),
            Self::RawClock => toy_raw_clock(),
            Self::Thread => toy_thread(),
            Self::Address => toy_address(),
        }
    }
}

/// Runs the toy between two hosts that chat, so that there is something to be told apart.
fn play(planted: Planted) -> Recording {
    let config = Config { record: true, ..Config::new(3) };
    simulate(config, |world| {
        world.host("server", echo);
        world.host("client", |host| async move {
            let mut stream = connect(&host, "server").await.expect("the server is up");
            while exchange(&mut stream).await.is_ok() {
                host.sleep(millis(100)).await;
            }
        });
        world.host("toy", move |host| async move {
            host.sleep(seconds(1)).await;
            let player = host.clone();
            let chosen = host.spawn("player", async move {
                thought(1);
                chose(planted.choose(&player));
            });
            chosen.await;
        });
        world.run_for(seconds(2));
        assert_eq!(world.violations(), []);
        world.take_recording().expect("it is recorded")
    })
}

/// What the toy itself asked past the seam.
fn toys(recording: &Recording) -> Vec<&Bypass> {
    recording.bypasses().iter().filter(|bypass| bypass.culprit.file == "sim/tests/sim/check.rs").collect()
}

/// Plays with something that is answered from the simulation, or done for real, but is named.
#[track_caller]
fn named(planted: Planted, kind: BypassKind, function: &str) {
    let (one, other) = (play(planted), play(planted));
    let found = toys(&one);
    let [bypass] = found[..] else { panic!("one call is the toy's: {:#?}", one.bypasses()) };
    assert_eq!((bypass.kind, bypass.count), (kind, 1));
    assert!(bypass.culprit.function.contains(function), "{:?}", bypass.culprit);
    assert_eq!((bypass.host.as_str(), bypass.task.as_deref(), bypass.at), ("toy", Some("player"), seconds(1)));
    assert!(!bypass.is_harmless());
    assert!(bypass.stack.iter().any(|frame| frame.contains(function)), "{:#?}", bypass.stack);
    assert_eq!(one.bypasses(), other.bypasses());
    assert_eq!(one.first_divergence(&other), None);
}

/// Two recordings must part where the toy makes its choice.
#[track_caller]
fn parts(one: &Recording, other: &Recording) -> Divergence {
    let divergence = one.first_divergence(other).expect("the runs differ");
    let text = divergence.to_string();
    for part in ["toy.chose", "on host toy", "\"player\"", "sim/tests/sim/check.rs", "toy.thought", "drew "] {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
    let json = divergence.to_json();
    assert_eq!(json["sides"][0]["task"]["name"], "player");
    divergence
}

#[test]
fn a_clean_component_does_not_diverge() {
    let (one, other) = (play(Planted::Nothing), play(Planted::Nothing));
    assert_eq!(one.first_divergence(&other), None);
    assert_eq!(toys(&one), [] as [&Bypass; 0], "{:#?}", one.bypasses());
    assert!(one.len() > 100 && !one.cut_short(), "{}", one.len());
    assert!(one.records().iter().any(|line| line.contains("toy.thought")), "quiet records too");
}

#[test]
fn a_hash_maps_order_is_named_as_entropy() {
    named(Planted::HashOrder, BypassKind::Entropy, "toy_hash_order");
}

#[test]
fn the_standard_librarys_clocks_are_named() {
    named(Planted::Wall, BypassKind::WallClock, "toy_wall");
    named(Planted::Monotonic, BypassKind::MonotonicClock, "toy_monotonic");
}

#[test]
fn the_c_librarys_randomness_is_named() {
    named(Planted::Random, BypassKind::Entropy, "toy_random");
}

#[test]
fn a_thread_is_named() {
    named(Planted::Thread, BypassKind::Thread, "toy_thread");
}

#[test]
fn randomness_from_the_kernel_makes_runs_part_at_the_event_that_shows_it() {
    parts(&play(Planted::RawRandom), &play(Planted::RawRandom));
}

#[test]
fn a_clock_from_the_kernel_makes_runs_part_at_the_event_that_shows_it() {
    parts(&play(Planted::RawClock), &play(Planted::RawClock));
}

#[test]
fn recording_changes_nothing_and_is_taken_once() {
    let digest = |record| {
        simulate(Config { record, ..Config::new(3) }, |world| {
            world.host("server", echo);
            world.host("hasher", |_| async { drop(toy_hash_order()) });
            world.run_for(seconds(1));
            let digests = (world.trace_digest(), world.log_digest(), world.seam_bypass());
            assert_eq!(world.take_recording().is_some(), record);
            assert!(world.take_recording().is_none());
            digests
        })
    };
    assert_eq!(digest(false), digest(true));
}

/// Where another process is to put its recording, and what is planted in its toy.
const OUTPUT: &str = "GROUNDHOG_TOY_OUTPUT";
const PLANTED: &str = "GROUNDHOG_TOY_PLANTED";

/// No test by itself: the other process, when [`elsewhere`] starts it.
#[test]
fn in_another_process() {
    let (Ok(output), Ok(planted)) = (std::env::var(OUTPUT), std::env::var(PLANTED)) else { return };
    // Another address layout even where the kernel does not see to it.
    std::mem::forget(Vec::<u8>::with_capacity(97 << 20));
    let planted = Planted::ALL.into_iter().find(|one| format!("{one:?}") == planted).expect("it is one of all");
    let mut file = BufWriter::new(File::create(output).expect("the file can be made"));
    play(planted).write(&mut file).and_then(|()| file.flush()).expect("the file can be written");
}

/// The same run in another process, with another environment.
fn elsewhere(planted: Planted) -> Recording {
    let folder = std::env::temp_dir().join(format!("groundhog-toy-{}-{planted:?}", std::process::id()));
    let status = Command::new(std::env::current_exe().expect("a test knows its binary"))
        .args(["--exact", "check::in_another_process"])
        .env(OUTPUT, &folder)
        .env(PLANTED, format!("{planted:?}"))
        .env("PADDING", "x".repeat(100_000))
        .env("TZ", "Pacific/Chatham")
        .stdout(std::process::Stdio::null())
        .status()
        .expect("the binary can be started");
    assert!(status.success());
    let file = File::open(&folder).expect("the other process has written it");
    let recording = Recording::read(&mut BufReader::new(file)).expect("it is a recording");
    std::fs::remove_file(&folder).expect("the file can be removed");
    recording
}

#[test]
fn another_process_does_the_same() {
    let (one, other) = (play(Planted::HashOrder), elsewhere(Planted::HashOrder));
    assert_eq!(one.first_divergence(&other), None);
    assert_eq!(one.bypasses(), other.bypasses());
}

#[test]
fn an_address_that_is_used_as_an_id_is_found_across_processes_and_known_for_one() {
    let divergence = parts(&play(Planted::Address), &elsewhere(Planted::Address));
    assert!(matches!(divergence.cause, Some(Cause::Number { address: true, .. })), "{:?}", divergence.cause);
}
