//! Sparks: a line as small as a word, without axes. Knows nothing of its values but their order.

use crate::scale::{Reach, Ruler, Scale};
use crate::svg::{Outline, Svg};
use crate::thin::{Sample, thin};
use crate::trace::class;
use crate::unit::Unit;

const SIZE: (f64, f64) = (120.0, 24.0);
/// Room around the line, for its width and the dot at its end.
const ROOM: f64 = 3.0;
const COLUMNS: usize = 60;

/// A line of values at even distances, from the smallest to the largest, with a dot at the last. What is no number
/// breaks it. As small as [`crate::STYLE`] makes it.
pub fn spark(values: &[f64]) -> String {
    let known = || values.iter().filter_map(|value| Scale::Zoom.place(*value));
    let reach = Reach::over(known());
    let facts = match (reach, known().next_back()) {
        (Some(Reach { lo, hi }), Some(last)) => {
            let [lo, hi, last] = [lo, hi, last].map(|value| Unit::None.format(value));
            format!("{} values from {lo} to {hi}, the last {last}", known().count())
        }
        _ => "no data".to_owned(),
    };
    let mut svg = Svg::open("chart spark", SIZE, "trend", &facts);
    if let Some(reach) = reach {
        svg.group(&class(0), |svg| draw(svg, values, reach.widened(Scale::Zoom)));
    }
    svg.close()
}

fn draw(svg: &mut Svg, values: &[f64], reach: Reach) {
    let (width, height) = SIZE;
    let ruler = Ruler { scale: Scale::Zoom, reach, pixels: (height - ROOM, ROOM) };
    let every = (width - 2.0 * ROOM) / (values.len().max(2) - 1) as f64;
    let mut run = 0;
    let mut samples = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        match ruler.pixel(*value) {
            Some(y) => samples.push(Sample { x: ROOM + every * index as f64, y, bounds: None, run }),
            None => run += 1,
        }
    }
    let mut outline = Outline::default();
    let mut before = None;
    for sample in thin(&samples, COLUMNS) {
        let at = (sample.x, sample.y);
        if before == Some(sample.run) {
            outline.line(at)
        } else {
            outline.start(at)
        };
        before = Some(sample.run);
    }
    svg.path("line", &outline.0);
    if let Some(last) = samples.last() {
        svg.circle("mark", (last.x, last.y), 2.5);
    }
}
