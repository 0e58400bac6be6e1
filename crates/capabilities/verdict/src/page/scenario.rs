//! One scenario: what it asked, whether it held, how it went, and whether the generator can be believed.
//!
//! What a chart looks like, it leaves to its neighbour.

use super::charts::charts;
use super::parts::Head::{Figures, Words};
use super::parts::{Head, badge, bounded, facts, plain, table};
use super::words::{self, Quantity, latency, several};
use super::{requirements, share};
use crate::report::{Generator, Memory, Percentiles, ScenarioReport};
use maud::{Markup, html};

pub(super) fn section(index: usize, scenario: &ScenarioReport) -> Markup {
    html! {
        section class="scenario" aria-labelledby={ "scenario-" (index + 1) } {
            h2 id={ "scenario-" (index + 1) } { (scenario.name) " " (badge(scenario.verdict)) }
            @if !scenario.description.is_empty() { p class="lead" { (scenario.description) } }
            p { (course(scenario)) }
            @if scenario.requirements.is_empty() { p { "Nothing was required of it." } }
            @else { (requirements("What must hold", &scenario.requirements, false)) }
            (findings(scenario))
            (charts(scenario))
            (times(scenario))
            (bounds(&scenario.latency_ms))
            (operations(scenario))
            (generator(&scenario.generator))
        }
    }
}

/// What was planned and what was done, in a sentence or two.
fn course(scenario: &ScenarioReport) -> String {
    let arrivals = match scenario.pattern.as_str() {
        "closed" => "each sending the next request as soon as it has an answer".to_owned(),
        pattern => format!("{pattern} arrivals over {}\u{a0}s", Quantity::Plain.asked(scenario.duration_s)),
    };
    let done = if scenario.operations == 0 {
        format!("None of {} was finished, so there are no figures.", several(scenario.planned, "planned request"))
    } else {
        let (done, planned) = (words::count(scenario.operations), words::count(scenario.planned));
        format!("{done} of {planned} planned requests finished in {}\u{a0}s.", words::number(scenario.wall_s))
    };
    format!("{}, {arrivals}. {done}", several(scenario.users.into(), "user"))
}

fn findings(scenario: &ScenarioReport) -> Markup {
    let tiers: Vec<_> = scenario.cache.iter().map(|(tier, count)| format!("{tier} {}", words::count(*count))).collect();
    let [grade, grade_cmo] = words::scenario_grades(scenario);
    let told = !scenario.glimpses.is_empty() || scenario.memory.is_some();
    html! {
        (facts(&[
            ("Success", Some(share(&scenario.success))),
            ("Finished per second", Some(plain(words::number(scenario.rate_per_s)))),
            ("Grade", Some(plain(grade))),
            ("Original’s grade", Some(plain(grade_cmo))),
            ("Users that got an answer", Some(plain(words::count(scenario.users_seen.into())))),
            ("Most in flight at once", Some(plain(words::count(scenario.in_flight_max.into())))),
            ("Good answers", scenario.goodput.as_ref().map(share)),
            ("Degraded answers", (scenario.degraded > 0).then(|| plain(words::count(scenario.degraded)))),
            ("Answers by cache tier", (!tiers.is_empty()).then(|| plain(tiers.join(", ")))),
            ("Mean cost of an answer", scenario.cost_usd_mean.map(|cost| plain(Quantity::Dollars.show(cost)))),
            ("Target’s processor per request", scenario.cpu_s_per_operation.map(|cpu| plain(Quantity::Milliseconds.show(cpu * 1_000.0)))),
            ("Target’s memory", scenario.memory.as_ref().map(memory)),
            ("Its slope over the second half", scenario.memory.as_ref().and_then(slope)),
        ]))
        @if !told {
            p class="small" { "The target showed no metrics of its own, so nothing is known of its memory, processor, breakers and fallbacks." }
        }
    }
}

fn memory(memory: &Memory) -> Markup {
    let show = |value| Quantity::Megabytes.show(value);
    let ends = format!("{} to {}, at most {}", show(memory.start_mb), show(memory.end_mb), show(memory.max_mb));
    bounded(&format!("grew by {}", show(memory.growth_mb)), Some(ends))
}

fn slope(memory: &Memory) -> Option<Markup> {
    let interval = memory.slope_interval.map(|interval| Quantity::Megabytes.range(interval));
    Some(bounded(&format!("{} a minute", Quantity::Megabytes.show(memory.slope_mb_per_min?)), interval))
}

