//! What is asked for on the way to a workspace: templates and what can be chosen of them, quota, an agent.

use groundhog_control::{
    TemplateSetup,
    operations::{agent::view as agent_view, quota, template_view},
    refusal::CallError,
    store::{organizations, templates, users},
};
use groundhog_wire::v1;
use tonic::Code;

use crate::support::{
    World,
    agents::{agent, made},
    pools::{Site, preset},
    world::{assert_refused, imported, new_version, success},
};

const NOWHERE: &str = "00000000-0000-4000-8000-00000000000c";

fn list(world: &World, user: &str, organization: &str) -> Result<Vec<String>, CallError> {
    let request = v1::ListTemplatesRequest { organization: organization.to_owned() };
    let listed = world.by_user(user, |tx, user| template_view::list(tx, user, &request))?;
    Ok(listed.templates.into_iter().map(|template| template.name).collect())
}

fn get(world: &World, user: &str, id: &str) -> Result<v1::Template, CallError> {
    let request = v1::GetTemplateRequest { template_id: id.to_owned() };
    world.by_user(user, |tx, user| template_view::get(tx, user, &request))
}

fn choices(world: &World, user: &str, id: &str) -> Result<v1::Choices, CallError> {
    let request = v1::GetChoicesRequest { template_id: id.to_owned() };
    world.by_user(user, |tx, user| template_view::choices(tx, user, &request))
}

fn id_of(world: &World, template: &str) -> String {
    let id = world.tx(|tx| Ok(templates::by_name(tx, template)?)).expect("works");
    id.expect("it is there").to_string()
}

/// A world with an organisation "second", of which root alone is a member, and its template "another".
fn second() -> Site {
    let site = Site::new();
    site.organization("second", false);
    site.publish_in("second", "another", "v1", Vec::new());
    site
}

#[test]
fn templates_are_listed_for_whom_they_are_there() {
    let site = second();
    let world = &site.world;
    let all = ["another", "gpu", "huge", "plain"];
    for (user, expected) in [("alice", &all[1..]), ("tess", &all), ("root", &all), ("ahead", &all)] {
        assert_eq!(list(world, user, "").expect("works"), expected, "{user}");
    }
    assert_eq!(list(world, "alice", "default").expect("works"), all[1..]);
    assert_eq!(list(world, "root", "second").expect("works"), all[..1]);
    for organization in ["second", "third"] {
        let text = format!("There is no organization {organization:?}.");
        assert_refused(list(world, "alice", organization), Code::NotFound, &text);
    }
    site.deprecate("gpu", "use plain");
    site.delete_template("huge");
    assert_eq!(list(world, "alice", "").expect("works"), ["gpu", "plain"], "one that was deleted is gone");
    assert_eq!(get(world, "alice", &id_of(world, "gpu")).expect("it is there").deprecated, "use plain");
}

#[test]
fn a_template_is_seen_by_its_id() {
    let site = second();
    let world = &site.world;
    let (plain, another) = (id_of(world, "plain"), id_of(world, "another"));
    let shown = get(world, "alice", &plain).expect("she is a member");
    assert_eq!(
        (shown.template_id, shown.name.as_str(), shown.organization.as_str()),
        (plain.clone(), "plain", "default")
    );
    assert_eq!(get(world, "root", &another).expect("an administrator").organization, "second");
    for id in [another.as_str(), NOWHERE] {
        let text = format!("Template {id:?} doesn't exist.");
        assert_refused(get(world, "alice", id), Code::NotFound, &text);
        assert_refused(choices(world, "alice", id), Code::NotFound, &text);
    }
    let text = "\"plain\" is not a template id: expected a UUID";
    assert_refused(get(world, "alice", "plain"), Code::InvalidArgument, text);
    assert_refused(choices(world, "alice", "plain"), Code::InvalidArgument, text);
    site.delete_template("plain");
    let text = format!("Template {plain:?} doesn't exist.");
    assert_refused(get(world, "alice", &plain), Code::NotFound, &text);
    assert_refused(choices(world, "alice", &plain), Code::NotFound, &text);
}

#[test]
fn what_can_be_chosen_is_that_of_the_version_that_workspaces_are_made_of() {
    let site = Site::new();
    let world = &site.world;
    let resource = |name: &str, external| v1::Resource {
        agents: vec![v1::Agent { name: name.to_owned(), external, ..v1::Agent::default() }],
        ..v1::Resource::default()
    };
    let found = |size: &str, external_agents| v1::CompletedTemplateImport {
        parameters: vec![v1::TemplateParameter { name: size.to_owned(), ..v1::TemplateParameter::default() }],
        presets: vec![preset("one", 2), preset("two", 0)],
        start_resources: vec![resource("main", false), resource("other", external_agents)],
        ..v1::CompletedTemplateImport::default()
    };
    site.publish_with("pool", "v1", found("size", false), true);
    let pool = id_of(world, "pool");
    let first = choices(world, "alice", &pool).expect("it is usable");
    assert_eq!((first.version.as_str(), first.has_external_agents), ("v1", false));
    assert_eq!(first.version_id, world.version("pool", "v1").version_id);
    assert_eq!(first.parameters[0].name, "size");
    let named: Vec<_> = first.presets.iter().filter_map(|view| view.preset.as_ref()).map(|it| &it.name).collect();
    assert_eq!(named, ["one", "two"]);
    assert_eq!(first.presets[0].preset_id, site.preset("pool", "v1", "one").id.to_string());
    site.publish_with("pool", "v2", found("weight", true), false);
    assert_eq!(choices(world, "alice", &pool).expect("it is usable"), first, "nobody has activated the second one");
    site.activate("pool", "v2");
    let second = choices(world, "alice", &pool).expect("it is usable");
    assert_eq!((second.version.as_str(), second.has_external_agents), ("v2", true));
    assert_eq!(second.parameters[0].name, "weight");

    let waiting = world.create_version("root", &new_version("new", "v1")).expect("it may");
    let new = id_of(world, "new");
    let text = "The version \"v1\" of the template \"new\" is not imported yet: wait for its import.";
    assert_refused(choices(world, "alice", &new), Code::FailedPrecondition, text);
    assert_eq!(get(world, "alice", &new).expect("it is there").name, "new");
    let job = waiting.import.expect("it is imported").job_id.parse().expect("an id");
    site.take(job);
    world.complete("prov-1", &imported(job, v1::CompletedTemplateImport::default())).expect("it runs");
    assert_eq!(choices(world, "alice", &new).expect("it is usable").presets, []);
}

