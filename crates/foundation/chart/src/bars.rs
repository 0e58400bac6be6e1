//! Bars: one row for each of a few things, with its value, its interval and a verdict. Knows no axis of its own.

use crate::label::{fitted, width};
use crate::lines::level_ticks;
use crate::scale::{Reach, Ruler, Scale};
use crate::svg::{Anchor, Outline, Svg, WIDTH};
use crate::ticks::{Tick, rounded, ticks};
use crate::trace::{CAP, class};
use crate::unit::Unit;

/// What was found about a bar. It is seen in its outline and its filling too, not only in its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Not to be told.
    Unclear,
}

/// One row.
#[derive(Clone, Debug, Default)]
pub struct Bar {
    /// What it is.
    pub label: String,
    /// How far it goes from zero; what is no number has no bar.
    pub value: f64,
    /// Between what the true value probably lies.
    pub interval: Option<(f64, f64)>,
    /// What was found.
    pub verdict: Option<Verdict>,
}

/// A chart of level bars that begin at zero. Of more than sixty the first sixty are drawn, and a last line counts the
/// rest.
#[derive(Clone, Debug, Default)]
pub struct Bars<'a> {
    /// What the chart shows.
    pub title: &'a str,
    /// What it says, in a sentence, to those who cannot see it.
    pub facts: &'a str,
    /// What the values count.
    pub unit: Unit,
    /// The rows, from top to bottom.
    pub bars: Vec<Bar>,
}

/// How many rows a chart has at most.
const BARS_MAX: usize = 60;
const ROW: f64 = 26.0;
/// Half of the height of a bar.
const HALF: f64 = 8.0;
const LABEL_MAX: f64 = 280.0;
const BELOW: f64 = 24.0;
const TICKS: usize = 6;

impl Bars<'_> {
    /// The chart as an SVG element. Without any bar it says `no data`.
    pub fn svg(&self) -> String {
        let drawn = &self.bars[..self.bars.len().min(BARS_MAX)];
        let more = self.bars.len() - drawn.len();
        let bottom = 6.0 + ROW * drawn.len().max(1) as f64;
        let height = bottom + BELOW + if more > 0 { 18.0 } else { 0.0 };
        let mut svg = Svg::open("chart", (WIDTH, height), self.title, self.facts);
        if drawn.is_empty() {
            svg.text("label", (WIDTH / 2.0, bottom), Anchor::Middle, "no data");
            return svg.close();
        }
        let ruler = self.ruler(drawn);
        let ticks = ticks(ruler.reach, ruler.scale, self.unit, TICKS);
        draw_grid(&mut svg, &ruler, &ticks, bottom);
        for (index, bar) in drawn.iter().enumerate() {
            self.draw_bar(&mut svg, bar, &ruler, 6.0 + ROW * (index as f64 + 0.5));
        }
        let zero = ruler.stretch(0.0);
        svg.path("axis", &Outline::default().start((zero, 2.0)).along(bottom).0);
        if more > 0 {
            svg.text("label", (2.0, height - 4.0), Anchor::Start, &format!("and {more} more that are not drawn"));
        }
        svg.close()
    }

    /// Labels have a column on the left and values one on the right; the bars have what is between.
    fn ruler(&self, drawn: &[Bar]) -> Ruler {
        let label = drawn.iter().map(|bar| width(&bar.label)).fold(0.0, f64::max).min(LABEL_MAX);
        let value = drawn.iter().map(|bar| width(&self.unit.format(bar.value))).fold(30.0, f64::max);
        let ends = drawn.iter().flat_map(|bar| {
            let interval = bar.interval.filter(|_| bar.value.is_finite());
            [Some(bar.value), interval.map(|(lo, _)| lo), interval.map(|(_, hi)| hi)]
        });
        let places = ends.flatten().filter_map(|end| Scale::Linear.place(end));
        let reach = Reach::over(places.chain([0.0])).unwrap_or(Reach { lo: 0.0, hi: 0.0 });
        let reach = if reach.lo < reach.hi { reach } else { Reach { lo: 0.0, hi: 1.0 } };
        let reach = rounded(reach, Scale::Linear, self.unit, TICKS);
        Ruler { scale: Scale::Linear, reach, pixels: (label + 16.0, WIDTH - value - 16.0) }
    }

    fn draw_bar(&self, svg: &mut Svg, bar: &Bar, ruler: &Ruler, y: f64) {
        let value = self.unit.format(bar.value);
        svg.text("label", (2.0, y + 4.0), Anchor::Start, &fitted(&bar.label, LABEL_MAX));
        svg.text("label", (WIDTH - 4.0, y + 4.0), Anchor::End, &value);
        let Some(end) = ruler.pixel(bar.value) else { return };
        let verdict = match bar.verdict {
            None => "",
            Some(Verdict::Good) => " good",
            Some(Verdict::Bad) => " bad",
            Some(Verdict::Unclear) => " unclear",
        };
        let interval = bar.interval.filter(|(lo, hi)| !lo.is_nan() && !hi.is_nan());
        let between = interval.map(|(lo, hi)| format!(", {} to {}", self.unit.format(lo), self.unit.format(hi)));
        let hover = format!("{}: {value}{}", bar.label, between.unwrap_or_default());
        svg.group(&class(0), |svg| {
            svg.rect(&format!("bar{verdict}"), (ruler.stretch(0.0), y - HALF), (end, y + HALF), &hover);
            let ends = interval.and_then(|interval| ruler.bounds(interval));
            svg.path("whisker", &ends.map(|ends| whisker(ends, y)).unwrap_or_default());
        });
    }
}

fn draw_grid(svg: &mut Svg, ruler: &Ruler, ticks: &[Tick], bottom: f64) {
    let mut grid = Outline::default();
    for tick in ticks {
        grid.start((ruler.stretch(tick.place), 2.0)).along(bottom);
    }
    svg.path("grid", &grid.0);
    svg.group("ticks", |svg| level_ticks(svg, ticks, ruler, bottom + 16.0));
}

fn whisker((low, high): (f64, f64), y: f64) -> String {
    let mut outline = Outline::default();
    for end in [low, high] {
        outline.start((end, y - CAP)).along(y + CAP);
    }
    outline.start((low, y)).across(high);
    outline.0
}
