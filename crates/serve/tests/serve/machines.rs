//! The program that makes and deletes machines, with a stand-in for the agent.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use groundhog_serve::machine::{Machines, name::MachineName, wrapper::Wrapper};
use groundhog_wire::Secret;
use tempfile::TempDir;

/// Longer than any of these tests takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Notes when it begins and ends: `$2` is the token's file, `$4` its home. What it starts has other input than it has.
const AGENT: &str = r#"
told=$(dirname "$0")
token=$(cat "$2")
trap 'echo "ended $token" >> "$told/story"; exit 0' TERM
cd "$4" && echo "began $token" >> "$told/story" && echo $$ > pid
while true; do sleep 0.02 < /dev/null; done
"#;

/// Takes no notice of being told to end, and has started something that doesn't either.
const STUBBORN: &str = r#"
trap '' TERM
cd "$4"
sleep 1000 < /dev/null > /dev/null 2>&1 &
echo $! > started
echo $$ > pid
while true; do sleep 0.02 < /dev/null; done
"#;

struct World {
    folder: TempDir,
    machines: Machines,
}

impl World {
    fn new(agent: &str, grace: Duration) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let script = folder.path().join("agent.sh");
        fs::write(&script, agent).unwrap();
        let agent = vec!["sh".to_owned(), script.display().to_string()];
        let machines = Machines { folder: folder.path().join("machines"), agent, grace };
        Self { folder, machines }
    }

    fn create(&self, owner: &str, name: &str, token: &str) {
        self.machines.create(&called(owner, name), &Secret::new(token).unwrap()).expect("it can be made");
    }

    fn delete(&self, owner: &str, name: &str) {
        self.machines.delete(&called(owner, name)).expect("it can be deleted");
    }

    /// The processes of the machines that run, by name, once all of them have begun.
    fn running(&self) -> Vec<(String, i32)> {
        let machines = self.machines.list().expect("they can be listed");
        let running = machines.iter().filter(|machine| machine.running);
        running.map(|machine| (machine.name.to_string(), number(&machine.path.join("home/pid")))).collect()
    }

    /// What the agents have told, in order.
    fn story(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("story")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn folders(&self) -> Vec<PathBuf> {
        self.machines.list().expect("they can be listed").into_iter().map(|machine| machine.path).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A test that has failed leaves nobody behind.
        self.machines.grace = Duration::ZERO;
        for machine in self.machines.list().unwrap_or_default() {
            let _ = self.machines.delete(&machine.name);
        }
    }
}

fn called(owner: &str, name: &str) -> MachineName {
    MachineName::new(owner, name).expect("a name")
}

/// The number in a file that somebody is about to write.
fn number(path: &Path) -> i32 {
    let mut found = None;
    wait_until(|| {
        found = fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok());
        found.is_some()
    });
    found.unwrap()
}

