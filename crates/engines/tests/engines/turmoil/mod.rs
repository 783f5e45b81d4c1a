//! The engine on turmoil.

mod conformance;
