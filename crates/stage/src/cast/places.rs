//! Which host is whose machine, where that does not go by the workspace's name.
//!
//! A workspace that is built ahead has a name that is drawn, and another one once somebody has claimed it; one that a
//! chat's tools make may have a name that is drawn. Their machines' hosts are called by their number, `prebuild-3.main` or,
//! of the chat `c1`, `c1-2.main`. Whoever makes or deletes machines knows names and tokens alone: a claimed workspace's
//! machine is known by its token, which the claim leaves as it is, and from then on by its new name.
//!
//! There are hosts for so many workspaces. What is built ahead, or made for a chat, after that gets the hosts of the first
//! one of which nothing is left and that nobody has claimed.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use groundhog_wire::Secret;

use super::{
    machines::Declared,
    unnamed::{BUILT_AHEAD, Numbered, Unnamed, numbered},
};
use crate::scenario::{Scenario, machine};

/// Which host is whose machine.
pub(super) struct Places {
    unnamed: Unnamed,
    /// By what stands before a workspace's number: for how many there are hosts.
    there: BTreeMap<String, usize>,
    /// By template and agent: what its machine is.
    declared: BTreeMap<(String, String), Declared>,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    /// By workspace: the number that its hosts have.
    hosts: BTreeMap<Counted, usize>,
    /// By what its hosts are called by: the workspace's number.
    holders: BTreeMap<Counted, usize>,
    /// By a machine's name: its host.
    called: BTreeMap<String, String>,
    /// By host: the template of its workspace.
    templates: BTreeMap<String, String>,
    /// By an agent's token: its machine's host.
    tokens: BTreeMap<String, String>,
}

/// What stands before a number, and the number.
type Counted = (String, usize);

/// Where a machine is to be made.
pub(super) struct Place {
    pub(super) host: String,
    /// As what, if the host does not say that.
    pub(super) declared: Option<Declared>,
}

impl Places {
    pub(super) fn new(scenario: &Scenario, unnamed: &Unnamed) -> Self {
        let ahead = (BUILT_AHEAD.to_owned(), scenario.control.ahead_machines as usize);
        let of_chats = scenario.chats.iter().map(|chat| (chat.name.clone(), chat.workspaces as usize));
        let ahead = Some(ahead).filter(|_| scenario.control.prebuilds.enabled);
        let there: BTreeMap<String, usize> =
            ahead.into_iter().chain(of_chats).filter(|(_, there)| *there > 0).collect();
        let mut declared = BTreeMap::new();
        if !there.is_empty() {
            let written = scenario.templates.iter().map(|template| &template.name);
            for name in written.chain(scenario.imported()) {
                // If an import changes what an agent is, what the latest one says counts, as with all machines.
                for agent in scenario.behaviours(name).flat_map(|template| &template.agents) {
                    for one in agent.machines() {
                        declared.insert((name.clone(), one), Declared::of(agent));
                    }
                }
            }
        }
        Self { unnamed: unnamed.clone(), there, declared, taken: Mutex::default() }
    }

    /// Where a machine is made that is called so. `is_free` says whether there is none on a host. Fails with a text for
    /// people.
    pub(super) fn of_new(&self, name: &str, token: &Secret, is_free: impl Fn(&str) -> bool) -> Result<Place, String> {
        let by_name = || Place { host: name.to_owned(), declared: None };
        if self.there.is_empty() {
            return Ok(by_name());
        }
        let Some((workspace, agent)) = name.split_once('.') else { return Ok(by_name()) };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_token = taken.tokens.get(token.expose());
        let of_name = self.unnamed.of_name(workspace);
        let known = match &of_name {
            // A chat's workspace may be called as one was that is gone.
            Some(one) if !one.is_ahead() => of_token.cloned(),
            _ => taken.called.get(name).or(of_token).cloned(),
        };
        let host = match (known, of_name) {
            (Some(host), _) => host,
            (None, Some(one)) => {
                let number = self.host_number(&mut taken, &one, agent, is_free)?;
                let host = machine(&numbered(&one.of, number), agent);
                // With a chat's workspace the template is what was asked for, which need not be what it is of.
                let is_of = one.is_ahead() || self.declared.contains_key(&(one.template.clone(), agent.to_owned()));
                taken.templates.insert(host.clone(), if is_of { one.template } else { String::new() });
                host
            }
            (None, None) => return Ok(by_name()),
        };
        let template = taken.templates.get(&host).cloned().unwrap_or_default();
        let by_name = template.is_empty().then(|| self.any(agent)).flatten();
        let declared = self.declared.get(&(template, agent.to_owned())).or(by_name).cloned();
        taken.called.insert(name.to_owned(), host.clone());
        taken.tokens.insert(token.expose().to_owned(), host.clone());
        Ok(Place { host, declared })
    }

