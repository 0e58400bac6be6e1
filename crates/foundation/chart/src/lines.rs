//! Lines: series over a common axis, with rules, marked stretches and a legend. Knows no meaning of any of them.

use crate::label::{Cover, Covers, LINE, fitted, width};
use crate::scale::{Reach, Ruler, Scale};
use crate::svg::{Anchor, Outline, Svg, WIDTH};
use crate::ticks::{Tick, ticks};
use crate::trace;
use crate::unit::Unit;

/// What one axis shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Axis<'a> {
    /// What is shown; the unit stands with the numbers.
    pub label: &'a str,
    /// What the values of the points count.
    pub unit: Unit,
    /// How they are laid out.
    pub scale: Scale,
}

/// How a series is drawn. Bounds are pairs of a low and a high value, one for each point and in their order; points
/// without one, or with one that is no number, are drawn without.
#[derive(Clone, Debug, Default)]
pub enum Kind {
    /// Straight from point to point.
    #[default]
    Line,
    /// Each value holds until the next one: for what is counted or distributed.
    Steps,
    /// A line with the ground below it filled.
    Area,
    /// A line with what lies between the bounds filled.
    Band(Vec<(f64, f64)>),
    /// A mark for each point, with a whisker from bound to bound.
    Points(Vec<(f64, f64)>),
}

/// Points that belong together.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// Pairs of x and y, in any order. A y that is no number, or that has no place on its scale, breaks the line; a
    /// point without an x is left out.
    pub points: Vec<(f64, f64)>,
    /// How it is drawn.
    pub kind: Kind,
}

/// A line across the chart at one value, which the axis is made to reach.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// The value, in the unit of the upright axis.
    pub at: f64,
    /// What the value is.
    pub label: String,
}

/// A marked stretch of the level axis. What lies beyond the points is not shown.
#[derive(Clone, Debug, Default)]
pub struct Span {
    /// Where it begins, in the unit of the level axis.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// What happened there. Stretches of one label that touch each other become one.
    pub label: String,
}

/// A chart of series. Of more than twelve the first twelve are drawn, and the legend counts the rest; six are told
/// apart by colour and dashes.
#[derive(Clone, Debug, Default)]
pub struct Lines<'a> {
    /// What the chart shows.
    pub title: &'a str,
    /// What it says, in a sentence, to those who cannot see it.
    pub facts: &'a str,
    /// The level axis.
    pub x: Axis<'a>,
    /// The upright axis.
    pub y: Axis<'a>,
    /// What is drawn, the later over the earlier.
    pub series: Vec<Series>,
    /// Values to compare with; the first twelve are drawn.
    pub rules: Vec<Rule>,
    /// Stretches to look at.
    pub spans: Vec<Span>,
}

/// How many series and how many rules a chart has at most.
const DRAWN_MAX: usize = 12;
const PLOT_HEIGHT: f64 = 180.0;
/// Room right of the plot, for half of the last tick's text; more where rules have labels.
const RIGHT_MIN: f64 = 28.0;
const RULE_LABEL_MAX: f64 = 150.0;
const LEFT_MIN: f64 = 28.0;
/// Room below the plot: ticks and the axis' label.
const BELOW: f64 = 40.0;
/// How far above the plot the line lies that its upper labels stand on.
const LABEL_ABOVE: f64 = 12.0;
const LEGEND_ROW: f64 = 18.0;
const X_TICKS: usize = 8;
const Y_TICKS: usize = 5;

/// Where everything lies.
struct Plot {
    left: f64,
    right: f64,
    x: Ruler,
    y: Ruler,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
}

/// An entry of the legend: the series it stands for, its text and place.
type Entry = (Option<usize>, String, (f64, f64));

