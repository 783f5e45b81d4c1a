//! Every scenario that says that it can be played live is.
