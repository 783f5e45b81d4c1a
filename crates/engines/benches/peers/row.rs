//! A row of the table.

/// A figure, beside another one.
pub(crate) struct Row {
    pub(crate) workload: &'static str,
    pub(crate) engine: &'static str,
    /// How many of what the workload is made of, and what: `50 hosts`.
    pub(crate) size: String,
    pub(crate) figure: f64,
    pub(crate) unit: &'static str,
    /// How many times as much it costs as what it stands beside.
    pub(crate) ratio: f64,
    /// What that is.
    pub(crate) beside: &'static str,
}

impl Row {
    /// The lines above the first row.
    pub(crate) const HEAD: &'static str = "\
        | workload | engine              | size          |     figure | unit              |     cost | of        |\n\
        | -------- | ------------------- | ------------- | ---------- | ----------------- | -------- | --------- |";

    /// The row for people.
    pub(crate) fn line(&self) -> String {
        let Self { workload, engine, size, figure, unit, ratio, beside } = self;
        let (figure, ratio) = (rounded(*figure), rounded(*ratio));
        format!("| {workload:<8} | {engine:<19} | {size:<13} | {figure:>10} | {unit:<17} | {ratio:>8} | {beside:<9} |")
    }

    /// The row for programs.
    pub(crate) fn json(&self) -> String {
        let Self { workload, engine, size, figure, unit, ratio, beside } = self;
        format!(
            "{{\"workload\":\"{workload}\",\"engine\":\"{engine}\",\"size\":\"{size}\",\"figure\":{figure:.5},\
             \"unit\":\"{unit}\",\"ratio\":{ratio:.5},\"beside\":\"{beside}\"}}"
        )
    }
}

/// Three digits that count, and no more than three behind the point.
fn rounded(figure: f64) -> String {
    let places = match figure {
        figure if figure >= 100.0 => 0,
        figure if figure >= 10.0 => 1,
        figure if figure >= 1.0 => 2,
        _ => 3,
    };
    format!("{figure:.places$}")
}
