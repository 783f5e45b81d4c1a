//! Chats are made, looked at, and told what they go on with.

use std::time::Duration;

use groundhog_control::{
    ChatSetup, Database, SetupError,
    operations::chat,
    refusal::CallError,
    store::{
        Tx,
        chats::{self, Bound},
        users,
    },
};
use groundhog_host::Random;
use groundhog_wire::{
    id::{ChatId, WorkspaceId},
    v1,
};
use tonic::Code;
use uuid::Uuid;

use crate::support::{
    World,
    agents::{agent, made},
    chats::bind,
    machine::START_MS,
    pools::Site,
    world::{assert_refused, job_id, setup, success},
};

const ID: &str = "00000000-0000-4000-8000-00000000000c";

fn create(world: &World, user: &str, id: &str, organization: &str) -> Result<v1::Chat, CallError> {
    let request = v1::CreateChatRequest { chat_id: id.to_owned(), organization: organization.to_owned() };
    world.by_user(user, |tx, user| chat::create(tx, user, &request))
}

/// A workspace of alice's with an agent, the build that made it, and the agent.
fn started(world: &World, name: &str) -> (v1::Build, String) {
    world.started(name, vec![agent(&format!("token-of-{name}"))]);
    let build = world.latest("alice", name);
    let agent = world.agents(&build.workspace_id)[0].agent_id.clone();
    (build, agent)
}

#[test]
fn a_chat_is_its_owners_and_administrators_see_it() {
    let world = World::new();
    let chat = create(&world, "alice", ID, "").expect("she is a member");
    let expected = v1::Chat {
        chat_id: ID.to_owned(),
        owner: "alice".to_owned(),
        organization: "default".to_owned(),
        created_at_ms: START_MS,
        ..v1::Chat::default()
    };
    assert_eq!(chat, expected);
    assert_eq!(world.record.take(), ["chat.created chat=chat owner=alice"]);
    assert_eq!(world.get_chat("alice", ID).expect("it is hers"), expected);
    assert_eq!(world.get_chat("root", ID).expect("administrators see all"), expected);
    let unknown = format!("there is no chat {ID}");
    assert_refused(world.get_chat("bob", ID), Code::NotFound, &unknown);
    assert_refused(world.bind("bob", &bind(ID, ID, "", "")), Code::NotFound, &unknown);
    let text = format!("the chat {ID} is another person's: only they have workspaces made for it");
    assert_refused(world.bind("root", &bind(ID, ID, "", "")), Code::PermissionDenied, &text);
    let text = "\"c1\" is not a chat id: expected a UUID";
    assert_refused(world.get_chat("alice", "c1"), Code::InvalidArgument, text);
}

#[test]
fn asked_for_again_it_is_the_same_chat() {
    let world = World::new();
    let chat = create(&world, "alice", ID, "").expect("she is a member");
    world.record.take();
    world.advance(Duration::from_secs(5));
    assert_eq!(create(&world, "alice", ID, "default").expect("it is hers"), chat);
    assert_eq!(world.record.take(), [""; 0], "nothing was made");
    let text = format!("There is another chat with the id {ID}: choose another id.");
    assert_refused(create(&world, "bob", ID, ""), Code::AlreadyExists, &text);
    assert_ne!(create(&world, "alice", "", "").expect("a fresh one").chat_id, ID);
}

#[test]
fn a_chat_is_of_an_organization_whose_member_its_owner_is() {
    let site = Site::new();
    site.organization("second", false);
    let world = &site.world;
    assert_eq!(create(world, "root", "", "second").expect("an administrator").organization, "second");
    let text = "You are no member of the organization \"second\": ask for membership.";
    assert_refused(create(world, "alice", "", "second"), Code::PermissionDenied, text);
    assert_refused(create(world, "alice", "", "third"), Code::NotFound, "There is no organization \"third\".");
}

