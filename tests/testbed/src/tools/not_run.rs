//! Tests that did not run because this machine lacks what they need. Nothing is skipped in silence: one line at once, one in
//! `target/not-run.txt`, and the last test binary of a `cargo test` sums up.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    io::Write as _,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    thread,
};

use crate::control_plane::print_line;

/// What this process has reported. Only the holder of the lock may write the file.
static REPORTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Between the parts of a line of the file: test, what it needs, what brings that.
const GAP: char = '\t';

/// Notes that the running test did not run: `needs` is what it lacks, `how` the command, or the few words, that bring it.
/// Each suite prints it once for each thing it lacks.
pub fn note(needs: &str, how: &str) {
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    let suite = test.split("::").next().unwrap_or(test);
    let mut reported = REPORTED.lock().unwrap_or_else(PoisonError::into_inner);
    if reported.is_empty() {
        begin();
    }
    if reported.insert(format!("{suite}{GAP}{needs}")) {
        print_line(&format!(
            "not run: tests of {suite} that need {needs} ({how})"
        ));
    }
    if reported.insert(test.to_owned() + needs) {
        let line = format!("{test}{GAP}{needs}{GAP}{how}\n");
        let file = path().and_then(|path| fs::File::options().append(true).open(path).ok());
        // If the file cannot be written, stderr alone reports it.
        let _ = file.map(|mut file| file.write_all(line.as_bytes()));
    }
}

/// Sums up what did not run in the `cargo test` that this process belongs to. Nothing where everything ran.
#[must_use]
pub fn summary() -> Option<String> {
    let text = fs::read_to_string(path()?).ok()?;
    let (first, lines) = text.split_once('\n')?;
    (first == run()).then(|| sum_up(lines)).flatten()
}

fn sum_up(lines: &str) -> Option<String> {
    let mut wanting: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for line in lines.lines() {
        let mut parts = line.split(GAP).skip(1);
        let (needs, how) = (parts.next()?, parts.next()?);
        *wanting.entry((needs, how)).or_default() += 1;
    }
    let rows = wanting.iter().map(|((needs, how), tests)| {
        let tests = format!("{tests} test{}", if *tests == 1 { "" } else { "s" });
        format!("  {needs}: {tests} ({how})\n")
    });
    let rows: String = rows.collect();
    (!rows.is_empty()).then(|| {
        format!("\nNot run, because this machine lacks what they need (target/not-run.txt names each):\n{rows}")
    })
}

/// Empties the file, unless a test binary of the same `cargo test` has begun it.
fn begin() {
    let Some(path) = path() else { return };
    let content = fs::read_to_string(&path).unwrap_or_default();
    if content.lines().next() != Some(&run()) {
        let _ = fs::write(path, run() + "\n");
    }
}

/// The first line of the file: the `cargo test` of which this process is a part.
fn run() -> String {
    let parent = rustix::process::getppid().map_or(0, |id| id.as_raw_nonzero().get());
    format!("# tests that did not run in the cargo test of process {parent}")
}

/// In the folder that cargo marks as its target folder.
fn path() -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    let mut folders = program.ancestors().skip(1);
    let target = folders.find(|folder| folder.join("CACHEDIR.TAG").exists())?;
    Some(target.join("not-run.txt"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_run_is_summed_up_by_what_it_needs() {
        let lines = "chart::a\tHelm 3\t.ci/tools helm\n\
                     chart::b\tHelm 3\t.ci/tools helm\n\
                     monitoring::c\tpromtool\t.ci/tools promtool\n";
        assert_eq!(
            sum_up(lines).unwrap(),
            "\nNot run, because this machine lacks what they need (target/not-run.txt names each):\n\
             \x20 Helm 3: 2 tests (.ci/tools helm)\n\
             \x20 promtool: 1 test (.ci/tools promtool)\n"
        );
    }

    #[test]
    fn nothing_is_reported_if_everything_ran() {
        assert_eq!(sum_up(""), None);
    }
}
