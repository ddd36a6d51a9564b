//! Plots as inline SVG that takes its text colour from the page.

use std::ops::Range;

use anyhow::{Result, anyhow};
use plotters::{
    coord::{
        Shift,
        combinators::WithKeyPoints,
        types::{RangedCoordf64, RangedCoordi64},
    },
    prelude::*,
};

use ballast_time::{DAY, clock_label, day_label};

pub(super) const SIZE: (u32, u32) = (960, 300);
/// The colour that is replaced by the page's text colour.
pub(super) const INK: RGBColor = BLACK;
/// Columns into which a line is thinned: lowest and highest value of each are kept.
const COLUMNS: usize = 700;

/// A line through `(unix seconds, value)`.
pub struct Line {
    /// Colour.
    pub colour: (u8, u8, u8),
    /// Width in pixels.
    pub width: u32,
    /// Points in order of time.
    pub points: Vec<(i64, f64)>,
}

/// The axes of a plot.
pub struct Axes<'a> {
    /// Unix seconds.
    pub time: Range<i64>,
    /// Values.
    pub values: Range<f64>,
    /// Writes a value beside the axis.
    pub label: &'a dyn Fn(f64) -> String,
}

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Plot<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<WithKeyPoints<RangedCoordi64>, RangedCoordf64>>;

/// Where the time axis is labelled: midnights, or round hours if there are too few of them.
fn ticks(time: &Range<i64>) -> Vec<i64> {
    const STEPS: [i64; 7] = [900, 1_800, 3_600, 3 * 3_600, 6 * 3_600, DAY, 7 * DAY];
    let span = time.end - time.start;
    let step = STEPS.into_iter().find(|step| span / step <= 12).unwrap_or(span / 8);
    let first = time.start.div_euclid(step) * step + if time.start.rem_euclid(step) == 0 { 0 } else { step };
    (0..).map(|index| first + index * step).take_while(|tick| *tick <= time.end).collect()
}

/// A day at midnight, the hour otherwise.
fn tick_label(time: i64) -> String {
    if time.rem_euclid(DAY) == 0 { day_label(time) } else { clock_label(time) }
}

/// Draws a plot: axes first, then what `draw` adds.
fn plot(axes: &Axes, draw: impl FnOnce(&mut Plot) -> Result<()>) -> Result<String> {
    let mut svg = String::new();
    {
        let canvas: Canvas = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&canvas)
            .margin(8)
            .margin_right(28)
            .x_label_area_size(28)
            .y_label_area_size(64)
            .build_cartesian_2d(axes.time.clone().with_key_points(ticks(&axes.time)), axes.values.clone())
            .map_err(failed)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(INK.mix(0.15))
            .axis_style(INK.mix(0.4))
            .label_style(("sans-serif", 14).into_font().color(&INK))
            .y_labels(6)
            .x_label_formatter(&|time| tick_label(*time))
            .y_label_formatter(&|value| (axes.label)(*value))
            .draw()
            .map_err(failed)?;
        draw(&mut chart)?;
        drop(chart);
        canvas.present().map_err(failed)?;
    }
    Ok(on_page(&svg))
}

/// A drawing with the page's ink.
pub(super) fn on_page(svg: &str) -> String {
    svg.replace("\"#000000\"", "\"currentColor\"")
}

pub(super) fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw a plot: {error}")
}

pub(super) fn colour((red, green, blue): (u8, u8, u8)) -> RGBColor {
    RGBColor(red, green, blue)
}

/// Lowest and highest point of each column, in order of time.
fn thinned(points: &[(i64, f64)], time: &Range<i64>) -> Vec<(i64, f64)> {
    let span = (time.end - time.start).max(1) as i128;
    let column = |at: i64| ((at - time.start) as i128 * COLUMNS as i128 / span) as i64;
    let inside: Vec<_> = points.iter().copied().filter(|(at, _)| (time.start..=time.end).contains(at)).collect();
    let mut kept = Vec::new();
    for part in inside.chunk_by(|a, b| column(a.0) == column(b.0)) {
        let by_value = |a: &&(i64, f64), b: &&(i64, f64)| a.1.total_cmp(&b.1);
        if let (Some(low), Some(high)) = (part.iter().min_by(by_value), part.iter().max_by(by_value)) {
            kept.push(*low.min_by_time(high));
            if low != high {
                kept.push(*low.max_by_time(high));
            }
        }
    }
    kept
}

