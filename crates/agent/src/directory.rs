//! Where an agent works.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use crate::environment::expand;

/// The manifest's directory with everything in it expanded: empty stays empty; a `~` at the beginning is the home folder;
/// variables stand for those of the agent's own process; what is relative is below the home folder.
pub(crate) fn expanded(directory: &str, home: &str, variables: &BTreeMap<String, String>) -> String {
    if directory.is_empty() {
        return String::new();
    }
    let directory = match directory.strip_prefix('~') {
        // The rest is below the home folder, whatever it begins with.
        Some(rest) => format!("{home}/{rest}"),
        None => directory.to_owned(),
    };
    let path = Path::new(home).join(expand(&directory, variables));
    tidy(&path).to_string_lossy().into_owned()
}

/// `path` without empty parts, `.` and `..`.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                tidy.pop();
            }
            part => tidy.push(part),
        }
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_expanded() {
        let variables = BTreeMap::from([
            ("HOME".to_owned(), "/home/me".to_owned()),
            ("PROJECT".to_owned(), "groundhog".to_owned()),
        ]);
        let check = |directory: &str, expected: &str| {
            assert_eq!(expanded(directory, "/home/me", &variables), expected, "{directory}");
        };
        check("", "");
        check("~", "/home/me");
        check("~/src", "/home/me/src");
        check("~src", "/home/me/src");
        check("/srv/data", "/srv/data");
        check("src", "/home/me/src");
        check("$HOME", "/home/me");
        check("$HOME/$PROJECT", "/home/me/groundhog");
        check("$PROJECT", "/home/me/groundhog");
        check("~/../you//./src/", "/home/you/src");
        check("../../../..", "/");
    }
}