fn times<'a>(scenario: &'a ScenarioReport) -> Markup {
    let known = |sample: &'a Option<Percentiles>| sample.as_ref().filter(|sample| sample.count > 0);
    let samples = [
        ("Latency, from the intended start", Some(&scenario.latency_ms)),
        ("Service time, from the sending", Some(&scenario.service_ms)),
        ("Waiting for a free user", Some(&scenario.wait_ms)),
        ("To the first token, of streams", known(&scenario.first_token_ms)),
        ("Per token, mean of each stream", known(&scenario.per_token_ms)),
        ("Between tokens, all streams together", known(&scenario.between_tokens_ms)),
    ];
    let rows: Vec<_> =
        samples.into_iter().filter_map(|(name, sample)| Some(percentiles(plain(name), sample?))).collect();
    table("Times in milliseconds", &PERCENTILES, &rows)
}

const PERCENTILES: [Head; 9] = [
    Words("Time"),
    Figures("Count"),
    Figures("Mean"),
    Figures("p50"),
    Figures("p90"),
    Figures("p95"),
    Figures("p99"),
    Figures("p99.9"),
    Figures("Largest"),
];

fn percentiles(name: Markup, sample: &Percentiles) -> Vec<Markup> {
    let figures = [sample.mean, sample.p50, sample.p90, sample.p95, sample.p99, sample.p999, sample.max];
    let shown = |value: f64| plain(if sample.count == 0 { words::NONE.to_owned() } else { words::number(value) });
    [name, plain(words::count(sample.count))].into_iter().chain(figures.map(shown)).collect()
}

fn bounds(sample: &Percentiles) -> Markup {
    const HEADS: [Head; 4] =
        [Words("Percentile"), Figures("Value"), Figures("By order statistics"), Figures("By blocks of a second")];
    let row = |(name, value): (&str, f64)| {
        let range = |interval| plain(Quantity::Milliseconds.range(interval));
        let by = |intervals: &std::collections::BTreeMap<String, _>| {
            intervals.get(name).copied().map_or(plain(words::NONE), range)
        };
        vec![plain(name), plain(latency(sample, value)), by(&sample.intervals), by(&sample.block_intervals)]
    };
    let rows = [("p50", sample.p50), ("p95", sample.p95), ("p99", sample.p99)].map(row);
    html! { @if sample.count > 0 { (table("Where the true latency lies, 95 % intervals", &HEADS, &rows)) } }
}

fn operations(scenario: &ScenarioReport) -> Markup {
    const HEADS: [Head; 8] = [
        Words("Operation"),
        Words("Sent"),
        Figures("Success"),
        Figures("Mean"),
        Figures("p50"),
        Figures("p95"),
        Figures("p99"),
        Figures("Largest"),
    ];
    let rows = scenario.by_operation.iter().map(|row| {
        let sent = row.model.as_ref().map_or(row.kind.clone(), |model| format!("{} to {model}", row.kind));
        let sample = &row.latency_ms;
        let figures =
            [sample.mean, sample.p50, sample.p95, sample.p99, sample.max].map(|value| plain(latency(sample, value)));
        [plain(&row.name), plain(sent), share(&row.success)].into_iter().chain(figures).collect()
    });
    let rows: Vec<_> = rows.collect();
    html! { @if !rows.is_empty() { (table("Operations of the mix", &HEADS, &rows)) } }
}

fn generator(generator: &Generator) -> Markup {
    const HEADS: [Head; 7] = [
        Words("Generator"),
        Figures("Lag, p99"),
        Figures("Lag, largest"),
        Figures("Busiest thread"),
        Figures("Processor time"),
        Figures("Never sent"),
        Figures("Waited for a user"),
    ];
    let row = vec![
        plain(several(generator.workers.into(), "thread")),
        plain(Quantity::Milliseconds.show(generator.lag_p99_ms)),
        plain(Quantity::Milliseconds.show(generator.lag_max_ms)),
        plain(Quantity::Share.show(generator.cpu_share)),
        plain(format!("{}\u{a0}s", words::number(generator.cpu_s))),
        plain(words::count(generator.dropped)),
        plain(words::count(generator.waited)),
    ];
    table("What the generator itself did", &HEADS, &[row])
}
