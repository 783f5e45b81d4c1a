//! The engine on turmoil.

use groundhog_sim::{Config, Engine};

/// Plays `story` on turmoil.
pub fn simulate<T: Send>(config: Config, story: impl FnOnce(&mut dyn Engine) -> T + Send) -> T {
    let _ = (config, story);
    unimplemented!("the turmoil engine")
}
