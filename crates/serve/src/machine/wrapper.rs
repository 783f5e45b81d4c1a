//! How a provisioner calls the program: by a script of one command, because what makes machines is called by one word and
//! given no environment.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use groundhog_host::Address;

/// What of the provisioner's environment the agents get: where programs are, which language and zone, who runs it.
const INHERITED: [&str; 8] = ["PATH", "LANG", "LC_ALL", "TZ", "USER", "LOGNAME", "SHELL", "TMPDIR"];

/// What the script is told.
#[derive(Clone, Debug)]
pub struct Wrapper<'a> {
    /// The program `groundhog`.
    pub program: &'a Path,
    /// The folder of the machines.
    pub machines: &'a Path,
    /// Where the agents find their control plane.
    pub control: &'a [Address],
    /// How long an agent may take to end.
    pub grace: Duration,
}

impl Wrapper<'_> {
    /// Writes the script into `folder`, in the place of the one that a provisioner before has left. Gives its path.
    pub fn write(&self, folder: &Path) -> io::Result<PathBuf> {
        let (new, path) = (folder.join(format!("machine.{}.new", std::process::id())), folder.join("machine"));
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o700).open(&new)?;
        file.write_all(self.text(|name| std::env::var(name).ok()).as_bytes())?;
        // Closed before anybody can run it: a file that is open for writing can't be run.
        drop(file);
        fs::rename(&new, &path)?;
        Ok(path)
    }

    /// The script, where the environment has these variables.
    pub fn text(&self, variable: impl Fn(&str) -> Option<String>) -> String {
        let mut text = "#!/bin/sh\n# Written by the provisioner at each start.\n".to_owned();
        for name in INHERITED {
            if let Some(value) = variable(name) {
                text += &format!("export {name}={}\n", quoted(&value));
            }
        }
        let control = self.control.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        text += &format!(
            "exec {} serve machine --folder {} --control {} --grace {}s \"$@\"\n",
            quoted(&self.program.to_string_lossy()),
            quoted(&self.machines.to_string_lossy()),
            quoted(&control),
            self.grace.as_secs().max(1),
        );
        text
    }
}

/// A word for the shell that means itself.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