#[test]
fn a_version_that_was_set_up_says_whether_others_run_its_agents() {
    let database = groundhog_control::Database::in_memory().expect("works");
    let mut setup = crate::support::world::setup();
    setup.templates[0] = TemplateSetup { has_external_agents: true, ..setup.templates[0].clone() };
    database.set_up(&setup, &mut groundhog_host::Random::from_seed([1; 32]), 0).expect("sound");
    let mut world = World::new();
    let store = groundhog_control::Store::new(&world.host, database, groundhog_control::StoreConfig::default());
    let external = world.through(&store, |world| {
        ["plain", "gpu"].map(|name| choices(world, "alice", &id_of(world, name)).expect("usable").has_external_agents)
    });
    assert_eq!(external, [true, false]);
}

#[test]
fn quota_is_what_live_workspaces_cost_in_an_organization() {
    let site = second();
    let world = &site.world;
    let quota = |user: &str, organization: &str| {
        let request = v1::GetQuotaRequest { organization: organization.to_owned() };
        world.by_user(user, |tx, user| quota::get(tx, user, &request))
    };
    let expected = |credits_consumed, budget| v1::Quota { credits_consumed, budget };
    assert_eq!(quota("alice", "").expect("works"), expected(0, Some(100)));
    assert_eq!(quota("bob", "default").expect("works"), expected(0, None), "he is in no group");
    let costing = |name: &str, cost| {
        let job = world.running("alice", name, "prov-1");
        world.commit("prov-1", job, cost).expect("it runs");
        world.complete("prov-1", &success(job, b"")).expect("it runs");
    };
    costing("one", 30);
    costing("two", 20);
    assert_eq!(quota("alice", "").expect("works"), expected(50, Some(100)));
    // The latest build counts, and one that has been asked for costs what the one before it did.
    let stopping = world.rebuilding("one", v1::Transition::Stop);
    assert_eq!(quota("alice", "").expect("works"), expected(50, Some(100)));
    world.commit("prov-1", stopping, 5).expect("it runs");
    world.complete("prov-1", &success(stopping, b"")).expect("it runs");
    assert_eq!(quota("alice", "").expect("works"), expected(25, Some(100)));
    let destroying = world.rebuilding("two", v1::Transition::Destroy);
    world.complete("prov-1", &success(destroying, b"")).expect("it runs");
    assert_eq!(quota("alice", "default").expect("works"), expected(5, Some(100)));
    // Other organisations count for themselves.
    let budget = |tx: &groundhog_control::store::Tx<'_>| {
        let second = organizations::by_name(tx, "second")?.expect("it is there").id;
        let group = groundhog_wire::id::GroupId(tx.new_id("group"));
        users::insert_group(tx, group, second, "few", 7)?;
        let alice = users::by_name(tx, "alice")?.expect("she is there").id;
        Ok(users::insert_member(tx, group, alice)?)
    };
    world.tx(budget).expect("the name is free");
    assert_eq!(quota("alice", "second").expect("works"), expected(0, Some(7)));
    assert_refused(quota("alice", "third"), Code::NotFound, "There is no organization \"third\".");
}

#[test]
fn an_agent_is_seen_as_in_the_list_whatever_build_it_is_of() {
    let world = World::new();
    let placed = v1::Agent { display_order: 3, external: true, ..agent("token-1") };
    world.started("dev", vec![placed]);
    let workspace = world.latest("alice", "dev").workspace_id;
    let listed = world.agents(&workspace).remove(0);
    assert_eq!((listed.display_order, listed.external), (3, true));
    let get = |user: &str, id: &str| {
        let request = v1::GetAgentRequest { agent_id: id.to_owned() };
        let config = &world.config.agents;
        world.by_user(user, |tx, user| agent_view::get(tx, user, &request, config))
    };
    assert_eq!(get("alice", &listed.agent_id).expect("hers"), listed);
    assert_eq!(get("root", &listed.agent_id).expect("an administrator"), listed);
    for (user, id) in [("bob", listed.agent_id.as_str()), ("alice", NOWHERE)] {
        assert_refused(get(user, id), Code::NotFound, &format!("there is no agent {id}"));
    }
    let next = world.rebuilding("dev", v1::Transition::Start);
    world.complete("prov-1", &made(next, vec![agent("token-2")])).expect("it runs");
    assert_ne!(world.agents(&workspace)[0].agent_id, listed.agent_id);
    let old = get("alice", &listed.agent_id).expect("it is of an older build");
    assert_eq!((old.agent_id, old.build_id), (listed.agent_id, listed.build_id));
}
