//! A job's status: all sixteen combinations, written out.

use groundhog_control::job_status::{Facts, JobStatus, status};

#[test]
fn every_combination_has_its_status() {
    use JobStatus::{Canceled, Canceling, Failed, Pending, Running, Succeeded};
    // started, canceled, completed, error
    let table = [
        ([false, false, false, false], Pending),
        ([true, false, false, false], Running),
        ([false, true, false, false], Canceling),
        ([true, true, false, false], Canceling),
        ([false, false, true, false], Succeeded),
        ([true, false, true, false], Succeeded),
        ([false, true, true, false], Canceled),
        ([true, true, true, false], Canceled),
        ([false, false, false, true], Failed),
        ([true, false, false, true], Failed),
        ([false, true, false, true], Failed),
        ([true, true, false, true], Failed),
        ([false, false, true, true], Failed),
        ([true, false, true, true], Failed),
        ([false, true, true, true], Failed),
        ([true, true, true, true], Failed),
    ];
    let mut seen = std::collections::BTreeSet::new();
    for (facts, expected) in table {
        let [started, canceled, completed, error] = facts;
        assert_eq!(status(Facts { started, canceled, completed, error }), expected, "{facts:?}");
        seen.insert(facts);
    }
    assert_eq!(seen.len(), 16, "a combination is missing");
}
