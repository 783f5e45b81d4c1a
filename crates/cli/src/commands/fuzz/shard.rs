//! Which part of a campaign is to be done here.

use std::env;

use groundhog_sim::campaign::Shard;

/// Names a shard as the option does.
const OWN: &str = "GROUNDHOG_SHARD";

/// Where machines that run a job many times say which one this is, and of how many; and what the first is called.
const SURROUNDINGS: [(&str, &str, u64); 4] = [
    // A Kubernetes Indexed Job sets the index; the number has to be set beside it, equal to the job's completions.
    ("JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", 0),
    // GitLab.
    ("CI_NODE_INDEX", "CI_NODE_TOTAL", 1),
    ("CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0),
    ("BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", 0),
];

/// The shard that was asked for, or else the one that the surroundings name, or else the whole campaign.
pub(super) fn of(asked: Option<Shard>) -> Result<Shard, String> {
    if let Some(shard) = asked {
        return Ok(shard);
    }
    let named = from(|name| env::var(name).ok().filter(|value| !value.is_empty()))?;
    if let Some((shard, name)) = named {
        anstream::eprintln!("shard {shard}, as {name} says; --shard 0/1 is the whole campaign");
        return Ok(shard);
    }
    Ok(Shard::ALL)
}

/// The shard that variables name, and the one that does.
fn from(variable: impl Fn(&str) -> Option<String>) -> Result<Option<(Shard, &'static str)>, String> {
    if let Some(text) = variable(OWN) {
        return text.parse().map(|shard| Some((shard, OWN))).map_err(|error| format!("{OWN}={text}: {error}"));
    }
    for (index_name, count_name, first) in SURROUNDINGS {
        let Some(index) = variable(index_name) else { continue };
        let Some(count) = variable(count_name) else {
            return Err(format!(
                "{index_name}={index} names a part of a campaign, but {count_name} does not say of how many: set it, or \
                 give --shard"
            ));
        };
        let number = |name: &str, text: &str| {
            text.parse::<u64>().map_err(|_| format!("{name}={text}: expected a number; or give --shard"))
        };
        let (index_number, count_number) = (number(index_name, &index)?, number(count_name, &count)?);
        let index_number =
            index_number.checked_sub(first).ok_or(format!("{index_name}={index}: the first is {first}"))?;
        let shard = Shard::new(index_number, count_number)
            .map_err(|error| format!("{index_name}={index}, {count_name}={count}: {error}"))?;
        return Ok(Some((shard, index_name)));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let value =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        from(value).map(|named| named.map(|(shard, _)| shard.to_string()))
    }

    #[test]
    fn each_surrounding_is_understood() {
        let cases: [(&[(&str, &str)], &str); 5] = [
            (&[("GROUNDHOG_SHARD", "2/3"), ("CI_NODE_INDEX", "1")], "2/3"),
            (&[("JOB_COMPLETION_INDEX", "0"), ("JOB_COMPLETIONS", "4")], "0/4"),
            (&[("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "4")], "0/4"),
            (&[("CIRCLE_NODE_INDEX", "3"), ("CIRCLE_NODE_TOTAL", "4")], "3/4"),
            (&[("BUILDKITE_PARALLEL_JOB", "0"), ("BUILDKITE_PARALLEL_JOB_COUNT", "1")], "0/1"),
        ];
        for (variables, shard) in cases {
            assert_eq!(with(variables), Ok(Some(shard.to_owned())), "{variables:?}");
        }
        // GitLab sets the total of one in every job.
        assert_eq!(with(&[("CI_NODE_TOTAL", "1")]), Ok(None));
    }

    #[test]
    fn what_is_half_said_or_wrong_is_refused() {
        let wrong: [&[(&str, &str)]; 6] = [
            &[("GROUNDHOG_SHARD", "4/4")],
            &[("JOB_COMPLETION_INDEX", "0")],
            &[("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "4")],
            &[("CI_NODE_INDEX", "5"), ("CI_NODE_TOTAL", "4")],
            &[("CIRCLE_NODE_INDEX", "x"), ("CIRCLE_NODE_TOTAL", "4")],
            &[("CIRCLE_NODE_INDEX", "0"), ("CIRCLE_NODE_TOTAL", "0")],
        ];
        for variables in wrong {
            let message = with(variables).expect_err("it is wrong");
            assert!(message.contains(variables[0].0), "{message}");
        }
    }
}
