//! What is no host, and away for a while.

use groundhog_sim::{Config, Outage, simulate};

use super::{Notes, seconds};

#[test]
fn a_thing_is_back_when_the_last_fault_on_it_has_ended() {
    let (told, logged) = simulate(Config::new(1), |world| {
        let notes = Notes::default();
        let noted = notes.clone();
        let database = Outage::new("database", move |available| noted.add(available.to_string()));
        world.plan_outage(seconds(5), Some(seconds(10)), &database);
        world.plan_outage(seconds(7), Some(seconds(3)), &database.clone());
        world.plan_outage(seconds(30), None, &database);
        world.run_until(seconds(12));
        assert_eq!(notes.all(), ["false"], "one fault is over, the other goes on");
        world.run_until(seconds(60));
        let about = world.records().into_iter().filter(|record| record.field("what") == Some("database"));
        let about = about.map(|record| format!("{} {}", record.at.as_secs(), record.event)).collect::<Vec<_>>();
        (notes.all(), about)
    });
    assert_eq!(told, ["false", "true", "false"]);
    let expected =
        ["5 fault.outage", "7 fault.outage", "10 fault.outage_healed", "15 fault.outage_healed", "30 fault.outage"];
    assert_eq!(logged, expected);
}
