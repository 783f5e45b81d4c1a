//! Call stacks: taken as addresses while the run goes on, named when it is over.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{LazyLock, Mutex, PoisonError},
};

use super::bypass::Culprit;

/// How deep a stack is looked into. Those of an RPC stack without optimisation are some two hundred deep.
const DEPTH_MAX: usize = 400;

/// How many functions of a stack are kept once they are named.
const KEPT_MAX: usize = 64;

/// Crates whose only purpose is to hand out clocks or randomness, or that take randomness to be made at all. Who
/// calls them is the one who asks.
const MIDDLEMEN: &[&str] = &[
    "ahash",
    "chrono",
    "coarsetime",
    "fastrand",
    "foldhash",
    "futures_timer",
    "getrandom",
    "hashbrown",
    "indexmap",
    "instant",
    "jiff",
    "libc",
    "minstant",
    "nanorand",
    "oorandom",
    "quanta",
    "rand",
    "rand_chacha",
    "rand_core",
    "rustix",
    "time",
    "uuid",
    "wyhash",
];

/// The standard library's crates.
const STANDARD: &[&str] = &["std", "core", "alloc", "backtrace", "test", "panic_unwind"];

/// Where in this crate the functions are that stand before the C library's.
const CALLED: &str = "src/interpose/";

/// How many functions, those that take the stack among them, may lie within the one that was called.
const WITHIN_MAX: usize = 24;

/// One function of a stack. An address stands for several when some of them were inlined.
#[derive(Clone, Debug)]
struct Frame {
    crate_name: Option<String>,
    function: String,
    file: String,
    line: u32,
    library: bool,
}

impl Frame {
    fn text(&self) -> String {
        if self.file.is_empty() {
            self.function.clone()
        } else {
            format!("{} ({}:{})", self.function, self.file, self.line)
        }
    }

    fn is(&self, crates: &[&str]) -> bool {
        self.crate_name.as_deref().is_some_and(|name| crates.contains(&name))
    }
}

/// The addresses of the functions that are running on this thread, innermost first.
pub(crate) fn here() -> Vec<usize> {
    let mut stack = Vec::with_capacity(64);
    backtrace::trace(|frame| {
        stack.push(frame.ip() as usize);
        stack.len() < DEPTH_MAX
    });
    stack
}

/// The names of an address never change, and finding them takes long.
static NAMED: LazyLock<Mutex<BTreeMap<usize, Vec<Frame>>>> = LazyLock::new(Mutex::default);

/// Who is to be held responsible for a stack, and the stack in words.
pub(crate) fn resolve(stack: &[usize]) -> (Culprit, Vec<String>) {
    let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    let frames: Vec<_> =
        stack.iter().flat_map(|address| named.entry(*address).or_insert_with(|| name(*address)).clone()).collect();
    // The innermost functions are those that took the stack.
    let called = frames.iter().take(WITHIN_MAX).rposition(|frame| frame.file.contains(CALLED));
    let asked = &frames[called.map_or(0, |place| place + 1)..];
    let stranger = |frame: &&Frame| !frame.is(STANDARD) && !frame.is(MIDDLEMEN) && !frame.function.is_empty();
    let culprit = match asked.iter().find(stranger) {
        Some(frame) => Culprit {
            crate_name: frame.crate_name.clone(),
            function: frame.function.clone(),
            file: frame.file.clone(),
            line: frame.line,
            library: frame.library,
        },
        None => {
            Culprit { crate_name: None, function: "(unknown)".to_owned(), file: String::new(), line: 0, library: false }
        }
    };
    // What is below the task that ran is the same for all.
    let end = asked.iter().position(|frame| frame.is(&["async_task"])).unwrap_or(asked.len());
    (culprit, asked[..end].iter().take(KEPT_MAX).map(Frame::text).collect())
}

fn name(address: usize) -> Vec<Frame> {
    let mut frames = Vec::new();
    backtrace::resolve(std::ptr::without_provenance_mut(address), |symbol| {
        let function = symbol.name().map(|name| format!("{name:#}")).unwrap_or_default();
        let (file, library, from) = symbol.filename().map(place).unwrap_or_default();
        let named = crate_of(&function).map(str::to_owned);
        let function = match &from {
            // An inlined function is called by its last name only.
            Some(from) if named.is_none() && !function.is_empty() => format!("{from}::…::{function}"),
            _ => function,
        };
        let crate_name = named.or(from);
        frames.push(Frame { crate_name, function, file, line: symbol.lineno().unwrap_or(0), library });
    });
    frames
}

