//! Workspaces are made for chats: one at a time, once per request, and another one only when nothing is left.

use std::time::Duration;

use groundhog_control::{
    job_status::JobStatus,
    operations::{agent::presence, workspace},
    refusal::CallError,
};
use groundhog_wire::{id::WorkspaceId, v1};
use tonic::Code;

use crate::support::{
    World,
    agents::{agent, made},
    chats::{dead, for_chat},
    pools::{Site, preset},
    world::{assert_refused, failure, job_id, success},
};

const NOWHERE: &str = "00000000-0000-4000-8000-00000000000c";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Makes a workspace for a chat of alice's and has its first build carried out, with an agent or without.
fn made_for(world: &World, chat: &str, name: &str, request: u128, agents: &[&str]) -> v1::Build {
    let build = world.create_with("alice", &for_chat(chat, name, request, None)).expect("the chat has none");
    let job = world.acquire("prov-1").expect("it waits").job;
    let agents = agents.iter().map(|token| v1::Agent { name: (*token).to_owned(), ..agent(token) }).collect();
    world.complete("prov-1", &made(job, agents)).expect("it runs");
    build
}

/// That a request is refused because it was decided on something old, and that nothing came of it.
#[track_caller]
fn assert_overtaken(world: &World, chat: &str, request: &v1::CreateWorkspaceRequest, text: &str) {
    let (before, count) = (world.get_chat("alice", chat).expect("hers"), world.alices());
    world.record.take();
    assert_refused(world.create_with("alice", request), Code::Aborted, text);
    assert_eq!(world.record.take(), [""; 0], "nothing is told of what did not happen");
    assert_eq!((world.get_chat("alice", chat).expect("hers"), world.alices()), (before, count));
    assert!(world.acquire("prov-9").is_none(), "no build was left behind");
}

#[test]
fn the_workspace_is_the_chats_in_the_instant_in_which_it_is_made() {
    let world = World::new();
    let chat = world.chat("alice");
    world.record.take();
    let build = world.create_with("alice", &for_chat(&chat, "dev", 1, None)).expect("the chat has none");
    let shown = world.get_chat("alice", &chat).expect("hers");
    assert_eq!((&shown.workspace_id, &shown.build_id), (&build.workspace_id, &build.build_id));
    assert_eq!(shown.agent_id, "");
    let told = world.record.take();
    let bound = "chat.bound chat=chat ws=ws build=build how=created".to_owned();
    assert!(told[0].starts_with("workspace.created") && told[1].starts_with("build.queued"), "{told:?}");
    assert_eq!(told[2..], [bound]);
}

#[test]
fn a_request_that_is_sent_again_is_answered_with_the_build_that_it_made() {
    let world = World::new();
    let chat = world.chat("alice");
    let request = for_chat(&chat, "dev", 1, None);
    let build = world.create_with("alice", &request).expect("the chat has none");
    world.record.take();
    assert_eq!(world.create_with("alice", &request).expect("the same"), build);
    // Whatever else is asked for in it, and whatever has become of the workspace: it is this request that made it.
    let renamed = v1::CreateWorkspaceRequest { name: "-".to_owned(), template: "nothing".to_owned(), ..request };
    assert_eq!(world.create_with("alice", &renamed).expect("the same").build_id, build.build_id);
    let job = world.acquire("prov-1").expect("it waits").job;
    world.complete("prov-1", &success(job, b"")).expect("it runs");
    let stopping = world.rebuilding("dev", v1::Transition::Stop);
    world.complete("prov-1", &success(stopping, b"")).expect("it runs");
    let again = world.create_with("alice", &renamed).expect("the same");
    assert_eq!((again.build_id, again.number), (build.build_id, 1));
    assert_eq!(world.alices(), 1);
    assert_refused(world.create_with("bob", &renamed), Code::NotFound, &format!("there is no chat {chat}"));
}

#[test]
fn who_comes_second_is_refused_and_leaves_nothing() {
    let world = World::new();
    let chat = world.chat("alice");
    let first = world.create_with("alice", &for_chat(&chat, "dev", 1, None)).expect("the chat has none");
    world.acquire("prov-1").expect("it waits");
    let text = format!("The chat has the workspace {}: look at it first.", first.workspace_id);
    assert_overtaken(&world, &chat, &for_chat(&chat, "two", 2, None), &text);
    assert_overtaken(&world, &chat, &for_chat(&chat, "dev", 2, None), &text);
    // Nor is it of use to know of another one than it has, or of one where it has none.
    let text = format!("The chat {chat} has another workspace than before: look at it first.");
    assert_overtaken(&world, &chat, &for_chat(&chat, "two", 2, dead(NOWHERE, 1, "")), &text);
    let empty = world.chat("alice");
    let text = format!("The chat {empty} has another workspace than before: look at it first.");
    assert_overtaken(&world, &empty, &for_chat(&empty, "two", 2, dead(NOWHERE, 1, "")), &text);
}

