//! Which host is whose machine, where that does not go by the workspace's name.
//!
//! A workspace that is built ahead has a name that is drawn, and another one once somebody has claimed it. Its machines'
//! hosts are called by its number, `prebuild-3.main`. Whoever makes or deletes machines knows names and tokens alone: a
//! claimed workspace's machine is known by its token, which the claim leaves as it is, and from then on by its new name.
//!
//! There are hosts for so many workspaces. What is built ahead after that gets the hosts of the first one of which
//! nothing is left and that nobody has claimed.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use groundhog_wire::Secret;

use super::{ahead::Ahead, machines::Declared};
use crate::scenario::{Scenario, ahead, machine};

/// Which host is whose machine.
pub(super) struct Places {
    ahead: Ahead,
    /// For how many workspaces there are hosts.
    there: usize,
    /// By template and agent: what its machine is.
    declared: BTreeMap<(String, String), Declared>,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    /// By workspace's number: the number that its hosts have.
    hosts: BTreeMap<usize, usize>,
    /// By the hosts' number: the workspace's.
    holders: BTreeMap<usize, usize>,
    /// By a machine's name: its host.
    called: BTreeMap<String, String>,
    /// By host: the template of its workspace.
    templates: BTreeMap<String, String>,
    /// By an agent's token: its machine's host.
    tokens: BTreeMap<String, String>,
}

/// Where a machine is to be made.
pub(super) struct Place {
    pub(super) host: String,
    /// As what, if the host does not say that.
    pub(super) declared: Option<Declared>,
}

impl Places {
    pub(super) fn new(scenario: &Scenario, ahead: &Ahead) -> Self {
        let there = if scenario.control.prebuilds.enabled { scenario.control.ahead_machines as usize } else { 0 };
        let mut declared = BTreeMap::new();
        if there > 0 {
            let written = scenario.templates.iter().map(|template| &template.name);
            for name in written.chain(scenario.imported()) {
                // If an import changes what an agent is, what the latest one says counts, as with all machines.
                for agent in scenario.behaviours(name).flat_map(|template| &template.agents) {
                    for one in agent.names() {
                        declared.insert((name.clone(), one), Declared::of(agent));
                    }
                }
            }
        }
        Self { ahead: ahead.clone(), there, declared, taken: Mutex::default() }
    }

    /// Where a machine is made that is called so. `is_free` says whether there is none on a host. Fails with a text for
    /// people.
    pub(super) fn of_new(&self, name: &str, token: &Secret, is_free: impl Fn(&str) -> bool) -> Result<Place, String> {
        let by_name = || Place { host: name.to_owned(), declared: None };
        if self.there == 0 {
            return Ok(by_name());
        }
        let Some((workspace, agent)) = name.split_once('.') else { return Ok(by_name()) };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let known = taken.called.get(name).or_else(|| taken.tokens.get(token.expose())).cloned();
        let host = match (known, self.ahead.of_name(workspace)) {
            (Some(host), _) => host,
            (None, Some(built)) => {
                let number = self.host_number(&mut taken, built.number, agent, is_free)?;
                let host = machine(&ahead(number), agent);
                taken.templates.insert(host.clone(), built.template);
                host
            }
            (None, None) => return Ok(by_name()),
        };
        let template = taken.templates.get(&host).cloned().unwrap_or_default();
        let declared = self.declared.get(&(template, agent.to_owned())).cloned();
        taken.called.insert(name.to_owned(), host.clone());
        taken.tokens.insert(token.expose().to_owned(), host.clone());
        Ok(Place { host, declared })
    }

    /// Where a machine is that is called so; none if it is one of those that were built ahead and was never made.
    pub(super) fn of_old(&self, name: &str) -> Option<String> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let built_ahead = name.split_once('.').is_some_and(|(workspace, _)| self.ahead.of_name(workspace).is_some());
        taken.called.get(name).cloned().or_else(|| (!built_ahead).then(|| name.to_owned()))
    }

    /// The number of the hosts of a workspace that was built ahead.
    fn host_number(
        &self,
        taken: &mut Taken,
        workspace: usize,
        agent: &str,
        is_free: impl Fn(&str) -> bool,
    ) -> Result<usize, String> {
        if let Some(number) = taken.hosts.get(&workspace) {
            return Ok(*number);
        }
        let agents: Vec<&str> = self.declared.keys().map(|(_, agent)| agent.as_str()).collect();
        let is_left = |number: usize| agents.iter().all(|agent| is_free(&machine(&ahead(number), agent)));
        // Each keeps its own number as long as that can be.
        let own = (workspace <= self.there && !taken.holders.contains_key(&workspace)).then_some(workspace);
        let left_behind = |number: &usize| {
            let holder = taken.holders.get(number);
            holder.is_some_and(|holder| !self.ahead.is_claimed(*holder) && is_left(*number))
        };
        let never_had = |number: &usize| !taken.holders.contains_key(number);
        let found = own.or_else(|| (1..=self.there).find(left_behind)).or_else(|| (1..=self.there).find(never_had));
        let number = found.ok_or_else(|| {
            format!(
                "no machine is left for {}.{agent}: there are some for {} workspaces that are built ahead; say \
                 `prebuilds = {{ machines = N }}` in `[control]`",
                ahead(workspace),
                self.there
            )
        })?;
        if let Some(before) = taken.holders.insert(number, workspace) {
            taken.hosts.remove(&before);
            let hosts: Vec<String> = agents.iter().map(|agent| machine(&ahead(number), agent)).collect();
            taken.called.retain(|_, host| !hosts.contains(host));
            taken.tokens.retain(|_, host| !hosts.contains(host));
        }
        taken.hosts.insert(workspace, number);
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
        let ahead = Ahead::default();
        log.records.iter().for_each(|record| ahead.note(record));
        check(&Places::new(&scenario, &ahead));
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
}
