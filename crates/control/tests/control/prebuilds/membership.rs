//! The account that builds ahead belongs where it does, and nowhere else.

use groundhog_control::{
    PrebuildsConfig,
    store::{memberships, organizations, users::PREBUILDS},
};
use groundhog_wire::id::{GroupId, OrganizationId};

use crate::support::{
    World,
    pools::{Site, preset},
};

const GROUP: &str = "coderprebuiltworkspaces";

/// What the account has in an organisation: membership, the group, membership of that.
fn has(site: &Site, organization: OrganizationId) -> (bool, bool, bool) {
    let lacks = site.world.tx(|tx| Ok(memberships::lacks(tx, organization, PREBUILDS, GROUP)?)).expect("works");
    lacks.map_or((true, true, true), |lacks| (!lacks.member, lacks.group.is_some(), !lacks.group_member))
}

#[test]
fn only_what_is_missing_is_added_and_only_where_something_is_built_ahead() {
    for with_preset in [false, true] {
        for already in 0..8_u8 {
            let (member, group, in_group) = (already & 1 != 0, already & 2 != 0, already & 4 != 0 && already & 2 != 0);
            let site = Site::new();
            let default = organizations::DEFAULT_ID;
            let other = site.organization("other", false);
            site.publish("pool", "v1", if with_preset { vec![preset("one", 0)] } else { vec![] }, true);
            let set = |tx: &groundhog_control::store::Tx<'_>| {
                if member {
                    organizations::insert_member(tx, default, PREBUILDS)?;
                }
                if group {
                    let id = GroupId(tx.new_id("group"));
                    groundhog_control::store::users::insert_group(tx, id, default, GROUP, 7)?;
                    if in_group {
                        groundhog_control::store::users::insert_member(tx, id, PREBUILDS)?;
                    }
                }
                Ok(())
            };
            site.world.tx(set).expect("works");
            site.world.record.take_all();
            site.reconcile();
            let expected = if with_preset { (true, true, true) } else { (member, group, in_group) };
            assert_eq!(has(&site, default), expected, "{with_preset} {already}");
            assert_eq!(has(&site, other), (false, false, false), "nothing is built ahead there");
            let told = site.world.record.take();
            let added = |what: &str| told.contains(&format!("membership.added organization=default what={what}"));
            let missing = (with_preset && !member, with_preset && !group, with_preset && !in_group);
            assert_eq!((added("member"), added("group"), added("group member")), missing, "{told:?}");
            site.reconcile();
            assert!(site.world.record.take().iter().all(|line| !line.starts_with("membership.")), "once");
        }
    }
}

#[test]
fn p10_an_organisation_that_takes_nobody_leaves_out_its_own_presets_only() {
    let site = Site::over(World::new(), PrebuildsConfig::default());
    let closed = site.organization("closed", true);
    site.publish_in("closed", "shut", "v1", vec![preset("one", 1)]);
    site.publish("pool", "v1", vec![preset("one", 1)], true);
    site.world.record.take_all();
    site.reconcile();
    let told = site.world.record.take_all();
    let failed = told.iter().filter(|line| line.starts_with("membership.failed organization=closed ")).count();
    assert_eq!(failed, 1, "{told:?}");
    let pool = "prebuild.pool preset=shut/one version=v1 actual=0 desired=1 eligible=0 starting=0 limited=membership";
    assert!(told.iter().any(|line| line == pool), "{told:?}");
    let all = site.unclaimed();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].preset, site.preset("pool", "v1", "one").id, "the other organisation's preset is built");
    site.reconcile();
    assert!(site.world.record.take().iter().all(|line| !line.starts_with("membership.")), "told once");
    site.world.tx(|tx| Ok(organizations::set_closed(tx, closed, false)?)).expect("works");
    site.reconcile();
    assert_eq!(site.unclaimed().len(), 2);
}
