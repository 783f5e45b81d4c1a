//! What is to be done about a pool.

/// One thing that is to be done. They are done in the order in which they were decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action<W> {
    /// Nothing is built until then (P11), in milliseconds since 1970, that instant included.
    Backoff {
        /// Until when.
        until_ms: i64,
    },
    /// First builds of the preset that still wait are withdrawn, and their workspaces deleted.
    CancelPending,
    /// Workspaces are deleted.
    Delete {
        /// Which ones, in order.
        ids: Vec<W>,
        /// Why.
        cause: DeleteCause,
    },
    /// Workspaces are built.
    Create {
        /// How many; at least one.
        count: u32,
    },
}

/// Why workspaces are deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteCause {
    /// They are too old, or were made before the preset was invalidated.
    Expired,
    /// There are more than are wanted.
    Extraneous,
    /// Nothing is wanted of this version, or of this template, any more.
    Inactive,
    /// They have neither run nor been built for an hour (P19).
    Lingering,
}