#[test]
fn a_chat_is_not_another_persons_to_have_workspaces_made_for() {
    let world = World::new();
    let chat = world.chat("alice");
    let request = for_chat(&chat, "dev", 1, None);
    assert_refused(world.create_with("bob", &request), Code::NotFound, &format!("there is no chat {chat}"));
    let text = format!("the chat {chat} is another person's: only they have workspaces made for it");
    assert_refused(world.create_with("root", &request), Code::PermissionDenied, &text);
    let mut nameless = request.clone();
    nameless.chat.as_mut().expect("it is for a chat").request_id = "r1".to_owned();
    let text = "\"r1\" is not a request id: expected a UUID";
    assert_refused(world.create_with("alice", &nameless), Code::InvalidArgument, text);
    assert_eq!(world.alices(), 0);
}

#[test]
fn a_template_of_another_organization_is_refused() {
    let site = Site::new();
    site.organization("second", false);
    site.publish_in("second", "other", "v1", Vec::new());
    let world = &site.world;
    let chat = world.chat("root");
    let request = v1::CreateWorkspaceRequest { template: "other".to_owned(), ..for_chat(&chat, "dev", 1, None) };
    let text = "template belongs to a different organization than this chat; use list_templates to find templates in \
                the correct organization";
    assert_refused(world.create_with("root", &request), Code::PermissionDenied, text);
    let without = v1::CreateWorkspaceRequest { chat: None, ..request };
    world.create_with("root", &without).expect("it is the chat that it does not belong to");
}

#[test]
fn one_whose_build_did_not_come_to_its_end_is_replaced() {
    for (status, why) in
        [(JobStatus::Failed, "failed"), (JobStatus::Canceled, "canceled"), (JobStatus::Canceling, "canceled")]
    {
        let site = Site::new();
        let world = &site.world;
        let chat = world.chat("alice");
        let old = world.create_with("alice", &for_chat(&chat, "dev", 1, None)).expect("the chat has none");
        let said = dead(&old.workspace_id, 1, "");
        let unknown = format!("The workspace {} is not known to be dead: look at it first.", old.workspace_id);
        assert_refused(world.create_with("alice", &for_chat(&chat, "two", 2, said.clone())), Code::Aborted, &unknown);
        site.bring(old.workspace_id.parse().expect("an id"), status);
        world.record.take();
        let new = world.create_with("alice", &for_chat(&chat, "two", 2, said)).expect("nothing is left of it");
        assert_eq!(world.get_chat("alice", &chat).expect("hers").workspace_id, new.workspace_id);
        let told = world.record.take();
        let released = format!("chat.released chat=chat ws=ws why={why}");
        let bound = "chat.bound chat=chat ws=ws build=build how=created".to_owned();
        assert_eq!(told[told.len() - 2..], [released, bound], "{told:?}");
        assert_eq!(world.alices(), 2, "the old one is still there, and its owner's");
        // The request that made the old one is not answered with it any more.
        assert_refused(
            world.create_with("alice", &for_chat(&chat, "dev", 1, None)),
            Code::Aborted,
            &format!("The chat has the workspace {}: look at it first.", new.workspace_id),
        );
    }
}

#[test]
fn one_that_was_destroyed_is_replaced() {
    let world = World::new();
    let chat = world.chat("alice");
    let old = made_for(&world, &chat, "dev", 1, &[]);
    let destroying = world.rebuilding("dev", v1::Transition::Destroy);
    let said = |number| for_chat(&chat, "dev", 2, dead(&old.workspace_id, number, ""));
    let text = format!("The workspace {} is not known to be dead: look at it first.", old.workspace_id);
    assert_overtaken(&world, &chat, &said(2), &text);
    world.complete("prov-1", &success(destroying, b"")).expect("it runs");
    let text = format!("The workspace {} has a build 2, and not 1 any more: look at it first.", old.workspace_id);
    assert_overtaken(&world, &chat, &said(1), &text);
    world.record.take();
    world.create_with("alice", &said(2)).expect("it is gone");
    assert!(world.record.take().contains(&"chat.released chat=chat ws=ws why=deleted".to_owned()));
}

