//! What is counted, as a text in the format of OpenMetrics.
//!
//! [`process`]: of any program. [`families`]: of what a control plane counts.

pub mod families;
pub mod process;

use prometheus_client::{collector::Collector, encoding::text, registry::Registry};

/// The line with which such a text ends.
const END: &str = "# EOF\n";

/// The text of some collectors.
pub(crate) fn text(collectors: Vec<Box<dyn Collector>>) -> String {
    let mut registry = Registry::default();
    for collector in collectors {
        registry.register_collector(collector);
    }
    let mut out = String::new();
    text::encode(&mut out, &registry).expect("a string takes all text");
    out
}

/// Two texts as one.
pub(crate) fn joined(first: &str, second: &str) -> String {
    [first.strip_suffix(END).unwrap_or(first), second].concat()
}

/// A label's value as the format wants it, which the encoder does not see to.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
