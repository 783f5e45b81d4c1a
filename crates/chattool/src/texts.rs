//! What a call is answered that ends before anything was waited for. The words are the behaviour's, where it states them.

/// The toolbox was not told where the control plane is.
pub const NOT_CONFIGURED: &str = "workspace creator is not configured";

/// No template was named.
pub const TEMPLATE_REQUIRED: &str = "template_id is required; use list_templates to find one";

/// The template is none that chats may use.
pub const TEMPLATE_NOT_ALLOWED: &str =
    "template not available for chat workspaces; use list_templates to find allowed templates";

/// The template is another organisation's (#24297, #23827).
pub const OTHER_ORGANIZATION: &str = "template belongs to a different organization than this chat; \
     use list_templates to find templates in the correct organization";

/// Somebody else would have to run the workspace's agents (#24969).
pub const EXTERNAL_AGENTS: &str = "create_workspace cannot create workspaces from templates with externally managed \
     agents. Use list_templates to find another template.";

/// A chat without a workspace has nothing to start or to stop.
pub const NO_WORKSPACE: &str = "this chat has no workspace; use create_workspace to create one";

/// Nor has one whose workspace was deleted.
pub const WORKSPACE_DELETED: &str =
    "the workspace of this chat was deleted; use create_workspace to create another one";

/// Other calls of the same chat decided for longer than [`TURN_TIMEOUT`](crate::timing::TURN_TIMEOUT).
pub const NO_TURN: &str = "another call is working on the workspace of this chat; try again";

/// What is read changed again and again, or [`DECIDE_TIMEOUT`](crate::timing::DECIDE_TIMEOUT) passed.
pub const NO_DECISION: &str = "the workspace of this chat keeps changing; try again";

/// The control plane can't say whether the agent is there, and it does not answer either. That is no proof that the
/// workspace is dead (C1).
pub const STATUS_UNKNOWN: &str =
    "the status of the workspace's agent can't be read, and the agent does not answer; try again";

/// The workspace is not to run any more, so its agent is not waited for.
pub const STOPPED_MEANWHILE: &str =
    "the workspace was stopped while its agent was waited for; use start_workspace to start it";

/// The workspace has another agent by now, or is about to have one.
pub const BUILT_MEANWHILE: &str = "the workspace was built anew while its agent was waited for; try again";

/// The beginning of a text, with `…` if that isn't all. What others wrote may be longer than a model can bear.
pub(crate) fn shortened(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => text[..end].chars().chain("…".chars()).collect(),
        None => text.to_owned(),
    }
}