#[test]
fn one_that_is_stopped_is_not_replaced() {
    let world = World::new();
    let chat = world.chat("alice");
    let old = made_for(&world, &chat, "dev", 1, &[]);
    let stopping = world.rebuilding("dev", v1::Transition::Stop);
    let said = for_chat(&chat, "two", 2, dead(&old.workspace_id, 2, ""));
    let text = format!("The workspace {} is not known to be dead: look at it first.", old.workspace_id);
    assert_overtaken(&world, &chat, &said, &text);
    world.complete("prov-1", &success(stopping, b"")).expect("it runs");
    assert_overtaken(&world, &chat, &said, &text);
}

#[test]
fn one_that_runs_is_replaced_only_by_the_agent_that_is_gone() {
    let world = World::new();
    let chat = world.chat("alice");
    let old = made_for(&world, &chat, "dev", 1, &["main", "spare"]);
    let workspace = old.workspace_id.as_str();
    let agents: Vec<_> = world.agents(workspace).into_iter().map(|agent| agent.agent_id).collect();
    let said = |agent: &str| for_chat(&chat, "two", 2, dead(workspace, 1, agent));
    let text = format!("The workspace {workspace} is not known to be dead: look at it first.");
    let check = |agent: &str| assert_overtaken(&world, &chat, &said(agent), &text);
    // They are still connecting; and that it has no agents is not so.
    for agent in [agents[0].as_str(), "", NOWHERE] {
        check(agent);
    }
    let session = world.session("main").expect("it is known");
    let (who, connection) = world.connect(&session);
    check(&agents[0]);
    world.tx(|tx| Ok(presence::disconnect(tx, &who, connection, "test")?)).expect("works");
    // It may be gone, and be back before somebody acts on it.
    world.connect(&session);
    check(&agents[0]);
    world.machine.jump(world.config.agents.inactive_after);
    world.record.take();
    let new = world.create_with("alice", &said(&agents[0])).expect("nothing was heard of it for long");
    assert!(world.record.take().contains(&"chat.released chat=chat ws=ws why=disconnected".to_owned()));
    assert_ne!(new.workspace_id, workspace);

    // Neither an agent of an older build tells, nor an older number.
    let other = world.chat("alice");
    let dead_by = made_for_after(&world, &other, "three");
    world.machine.jump(DAY);
    let first = world.agents(&dead_by.workspace_id)[0].agent_id.clone();
    let job = world.rebuilding("three", v1::Transition::Start);
    world.complete("prov-1", &made(job, vec![agent("third")])).expect("it runs");
    world.machine.jump(DAY);
    let said = |number, agent: &str| for_chat(&other, "four", 4, dead(&dead_by.workspace_id, number, agent));
    let text = format!("The workspace {} is not known to be dead: look at it first.", dead_by.workspace_id);
    assert_overtaken(&world, &other, &said(2, &first), &text);
    let text = format!("The workspace {} has a build 2, and not 1 any more: look at it first.", dead_by.workspace_id);
    assert_overtaken(&world, &other, &said(1, &first), &text);
    let latest = world.agents(&dead_by.workspace_id)[0].agent_id.clone();
    world.record.take();
    world.create_with("alice", &said(2, &latest)).expect("it never came");
    assert!(world.record.take().contains(&"chat.released chat=chat ws=ws why=timed_out".to_owned()));
}

/// As [`made_for`], when other builds wait: they are carried out first.
fn made_for_after(world: &World, chat: &str, name: &str) -> v1::Build {
    while let Some(other) = world.acquire("prov-2") {
        world.complete("prov-2", &success(other.job, b"")).expect("it runs");
    }
    made_for(world, chat, name, 3, &["second"])
}

#[test]
fn one_that_runs_without_agents_is_replaced() {
    let world = World::new();
    let chat = world.chat("alice");
    let old = made_for(&world, &chat, "dev", 1, &[]);
    world.record.take();
    world.create_with("alice", &for_chat(&chat, "two", 2, dead(&old.workspace_id, 1, ""))).expect("nobody is in it");
    assert!(world.record.take().contains(&"chat.released chat=chat ws=ws why=no_agent".to_owned()));
}

/// A pool of one workspace that was built ahead and is ready, and a request for it that is for a chat.
fn pool() -> (Site, String, v1::CreateWorkspaceRequest) {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 1)], true);
    site.settle();
    let chat = site.world.chat("alice");
    let request = v1::CreateWorkspaceRequest {
        template: "pool".to_owned(),
        preset: "one".to_owned(),
        ..for_chat(&chat, "dev", 1, None)
    };
    (site, chat, request)
}

