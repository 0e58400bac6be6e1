//! The charts of one scenario: which figures are drawn over which, and in what words they are told to those who cannot
//! see them. How a chart is drawn, the room `chart` knows.

use super::words;
use crate::report::{Glimpse, ScenarioReport, Slice};
use chart::{Axis, Bar, Bars, Kind, Lines, Rule, Scale, Series, Span, Unit};
use maud::{Markup, PreEscaped, html};

/// From which ratio of the largest to the smallest latency on a level axis runs by powers of ten.
const WIDE: f64 = 20.0;

const OVER_TIME: Axis<'static> = Axis { label: "time", unit: Unit::Seconds, scale: Scale::Linear };

/// From which multiple of the largest figure on a target is told below a chart: drawn, it would leave nothing to see of
/// the figures.
const FAR: f64 = 3.0;

/// Seconds between two readings of a counter below which their difference says more of the clock than of a rate.
const CLOSE_S: f64 = 0.5;

struct Chart {
    title: &'static str,
    svg: String,
    /// What was left out of the drawing.
    beside: String,
}

impl Chart {
    /// With one more sentence below it.
    fn beside(mut self, sentence: &str) -> Self {
        self.beside = format!("{} {sentence}", self.beside).trim().to_owned();
        self
    }
}

/// What the target's own metrics are drawn as: a title, a unit, whether they are counters, and each with its name.
type Timeline = (&'static str, Unit, bool, &'static [(&'static str, fn(&Glimpse) -> Option<f64>)]);

const TIMELINES: [Timeline; 8] = [
    ("Target’s memory", Unit::Megabytes, false, &[("resident", |at| at.resident_mb)]),
    ("Target’s processor, cores in use", Unit::None, true, &[("cores", |at| at.cpu_s)]),
    ("Cache per second", Unit::PerSecond, true, &[("hits", |at| at.cache_hits), ("misses", |at| at.cache_misses)]),
    ("Breakers not closed", Unit::None, false, &[("breakers", |at| at.breakers_open)]),
    (
        "Fallbacks, retries and requests turned away per second",
        Unit::PerSecond,
        true,
        &[("fallbacks", |at| at.fallbacks), ("retries", |at| at.retries), ("turned away", |at| at.shed)],
    ),
    (
        "Attempts to ask a model per second",
        Unit::PerSecond,
        true,
        &[("attempts", |at| at.model_calls), ("failed", |at| at.model_failures)],
    ),
    ("Database connections in use", Unit::None, false, &[("connections", |at| at.store_in_use)]),
    ("MCP sessions", Unit::None, false, &[("sessions", |at| at.sessions)]),
];

/// Every chart that there are figures for; what never happened is named instead of drawn.
pub(super) fn charts(scenario: &ScenarioReport) -> Markup {
    let own =
        [latency, percentiles, ecdf, outstanding, arrivals, errors].into_iter().filter_map(|chart| chart(scenario));
    let (mut charts, mut quiet): (Vec<Chart>, Vec<&str>) = (own.collect(), Vec::new());
    for timeline in &TIMELINES {
        let series = told(timeline, &scenario.glimpses);
        if series.iter().flat_map(|one| &one.points).any(|(_, y)| y.is_finite() && *y != 0.0) {
            let beside = untold(timeline, &series);
            let (unit, limits) = (upright(timeline.1), limits(timeline, scenario));
            let chart = lines(timeline.0, OVER_TIME, unit, series, limits, Vec::new());
            charts.extend(chart.map(|chart| chart.beside(&beside)));
        } else if !series.is_empty() {
            quiet.push(timeline.0);
        }
    }
    html! {
        h3 { "How it went" }
        @if charts.is_empty() { p { "No request was finished, so there is nothing to draw." } }
        div class="charts" { @for chart in &charts { figure {
            figcaption { (chart.title) }
            div class="scroll" { (PreEscaped(&chart.svg)) }
            @if !chart.beside.is_empty() { p class="small" { (chart.beside) } }
        } } }
        @if !quiet.is_empty() { p class="small" { "Nought throughout, and not drawn: " (quiet.join("; ")) "." } }
    }
}

fn latency(scenario: &ScenarioReport) -> Option<Chart> {
    let series = vec![slices("p50", scenario, |at| at.p50_ms), slices("p95", scenario, |at| at.p95_ms)];
    let spans = scenario.glimpses.windows(2).filter_map(|pair| {
        let [from, to] = pair else { return None };
        let open = from.breakers_open.is_some_and(|open| open > 0.0) && to.at_s > from.at_s;
        open.then(|| Span { from: from.at_s, to: to.at_s, label: "breaker open".to_owned() })
    });
    let rules = p95_target(scenario).into_iter().collect();
    let title = "Latency by the second of the intended start";
    let chart = lines(title, OVER_TIME, upright(Unit::Milliseconds), series, rules, spans.collect())?;
    Some(chart.beside(&silence(scenario)))
}

/// From when on nothing succeeded, where that was before the end: the line ends there, and so does its axis.
fn silence(scenario: &ScenarioReport) -> String {
    let last = scenario.slices.iter().rposition(|slice| slice.p50_ms.is_some());
    let after = scenario.slices.iter().skip(last.map_or(0, |last| last + 1)).find(|slice| slice.arrived > 0);
    let told = |slice: &Slice| {
        format!("Of what was meant to be sent from {} on, nothing succeeded.", Unit::Seconds.format(slice.at_s))
    };
    after.map(told).unwrap_or_default()
}

fn percentiles(scenario: &ScenarioReport) -> Option<Chart> {
    let points = scenario.curve.percentiles.iter().map(|[share, ms]| (*share, *ms)).collect();
    let x = Axis { label: "share of requests that were no slower", unit: Unit::Percent, scale: Scale::Quantile };
    let series = vec![Series { name: "latency".to_owned(), points, kind: Kind::Line }];
    let rules = p95_target(scenario).into_iter().collect();
    lines("Latency by percentile", x, upright(Unit::Milliseconds), series, rules, Vec::new())
}

fn ecdf(scenario: &ScenarioReport) -> Option<Chart> {
    let points: Vec<_> = scenario.curve.ecdf.iter().map(|[ms, share]| (*ms, share * 100.0)).collect();
    let (first, last) = (points.first()?.0, points.last()?.0);
    let scale = if first > 0.0 && last / first > WIDE { Scale::Log } else { Scale::Linear };
    let x = Axis { label: "latency", unit: Unit::Milliseconds, scale };
    let series = vec![Series { name: "requests".to_owned(), points, kind: Kind::Steps }];
    lines("Share of requests that were no slower", x, upright(Unit::Percent), series, Vec::new(), Vec::new())
}

fn outstanding(scenario: &ScenarioReport) -> Option<Chart> {
    let series = vec![
        slices("in flight", scenario, |at| Some(at.in_flight.into())),
        slices("waiting for a free user", scenario, |at| Some(at.waiting.into())),
    ];
    lines("In flight and waiting, at most", OVER_TIME, upright(Unit::None), series, Vec::new(), Vec::new())
}

fn arrivals(scenario: &ScenarioReport) -> Option<Chart> {
    let series = vec![
        slices("arrived", scenario, |at| Some(at.arrived.into())),
        slices("of those failed", scenario, |at| Some(at.failed.into())),
    ];
    lines("Requests and errors per second", OVER_TIME, upright(Unit::PerSecond), series, Vec::new(), Vec::new())
}

fn errors(scenario: &ScenarioReport) -> Option<Chart> {
    let title = "Errors by class";
    let named = |class: &str| class.replace('_', " ");
    let bars = scenario.errors.iter().map(|error| Bar {
        label: named(&error.class),
        value: error.count as f64,
        ..Bar::default()
    });
    let told = scenario.errors.iter().map(|error| format!("{} {}", words::count(error.count), named(&error.class)));
    let facts = told.collect::<Vec<_>>().join(", ");
    let svg = || Bars { title, facts: &facts, unit: Unit::None, bars: bars.collect() }.svg();
    (!scenario.errors.is_empty()).then(|| Chart { title, svg: svg(), beside: String::new() })
}

fn p95_target(scenario: &ScenarioReport) -> Option<Rule> {
    let asked = scenario.requirements.iter().find(|requirement| requirement.name == "p95_ms_max")?;
    Some(Rule { at: asked.target, label: format!("p95 target {}", Unit::Milliseconds.format(asked.target)) })
}

/// What memory may grow to, where that is asked for.
fn limits(timeline: &Timeline, scenario: &ScenarioReport) -> Vec<Rule> {
    let asked = scenario.requirements.iter().find(|requirement| requirement.name == "memory_growth_mb_max");
    let known = asked.zip(scenario.memory).filter(|_| timeline.1 == Unit::Megabytes);
    known
        .map(|(asked, memory)| memory.start_mb + asked.target)
        .map(|at| Rule { at, label: format!("limit {}", Unit::Megabytes.format(at)) })
        .into_iter()
        .collect()
}

fn upright(unit: Unit) -> Axis<'static> {
    Axis { label: "", unit, scale: Scale::Linear }
}

/// One figure of each second, which holds for the whole of it; the line breaks between repeats and where there is none.
fn slices(name: &str, scenario: &ScenarioReport, figure: impl Fn(&Slice) -> Option<f64>) -> Series {
    let mut points = Vec::with_capacity(scenario.slices.len());
    let (mut repeat, mut before) = (0, f64::NAN);
    for slice in &scenario.slices {
        let value = figure(slice).unwrap_or(f64::NAN);
        if slice.repeat != repeat || value.is_nan() {
            points.extend([(slice.at_s, before), (slice.at_s, f64::NAN)]);
            repeat = slice.repeat;
        }
        points.push((slice.at_s, value));
        before = value;
    }
    Series { name: name.to_owned(), points, kind: Kind::Steps }
}

/// The series of a timeline that the target told anything of.
fn told((.., counters, rows): &Timeline, glimpses: &[Glimpse]) -> Vec<Series> {
    let series = |(name, figure): &(&str, fn(&Glimpse) -> Option<f64>)| {
        let points: Vec<_> = glimpses.iter().filter_map(|glimpse| Some((glimpse.at_s, figure(glimpse)?))).collect();
        let points = if *counters { per_second(&points) } else { points };
        (!points.is_empty()).then(|| Series { name: (*name).to_owned(), points, kind: Kind::Line })
    };
    rows.iter().filter_map(series).collect()
}

/// What a timeline would show as well, had the target told of it; a lone line has no legend, and is named here.
fn untold((.., rows): &Timeline, series: &[Series]) -> String {
    let told = |name: &str| series.iter().any(|one| one.name == name);
    let (known, unknown): (Vec<_>, Vec<_>) = rows.iter().map(|row| row.0).partition(|name| told(name));
    if unknown.is_empty() {
        return String::new();
    }
    format!("Drawn: {}. The target does not tell of: {}.", known.join(", "), unknown.join(", "))
}

/// How fast a counter rises; where it falls, it was begun anew, and the line breaks.
pub(super) fn per_second(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut last = points.first().copied();
    let rise = |&(to, after): &(f64, f64)| {
        let (from, before) = last.filter(|(from, _)| to - from >= CLOSE_S)?;
        last = Some((to, after));
        let rate = (after - before) / (to - from);
        Some((to, if rate < 0.0 { f64::NAN } else { rate }))
    };
    points.iter().filter_map(rise).collect()
}

/// A chart with the range of each series as its description; none without a figure.
fn lines(
    title: &'static str,
    x: Axis<'_>,
    y: Axis<'_>,
    series: Vec<Series>,
    rules: Vec<Rule>,
    spans: Vec<Span>,
) -> Option<Chart> {
    let range = |one: &Series| {
        let known = || one.points.iter().map(|(_, y)| *y).filter(|y| y.is_finite());
        let (lo, hi) = (known().reduce(f64::min)?, known().reduce(f64::max)?);
        Some(format!("{} from {} to {}", one.name, y.unit.format(lo), y.unit.format(hi)))
    };
    let largest = series.iter().flat_map(|one| &one.points).map(|(_, y)| *y).filter(|y| y.is_finite());
    let reach = largest.fold(0.0, f64::max) * FAR;
    let (rules, far): (Vec<_>, Vec<_>) = rules.into_iter().partition(|rule| rule.at <= reach);
    let beside = far.iter().map(|rule| format!("Far above, and not drawn: {}.", rule.label)).collect();
    let ranges: Vec<_> = series.iter().filter_map(range).collect();
    let rule = rules.iter().chain(&far).map(|rule| rule.label.clone());
    let facts = ranges.iter().cloned().chain(rule).collect::<Vec<_>>().join("; ");
    let svg = || Lines { title, facts: &facts, x, y, series, rules, spans }.svg();
    (!ranges.is_empty()).then(|| Chart { title, svg: svg(), beside })
}
