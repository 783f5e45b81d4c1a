//! A connection to an agent: one that outlives the paths that it takes.
