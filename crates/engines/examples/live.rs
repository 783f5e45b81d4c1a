use groundhog_stage::{catalogue, run, scenario::Scenario, snapshot};
fn main() {
    for path in std::env::args().skip(1) {
        let mut scenario = Scenario::load(path.as_ref(), &catalogue::lists()).unwrap_or_else(|e| panic!("{}", e.render(false)));
        scenario.live = true;
        let report = groundhog_engines::play(groundhog_engines::Kind::Live, run::config(&scenario, 3), |engine| {
            run::perform(&scenario, 3, engine)
        }).unwrap();
        println!("{}", snapshot::render(&path, &report));
    }
}
