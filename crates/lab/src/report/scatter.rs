//! Plots of one quantity against another.

use std::ops::Range;

use anyhow::Result;
use plotters::{coord::types::RangedCoordf64, prelude::*};

use super::plots::{INK, SIZE, colour, failed, on_page};

type Plot<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Label<'a> = &'a dyn Fn(f64) -> String;
type Colour = (u8, u8, u8);

/// The least share and the least amount that are drawn on axes in powers of ten.
const LEAST_AMOUNT: f64 = 1.0;

/// Draws a plot: axes first, then what `draw` adds.
fn plot(
    (x, y): (Range<f64>, Range<f64>),
    (x_label, y_label): (Label, Label),
    draw: impl FnOnce(&mut Plot) -> Result<()>,
) -> Result<String> {
    let mut svg = String::new();
    {
        let canvas = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&canvas)
            .margin(8)
            .margin_right(28)
            .x_label_area_size(28)
            .y_label_area_size(64)
            .build_cartesian_2d(x, y)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(INK.mix(0.15))
            .axis_style(INK.mix(0.4))
            .label_style(("sans-serif", 14).into_font().color(&INK))
            .x_labels(8)
            .y_labels(6)
            .x_label_formatter(&|value| x_label(*value))
            .y_label_formatter(&|value| y_label(*value))
            .draw()
            .map_err(failed)?;
        draw(&mut chart)?;
        drop(chart);
        canvas.present().map_err(failed)?;
    }
    Ok(on_page(&svg))
}

/// The share of runs in which an amount was exceeded, for several amounts; both axes in powers of ten.
pub fn exceeded(amounts: &[Vec<f64>], colours: &[Colour], label: Label) -> Result<String> {
    let curves: Vec<Vec<(f64, f64)>> = amounts
        .iter()
        .map(|amounts| {
            let mut sorted = amounts.clone();
            sorted.sort_by(f64::total_cmp);
            let count = sorted.len() as f64;
            let points = sorted.iter().enumerate().filter(|(_, amount)| **amount >= LEAST_AMOUNT);
            points.map(|(rank, amount)| (amount.log10(), ((count - rank as f64) / count).log10())).collect()
        })
        .collect();
    let largest = curves.iter().flatten().map(|(amount, _)| *amount).fold(1.0, f64::max).ceil();
    let runs = amounts.iter().map(Vec::len).max().unwrap_or(1).max(10);
    let least = -(runs as f64).log10().ceil();
    let share = |value: f64| format!("{} %", 100.0 * 10f64.powf(value));
    plot((0.0..largest, least..0.0), (&|value| label(10f64.powf(value)), &share), |chart| {
        for (points, fill) in curves.iter().zip(colours) {
            chart.draw_series(LineSeries::new(points.clone(), colour(*fill).stroke_width(2))).map_err(failed)?;
        }
        Ok(())
    })
}

/// Several clouds of dots.
pub fn dots(clouds: &[Vec<(f64, f64)>], colours: &[Colour], x_label: Label, y_label: Label) -> Result<String> {
    let largest = |of: fn(&(f64, f64)) -> f64| clouds.iter().flatten().map(of).fold(1e-3, f64::max) * 1.05;
    let ranges = (0.0..largest(|dot| dot.0), 0.0..largest(|dot| dot.1));
    plot(ranges, (x_label, y_label), |chart| {
        for (dots, fill) in clouds.iter().zip(colours) {
            let style = colour(*fill).mix(0.5).filled();
            chart.draw_series(dots.iter().map(|dot| Circle::new(*dot, 2, style))).map_err(failed)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_and_dots_are_drawn_also_of_nothing() -> Result<()> {
        let label = |value: f64| format!("{value:.0}");
        let none = exceeded(&[vec![0.0, 0.0]], &[(1, 2, 3)], &label)?;
        assert!(none.starts_with("<svg") && none.contains("currentColor"));
        let some = exceeded(&[vec![0.0, 10.0, 1e6]], &[(1, 2, 3)], &label)?;
        assert!(some.contains("#010203") && !some.contains("NaN") && !some.contains("inf"));
        let cloud = dots(&[vec![(0.1, 0.2), (0.3, 0.0)]], &[(1, 2, 3)], &label, &label)?;
        assert_eq!(cloud.matches("<circle").count(), 2);
        Ok(())
    }
}
