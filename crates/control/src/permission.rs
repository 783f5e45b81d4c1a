//! Who may do what about workspaces that were built ahead and about templates, as a pure table.