#[test]
fn a_workspace_is_attached_and_the_chat_goes_on_with_builds_and_agents_of_it() {
    let world = World::new();
    let (chat, (build, agent)) = (world.chat("alice"), started(&world, "dev"));
    let workspace = build.workspace_id.as_str();
    world.record.take();
    // Who only wants to tell with which build it goes on can't know that it has none.
    let late = v1::BindChatRequest { attach: false, ..bind(&chat, workspace, "", "") };
    let text = format!("The chat {chat} has another workspace than before: look at it first.");
    assert_refused(world.bind("alice", &late), Code::Aborted, &text);
    let attached = world.bind("alice", &bind(&chat, workspace, "", "")).expect("the chat has none");
    assert_eq!((attached.workspace_id.as_str(), attached.build_id.as_str()), (workspace, build.build_id.as_str()));
    assert_eq!(attached.agent_id, "");
    let with_agent = world.bind("alice", &bind(&chat, workspace, &build.build_id, &agent)).expect("it is its own");
    assert_eq!(with_agent.agent_id, agent);
    // Sent again because the answer was lost: nothing is new.
    assert_eq!(world.bind("alice", &bind(&chat, workspace, &build.build_id, &agent)).expect("the same"), with_agent);
    let told =
        ["chat.bound chat=chat ws=ws build=build how=attached", "chat.agent chat=chat agent=agent"].map(str::to_owned);
    assert_eq!(world.record.take(), told);

    let stopping = world.rebuilding("dev", v1::Transition::Stop);
    world.complete("prov-1", &success(stopping, b"")).expect("it runs");
    let next = world.bind("alice", &bind(&chat, workspace, "", "")).expect("its latest build");
    assert_eq!((next.build_id, next.agent_id.as_str()), (world.latest("alice", "dev").build_id, ""));
    assert!(world.record.take().contains(&"chat.build chat=chat build=build".to_owned()));
    // A request that was long on its way does not bring the older build back.
    let text = "The chat goes on with build 2, which is newer than build 1.";
    assert_refused(world.bind("alice", &bind(&chat, workspace, &build.build_id, &agent)), Code::Aborted, text);
}

#[test]
fn what_is_no_workspace_of_the_owners_is_not_attached() {
    let site = Site::new();
    let world = &site.world;
    let (chat, (build, agent)) = (world.chat("alice"), started(world, "dev"));
    let bobs = world.create("bob", "dev", "plain").expect("it is free");
    let ahead = world.create("ahead", "pool", "plain").expect("it is free");
    for other in [&bobs.workspace_id, &ahead.workspace_id, &ID.to_owned()] {
        let text = format!("there is no workspace {other}");
        assert_refused(world.bind("alice", &bind(&chat, other, "", "")), Code::NotFound, &text);
    }
    let workspace = build.workspace_id.as_str();
    let text = format!("the workspace {workspace} has no build {:?}", bobs.build_id);
    assert_refused(world.bind("alice", &bind(&chat, workspace, &bobs.build_id, "")), Code::NotFound, &text);
    let text = format!("the build {} has no agent {ID}", build.build_id);
    assert_refused(world.bind("alice", &bind(&chat, workspace, "", ID)), Code::NotFound, &text);
    let (two, others) = started(world, "two");
    let text = format!("the build {} has no agent {others}", build.build_id);
    assert_refused(world.bind("alice", &bind(&chat, workspace, "", &others)), Code::NotFound, &text);
    assert_eq!(world.get_chat("alice", &chat).expect("hers").workspace_id, "", "nothing was attached");

    // One of another organisation's template.
    site.organization("second", false);
    site.publish_in("second", "other", "v1", Vec::new());
    let theirs = world.create("root", "dev", "other").expect("an administrator");
    let roots = world.chat("root");
    let text =
        format!("The workspace {} is of no template of the chat's organization \"default\".", theirs.workspace_id);
    assert_refused(world.bind("root", &bind(&roots, &theirs.workspace_id, "", "")), Code::PermissionDenied, &text);

    // A chat that has one keeps it for as long as that is there.
    world.bind("alice", &bind(&chat, workspace, "", &agent)).expect("the chat has none");
    let text = format!("The chat has the workspace {workspace}: delete that before it is given another one.");
    let another = bind(&chat, &two.workspace_id, "", "");
    assert_refused(world.bind("alice", &another), Code::FailedPrecondition, &text);
    let destroy = world.build("alice", "dev", v1::Transition::Destroy).expect("none is active");
    site.take(job_id(&destroy));
    world.complete("prov-1", &success(job_id(&destroy), b"")).expect("it runs");
    world.record.take();
    assert_eq!(world.bind("alice", &another).expect("the old one is gone").workspace_id, two.workspace_id);
    assert_eq!(
        world.record.take(),
        ["chat.released chat=chat ws=ws why=deleted", "chat.bound chat=chat ws=ws build=build how=attached"]
    );
    let text = format!("there is no workspace {workspace}");
    assert_refused(world.bind("alice", &bind(&chat, workspace, "", "")), Code::NotFound, &text);
}

