//! Traces: a series as lines, steps, areas, bands or points. Knows no axis text and no other series.

use crate::lines::{Kind, Series};
use crate::scale::Ruler;
use crate::svg::{Outline, Svg};
use crate::thin::{COLUMNS, Sample, envelope, thin};

/// How many series are told apart; the next ones look like the first again.
const LOOKS: usize = 6;
/// Half of the length of the line across the end of a whisker.
pub(crate) const CAP: f64 = 3.5;
/// Half of the height of a mark.
const MARK: f64 = 3.5;
/// Half of the height of a point that has no neighbour to draw a line to.
const DOT: f64 = 1.8;

/// The class of the series at an index.
pub(crate) fn class(index: usize) -> String {
    format!("series s{}", index % LOOKS + 1)
}

/// Draws a series, the next ones over it.
pub(crate) fn draw(svg: &mut Svg, index: usize, series: &Series, x: &Ruler, y: &Ruler) {
    let all = samples(series, x, y);
    if all.is_empty() {
        return;
    }
    let kept = thin(&all, COLUMNS);
    svg.group(&class(index), |svg| match &series.kind {
        Kind::Line => lines(svg, &kept, line),
        Kind::Steps => lines(svg, &kept, steps),
        Kind::Area => {
            svg.path("area", &outlines(&kept, |run| area(run, y.edge(0.0).unwrap_or(y.pixels.0))));
            lines(svg, &kept, line);
        }
        Kind::Band(_) => {
            svg.path("band", &outlines(&envelope(&all, COLUMNS), band));
            lines(svg, &kept, line);
        }
        Kind::Points(_) => {
            svg.path("whisker", &kept.iter().map(whisker).collect::<String>());
            kept.iter().for_each(|sample| mark(svg, index, (sample.x, sample.y)));
        }
    });
}

/// The sign of a series in a legend, at the left end of a line of text.
pub(crate) fn sign(svg: &mut Svg, index: usize, kind: &Kind, (x, y): (f64, f64)) {
    svg.group(&class(index), |svg| match kind {
        Kind::Points(_) => mark(svg, index, (x + 12.0, y)),
        _ => svg.path("line", &Outline::default().start((x, y)).across(x + 24.0).0),
    });
}

/// The points that have a place, in order of x. Where y has none, a run ends.
fn samples(series: &Series, x: &Ruler, y: &Ruler) -> Vec<Sample> {
    let bounds: &[(f64, f64)] = match &series.kind {
        Kind::Points(bounds) | Kind::Band(bounds) => bounds,
        Kind::Line | Kind::Steps | Kind::Area => &[],
    };
    let place = |(index, (at, value)): (usize, &(f64, f64))| {
        let bounds = bounds.get(index).and_then(|bounds| y.bounds(*bounds));
        Some((x.pixel(*at)?, y.pixel(*value), bounds))
    };
    let mut placed: Vec<_> = series.points.iter().enumerate().filter_map(place).collect();
    placed.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut run = 0;
    let mut sample = |(x, y, bounds)| {
        run += usize::from(Option::<f64>::is_none(&y));
        Some(Sample { x, y: y?, bounds, run })
    };
    placed.into_iter().filter_map(&mut sample).collect()
}

/// One path of all runs, and a dot for each point that is alone.
fn lines(svg: &mut Svg, samples: &[Sample], shape: fn(&[Sample]) -> Outline) {
    svg.path("line", &outlines(samples, shape));
    for run in runs(samples) {
        if let [alone] = run {
            svg.circle("mark", (alone.x, alone.y), DOT);
        }
    }
}

fn outlines(samples: &[Sample], shape: impl Fn(&[Sample]) -> Outline) -> String {
    runs(samples).filter(|run| run.len() > 1).map(|run| shape(run).0).collect()
}

fn runs(samples: &[Sample]) -> impl Iterator<Item = &[Sample]> {
    samples.chunk_by(|one, other| one.run == other.run)
}

fn line(run: &[Sample]) -> Outline {
    let mut outline = Outline::default();
    for (index, sample) in run.iter().enumerate() {
        let at = (sample.x, sample.y);
        if index == 0 {
            outline.start(at)
        } else {
            outline.line(at)
        };
    }
    outline
}

