//! Reading a scrape.

/// Without the units of histograms, which the standard allows and the `openmetrics-parser` crate does not.
#[must_use]
pub fn without_histogram_units(text: &str) -> String {
    let lines = text.lines().filter(|line| {
        let unit = line.strip_prefix("# UNIT ");
        let name = unit.and_then(|unit| unit.split(' ').next());
        !name.is_some_and(|name| text.contains(&format!("# TYPE {name} histogram\n")))
    });
    lines.map(|line| line.to_owned() + "\n").collect()
}