/// Order of two points in time.
trait ByTime: Sized {
    fn min_by_time<'a>(&'a self, other: &'a Self) -> &'a Self;
    fn max_by_time<'a>(&'a self, other: &'a Self) -> &'a Self;
}

impl ByTime for (i64, f64) {
    fn min_by_time<'a>(&'a self, other: &'a Self) -> &'a Self {
        if self.0 <= other.0 { self } else { other }
    }
    fn max_by_time<'a>(&'a self, other: &'a Self) -> &'a Self {
        if self.0 <= other.0 { other } else { self }
    }
}

/// Lines over time, with a dashed level to compare them with.
pub fn lines(axes: &Axes, lines: &[Line], level: Option<f64>) -> Result<String> {
    plot(axes, |chart| {
        if let Some(level) = level {
            let ends = [(axes.time.start, level), (axes.time.end, level)];
            chart.draw_series(DashedLineSeries::new(ends, 6, 4, INK.mix(0.6).into())).map_err(failed)?;
        }
        for line in lines {
            let style = colour(line.colour).stroke_width(line.width);
            chart.draw_series(LineSeries::new(thinned(&line.points, &axes.time), style)).map_err(failed)?;
        }
        Ok(())
    })
}

/// Areas on top of each other: for each time the values from the bottom up. Thinned to the time of each column at which
/// the lowest area is largest.
pub fn stacked(axes: &Axes, colours: &[(u8, u8, u8)], stacks: &[(i64, Vec<f64>)]) -> Result<String> {
    let span = (axes.time.end - axes.time.start).max(1) as i128;
    let column = |at: i64| ((at - axes.time.start) as i128 * COLUMNS as i128 / span) as i64;
    let inside: Vec<_> = stacks.iter().filter(|(at, _)| (axes.time.start..=axes.time.end).contains(at)).collect();
    let kept: Vec<_> = inside
        .chunk_by(|a, b| column(a.0) == column(b.0))
        .filter_map(|part| part.iter().max_by(|a, b| a.1[0].total_cmp(&b.1[0])))
        .collect();
    plot(axes, |chart| {
        // The highest sum first: each area then covers the part of the one before that is not its own.
        for (index, fill) in colours.iter().enumerate().rev() {
            let tops = kept.iter().map(|(at, values)| (*at, values[..=index].iter().sum::<f64>()));
            let series = AreaSeries::new(tops, axes.values.start, colour(*fill).filled());
            chart.draw_series(series).map_err(failed)?;
        }
        Ok(())
    })
}

/// Stacked columns: for each one its first second, its width in seconds and its values from the bottom up.
pub fn columns(axes: &Axes, colours: &[(u8, u8, u8)], width: i64, stacks: &[(i64, Vec<f64>)]) -> Result<String> {
    plot(axes, |chart| {
        for (at, values) in stacks {
            let mut bottom = 0.0;
            for (value, fill) in values.iter().zip(colours) {
                if *value > 0.0 {
                    let corners = [(*at, bottom), (at + width, bottom + value)];
                    chart.draw_series([Rectangle::new(corners, colour(*fill).filled())]).map_err(failed)?;
                    bottom += value;
                }
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_extremes_of_each_column() {
        let points: Vec<_> = (0..7_000).map(|at| (at, if at == 4_321 { -9.0 } else { (at % 10) as f64 })).collect();
        let kept = thinned(&points, &(0..7_000));
        assert!(kept.len() <= 2 * COLUMNS && kept.contains(&(4_321, -9.0)));
        assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn ticks_are_midnights_of_a_week_and_hours_of_a_day() {
        assert_eq!(ticks(&(0..7 * DAY)).len(), 8);
        assert_eq!(ticks(&(3_600..DAY / 2))[..2], [3_600, 7_200]);
        assert_eq!(tick_label(DAY), "2 Jan");
        assert_eq!(tick_label(DAY + 3_600), "01:00");
    }

    #[test]
    fn plots_take_their_ink_from_the_page() -> Result<()> {
        let axes = Axes { time: 0..DAY, values: 0.0..1.0, label: &|value| format!("{value:.1}") };
        let line = Line { colour: (1, 2, 3), width: 2, points: vec![(0, 0.0), (DAY - 1, 1.0)] };
        let svg = lines(&axes, &[line], Some(0.5))?;
        assert!(svg.starts_with("<svg") && svg.contains("currentColor") && svg.contains("#010203"));
        assert!(!svg.contains("#000000"));
        Ok(())
    }
}
