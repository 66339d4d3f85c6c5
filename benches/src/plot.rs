//! Plots: lines over logarithmic axes, as SVG.

use std::path::Path;

use anyhow::{Context as _, Result};
use plotters::prelude::{
    ChartBuilder, IntoDrawingArea as _, IntoLogRange as _, LineSeries, Palette as _, Palette99, PathElement,
    SVGBackend, SeriesLabelPosition, WHITE,
};
use plotters::style::{BLACK, Color as _};

/// Width and height in pixels.
const SIZE: (u32, u32) = (720, 420);

/// Lines in one picture.
#[derive(Debug)]
pub struct Plot<'a> {
    /// What stands above it.
    pub title: &'a str,
    /// What the horizontal axis counts.
    pub x: &'a str,
    /// The unit of the vertical axis.
    pub y: &'a str,
    /// What is drawn.
    pub lines: &'a [Line],
}

/// One line.
#[derive(Debug)]
pub struct Line {
    name: String,
    /// Its points from left to right. Both numbers are above zero.
    pub points: Vec<(f64, f64)>,
}

impl Line {
    /// A line without points.
    #[must_use]
    pub fn new(name: String) -> Self {
        Self { name, points: Vec::new() }
    }
}

impl Plot<'_> {
    /// Draws it into a file.
    ///
    /// # Errors
    ///
    /// There is no point, or the file cannot be written.
    pub fn write_svg(&self, file: &Path) -> Result<()> {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let range = |of: fn(&(f64, f64)) -> f64| {
            let least = points().map(of).reduce(f64::min)?;
            Some(least..points().map(of).reduce(f64::max)?.max(least * 2.0))
        };
        let (x, y) = (range(|point| point.0).context("no point")?, range(|point| point.1).context("no point")?);
        let area = SVGBackend::new(file, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(60)
            .build_cartesian_2d(x.log_scale(), (y.start / 1.5..y.end * 1.5).log_scale())?;
        chart.configure_mesh().x_desc(self.x).y_desc(self.y).label_style(("sans-serif", 13)).draw()?;
        for (number, line) in self.lines.iter().enumerate() {
            let color = Palette99::pick(number).to_rgba();
            chart
                .draw_series(LineSeries::new(line.points.iter().copied(), color.stroke_width(2)).point_size(3))?
                .label(&line.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .label_font(("sans-serif", 13))
            .draw()?;
        area.present()?;
        Ok(())
    }
}
