//! What is done about one workspace that was built ahead, in each state that it can be in, whether or not anybody hears of
//! it: the rules by name, each for all combinations that it speaks of.

use std::sync::{Arc, Mutex};

use groundhog_control::{
    job_status::JobStatus::{self, Canceled, Canceling, Failed, Pending, Running, Succeeded},
    store::notices::{Heard, Notice},
    transition::Transition::{self, Destroy, Start, Stop},
};

use crate::support::pools::{Site, preset};

struct Rule {
    name: &'static str,
    transitions: &'static [Transition],
    statuses: &'static [JobStatus],
    active: &'static [bool],
    deleted: bool,
    creates: Option<bool>,
    deletes: Option<bool>,
}

const ALL: &[Transition] = &[Start, Stop, Destroy];
const EVERY: &[JobStatus] = &[Pending, Running, Succeeded, Canceling, Canceled, Failed];
const BOTH: &[bool] = &[true, false];

#[rustfmt::skip]
const RULES: &[Rule] = &[
    Rule { name: "never create for inactive versions", transitions: ALL, statuses: EVERY, active: &[false], deleted: false, creates: Some(false), deletes: None },
    Rule { name: "no need if one is running", transitions: &[Start], statuses: &[Succeeded], active: &[true], deleted: false, creates: Some(false), deletes: None },
    Rule { name: "none if one is queued or being built", transitions: &[Start], statuses: &[Pending, Running], active: &[true], deleted: false, creates: Some(false), deletes: None },
    Rule { name: "create if one can never be claimed", transitions: &[Stop, Destroy], statuses: &[Pending, Running, Canceling, Succeeded], active: &[true], deleted: false, creates: Some(true), deletes: None },
    Rule { name: "create if one is exceptional", transitions: &[Stop, Destroy], statuses: &[Canceled], active: &[true], deleted: false, creates: Some(true), deletes: None },
    Rule { name: "never interfere with those being built", transitions: ALL, statuses: &[Pending, Running, Canceling], active: &[true], deleted: false, creates: None, deletes: Some(false) },
    Rule { name: "never delete exceptional ones", transitions: ALL, statuses: &[Canceled, Failed], active: BOTH, deleted: false, creates: None, deletes: Some(false) },
    Rule { name: "delete running ones of an inactive version", transitions: &[Start], statuses: &[Succeeded], active: &[false], deleted: false, creates: None, deletes: Some(true) },
    Rule { name: "keep running ones of the active version", transitions: &[Start], statuses: &[Succeeded], active: &[true], deleted: false, creates: None, deletes: Some(false) },
    Rule { name: "keep stopped and deleted ones", transitions: &[Stop, Destroy], statuses: &[Succeeded], active: BOTH, deleted: false, creates: None, deletes: Some(false) },
    Rule { name: "delete those of a deleted template", transitions: &[Start], statuses: &[Succeeded], active: BOTH, deleted: true, creates: Some(false), deletes: Some(true) },
];

fn check(rule: &Rule, transition: Transition, status: JobStatus, active: bool, heard: bool) {
    let case = format!("{}: {} {status}, active {active}, heard {heard}", rule.name, transition.as_str());
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 1)], true);
    let one = site.preset("pool", "v1", "one").id;
    // Somebody's own workspace of the same template is nobody's business.
    site.world.create("bob", "own", "pool").expect("free");
    let own = site.world.latest("bob", "own");
    let workspace = site.build_ahead(one, "pool");
    if transition != Start {
        site.bring(workspace, Succeeded);
        site.rebuild(workspace, transition);
    }
    site.bring(workspace, status);
    if !active {
        site.publish("pool", "v2", vec![], true);
    }
    if rule.deleted {
        site.delete_template("pool");
    }
    let before = (site.unclaimed().len(), site.latest(workspace).number);
    let posted = Arc::new(Mutex::new(0));
    if heard {
        let posted = posted.clone();
        site.world.store.listen(move |heard| {
            if matches!(heard, Heard::Notice(Notice::JobPosted(_))) {
                *posted.lock().expect("no panic in here") += 1;
            }
        });
    }
    site.reconcile();
    let created = site.unclaimed().iter().filter(|one| one.id != workspace).count();
    let latest = site.latest(workspace);
    // A build that waits and is withdrawn is no deletion of something that is there.
    let deleted = latest.number > before.1 && latest.transition == Destroy;
    if let Some(creates) = rule.creates {
        assert_eq!(created, usize::from(creates), "{case}: created");
    }
    if let Some(deletes) = rule.deletes {
        assert_eq!(deleted, deletes, "{case}: deleted");
    }
    let own_after = site.world.latest("bob", "own");
    assert_eq!(own, own_after, "{case}: somebody's own workspace");
    let queued = created + usize::from(deleted);
    if heard {
        assert_eq!(*posted.lock().expect("no panic in here"), queued, "{case}: daemons are woken for each build");
    }
    let again = site.unclaimed();
    site.reconcile();
    assert_eq!(site.unclaimed(), again, "{case}: once is enough");
}

#[test]
fn every_rule_in_every_combination() {
    let mut checked = 0;
    for rule in RULES {
        for &transition in rule.transitions {
            for &status in rule.statuses {
                for &active in rule.active {
                    for heard in [true, false] {
                        check(rule, transition, status, active, heard);
                        checked += 1;
                    }
                }
            }
        }
    }
    assert_eq!(checked, 2 * (18 + 1 + 2 + 8 + 2 + 9 + 12 + 1 + 1 + 4 + 2));
}
