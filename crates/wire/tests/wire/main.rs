//! The crate's promises, each proven over a network of the test's own on a paused clock: waits of minutes take no
//! time, and every figure is exact. One module repeats the essentials on real sockets.

mod auth;
mod calls;
mod connection;
mod faults;
mod live;
mod rude;
mod server;
mod service;
mod world;
