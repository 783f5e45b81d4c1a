//! The engine on turmoil.

mod scenarios;