#[test]
fn one_that_was_built_ahead_becomes_the_chats_with_its_claim() {
    let (site, chat, request) = pool();
    let ahead = site.unclaimed()[0].id.to_string();
    site.world.record.take();
    let build = site.world.create_with("alice", &request).expect("the chat has none");
    assert_eq!((build.workspace_id.as_str(), build.number), (ahead.as_str(), 2));
    let shown = site.world.get_chat("alice", &chat).expect("hers");
    assert_eq!((shown.workspace_id, shown.build_id), (ahead, build.build_id.clone()));
    let told = site.world.record.take();
    assert_eq!(told.last().map(String::as_str), Some("chat.bound chat=chat ws=ws build=build how=claimed"));
    // Sent again, it is answered with the claim, and not with the build by which it was built ahead.
    site.reconcile();
    site.work(|_| false);
    assert_eq!(site.unclaimed().len(), 1, "there is another one to be had");
    let again = site.world.create_with("alice", &request).expect("the same");
    assert_eq!((again.build_id, again.number), (build.build_id, 2));
    assert_eq!(site.unclaimed().len(), 1, "and it was not taken");
}

#[test]
fn who_is_second_between_the_two_transactions_takes_nothing() {
    use groundhog_control::operations::create::{self, Creation};
    let (site, chat, request) = pool();
    let inactive_after = site.world.config.agents.inactive_after;
    let find = |request: &v1::CreateWorkspaceRequest| match site
        .world
        .by_user("alice", |tx, user| create::workspace(tx, user, request, inactive_after))
    {
        Ok(Creation::Candidates(found)) => found,
        other => panic!("expected some that could be given, got {other:?}"),
    };
    let take = |request: &v1::CreateWorkspaceRequest, found: &[WorkspaceId]| -> Result<v1::Build, CallError> {
        site.world.by_user("alice", |tx, user| create::from_candidates(tx, user, request, inactive_after, found))
    };
    let found = find(&request);
    // Another caller's request is carried out in between, and then this one's own, which was sent twice.
    let other = site.world.create_with("alice", &for_chat(&chat, "other", 2, None)).expect("the chat has none");
    let text = format!("The chat has the workspace {}: look at it first.", other.workspace_id);
    assert_refused(take(&request, &found), Code::Aborted, &text);
    assert_eq!(site.unclaimed().len(), 1, "it is still to be had");
    let chat = site.world.chat("alice");
    let request = v1::CreateWorkspaceRequest { chat: for_chat(&chat, "", 3, None).chat, ..request };
    let (one, two) = (find(&request), find(&request));
    let build = take(&request, &one).expect("the chat has none");
    assert_eq!(take(&request, &two).expect("the same").build_id, build.build_id);
}

#[test]
fn of_a_template_and_a_preset_by_their_ids() {
    let (site, _, request) = pool();
    let preset = site.preset("pool", "v1", "one");
    let template = site.world.tx(|tx| Ok(groundhog_control::store::templates::by_name(tx, "pool")?)).expect("works");
    let by_id = v1::CreateWorkspaceRequest {
        template: String::new(),
        template_id: template.expect("it is there").to_string(),
        preset: String::new(),
        preset_id: preset.id.to_string(),
        version: "v1".to_owned(),
        ..request
    };
    let ahead = site.unclaimed()[0].id.to_string();
    assert_eq!(site.world.create_with("alice", &by_id).expect("it is given").workspace_id, ahead);
    site.delete_template("pool");
    let gone = v1::CreateWorkspaceRequest { chat: None, name: "two".to_owned(), ..by_id };
    let text = format!("Template {:?} doesn't exist.", gone.template_id);
    assert_refused(site.world.create_with("alice", &gone), Code::NotFound, &text);
}

#[test]
fn a_workspace_that_was_made_for_a_chat_is_built_like_any_other() {
    let world = World::new();
    let chat = world.chat("alice");
    let build = world.create_with("alice", &for_chat(&chat, "dev", 1, None)).expect("the chat has none");
    let job = world.acquire("prov-1").expect("it waits").job;
    assert_eq!(job, job_id(&build));
    world.fail("prov-1", &failure(job, "no machines", None)).expect("it runs");
    let request = v1::CreateBuildRequest {
        workspace_id: build.workspace_id,
        transition: v1::Transition::Start.into(),
        ..v1::CreateBuildRequest::default()
    };
    let daemons = &world.config.daemons;
    let next = world.by_user("alice", |tx, user| workspace::create_build(tx, user, &request, daemons));
    assert_eq!(next.expect("none is active").number, 2);
}