    /// What the first template says of an agent of this name: all that there is to go by where the template is not known.
    fn any(&self, agent: &str) -> Option<&Declared> {
        self.declared.iter().find(|((_, name), _)| name == agent).map(|(_, declared)| declared)
    }

    /// Where a machine is that is called so; none if it is one of those that are called by numbers and was never made.
    pub(super) fn of_old(&self, name: &str) -> Option<String> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let is_numbered = name.split_once('.').is_some_and(|(workspace, _)| self.unnamed.of_name(workspace).is_some());
        taken.called.get(name).cloned().or_else(|| (!is_numbered).then(|| name.to_owned()))
    }

    /// The number of the hosts of a workspace that is called by its own number.
    fn host_number(
        &self,
        taken: &mut Taken,
        workspace: &Numbered,
        agent: &str,
        is_free: impl Fn(&str) -> bool,
    ) -> Result<usize, String> {
        let counted = |number: usize| (workspace.of.clone(), number);
        if let Some(number) = taken.hosts.get(&counted(workspace.number)) {
            return Ok(*number);
        }
        let there = self.there.get(&workspace.of).copied().unwrap_or(0);
        let agents: Vec<&str> = self.declared.keys().map(|(_, agent)| agent.as_str()).collect();
        let is_left =
            |number: usize| agents.iter().all(|agent| is_free(&machine(&numbered(&workspace.of, number), agent)));
        // Each keeps its own number as long as that can be.
        let is_own = workspace.number <= there && !taken.holders.contains_key(&counted(workspace.number));
        let own = is_own.then_some(workspace.number);
        let left_behind = |number: &usize| {
            let holder = taken.holders.get(&counted(*number));
            holder.is_some_and(|holder| !self.unnamed.is_claimed(&workspace.of, *holder) && is_left(*number))
        };
        let never_had = |number: &usize| !taken.holders.contains_key(&counted(*number));
        let found = own.or_else(|| (1..=there).find(left_behind)).or_else(|| (1..=there).find(never_had));
        let number = found.ok_or_else(|| {
            let machine = machine(&numbered(&workspace.of, workspace.number), agent);
            if workspace.is_ahead() {
                format!(
                    "no machine is left for {machine}: there are some for {there} workspaces that are built ahead; say \
                     `prebuilds = {{ machines = N }}` in `[control]`"
                )
            } else {
                format!(
                    "no machine is left for {machine}: there are some for {there} workspaces of this chat; say \
                     `workspaces = N` in its `[[chat]]`"
                )
            }
        })?;
        if let Some(before) = taken.holders.insert(counted(number), workspace.number) {
            taken.hosts.remove(&counted(before));
            let hosts: Vec<String> =
                agents.iter().map(|agent| machine(&numbered(&workspace.of, number), agent)).collect();
            taken.called.retain(|_, host| !hosts.contains(host));
            taken.tokens.retain(|_, host| !hosts.contains(host));
        }
        taken.hosts.insert(counted(workspace.number), number);
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::BTreeSet};

    use super::*;
    use crate::{catalogue, testing::Log};

    const SCENARIO: &str = r#"