impl Lines<'_> {
    /// The chart as an SVG element. Without any point that has a place it says `no data`.
    pub fn svg(&self) -> String {
        let (entries, legend) = self.legend();
        let top = legend + LINE + 10.0;
        let plot = self.plot(top);
        let mut svg = Svg::open("chart", (WIDTH, top + PLOT_HEIGHT + BELOW), self.title, self.facts);
        self.draw_grid(&mut svg, &plot);
        let span_labels = self.draw_spans(&mut svg, &plot);
        self.draw_axes(&mut svg, &plot);
        for (index, series) in self.drawn().enumerate() {
            trace::draw(&mut svg, index, series, &plot.x, &plot.y);
        }
        self.draw_rules(&mut svg, &plot);
        for (at, label) in span_labels {
            svg.text("label", at, Anchor::Start, &label);
        }
        self.draw_legend(&mut svg, &entries);
        svg.close()
    }

    fn drawn(&self) -> impl Iterator<Item = &Series> {
        self.series.iter().take(DRAWN_MAX)
    }

    fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().take(DRAWN_MAX)
    }

    fn plot(&self, top: f64) -> Plot {
        let reach = self.reach();
        let (x_reach, y_reach) = reach.unwrap_or((Reach { lo: 0.0, hi: 1.0 }, Reach { lo: 0.0, hi: 1.0 }));
        let x_reach = x_reach.widened(self.x.scale);
        let y_reach = y_reach.upright(self.y.scale, self.y.unit, Y_TICKS);
        let ticks = |reach_of, axis: &Axis<'_>, most| match reach {
            Some(_) => ticks(reach_of, axis.scale, axis.unit, most),
            None => Vec::new(),
        };
        let y_ticks = ticks(y_reach, &self.y, Y_TICKS);
        let left = y_ticks.iter().map(|tick| width(&tick.text) + 10.0).fold(LEFT_MIN, f64::max);
        let rule = self.rules().map(|rule| width(&rule.label).min(RULE_LABEL_MAX) + 10.0);
        let right = WIDTH - rule.filter(|_| reach.is_some()).fold(RIGHT_MIN, f64::max);
        let inset = if self.drawn().any(|series| matches!(series.kind, Kind::Points(_))) { 10.0 } else { 0.0 };
        Plot {
            left,
            right,
            x: Ruler { scale: self.x.scale, reach: x_reach, pixels: (left + inset, right - inset) },
            y: Ruler { scale: self.y.scale, reach: y_reach, pixels: (top + PLOT_HEIGHT, top) },
            x_ticks: ticks(x_reach, &self.x, X_TICKS),
            y_ticks,
        }
    }

    /// How far the points reach, and upright also bounds and rules; `None` without points.
    fn reach(&self) -> Option<(Reach, Reach)> {
        let points = || self.drawn().flat_map(|series| &series.points);
        let places = || points().filter_map(|(x, y)| self.x.scale.place(*x).zip(self.y.scale.place(*y)));
        let bounds = self.drawn().flat_map(|series| match &series.kind {
            Kind::Band(bounds) | Kind::Points(bounds) => bounds.as_slice(),
            Kind::Line | Kind::Steps | Kind::Area => &[],
        });
        let others = bounds.flat_map(|(lo, hi)| [*lo, *hi]).chain(self.rules().map(|rule| rule.at));
        let others = others.filter_map(|value| self.y.scale.place(value));
        let x = Reach::over(places().map(|(x, _)| x))?;
        Some((x, Reach::over(places().map(|(_, y)| y).chain(others))?))
    }

    fn draw_grid(&self, svg: &mut Svg, plot: &Plot) {
        let (bottom, top) = plot.y.pixels;
        let mut grid = Outline::default();
        for tick in &plot.y_ticks {
            grid.start((plot.left, plot.y.stretch(tick.place))).across(plot.right);
        }
        for tick in &plot.x_ticks {
            grid.start((plot.x.stretch(tick.place), bottom)).along(top);
        }
        svg.path("grid", &grid.0);
    }

    fn draw_axes(&self, svg: &mut Svg, plot: &Plot) {
        let (bottom, top) = plot.y.pixels;
        let (left, right) = (plot.left, plot.right);
        svg.path("axis", &Outline::default().start((left, top)).along(bottom).across(right).0);
        svg.group("ticks", |svg| {
            for tick in &plot.y_ticks {
                svg.text("tick", (left - 6.0, plot.y.stretch(tick.place) + 4.0), Anchor::End, &tick.text);
            }
            level_ticks(svg, &plot.x_ticks, &plot.x, bottom + 16.0);
        });
        svg.text("label", (2.0, top - LABEL_ABOVE), Anchor::Start, &fitted(self.y.label, plot.right));
        let middle = (left + right) / 2.0;
        svg.text("label", (middle, bottom + 34.0), Anchor::Middle, &fitted(self.x.label, right - left));
        if plot.y_ticks.is_empty() {
            svg.text("label", (middle, (top + bottom) / 2.0), Anchor::Middle, "no data");
        }
    }

    /// Draws the marked stretches and returns their labels, which lie over the series: above the plot where there is
    /// room, else inside. A label that stands there already is not repeated inside.
    fn draw_spans(&self, svg: &mut Svg, plot: &Plot) -> Vec<((f64, f64), String)> {
        let (bottom, top) = plot.y.pixels;
        let mut covers = Covers::default();
        covers.take(Cover { left: 0.0, top: top - LABEL_ABOVE - LINE, right: 10.0 + width(self.y.label), bottom: top });
        let mut labels: Vec<((f64, f64), String)> = Vec::new();
        for (from, to, label) in self.merged_spans(plot) {
            svg.rect("span", (from, top), (to, bottom), &label);
            let text = fitted(&label, plot.right - plot.left);
            let known = labels.iter().any(|(_, known)| *known == text);
            let (left, wide) = (from.min(plot.right - width(&text)).max(0.0), width(&text));
            let above = (left, top - LABEL_ABOVE);
            let inside = (0..3).map(|row| (left + 3.0, top + LINE * f64::from(row + 1)));
            let free = std::iter::once(above).chain(inside.take(if known { 0 } else { 3 })).find(|(left, base)| {
                let place = Cover { left: *left, top: base + 4.0 - LINE, right: left + wide + 6.0, bottom: base + 3.0 };
                !text.is_empty() && covers.take(place)
            });
            labels.extend(free.map(|at| (at, text)));
        }
        labels
    }

    /// The visible stretches in pixels, those of one label that are less than a pixel apart as one.
    fn merged_spans(&self, plot: &Plot) -> Vec<(f64, f64, String)> {
        let Some(reach) = self.reach().map(|(x, _)| x.widened(self.x.scale)) else { return Vec::new() };
        let visible = |span: &Span| {
            let (from, to) = (span.from.min(span.to), span.from.max(span.to));
            let before = self.x.scale.place(to).is_some_and(|to| to < reach.lo);
            let after = self.x.scale.place(from).is_some_and(|from| from > reach.hi);
            let ends = plot.x.edge(from).zip(plot.x.edge(to)).filter(|_| !before && !after)?;
            Some((ends.0, ends.1.max(ends.0 + 1.0), span.label.clone()))
        };
        let mut spans: Vec<_> = self.spans.iter().filter_map(visible).collect();
        spans.sort_by(|one, other| one.2.cmp(&other.2).then(one.0.total_cmp(&other.0)));
        spans.dedup_by(|next, kept| {
            let touches = next.2 == kept.2 && next.0 < kept.1 + 1.0;
            if touches {
                kept.1 = kept.1.max(next.1);
            }
            touches
        });
        spans.sort_by(|one, other| one.0.total_cmp(&other.0));
        spans
    }

    /// Rules have their labels right of the plot, in order and moved apart where they would touch.
    fn draw_rules(&self, svg: &mut Svg, plot: &Plot) {
        if plot.y_ticks.is_empty() {
            return;
        }
        let rules = self.rules();
        let mut labels: Vec<(f64, &str)> =
            rules.filter_map(|rule| Some((plot.y.pixel(rule.at)?, rule.label.as_str()))).collect();
        for (y, _) in &labels {
            svg.path("rule", &Outline::default().start((plot.left, *y)).across(plot.right).0);
        }
        labels.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut free = 0.0;
        for (y, _) in &mut labels {
            *y = y.max(free);
            free = *y + LINE;
        }
        let mut free = plot.y.pixels.0 + LINE;
        for (y, label) in labels.iter().rev() {
            let y = y.min(free);
            svg.text("label", (plot.right + 6.0, y + 4.0), Anchor::Start, &fitted(label, RULE_LABEL_MAX));
            free = y - LINE;
        }
    }

    /// The entries of the legend and how much room they need: none for a single series.
    fn legend(&self) -> (Vec<Entry>, f64) {
        if self.series.len() < 2 {
            return (Vec::new(), 0.0);
        }
        let names = self.drawn().enumerate().map(|(index, series)| (Some(index), fitted(&series.name, WIDTH / 2.0)));
        let more = self.series.len().saturating_sub(DRAWN_MAX);
        let more = (more > 0).then(|| (None, format!("and {more} more that are not drawn")));
        let (mut x, mut y) = (2.0, LEGEND_ROW - 6.0);
        let mut entries = Vec::new();
        for (series, name) in names.chain(more) {
            let wide = width(&name) + if series.is_some() { 50.0 } else { 20.0 };
            if x + wide > WIDTH && x > 2.0 {
                (x, y) = (2.0, y + LEGEND_ROW);
            }
            entries.push((series, name, (x, y)));
            x += wide;
        }
        (entries, y + 6.0)
    }

    fn draw_legend(&self, svg: &mut Svg, entries: &[Entry]) {
        for (series, name, (x, y)) in entries {
            let known = series.and_then(|index| Some((index, self.series.get(index)?)));
            if let Some((index, series)) = known {
                trace::sign(svg, index, &series.kind, (*x, y - 4.0));
            }
            let sign = if known.is_some() { 30.0 } else { 0.0 };
            svg.text("label", (x + sign, *y), Anchor::Start, name);
        }
    }
}

/// The texts along a level axis, without those that would lie on another.
pub(crate) fn level_ticks(svg: &mut Svg, ticks: &[Tick], ruler: &Ruler, y: f64) {
    let mut free = f64::NEG_INFINITY;
    for tick in ticks {
        let (x, half) = (ruler.stretch(tick.place), width(&tick.text) / 2.0);
        if x - half >= free {
            svg.text("tick", (x, y), Anchor::Middle, &tick.text);
            free = x + half + 6.0;
        }
    }
}
