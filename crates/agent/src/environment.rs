//! What processes find in their environment (A12).

use std::collections::BTreeMap;

/// What a process's environment is made of. Later ones beat earlier ones, where nothing else is said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sources<'a> {
    /// The agent's own. What the agent defines by itself beats it.
    pub(crate) process: &'a BTreeMap<String, String>,
    /// What the agent defines by itself.
    pub(crate) predefined: &'a BTreeMap<String, String>,
    /// The manifest's: variables in a value stand for those of the agent's own process.
    pub(crate) manifest: &'a BTreeMap<String, String>,
    /// The manifest's secrets, taken as they are.
    pub(crate) secrets: &'a BTreeMap<String, String>,
    /// What this agent was started with for all that it starts.
    pub(crate) agent: &'a BTreeMap<String, String>,
    /// A folder for programs that comes first in the path.
    pub(crate) programs: &'a str,
}

/// The environment, in the order of its names.
pub(crate) fn assemble(sources: Sources<'_>) -> BTreeMap<String, String> {
    let mut environment = sources.process.clone();
    environment.extend(sources.predefined.clone());
    for (name, value) in sources.manifest {
        environment.insert(name.clone(), expand(value, sources.process));
    }
    environment.extend(sources.secrets.clone());
    environment.extend(sources.agent.clone());
    let path = match environment.get("PATH") {
        Some(path) if !path.is_empty() => format!("{}:{path}", sources.programs),
        _ => sources.programs.to_owned(),
    };
    environment.insert("PATH".to_owned(), path);
    environment
}

/// `text` with `$NAME` and `${NAME}` replaced; a name that there is not gives nothing. A `$` before anything else, and
/// one whose brace is never closed, stay as they are.
pub(crate) fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let (name, skip) = match after.strip_prefix('{').and_then(|inside| inside.split_once('}')) {
            Some((name, _)) => (name, name.len() + 2),
            None => {
                let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                // A digit begins no name: `$1` is the parameter of its number, and there are none.
                let end = if after.starts_with(|c: char| c.is_ascii_digit()) { 1 } else { end };
                (&after[..end], end)
            }
        };
        match name {
            "" if skip == 0 => expanded.push('$'),
            name => expanded.push_str(variables.get(name).map_or("", String::as_str)),
        }
        rest = &after[skip..];
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, test_runner::RngSeed};

    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn variables_are_replaced() {
        let have = variables(&[("HOME", "/home/me"), ("A_1", "one")]);
        let check = |text: &str, expected: &str| assert_eq!(expand(text, &have), expected, "{text}");
        check("", "");
        check("plain", "plain");
        check("$HOME/src", "/home/me/src");
        check("${HOME}src", "/home/mesrc");
        check("$A_1$A_1", "oneone");
        check("x${A_1}y$NONE.", "xoney.");
        check("${NONE}", "");
        check("5 $ and $", "5 $ and $");
        check("$/", "$/");
        check("${HOME", "${HOME");
        check("$1x", "x");
    }

    #[test]
    fn what_comes_later_beats_what_comes_earlier() {
        let names = ["A", "B", "C", "D", "E"];
        let of = |which: &str, from: usize| -> BTreeMap<String, String> {
            names[from..].iter().map(|name| ((*name).to_owned(), which.to_owned())).collect()
        };
        let environment = assemble(Sources {
            process: &of("process", 0),
            predefined: &of("predefined", 1),
            manifest: &of("manifest of $A", 2),
            secrets: &of("$A", 3),
            agent: &of("agent", 4),
            programs: "/programs",
        });
        let expected = variables(&[
            ("A", "process"),
            ("B", "predefined"),
            ("C", "manifest of process"),
            ("D", "$A"),
            ("E", "agent"),
            ("PATH", "/programs"),
        ]);
        assert_eq!(environment, expected);
    }

    #[test]
    fn the_folder_for_programs_comes_first_in_the_path() {
        let none = BTreeMap::new();
        let (process, manifest) = (variables(&[("PATH", "/bin")]), variables(&[("PATH", "/opt:$PATH")]));
        let sources = Sources {
            process: &process,
            predefined: &none,
            manifest: &manifest,
            secrets: &none,
            agent: &none,
            programs: "/programs",
        };
        assert_eq!(assemble(sources)["PATH"], "/programs:/opt:/bin");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(0), ..ProptestConfig::default() })]

        /// Whatever is written, nothing panics, and what has no `$` stays.
        #[test]
        fn any_text_can_be_expanded(text in "[a-z$ {}\u{e4}_1]{0,30}") {
            let expanded = expand(&text, &variables(&[("a", "x")]));
            if !text.contains('$') {
                prop_assert_eq!(expanded, text);
            }
        }
    }
}