#[test]
fn the_table_takes_one_workspace_a_chat() {
    let world = World::new();
    let (one, two) = (world.chat("alice"), world.chat("alice"));
    let made = ["a", "b"].map(|name| world.create("alice", name, "plain").expect("free").workspace_id);
    let [a, b] = made.map(|id| id.parse::<WorkspaceId>().expect("an id"));
    let give = |chat: &str, workspace| {
        let chat: ChatId = chat.parse().expect("an id");
        let bound = Bound { workspace, build: None, agent: None, request: None };
        world.tx(|tx| Ok(chats::bind(tx, chat, &bound)?))
    };
    give(&one, a).expect("it has none");
    let taken = |given: Result<(), CallError>| matches!(given, Err(CallError::Store(error)) if error.is_taken());
    assert!(taken(give(&one, b)) && taken(give(&one, a)), "whoever writes, and whatever they had read before");
    give(&two, b).expect("another chat's is its own");
    let release = |tx: &Tx<'_>| Ok(chats::release(tx, one.parse().expect("an id"), a)?);
    assert_eq!((world.tx(release).expect("works"), world.tx(release).expect("works")), (true, false));
    give(&one, b).expect("it has none any more");
    assert_eq!(world.get_chat("alice", &one).expect("hers").workspace_id, b.to_string());
}

#[test]
fn administrators_set_how_long_workspaces_of_chats_run() {
    let world = World::new();
    let settings = || world.tx(chat::settings).expect("works").workspace_ttl;
    assert_eq!(settings(), "");
    for ttl in ["2h", "", "nonsense"] {
        let set = v1::ChatSettings { workspace_ttl: ttl.to_owned() };
        assert_eq!(world.tx(|tx| chat::set_settings(tx, &set)).expect("it is taken as it is"), set);
        assert_eq!(settings(), ttl);
    }
    let long = v1::ChatSettings { workspace_ttl: "1".repeat(65) };
    let text = "the time has 65 bytes, and at most 64 fit: write it such as \"1h30m\"";
    assert_refused(world.tx(|tx| chat::set_settings(tx, &long)), Code::InvalidArgument, text);
}

#[test]
fn chats_are_there_from_the_first() {
    let world = World::new();
    let chat = |owner: &str, organization: &str| ChatSetup {
        id: ChatId(Uuid::from_u128(7)),
        owner: owner.to_owned(),
        organization: organization.to_owned(),
    };
    let with = |chats: Vec<ChatSetup>| {
        let database = Database::in_memory().expect("works");
        let mut random = Random::from_seed([1; 32]);
        let set_up = database.set_up(&groundhog_control::Setup { chats, ..setup() }, &mut random, 0);
        set_up.map(|()| (database, random.uuid()))
    };
    let (database, next) = with(vec![chat("alice", "")]).expect("sound");
    let store = groundhog_control::Store::new(&world.host, database, groundhog_control::StoreConfig::default());
    let mut world = world;
    let (found, owner) = world.through(&store, |world| {
        let found = world.tx(|tx| Ok(chats::by_id(tx, ChatId(Uuid::from_u128(7)))?)).expect("works").expect("there");
        (found.clone(), world.tx(|tx| Ok(users::name(tx, found.owner)?)).expect("works"))
    });
    assert_eq!((owner.as_deref(), found.organization_name.as_str(), found.bound), (Some("alice"), "default", None));
    let (_, without) = with(Vec::new()).expect("sound");
    assert_eq!(next, without, "a chat draws nothing: whatever is drawn after it stays as it is");

    assert!(matches!(with(vec![chat("carol", "")]), Err(SetupError::UnknownOwner { owner, .. }) if owner == "carol"));
    let error = with(vec![chat("alice", "third")]).expect_err("there is no such organization");
    assert!(matches!(error, SetupError::UnknownOrganization { kind: "chat", .. }), "{error}");
    let error = with(vec![chat("alice", ""), chat("bob", "")]).expect_err("the id is taken");
    assert!(matches!(error, SetupError::Refused { kind: "chat", .. }), "{error}");
}

#[test]
fn a_chat_shows_what_it_had_when_that_is_gone() {
    let world = World::new();
    let chat = world.chat("alice");
    world.started("dev", Vec::new());
    let build = world.latest("alice", "dev");
    world.bind("alice", &bind(&chat, &build.workspace_id, "", "")).expect("the chat has none");
    let destroy = world.build("alice", "dev", v1::Transition::Destroy).expect("none is active");
    let job = world.acquire("prov-1").expect("it waits").job;
    assert_eq!(job, job_id(&destroy));
    world.complete("prov-1", &made(job, Vec::new())).expect("it runs");
    assert_eq!(world.get_chat("alice", &chat).expect("hers").workspace_id, build.workspace_id);
}
