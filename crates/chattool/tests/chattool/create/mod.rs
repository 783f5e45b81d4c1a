//! create_workspace makes a workspace.

use serde_json::json;

use crate::world::play;

/// The whole way: what is asked for, told and answered.
#[test]
fn a_chat_gets_a_workspace() {
    play(|play| {
        let answer = play.created(r#""name": "dev""#);
        let build = play.control.state().workspace().latest.build_id.clone();
        assert_eq!(answer, json!({ "created": true, "workspace_name": "alice/dev", "build_id": build }));
        let waits = play.fields("tool.waiting", "on");
        assert_eq!(waits, ["build", "agent", "scripts"]);
        let story =
            ["called", "found", "asked", "chat_updated", "waiting", "waiting", "waiting", "chat_updated", "answered"];
        assert_eq!(play.story(), story);
    });
}
