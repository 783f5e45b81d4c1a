//! Generates messages, clients and servers from `proto/`, with a compiler in Rust: nothing to install.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = [
        "administration",
        "agents",
        "chats",
        "coordination",
        "job_watch",
        "jobs",
        "templates",
        "workspace_agents",
        "workspaces",
    ];
    let files = files.map(|name| format!("groundhog/v1/{name}.proto"));
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(files, ["proto"])?;
    tonic_prost_build::configure()
        // tonic's own transport is bound to tokio's runtime and clock.
        .build_transport(false)
        // The order of a map's entries must not differ between two runs.
        .btree_map(".")
        .compile_fds(descriptors)?;
    Ok(())
}
