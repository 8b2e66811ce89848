//! Progress messages for a person who waits at a terminal.

use std::{
    fmt,
    io::Write as _,
    sync::LazyLock,
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Between two lines about how far a step is, where no bar can be drawn.
const LINES: Duration = Duration::from_secs(10);
/// Between two redraws of a bar whose step has made no progress.
const TICK: Duration = Duration::from_millis(200);
const BYTES_PER_MB: u64 = 1_000_000;

/// All bars of this process, below one another. They draw nothing where stderr is no terminal.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Prints a line about the control plane.
pub(super) fn report(line: &str) {
    print_line(&format!("control plane: {line}"));
}

/// Prints one line on stderr, above the bars. Written directly, because the test harness holds back what `eprintln!` prints.
pub fn print_line(line: &str) {
    let line = format!("{line}\n");
    BARS.suspend(|| {
        // A closed stderr is no reason to fail.
        let _ = std::io::stderr().write_all(line.as_bytes());
    });
}

/// Takes all progress bars off the terminal for good: for a program that ends while a control plane is still being built.
pub fn end_progress() {
    // A closed stderr is no reason to fail.
    let _ = BARS.clear();
    BARS.set_draw_target(ProgressDrawTarget::hidden());
}

/// What a step counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Packages,
    Megabytes,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Packages => "packages",
            Self::Megabytes => "MB",
        })
    }
}

/// How far a step is: how much is done, and how much there is, where that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) done: u64,
    pub(super) total: Option<u64>,
}

impl Count {
    /// In MB, of bytes.
    pub(super) fn megabytes(self) -> Self {
        Self {
            done: self.done / BYTES_PER_MB,
            total: self.total.map(|total| total.div_ceil(BYTES_PER_MB)),
        }
    }
}

/// Shows the progress of a long step until it is dropped: by a bar where stderr is a terminal, else by a line every ten seconds.
pub(super) struct Progress {
    doing: String,
    unit: Unit,
    bar: ProgressBar,
    begun: Instant,
    last_line: Instant,
}

impl Progress {
    pub(super) fn begin(doing: &str, unit: Unit) -> Self {
        let bar = ProgressBar::no_length()
            .with_style(style(false))
            .with_message(format!("control plane: {doing}"))
            .with_prefix(unit.to_string());
        let bar = BARS.add(bar);
        // A thread of its own, which is needed only if bars are drawn.
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        let now = Instant::now();
        Self {
            doing: doing.to_owned(),
            unit,
            bar,
            begun: now,
            last_line: now,
        }
    }

    pub(super) fn is_at(&mut self, count: Count) {
        if let Some(total) = count.total {
            if self.bar.length().is_none() {
                self.bar.set_style(style(true));
            }
            self.bar.set_length(total);
        }
        self.bar.set_position(count.done);
        if self.bar.is_hidden() && self.last_line.elapsed() >= LINES {
            self.last_line = Instant::now();
            report(&line(&self.doing, self.unit, count, self.begun.elapsed()));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        BARS.remove(&self.bar);
    }
}

fn line(doing: &str, unit: Unit, Count { done, total }: Count, took: Duration) -> String {
    // Go does not build what its own cache has.
    let bound = match unit {
        Unit::Packages => "at most ",
        Unit::Megabytes => "",
    };
    let of = total.map_or_else(String::new, |total| format!(" of {bound}{total}"));
    format!("{doing}: {done}{of} {unit}, {} s", took.as_secs())
}

fn style(total_is_known: bool) -> ProgressStyle {
    let template = if total_is_known {
        "{msg} [{wide_bar}] {pos} of {len} {prefix}, {elapsed}"
    } else {
        "{msg} {spinner} {pos} {prefix}, {elapsed}"
    };
    let style = ProgressStyle::with_template(template);
    style
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_how_much_of_the_total_is_done_and_for_how_long() {
        let cases = [
            (Unit::Packages, 7, None, "building: 7 packages, 21 s"),
            (
                Unit::Packages,
                7,
                Some(900),
                "building: 7 of at most 900 packages, 21 s",
            ),
            (Unit::Megabytes, 7, Some(400), "building: 7 of 400 MB, 21 s"),
        ];
        for (unit, done, total, expected) in cases {
            let text = line(
                "building",
                unit,
                Count { done, total },
                Duration::from_secs(21),
            );
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn megabytes_are_never_more_than_their_total() {
        let count = |done, total| Count {
            done,
            total: Some(total),
        };
        assert_eq!(count(2_999_999, 2_999_999).megabytes(), count(2, 3));
        assert_eq!(count(3_000_000, 3_000_000).megabytes(), count(3, 3));
    }
}
