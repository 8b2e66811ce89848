//! What plots are drawn in: the colours of a light page and, for who prefers a dark one, of that.

use std::fmt::Write;

use plotters::{coord::Shift, prelude::*};

use crate::Failure;

/// A colour on a light and on a dark page. Plots are drawn with the first; the file's own style adds the second.
pub(super) struct Tone(pub(super) RGBColor, RGBColor);

// No grey has enough contrast on both pages. These are the colours of .ci/pictures.
const PAGE: Tone = Tone(RGBColor(0xf6, 0xf8, 0xfa), RGBColor(0x0d, 0x11, 0x17));
pub(super) const INK: Tone = Tone(RGBColor(0x1f, 0x23, 0x28), RGBColor(0xe6, 0xed, 0xf3));
pub(super) const OURS: Tone = Tone(RGBColor(0x09, 0x69, 0xda), RGBColor(0x58, 0xa6, 0xff));
pub(super) const THEIRS: Tone = Tone(RGBColor(0x9a, 0x67, 0x00), RGBColor(0xd2, 0x99, 0x22));

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The SVG of what `draw` draws on a page of this size.
pub(super) fn picture(
    size: (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> Result<(), Failure>,
) -> Result<String, Failure> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    area.fill(&PAGE.0)?;
    draw(&area)?;
    area.present()?;
    drop(area);
    themed(&svg)
}

/// With the style for a dark page after the line that opens it.
fn themed(svg: &str) -> Result<String, Failure> {
    let (open, rest) = svg.split_once('\n').ok_or("no lines")?;
    let mut rules = String::new();
    for Tone(light, dark) in [PAGE, INK, OURS, THEIRS] {
        let (light, dark) = (hex(light), hex(dark));
        for part in ["fill", "stroke"] {
            write!(rules, "[{part}=\"{light}\"]{{{part}:{dark}}}")?;
        }
    }
    Ok(format!(
        "{open}\n<style>@media(prefers-color-scheme:dark){{{rules}}}</style>\n{rest}"
    ))
}

/// As plotters writes it.
fn hex(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As WCAG 2 defines it.
    fn luminance(RGBColor(red, green, blue): RGBColor) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    fn contrast(one: RGBColor, other: RGBColor) -> f64 {
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    #[test]
    fn what_is_written_can_be_read_on_both_pages() {
        for tone in [INK, OURS, THEIRS] {
            for (colour, page) in [(tone.0, PAGE.0), (tone.1, PAGE.1)] {
                let contrast = contrast(colour, page);
                assert!(contrast >= 4.5, "{} has {contrast:.2}", hex(colour));
            }
        }
    }

    #[test]
    fn a_dark_page_has_each_colour_that_is_drawn() -> Result<(), Failure> {
        let text = ("sans-serif", 16).into_font();
        let svg = picture((100, 100), |area| {
            for tone in [INK, OURS, THEIRS] {
                area.draw(&Text::new("x", (1, 1), text.clone().color(&tone.0)))?;
                area.draw(&PathElement::new([(0, 0), (9, 9)], tone.0.filled()))?;
            }
            Ok(())
        })?;
        let (style, drawn) = svg.split_once("</style>").ok_or("no style")?;
        let colours = drawn
            .split([' ', '/', '>'])
            .filter(|attribute| attribute.contains("=\"#"));
        let colours: Vec<_> = colours.collect();
        assert!(colours.len() > 6, "{drawn}");
        for colour in colours {
            assert!(
                style.contains(&format!("[{colour}]{{")),
                "{colour}: {style}"
            );
        }
        Ok(())
    }
}
