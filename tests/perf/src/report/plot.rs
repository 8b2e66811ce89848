//! Plots as SVG.

use std::{fs, path::Path};

use plotters::prelude::*;

use super::theme::{INK, OURS, THEIRS, picture};
use crate::Failure;

/// A horizontal bar.
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) value: f64,
    /// The least and the most.
    pub(super) range: Option<(f64, f64)>,
    /// What stands beside it.
    pub(super) text: String,
    pub(super) ours: bool,
}

/// Points from left to right.
pub(super) struct Line {
    pub(super) label: String,
    pub(super) points: Vec<(f64, f64)>,
    pub(super) ours: bool,
}

const WIDTH: u32 = 920;
/// Sizes of letters; plotters draws them a fifth smaller.
const SMALL: i32 = 16;
const LARGE: i32 = 19;
/// Where bars begin and the longest one ends; left of it are labels, right of it texts.
const LEFT: i32 = 300;
const RIGHT: i32 = 640;
const TOP: i32 = 44;
const STEP: i32 = 26;
/// A bar longer than so many times its mark is cut.
const CUT: f64 = 4.0;

const fn colour(ours: bool) -> RGBColor {
    if ours { OURS.0 } else { THEIRS.0 }
}

/// Bars below each other; `mark`: a line at this value, and bars are cut at a multiple of it.
pub(super) fn bars(
    path: &Path,
    title: &str,
    bars: &[Bar],
    mark: Option<f64>,
) -> Result<(), Failure> {
    let rows = i32::try_from(bars.len())?;
    let height = TOP + STEP * rows + 12;
    let most = bars
        .iter()
        .map(|bar| bar.range.map_or(bar.value, |(_, max)| max));
    let most = most.fold(mark.unwrap_or(f64::MIN_POSITIVE), f64::max);
    let most = mark.map_or(most, |mark| most.min(mark * CUT));
    let at = |value: f64| LEFT + length(value / most, RIGHT - LEFT);
    let font = |size: i32| ("sans-serif", size).into_font().color(&INK.0);
    let size = (WIDTH, height.unsigned_abs());
    let svg = picture(size, |area| {
        area.draw(&Text::new(title.to_owned(), (8, 12), font(LARGE)))?;
        for (place, bar) in (0..).zip(bars) {
            let y = TOP + STEP * place;
            area.draw(&Text::new(bar.label.clone(), (8, y + 3), font(SMALL)))?;
            area.draw(&Rectangle::new(
                [(LEFT, y), (at(bar.value), y + 17)],
                colour(bar.ours).filled(),
            ))?;
            // Beside the mark, too, so that it crosses no text.
            let mut end = at(bar.value.max(mark.unwrap_or_default()));
            if let Some((min, max)) = bar.range {
                area.draw(&PathElement::new(
                    [(at(min), y + 8), (at(max), y + 8)],
                    INK.0.stroke_width(3),
                ))?;
                end = end.max(at(max));
            }
            area.draw(&Text::new(bar.text.clone(), (end + 8, y + 3), font(SMALL)))?;
        }
        if let Some(mark) = mark {
            let line = [(at(mark), TOP - 8), (at(mark), height - 8)];
            area.draw(&PathElement::new(line, INK.0.stroke_width(2)))?;
        }
        Ok(())
    })?;
    Ok(fs::write(path, svg)?)
}

/// A part of a length in pixels, never more than all of it.
#[allow(clippy::cast_possible_truncation, reason = "between 0 and the length")]
fn length(part: f64, all: i32) -> i32 {
    (part.clamp(0.0, 1.0) * f64::from(all)).round() as i32
}

/// Lines over a common scale that begins at nothing.
pub(super) fn lines(path: &Path, title: &str, lines: &[Line]) -> Result<(), Failure> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let far = points().map(|(x, _)| *x).fold(f64::MIN_POSITIVE, f64::max);
    let high = points().map(|(_, y)| *y).fold(f64::MIN_POSITIVE, f64::max);
    let svg = picture((WIDTH, 340), |area| {
        let mut chart = ChartBuilder::on(area)
            .caption(title, ("sans-serif", LARGE).into_font().color(&INK.0))
            .margin(12)
            .x_label_area_size(30)
            .y_label_area_size(50)
            .build_cartesian_2d(0.0..far * 1.05, 0.0..high * 1.1)?;
        chart
            .configure_mesh()
            .axis_style(INK.0)
            .bold_line_style(INK.0.mix(0.35))
            .light_line_style(TRANSPARENT)
            .label_style(("sans-serif", SMALL).into_font().color(&INK.0))
            .draw()?;
        for line in lines {
            let colour = colour(line.ours);
            chart.draw_series(LineSeries::new(
                line.points.iter().copied(),
                colour.stroke_width(2),
            ))?;
            let few = line.points.len() < 10;
            let dots = line.points.iter().filter(|_| few);
            chart.draw_series(dots.map(|point| Circle::new(*point, 4, colour.filled())))?;
            if let (Some(last), true) = (line.points.last(), lines.len() > 1) {
                let style = ("sans-serif", SMALL).into_font().color(&colour);
                let label =
                    EmptyElement::at(*last) + Text::new(line.label.clone(), (-60, -18), style);
                chart.draw_series(std::iter::once(label))?;
            }
        }
        Ok(())
    })?;
    Ok(fs::write(path, svg)?)
}
