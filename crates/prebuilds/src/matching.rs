//! Which preset somebody means who named none.

use std::cmp::Reverse;

/// There are not as many values as names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter names and values must have the same length")]
pub struct Mismatched;

/// The preset that parameters belong to, if there is one: all of its parameters are among them. The one with the most
/// parameters wins, and of those the one whose name comes first (P15). A preset without parameters fits everything.
///
/// `names` and `values` are what was given, pairwise. `presets` are names of presets with their parameters.
///
/// # Errors
///
/// If there are not as many values as names.
pub fn find_matching_preset<'a>(
    names: &[&str],
    values: &[&str],
    presets: &'a [(String, Vec<(String, String)>)],
) -> Result<Option<&'a str>, Mismatched> {
    if names.len() != values.len() {
        return Err(Mismatched);
    }
    let given = |name: &str, value: &str| names.iter().zip(values).any(|(n, v)| *n == name && *v == value);
    Ok(presets
        .iter()
        .filter(|(_, parameters)| parameters.iter().all(|(name, value)| given(name, value)))
        .map(|(preset, parameters)| (Reverse(parameters.len()), preset.as_str()))
        .min()
        .map(|(_, preset)| preset))
}
