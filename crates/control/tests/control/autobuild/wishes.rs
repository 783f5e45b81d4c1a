//! What people can set about the clock, and how they see a workspace.

use std::time::Duration;

use groundhog_control::{
    operations::{
        workspace,
        workspace_view::{self, list},
    },
    refusal::CallError,
};
use groundhog_wire::v1;
use tonic::Code;

use super::{AT_23, DAY, HOUR, Site, UNTIL_23, deadline, latest, ms, nothing};
use crate::support::{
    machine::START_MS,
    world::{assert_refused, new_workspace},
};

#[test]
fn what_people_set_is_checked() {
    let site = Site::new();
    let id = site.workspace("dev", |_| {}).workspace_id;
    for wrong in [-1, 1, 59_999, ms(30 * DAY) + 1, i64::MAX] {
        let text = format!("a TTL of {wrong} ms: expected 60000 (a minute) to 2592000000 (30 days), or 0 for never");
        assert_refused(site.set_ttl(&id, wrong), Code::InvalidArgument, &text);
    }
    for right in [60_000, ms(30 * DAY), 0] {
        assert_eq!(site.set_ttl(&id, right).expect("in bounds").ttl_ms, right);
    }
    let never = "autostart: \"0 0 30 2 *\" never comes";
    assert_refused(site.set_autostart(&id, "0 0 30 2 *"), Code::InvalidArgument, never);
    assert!(site.set_autostart(&id, "often").is_err());
    let request = v1::CreateWorkspaceRequest { autostart: "often".to_owned(), ..new_workspace("other", "plain") };
    assert!(site.world.create_with("alice", &request).is_err());
    let request = v1::CreateWorkspaceRequest { ttl_ms: Some(1), ..new_workspace("other", "plain") };
    assert!(site.world.create_with("alice", &request).is_err());

    let set = site.set_autostart(&id, AT_23).expect("a schedule");
    assert_eq!((set.autostart.as_str(), set.next_start_at_ms), (AT_23, Some(START_MS + ms(UNTIL_23))));
    let unset = site.set_autostart(&id, "").expect("none");
    assert_eq!((unset.autostart.as_str(), unset.next_start_at_ms), ("", None));
}

#[test]
fn a_ttl_that_is_set_counts_from_now_for_what_runs() {
    let site = Site::new();
    let id = site.workspace("dev", |request| request.ttl_ms = Some(ms(HOUR))).workspace_id;
    site.jump(HOUR / 2);
    assert_eq!(deadline(&site.set_ttl(&id, ms(2 * HOUR)).expect("in bounds")), Some(ms(HOUR / 2 + 2 * HOUR)));
    assert_eq!(deadline(&site.set_ttl(&id, 0).expect("in bounds")), None);
    site.jump(DAY);
    assert_eq!(site.look(), nothing());
    site.stop("dev");
    assert_eq!(deadline(&site.set_ttl(&id, ms(HOUR)).expect("in bounds")), None, "it does not run");
}

#[test]
fn only_what_runs_and_has_a_deadline_has_it_put_off() {
    let site = Site::new();
    let id = site.workspace("dev", |_| {}).workspace_id;
    let text = format!("the workspace {id} has no deadline: set its TTL first");
    assert_refused(site.extend(&id, START_MS + ms(HOUR)), Code::FailedPrecondition, &text);
    site.set_ttl(&id, ms(HOUR)).expect("in bounds");
    for wrong in [HOUR / 2 - Duration::from_millis(1), 30 * DAY + Duration::from_millis(1)] {
        let refused = site.extend(&id, START_MS + ms(wrong));
        assert!(matches!(&refused, Err(CallError::Refused(why)) if why.code() == Code::InvalidArgument), "{refused:?}");
    }
    assert_eq!(deadline(&site.extend(&id, START_MS + ms(HOUR / 2)).expect("ahead")), Some(ms(HOUR / 2)));
    site.stop("dev");
    let text = format!("the workspace {id} does not run: its latest build is not a start that succeeded");
    assert_refused(site.extend(&id, START_MS + ms(HOUR)), Code::FailedPrecondition, &text);
}

#[test]
fn a_workspace_is_seen_by_its_owner_and_administrators() {
    let site = Site::new();
    let id = site.workspace("dev", |request| request.autostart = AT_23.to_owned()).workspace_id;
    site.workspace("ante", |_| {});
    let dev = site.see("dev");
    assert_eq!((dev.name.as_str(), dev.owner.as_str(), dev.template.as_str()), ("dev", "alice", "plain"));
    assert_eq!((dev.created_at_ms, dev.preset.as_str(), latest(&dev).reason.as_str()), (START_MS, "", "initiator"));
    assert_eq!(site.see_by_id(&id), dev);
    let by_id = v1::GetWorkspaceRequest { workspace_id: id.clone(), ..v1::GetWorkspaceRequest::default() };
    let refused = site.world.by_user("bob", |tx, user| workspace_view::get(tx, user, &by_id));
    assert_refused(refused, Code::NotFound, &format!("there is no workspace {id}"));
    let both = v1::GetWorkspaceRequest { workspace: "dev".to_owned(), workspace_id: id };
    assert!(site.world.by_user("alice", |tx, user| workspace_view::get(tx, user, &both)).is_err());
    let neither = v1::GetWorkspaceRequest::default();
    assert!(site.world.by_user("alice", |tx, user| workspace_view::get(tx, user, &neither)).is_err());

    let names = |by: &str, owner: &str| {
        let request = v1::ListWorkspacesRequest { owner: owner.to_owned() };
        let listed = site.world.by_user(by, |tx, user| list(tx, user, &request))?;
        Ok::<_, CallError>(listed.workspaces.into_iter().map(|workspace| workspace.name).collect::<Vec<_>>())
    };
    assert_eq!(names("alice", "").expect("one's own"), ["ante", "dev"]);
    assert_eq!(names("alice", "alice").expect("one's own"), ["ante", "dev"]);
    assert_eq!(names("root", "alice").expect("an administrator"), ["ante", "dev"]);
    assert_eq!(names("root", "").expect("one's own"), [""; 0]);
    assert_refused(names("bob", "alice"), Code::NotFound, "there is no person \"alice\"");
    assert_refused(names("root", "nobody"), Code::NotFound, "there is no person \"nobody\"");
}
