//! A difference as told to people.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use super::{Difference, Finding};

pub(super) fn tell(out: &mut impl Write, names: [&str; 2], finding: &Finding) -> io::Result<()> {
    match finding {
        Finding::Equal => writeln!(out, "equal"),
        Finding::Lines(difference) => lines(out, names, difference),
        Finding::Steps(divergence) => {
            writeln!(out, "the logs are equal, and so are the quiet records; the runs are not:")?;
            write!(out, "{}", divergence.text(names))
        }
        Finding::Unsteady => writeln!(
            out,
            "the logs are equal and the runs were not; made again with every step recorded, they were equal: see \
             `groundhog check`"
        ),
    }
}

fn lines(out: &mut impl Write, names: [&str; 2], difference: &Difference) -> io::Result<()> {
    let what = if difference.quiet { "the logs are equal, and quiet records differ" } else { "the logs differ" };
    writeln!(out, "{what} after {} equal lines:", difference.index)?;
    difference.shared.iter().try_for_each(|line| writeln!(out, "    {line}"))?;
    for (mark, line) in std::iter::zip(['-', '+'], &difference.lines) {
        writeln!(out, "  {mark} {}", line.as_deref().unwrap_or("(the log has ended)"))?;
    }
    writeln!(out, "\n- is {}, + is {}", names[0], names[1])?;
    let [a, b] = &difference.last;
    if a == b {
        return last(out, "what each host did last before, on both sides:", a);
    }
    for (name, hosts) in std::iter::zip(names, &difference.last) {
        last(out, &format!("what each host did last before, in {name}:"), hosts)?;
    }
    Ok(())
}

fn last(out: &mut impl Write, title: &str, hosts: &BTreeMap<String, String>) -> io::Result<()> {
    writeln!(out, "\n{title}")?;
    hosts.values().try_for_each(|line| writeln!(out, "    {line}"))
}
