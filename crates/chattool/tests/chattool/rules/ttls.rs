//! After how long of running a chat's workspace is stopped by itself.

use groundhog_chattool::ttl::ttl_ms;

const MINUTE_MS: i64 = 60_000;

#[test]
fn a_length_of_time_is_asked_for() {
    for (setting, minutes) in [
        ("2h", 120),
        ("2h0m0s", 120),
        ("1h30m", 90),
        ("1.5h", 90),
        (" 8h ", 480),
        ("60s", 1),
        ("1m", 1),
        ("720h", 720 * 60),
    ] {
        assert_eq!(ttl_ms(setting), Some(minutes * MINUTE_MS), "{setting}");
    }
    assert_eq!(ttl_ms("90s"), Some(90_000));
    assert_eq!(ttl_ms("60s 500ms"), Some(60_500));
}

#[test]
fn anything_else_is_none() {
    let long = format!("{}1h", " 0h".repeat(1_000));
    for setting in [
        "",
        "  ",
        "0",
        "0s",
        "0h0m",
        "-2h",
        "2h ago",
        "two hours",
        "2",
        "h",
        "2x",
        "59s",
        "1ms",
        "1ns",
        "720h1s",
        "999999999999999999h",
        "1y",
        "1mo",
        "日",
        &long,
    ] {
        assert_eq!(ttl_ms(setting), None, "{setting:?}");
    }
}
