//! Who may do what about templates and about workspaces, as a pure table.
//!
//! A workspace that was built ahead is everybody's and nobody's until it is claimed: whoever looks after templates may
//! delete it, as they may have it be made anew, without being let at people's workspaces. To leave behind what a workspace
//! has takes both: leave to delete the workspace, and leave to look after templates.

use crate::{store::users::Role, transition::Transition};

/// Whose a workspace is, to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// Their own.
    Own,
    /// Another person's.
    Anothers,
    /// Of an account that builds ahead: nobody has claimed it.
    BuiltAhead,
}

/// Whether somebody of this role makes, changes and deletes templates, and has their workspaces be built anew.
pub const fn looks_after_templates(role: Role) -> bool {
    match role {
        Role::TemplateAdmin | Role::Admin => true,
        Role::Member | Role::Prebuilds => false,
    }
}

/// Whether somebody of this role sees a template; `is_member` of its organisation. To others it does not exist.
pub const fn sees_template(role: Role, is_member: bool) -> bool {
    match role {
        Role::TemplateAdmin | Role::Admin | Role::Prebuilds => true,
        Role::Member => is_member,
    }
}

/// Whether somebody of this role makes workspaces of a template; `is_member` of its organisation.
pub const fn uses_template(role: Role, is_member: bool) -> bool {
    match role {
        // The account that builds ahead does so wherever there is something to build ahead.
        Role::Admin | Role::Prebuilds => true,
        Role::Member | Role::TemplateAdmin => is_member,
    }
}

/// Whether somebody of this role gives a workspace that was built ahead to whom they choose.
pub const fn hands_workspaces_over(role: Role) -> bool {
    match role {
        Role::Admin | Role::Prebuilds => true,
        Role::Member | Role::TemplateAdmin => false,
    }
}

/// Whether somebody of this role sees a workspace. To others it does not exist.
pub const fn sees_workspace(role: Role, whose: Whose) -> bool {
    match whose {
        Whose::Own => true,
        Whose::Anothers => matches!(role, Role::Admin),
        Whose::BuiltAhead => looks_after_templates(role),
    }
}

/// Whether somebody of this role has a workspace built that they see; `orphan` if what it has is to be left behind.
pub const fn builds_workspace(role: Role, whose: Whose, transition: Transition, orphan: bool) -> bool {
    let deletes = matches!(transition, Transition::Destroy);
    let builds = match whose {
        Whose::Own => true,
        Whose::Anothers => matches!(role, Role::Admin),
        Whose::BuiltAhead => matches!(role, Role::Admin) || (deletes && looks_after_templates(role)),
    };
    builds && (!orphan || looks_after_templates(role))
}
