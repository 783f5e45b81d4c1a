//! Which code this is.

use std::sync::LazyLock;

/// The version, and the commit that it was built from, as far as that is known: `0.1.0+adcff7d1c2aa`.
///
/// Changes that are not committed do not show in it; a case file's digests do tell them.
pub fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let (version, commit) = (env!("CARGO_PKG_VERSION"), env!("GROUNDHOG_COMMIT"));
        if commit.is_empty() { version.to_owned() } else { format!("{version}+{commit}") }
    });
    &VERSION
}
