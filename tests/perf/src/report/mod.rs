//! docs/project/benchmarks.md and its plots, made from result files.

mod figures;
mod page;
mod plot;
mod theme;

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Failure,
    result::{Report, SCHEMA},
};

/// Writes the page and the plots into the folder `docs`. Of a row that several results hold, the last one counts.
pub(crate) fn write(results: &[PathBuf], docs: &Path) -> Result<(), Failure> {
    let mut runs = Vec::new();
    for path in results {
        let run = read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        for earlier in &mut runs {
            forget(earlier, &run);
        }
        runs.push(run);
    }
    let plots = docs.join("performance");
    fs::create_dir_all(&plots)?;
    let drawn = figures::draw(&runs, &plots)?;
    let page = docs.join("project/benchmarks.md");
    fs::create_dir_all(docs.join("project"))?;
    fs::write(&page, page::of(&runs, &drawn))?;
    println!(
        "{} and {} plots in {}",
        page.display(),
        drawn.len(),
        plots.display()
    );
    Ok(())
}

fn read(path: &Path) -> Result<Report, Failure> {
    let report: Report = serde_json::from_slice(&fs::read(path)?)?;
    if report.schema == SCHEMA {
        Ok(report)
    } else {
        Err(format!(
            "written in schema {}, this program reads {SCHEMA}",
            report.schema
        )
        .into())
    }
}

/// Drops what a later run has measured again; a row that failed replaces none that did not.
fn forget(earlier: &mut Report, later: &Report) {
    earlier.rows.retain(|row| {
        !later
            .rows
            .iter()
            .any(|new| new.name == row.name && (new.error.is_none() || row.error.is_some()))
    });
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use testbed::drift;

    use super::*;

    #[test]
    fn the_page_is_made_of_the_results_beside_it() {
        let mut results: Vec<PathBuf> = fs::read_dir(drift::file("docs/performance/results"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        results.sort();
        let made = tempfile::tempdir().unwrap();
        write(&results, made.path()).unwrap();
        let check = |name: &str| {
            let text = fs::read_to_string(made.path().join(name)).unwrap();
            drift::check(&format!("docs/{name}"), &text, "--package perf");
        };
        check("project/benchmarks.md");
        for plot in fs::read_dir(made.path().join("performance")).unwrap() {
            let plot = plot.unwrap().file_name();
            check(&format!("performance/{}", plot.to_str().unwrap()));
        }
    }
}
