//! The tunnel client in a simulated world.

mod table;