/// Each value holds until the next one.
fn steps(run: &[Sample]) -> Outline {
    let mut outline = Outline::default();
    for (index, sample) in run.iter().enumerate() {
        if index == 0 {
            outline.start((sample.x, sample.y))
        } else {
            outline.across(sample.x).along(sample.y)
        };
    }
    outline
}

fn area(run: &[Sample], ground: f64) -> Outline {
    let mut outline = line(run);
    if let (Some(first), Some(last)) = (run.first(), run.last()) {
        outline.line((last.x, ground)).line((first.x, ground)).close();
    }
    outline
}

/// There along the upper bounds, back along the lower ones.
fn band(run: &[Sample]) -> Outline {
    let edge = |pick: fn((f64, f64)) -> f64| run.iter().filter_map(move |one| Some((one.x, pick(one.bounds?))));
    let mut outline = Outline::default();
    for (index, at) in edge(|(_, high)| high).chain(edge(|(low, _)| low).rev()).enumerate() {
        if index == 0 {
            outline.start(at)
        } else {
            outline.line(at)
        };
    }
    outline.close();
    outline
}

fn whisker(sample: &Sample) -> String {
    let Some((low, high)) = sample.bounds else { return String::new() };
    let mut outline = Outline::default();
    for end in [low, high] {
        outline.start((sample.x - CAP, end)).across(sample.x + CAP);
    }
    outline.start((sample.x, low)).along(high);
    outline.0
}

/// A disc, a square or a diamond, so that neighbours differ without colour.
fn mark(svg: &mut Svg, index: usize, (x, y): (f64, f64)) {
    match index % 3 {
        0 => svg.circle("mark", (x, y), MARK),
        1 => svg.rect("mark", (x - MARK, y - MARK), (x + MARK, y + MARK), ""),
        _ => {
            let (left, right, reach) = (x - MARK, x + MARK, 1.3 * MARK);
            let mut outline = Outline::default();
            outline.start((left, y)).line((x, y - reach)).line((right, y)).line((x, y + reach)).close();
            svg.path("mark", &outline.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::{Reach, Scale};

    fn rulers(scale: Scale) -> (Ruler, Ruler) {
        let reach = Reach { lo: 0.0, hi: 10.0 };
        let x = Ruler { scale: Scale::Linear, reach, pixels: (0.0, 100.0) };
        (x, Ruler { scale, reach, pixels: (100.0, 0.0) })
    }

    fn path(points: &[(f64, f64)], shape: fn(&[Sample]) -> Outline) -> String {
        let (x, y) = rulers(Scale::Linear);
        let series = Series { points: points.to_vec(), ..Series::default() };
        outlines(&samples(&series, &x, &y), shape)
    }

    #[test]
    fn a_gap_breaks_the_line() {
        let points = [(0.0, 1.0), (1.0, 2.0), (2.0, f64::NAN), (3.0, 3.0), (4.0, 4.0)];
        assert_eq!(path(&points, line), "M0.0 90.0L10.0 80.0M30.0 70.0L40.0 60.0");
        assert_eq!(path(&points[..2], steps), "M0.0 90.0H10.0V80.0");
        assert_eq!(path(&[(1.0, 2.0), (0.0, 1.0), (f64::NAN, 5.0)], line), "M0.0 90.0L10.0 80.0");
        assert_eq!(path(&points[..1], line), "");
    }

    #[test]
    fn bounds_that_have_no_place_end_at_the_edge() {
        let (x, y) = rulers(Scale::Log);
        let bounds = vec![(0.0, 1e5), (f64::NAN, 1.0), (1e8, 1e2)];
        let points = vec![(1.0, 10.0), (2.0, 10.0), (3.0, 1e5), (4.0, -1.0)];
        let series = Series { name: String::new(), points, kind: Kind::Points(bounds) };
        let found: Vec<_> = samples(&series, &x, &y).iter().map(|sample| sample.bounds).collect();
        assert_eq!(found, [Some((100.0, 50.0)), None, Some((80.0, 20.0))]);
    }
}
