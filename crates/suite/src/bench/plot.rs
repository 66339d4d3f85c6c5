//! Bars over a logarithmic axis, as SVG.

use std::path::{Path, PathBuf};

use plotters::prelude::{ChartBuilder, IntoDrawingArea as _, IntoLogRange as _, Rectangle, SVGBackend, WHITE};
use plotters::style::{Color as _, RGBColor};

use super::{Measurement, Report};
use crate::SuiteError;

/// The width of a picture, the height of a bar and of everything else, in pixels.
const WIDTH: u32 = 760;
const BAR_HEIGHT: u32 = 18;
const REST_HEIGHT: u32 = 90;

const BLUE: RGBColor = RGBColor(70, 114, 160);
const RED: RGBColor = RGBColor(180, 70, 60);

/// What is drawn of a workload.
type Number = fn(&Measurement) -> f64;

/// What is drawn: the file, the title, the number.
const PICTURES: [(&str, &str, Number); 3] = [
    ("fuel.svg", "fuel, millions of units", |one| one.fuel as f64 / 1e6),
    ("memory.svg", "peak memory, MiB", |one| one.memory_bytes_peak as f64 / 1_048_576.0),
    ("time.svg", "time, ms", |one| one.time.as_secs_f64() * 1e3),
];

/// Draws fuel, peak memory and time of every workload into three files of `folder`, which must exist. What failed is red.
///
/// # Errors
///
/// A file cannot be written, or there is no workload.
pub fn write_plots(report: &Report, folder: &Path) -> Result<Vec<PathBuf>, SuiteError> {
    let draw = |(name, title, number): (&str, &str, Number)| {
        let file = folder.join(name);
        bars(report, title, number, &file).map_err(|error| SuiteError::new(&file, error))?;
        Ok(file)
    };
    PICTURES.into_iter().map(draw).collect()
}

fn bars(report: &Report, title: &str, number: Number, file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let all = report.measurements();
    let numbers: Vec<f64> = all.iter().map(|one| number(one).max(1e-3)).collect();
    let least = numbers.iter().copied().reduce(f64::min).ok_or("there is no workload")? / 2.0;
    let most = numbers.iter().copied().reduce(f64::max).unwrap_or(1.0) * 1.5;
    let count = u32::try_from(all.len())?;
    let area = SVGBackend::new(file, (WIDTH, count * BAR_HEIGHT + REST_HEIGHT)).into_drawing_area();
    area.fill(&WHITE)?;
    // The first stands above.
    let rows = f64::from(count);
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 16))
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(220)
        .build_cartesian_2d((least..most).log_scale(), 0.0..rows)?;
    chart.configure_mesh().disable_y_mesh().disable_y_axis().label_style(("sans-serif", 12)).draw()?;
    let (origin_x, origin_y) = chart.plotting_area().get_pixel_range();
    for (place, (one, number)) in all.iter().zip(&numbers).enumerate() {
        let top = rows - place as f64;
        let color = if one.verdict.is_ok() { BLUE } else { RED };
        chart.draw_series([Rectangle::new([(least, top - 0.15), (*number, top - 0.85)], color.filled())])?;
        let y = origin_y.start + (origin_y.end - origin_y.start) * i32::try_from(place)? / i32::try_from(count)? + 3;
        area.draw_text(&one.name, &("sans-serif", 12).into(), (origin_x.start - 210, y))?;
    }
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_picture_has_a_bar_for_each_workload() {
        let mut report = Report::default();
        for (name, fuel) in [("language/one", 1_000_000), ("language/two", 500_000_000)] {
            report.add(Measurement {
                name: name.into(),
                verdict: Ok(()),
                outcome: "returned",
                limit: None,
                fuel,
                tool_calls: 0,
                memory_bytes_peak: 30 << 20,
                time: Duration::from_millis(3),
            });
        }
        let folder = tempfile::tempdir().unwrap();
        for file in write_plots(&report, folder.path()).unwrap() {
            let svg = std::fs::read_to_string(file).unwrap();
            assert!(svg.contains("language/one") && svg.contains("language/two"), "{svg}");
            assert_eq!(svg.matches(r##"fill="#4672A0""##).count(), 2, "{svg}");
        }
        assert!(write_plots(&Report::default(), folder.path()).is_err());
    }
}
