//! Every scenario, with its own seed, against its snapshot.

use groundhog_stage::{catalogue, run::run, scenario::Scenario, snapshot, suite::Entry};

#[test]
fn every_scenario_does_what_its_snapshot_says() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(env!("CARGO_MANIFEST_DIR").to_owned() + "/../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::glob!("../scenarios", "**/*.toml", |path| {
            let entry = Entry::of(path);
            let scenario = match Scenario::load(path, &catalogue::lists()) {
                Ok(scenario) => scenario,
                Err(diagnostics) => panic!("{}", diagnostics.render(false)),
            };
            let report = run(&scenario, scenario.seed);
            let mut settings = insta::Settings::clone_current();
            // The name says all: the file that the glob is at would stand in it twice.
            settings.set_snapshot_suffix("");
            settings.bind(|| {
                insta::assert_snapshot!(snapshot::file_stem(&entry.name), snapshot::render(&entry.name, &report));
            });
        });
    });
}
