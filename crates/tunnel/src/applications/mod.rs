//! What runs over a connection to an agent.