about = "Two machines for what is built ahead."
duration = "1h"
[control]
prebuilds = { machines = 2 }
[[template]]
name = "vm"
agents = [{ name = "main", boots = "2s" }]
presets = [{ name = "small", prebuilds = { instances = 1 } }]
[[template]]
name = "other"
agents = [{ name = "main", boots = "9s" }]
"#;

    /// Places where `names` were built ahead, in this order, and the first `claimed` of them are claimed.
    fn with_places(names: &[&str], claimed: &[&str], check: impl FnOnce(&Places)) {
        let scenario = Scenario::parse("places.toml", SCENARIO, &catalogue::lists()).expect("it is right");
        let mut log = Log::new();
        for name in names {
            log = log.add(1, "control", "workspace.created", &[("ws", name), ("name", name)]);
            log = log.add(1, "control", "prebuild.created", &[("ws", name), ("preset", "vm/small")]);
        }
        for name in claimed {
            log = log.add(2, "control", "workspace.claimed", &[("ws", name), ("owner", "alice")]);
        }
        let unnamed = Unnamed::default();
        log.records.iter().for_each(|record| unnamed.note(record));
        check(&Places::new(&scenario, &unnamed));
    }

    fn token(text: &str) -> Secret {
        Secret::new(text).expect("it is one")
    }

    #[test]
    fn what_is_built_ahead_is_at_home_under_its_number() {
        with_places(&["prebuild-x", "prebuild-y"], &[], |places| {
            let second = places.of_new("prebuild-y.main", &token("2"), |_| true).expect("there is one");
            assert_eq!(second.host, "prebuild-2.main");
            assert_eq!(second.declared.map(|declared| declared.boots), Some(std::time::Duration::from_secs(2)));
            let first = places.of_new("prebuild-x.main", &token("1"), |_| true).expect("there is one");
            assert_eq!(first.host, "prebuild-1.main");
            // Claimed, it is called otherwise, and is where it was: by its token, and by its name from then on.
            let claimed = |token_of: &str| places.of_new("dev.main", &token(token_of), |_| false);
            assert_eq!(claimed("2").expect("it is known").host, "prebuild-2.main");
            let again = claimed("3").expect("it is known");
            assert_eq!(again.host, "prebuild-2.main");
            assert!(again.declared.is_some(), "it is made as what it was");
            assert_eq!(places.of_old("dev.main").as_deref(), Some("prebuild-2.main"));
            // Others are called as they are.
            let other = places.of_new("dev-2.main", &token("4"), |_| false).expect("it has its own");
            assert_eq!((other.host.as_str(), other.declared.is_none()), ("dev-2.main", true));
            assert_eq!(places.of_old("dev-2.main").as_deref(), Some("dev-2.main"));
        });
    }

    #[test]
    fn what_was_never_made_has_no_place() {
        with_places(&["prebuild-x"], &[], |places| assert_eq!(places.of_old("prebuild-x.main"), None));
    }

    #[test]
    fn hosts_of_which_nothing_is_left_are_used_again() {
        with_places(&["a", "b", "c", "d"], &["a"], |places| {
            let there: RefCell<BTreeSet<String>> = RefCell::default();
            let make = |name: &str| {
                let place = places.of_new(name, &token(name), |host| !there.borrow().contains(host));
                place.map(|place| {
                    there.borrow_mut().insert(place.host.clone());
                    place.host
                })
            };
            assert_eq!(make("a.main").as_deref(), Ok("prebuild-1.main"));
            assert_eq!(make("b.main").as_deref(), Ok("prebuild-2.main"));
            let full = make("c.main").expect_err("both are taken");
            assert!(full.contains("machines = N"), "{full}");
            // The first one is somebody's, whether it runs or not.
            there.borrow_mut().clear();
            assert_eq!(make("c.main").as_deref(), Ok("prebuild-2.main"));
            assert_eq!(places.of_old("b.main"), None);
            make("d.main").expect_err("both are taken");
        });
    }
    #[test]
    fn a_chats_workspace_is_at_home_under_its_number_as_what_was_asked_for() {
        let text = format!("{SCENARIO}[[chat]]\nname = \"c1\"\nowner = \"alice\"\nworkspaces = 2\n");
        let scenario = Scenario::parse("places.toml", &text, &catalogue::lists()).expect("it is right");
        let unnamed = Unnamed::default();
        let note = |log: Log| log.records.iter().for_each(|record| unnamed.note(record));
        note(Log::new().add(0, "users", "user.chat", &[("chat", "chat#1"), ("name", "c1")]));
        let made = |ws, name| {
            let log = Log::new().add(1, "control", "workspace.created", &[("ws", ws), ("name", name)]);
            note(log.add(1, "control", "chat.bound", &[("chat", "chat#1"), ("ws", ws), ("how", "created")]));
        };
        let places = Places::new(&scenario, &unnamed);
        let new = |name, of| places.of_new(name, &token(of), |_| false).expect("there is one");
        let boots = |place: &Place| place.declared.as_ref().map(|declared| declared.boots.as_secs());
        unnamed.asked("c1", "other");
        made("ws#1", "dev");
        let first = new("dev.main", "1");
        assert_eq!((first.host.as_str(), boots(&first)), ("c1-1.main", Some(9)));
        assert_eq!(places.of_old("dev.main").as_deref(), Some("c1-1.main"));
        // Another one of the name is another one, and the template of one that was asked for by its id is not known.
        unnamed.asked("c1", "");
        made("ws#2", "dev");
        let second = new("dev.main", "2");
        assert_eq!((second.host.as_str(), boots(&second).is_some()), ("c1-2.main", true));
        made("ws#3", "more");
        let error = places.of_new("more.main", &token("3"), |_| false).err().expect("all are taken");
        assert!(error.contains("`workspaces = N` in its `[[chat]]`"), "{error}");
    }
}