fn wait_until(mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < PATIENCE, "it does not come to that");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process lives; one that only waits for its parent to take note does not.
fn lives(pid: i32) -> bool {
    let state = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().expect("there is ps");
    let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

#[test]
fn a_machine_is_made_once_and_deleted_once() {
    let world = World::new(AGENT, PATIENCE);
    world.create("alice", "dev.main", "t1");
    let first = world.running();
    assert_eq!(first.len(), 1);
    world.create("alice", "dev.main", "t1");
    assert_eq!(world.running(), first, "it is there");
    assert_eq!(world.story(), ["began t1"]);
    world.delete("alice", "dev.main");
    assert_eq!(world.story(), ["began t1", "ended t1"], "it ended in order");
    assert!(world.folders().is_empty());
    world.delete("alice", "dev.main");
    world.delete("alice", "never.there");
}

#[test]
fn another_token_makes_the_machine_anew() {
    let world = World::new(AGENT, PATIENCE);
    world.create("alice", "dev.main", "t1");
    let first = world.running();
    fs::write(world.folders()[0].join("home/work"), "hours").unwrap();
    world.create("alice", "dev.main", "t2");
    let second = world.running();
    assert_ne!(first, second);
    assert_eq!(world.story(), ["began t1", "ended t1", "began t2"]);
    assert!(!world.folders()[0].join("home/work").exists(), "it is another machine");
}

#[test]
fn an_agent_is_in_a_session_of_its_own_and_outlives_what_has_made_it() {
    let world = World::new(AGENT, PATIENCE);
    world.create("alice", "dev.main", "t1");
    let pid = world.running()[0].1;
    let told = Command::new("ps").args(["-o", "sid=,pgid=", "-p", &pid.to_string()]).output().expect("there is ps");
    let told = String::from_utf8_lossy(&told.stdout).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(told, [pid.to_string(), pid.to_string()]);
}

#[test]
fn two_people_may_have_machines_of_one_name() {
    let world = World::new(AGENT, PATIENCE);
    world.create("alice", "dev.main", "t1");
    world.create("bob", "dev.main", "t2");
    assert_eq!(world.running().len(), 2);
    world.delete("alice", "dev.main");
    let left: Vec<_> = world.running().into_iter().map(|(name, _)| name).collect();
    assert_eq!(left, ["bob/dev.main"]);
}

#[test]
fn a_machine_that_was_built_ahead_gets_its_owners_name_and_goes_on() {
    let world = World::new(AGENT, PATIENCE);
    world.create("prebuilds", "prebuild-1.main", "t1");
    let pid = world.running()[0].1;
    world.create("alice", "dev.main", "t1");
    assert_eq!(world.running(), [("alice/dev.main".to_owned(), pid)]);
    world.delete("prebuilds", "prebuild-1.main");
    assert_eq!(world.running().len(), 1, "nothing is called that any more");
    // The next one that is called as it was finds its folder taken.
    world.create("prebuilds", "prebuild-1.main", "t2");
    assert_eq!(world.running().len(), 2);
    world.delete("alice", "dev.main");
    assert_eq!(world.running().len(), 1);
}

#[test]
fn an_agent_that_has_died_is_started_again_in_its_home() {
    let world = World::new(AGENT, PATIENCE);
    world.create("alice", "dev.main", "t1");
    let pid = world.running()[0].1;
    let home = world.folders()[0].join("home");
    fs::write(home.join("work"), "hours").unwrap();
    let killed = Command::new("kill").args(["-KILL", &pid.to_string()]).status().expect("there is kill");
    assert!(killed.success());
    wait_until(|| !world.machines.list().unwrap()[0].running);
    fs::remove_file(home.join("pid")).unwrap();
    world.create("alice", "dev.main", "t1");
    assert_ne!(world.running()[0].1, pid);
    assert_eq!(fs::read_to_string(home.join("work")).unwrap(), "hours");
    assert_eq!(world.story(), ["began t1", "began t1"]);
}

#[test]
fn an_agent_that_does_not_end_is_killed_with_what_it_has_started() {
    let world = World::new(STUBBORN, Duration::from_millis(100));
    world.create("alice", "dev.main", "t1");
    let (pid, started) = (world.running()[0].1, number(&world.folders()[0].join("home/started")));
    assert!(lives(pid) && lives(started));
    world.delete("alice", "dev.main");
    assert!(world.folders().is_empty());
    wait_until(|| !lives(pid) && !lives(started));
}

#[test]
fn what_a_killed_maker_has_left_is_brought_to_its_end() {
    let world = World::new(AGENT, PATIENCE);
    world.create("alice", "dev.main", "t1");
    world.running();
    // It was killed while it waited for the end of the one before, and while it made a folder.
    fs::write(world.folders()[0].join("dismissed"), "").unwrap();
    let unfinished = world.machines.folder.join("alice.dev.main-2");
    fs::create_dir(&unfinished).unwrap();
    fs::write(unfinished.join("token"), "t2").unwrap();
    world.create("alice", "dev.main", "t2");
    let running = world.running();
    assert_eq!(running.len(), 1);
    assert_eq!(world.story(), ["began t1", "ended t1", "began t2"]);
}

#[test]
fn several_at_once_make_one_machine() {
    let world = World::new(AGENT, PATIENCE);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| world.create("alice", "dev.main", "t1"));
        }
    });
    assert_eq!(world.running().len(), 1);
    assert_eq!(world.story(), ["began t1"]);
}

#[test]
fn an_agent_that_can_not_be_started_fails_the_making() {
    let mut world = World::new(AGENT, PATIENCE);
    world.machines.agent = vec!["/no/such/program".to_owned()];
    let made = world.machines.create(&called("alice", "dev.main"), &Secret::new("t1").unwrap());
    let error = made.expect_err("there is no agent").to_string();
    assert!(error.contains("/no/such/program") && error.contains("dev.main"), "{error}");
    assert!(world.running().is_empty());
}

#[test]
fn the_provisioners_script_says_what_it_was_told_whatever_is_in_it() {
    let control = ["a:1".parse().unwrap(), "b:2".parse().unwrap()];
    let (program, machines) = (Path::new("/opt/it's/groundhog"), Path::new("/work/$HOME"));
    let wrapper = Wrapper { program, machines, control: &control, grace: Duration::from_secs(300) };
    let text = wrapper.text(|name| (name == "PATH").then(|| "/bin:/x y".to_owned()));
    let expected = r#"#!/bin/sh
# Written by the provisioner at each start.
export PATH='/bin:/x y'
exec '/opt/it'\''s/groundhog' serve machine --folder '/work/$HOME' --control 'a:1,b:2' --grace 300s "$@"
"#;
    assert_eq!(text, expected);
}
