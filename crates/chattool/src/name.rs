//! What a workspace can be called, and names for those whose model has none, or none that can be.

use groundhog_host::Random;

/// The longest name, in bytes: the control plane's rule.
pub const NAME_BYTES_MAX: usize = 32;

/// The longest part of a generated name that comes of something else, in bytes. It leaves room for a hyphen and four
/// digits.
pub const BASE_BYTES_MAX: usize = 27;

/// What no workspace is called, whatever the case of its letters: the platform's pages have these names.
const RESERVED: [&str; 2] = ["new", "create"];

const ADJECTIVES: [&str; 16] = [
    "amber", "brave", "calm", "eager", "fresh", "gentle", "happy", "jolly", "keen", "lively", "mellow", "nimble",
    "proud", "quick", "sunny", "witty",
];

const NOUNS: [&str; 16] = [
    "badger", "beaver", "falcon", "ferret", "gopher", "heron", "lemming", "lynx", "marmot", "otter", "puffin", "raven",
    "robin", "stoat", "vole", "walrus",
];

/// Whether a workspace can be called so: 1 to 32 ASCII letters, digits and single hyphens, no hyphen at either end, and
/// neither `new` nor `create`.
pub fn is_valid(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
        && !RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved))
}

/// A valid name that begins as `base` does and ends with four hexadecimal digits; none if there is nothing in `base` that
/// could be part of a name.
pub fn generate(base: &str, digits: u16) -> Option<String> {
    let mut name = String::new();
    for letter in base.chars() {
        if name.len() == BASE_BYTES_MAX {
            break;
        }
        if letter.is_ascii_alphanumeric() {
            name.push(letter.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    let base = name.trim_end_matches('-');
    (!base.is_empty()).then(|| format!("{base}-{digits:04x}"))
}

/// A valid name that comes of nothing: an adjective, a noun and a number. Takes three draws.
pub fn random(random: &mut Random) -> String {
    let mut pick = |words: &[&'static str]| {
        let at = random.below(words.len() as u64) as usize;
        words.get(at).copied().unwrap_or("workspace")
    };
    let (adjective, noun) = (pick(&ADJECTIVES), pick(&NOUNS));
    format!("{adjective}-{noun}-{}", random.below(100))
}

/// A valid name that begins as `base` does, if that can be. Takes one draw, and three more if it can't be.
pub fn from_base(base: &str, stream: &mut Random) -> String {
    // The upper bits are as random as the lower ones; sixteen are left.
    let digits = (stream.next_u32() >> 16) as u16;
    generate(base, digits).unwrap_or_else(|| random(stream))
}