/// A source file as it is told, whether it is from elsewhere, and the crate whose folder it is in.
fn place(path: &Path) -> (String, bool, Option<String>) {
    let text = path.to_string_lossy();
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).parent().and_then(|root| path.strip_prefix(root).ok());
    if let Some(within) = ours {
        // An inlined function has no crate in its name. In this project `x/src/…` is of the crate `groundhog_x`.
        let mut folders = within.iter().rev().skip_while(|folder| *folder != "src").skip(1);
        let crate_name = folders.next().map(|folder| format!("groundhog_{}", folder.to_string_lossy()));
        return (within.to_string_lossy().into_owned(), false, crate_name);
    }
    if let Some((_, within)) = text.rsplit_once("/library/")
        && text.starts_with("/rustc/")
    {
        return (within.to_owned(), true, within.split('/').next().map(str::to_owned));
    }
    // `…/registry/src/NAME-1949cf8c6b5b557f/hyper-1.12.0/src/…`
    for folder in ["/registry/src/", "/git/checkouts/"] {
        if let Some((_, within)) = text.split_once(folder) {
            let within = within.split_once('/').map_or(within, |(_, within)| within);
            let crate_name = within.split('/').next().and_then(|name| name.rsplit_once('-'));
            // C files lie within crates too; they are no part of them in code.
            let rust = text.ends_with(".rs").then(|| crate_name.map(|(name, _)| name.replace('-', "_"))).flatten();
            return (within.to_owned(), true, rust);
        }
    }
    let library = path.is_relative() && !text.ends_with(".rs") || text.starts_with("/rustc/");
    (text.into_owned(), library, None)
}

/// The crate that a Rust function is of, by its full name: that of the type whose method it is, or of the trait if
/// the type is a parameter.
fn crate_of(function: &str) -> Option<&str> {
    let first =
        |text: &'_ str| -> usize { text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len()) };
    let mut rest = function;
    loop {
        let trimmed = rest.trim_start_matches(['<', '&', '*', '[', '(', ' ']);
        let trimmed = ["dyn ", "mut ", "const "].iter().find_map(|word| trimmed.strip_prefix(word)).unwrap_or(trimmed);
        if trimmed.len() == rest.len() {
            break;
        }
        rest = trimmed;
    }
    let name = &rest[..first(rest)];
    if rest[name.len()..].starts_with("::") {
        return Some(name).filter(|name| !name.is_empty());
    }
    // `<T as crate::Trait>::method`
    let (_, of) = rest.split_once(" as ").filter(|_| function.starts_with('<'))?;
    let name = &of[..first(of)];
    of[name.len()..].starts_with("::").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_functions_crate_is_read_from_its_name() {
        let cases = [
            ("hyper::proto::h2::ping::channel", Some("hyper")),
            ("<std::time::Instant as core::fmt::Debug>::fmt", Some("std")),
            ("<&mut tokio::io::Foo as core::clone::Clone>::clone", Some("tokio")),
            ("<T as core::convert::Into<U>>::into", Some("core")),
            ("<[T] as alloc::Concat>::concat", Some("alloc")),
            ("<dyn tower::Service>::call", Some("tower")),
            ("with_capacity<<T as core::iter::Iterator>::Item>", None),
            ("sqlite3_randomness", None),
            ("", None),
        ];
        for (function, expected) in cases {
            assert_eq!(crate_of(function), expected, "{function}");
        }
    }

    #[test]
    fn a_source_file_is_told_without_what_differs_between_machines() {
        let told = |path: &str| {
            let (file, library, name) = place(Path::new(path));
            (file, library, name.unwrap_or_default())
        };
        let registry = "/somewhere/registry/src/NAME-1949/hyper-util-0.1.2/src/lib.rs";
        assert_eq!(told(registry), ("hyper-util-0.1.2/src/lib.rs".to_owned(), true, "hyper_util".to_owned()));
        let standard = "/rustc/abcdef/library/std/src/time.rs";
        assert_eq!(told(standard), ("std/src/time.rs".to_owned(), true, "std".to_owned()));
        let own = concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs");
        assert_eq!(told(own), ("sim/src/lib.rs".to_owned(), false, "groundhog_sim".to_owned()));
    }
}
