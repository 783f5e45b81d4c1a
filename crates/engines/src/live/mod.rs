//! The engine on the real machine.

use std::io;

use groundhog_sim::{Config, Engine};

/// Plays `story` live.
pub fn perform<T: Send>(config: Config, story: impl FnOnce(&mut dyn Engine) -> T + Send) -> io::Result<T> {
    let _ = (config, story);
    unimplemented!("the live engine")
}
