//! Who may do what about templates and workspaces: the whole table.

use groundhog_control::{
    Role,
    permission::{
        Whose, builds_workspace, hands_workspaces_over, looks_after_templates, sees_template, sees_workspace,
        uses_template,
    },
    transition::Transition,
};

const ROLES: [Role; 4] = [Role::Member, Role::TemplateAdmin, Role::Admin, Role::Prebuilds];

#[test]
fn templates_are_looked_after_by_their_administrators_and_seen_and_used_by_members() {
    // Looks after templates; sees and uses one whose organisation they are in; the same of another one; hands over.
    let expected = [
        (Role::Member, false, [true, true], [false, false], false),
        (Role::TemplateAdmin, true, [true, true], [true, false], false),
        (Role::Admin, true, [true, true], [true, true], true),
        (Role::Prebuilds, false, [true, true], [true, true], true),
    ];
    for (role, looks_after, member, stranger, hands_over) in expected {
        assert_eq!(looks_after_templates(role), looks_after, "{role:?}");
        assert_eq!([sees_template(role, true), uses_template(role, true)], member, "{role:?}");
        assert_eq!([sees_template(role, false), uses_template(role, false)], stranger, "{role:?}");
        assert_eq!(hands_workspaces_over(role), hands_over, "{role:?}");
    }
}

#[test]
fn a_workspace_is_its_owners_and_an_unclaimed_one_is_deleted_by_who_looks_after_templates() {
    use Transition::{Destroy, Start, Stop};
    for role in ROLES {
        let (admin, templates) = (role == Role::Admin, role == Role::Admin || role == Role::TemplateAdmin);
        for (whose, sees, starts, deletes) in [
            (Whose::Own, true, true, true),
            (Whose::Anothers, admin, admin, admin),
            (Whose::BuiltAhead, templates, admin, templates),
        ] {
            assert_eq!(sees_workspace(role, whose), sees, "{role:?} {whose:?}");
            for (transition, may) in [(Start, starts), (Stop, starts), (Destroy, deletes)] {
                assert_eq!(builds_workspace(role, whose, transition, false), may, "{role:?} {whose:?} {transition:?}");
            }
            // What a workspace has is left behind only by who may do both.
            let may = deletes && templates;
            assert_eq!(builds_workspace(role, whose, Destroy, true), may, "{role:?} {whose:?} orphan");
        }
    }
}
