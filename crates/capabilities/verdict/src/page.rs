//! The report as one HTML page that needs nothing else, and as a summary for a terminal.
//!
//! The page has no script and fetches nothing, so that it can be mailed, archived and opened under a strict content
//! security policy. This module judges nothing: what a verdict is, stands in the report; it knows no file and no browser.

mod charts;
mod parts;
mod scenario;
mod summary;
mod words;

pub use summary::text;

use crate::judge::generator_fault;
use crate::report::{Integrity, Layer, Report, Requirement, ScenarioReport, Share, Verdict};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use parts::Head::{Figures, Words};
use parts::{badge, banner, bounded, facts, plain, table, told};
use words::{Quantity, latency, several};

/// The rules of the page; those of the charts come from the room that draws them.
const STYLE: &str = include_str!("page/style.css");

/// What a browser may do with the page: nothing but to style it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The whole report as one self-contained HTML page, for screens light and dark and for paper.
pub fn page(report: &Report) -> String {
    let title = format!("{} – {} – load test", report.name, words::verdict(report.verdict));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(chart::STYLE)) }
            }
            body {
                header { (heading(report)) }
                main {
                    (measured(report))
                    (beforehand(report))
                    (overview(report))
                    @for (index, scenario) in report.scenarios.iter().enumerate() { (scenario::section(index, scenario)) }
                    @if let Some(integrity) = &report.integrity { (integrity_section(integrity)) }
                    (again(report))
                }
                footer { (terms()) }
            }
        }
    }
    .into_string()
}

fn heading(report: &Report) -> Markup {
    let [grade, grade_cmo] = words::grades(report);
    html! {
        h1 { "Load test: " (report.name) }
        p class="verdict" {
            (badge(report.verdict))
            span { "grade " strong { (grade) } }
            span { "original’s grade " strong { (grade_cmo) } }
            a class="small" href="#terms" { "what these mean" }
        }
        p { (words::verdict_sentence(report)) }
        (decisive(report))
        @if report.scenarios.len() > 1 {
            nav aria-label="Scenarios" { ul { @for (index, scenario) in report.scenarios.iter().enumerate() {
                li { a href={ "#scenario-" (index + 1) } { (scenario.name) } }
            } } }
        }
    }
}

/// The most requirements that are named at the top.
const DECISIVE_MAX: usize = 8;

/// The requirements that made the verdict what it is, where it is not a pass.
fn decisive(report: &Report) -> Markup {
    let of =
        |scenario: &ScenarioReport, one: &Requirement| html! { strong { (scenario.name) } ": " (words::finding(one)) };
    let decisive = |one: &&Requirement| one.verdict == report.verdict && one.verdict != Verdict::Pass;
    let lines: Vec<_> = report
        .scenarios
        .iter()
        .flat_map(|scenario| scenario.requirements.iter().filter(decisive).map(|one| of(scenario, one)))
        .collect();
    let more = lines.len().saturating_sub(DECISIVE_MAX);
    html! { @if !lines.is_empty() {
        ul {
            @for line in lines.iter().take(DECISIVE_MAX) { li { (line) } }
            @if more > 0 { li { "and " (words::count(more as u64)) " more, below" } }
        }
    } }
}

fn measured(report: &Report) -> Markup {
    let (target, place) = (&report.target, &report.environment);
    let given = |text: &str| (!text.is_empty()).then(|| plain(text));
    let operations: u64 = report.scenarios.iter().map(|scenario| scenario.operations).sum();
    html! {
        h2 { "What was measured" }
        (facts(&[
            ("Target", given(&target.url)),
            ("Its version", Some(plain(target.althing.as_deref().unwrap_or("it does not say")))),
            ("Its answers", target.simulated.then(|| plain("marked as simulated"))),
            ("Started", given(&report.started)),
            ("Requests finished", Some(plain(words::count(operations)))),
            ("Each scenario was run", Some(plain(several(report.repeats.into(), "time")))),
            ("Run", given(&report.id)),
            ("Generator", given(&place.version)),
            ("It ran on", given(&place.system)),
            ("Processor", given(&place.processor).map(|name| html! { (name) ", " (several(place.cores.into(), "core")) })),
            ("Memory", (place.memory_mb > 0).then(|| plain(Quantity::Megabytes.show(place.memory_mb as f64)))),
            ("Load average at the start", place.load_average.map(|load| plain(words::number(load)))),
        ]))
    }
}

/// Whatever makes the figures worth less than they look.
fn beforehand(report: &Report) -> Markup {
    let faults: Vec<(&str, String)> = faults(report).collect();
    let nothing = report.complete && faults.is_empty() && report.notes.is_empty() && !report.target.simulated;
    html! {
        h2 { "Before believing it" }
        @if !report.complete { (banner("This run is incomplete.", unfinished(report))) }
        @for (name, fault) in &faults { (banner(&format!("{name}:"), fault)) }
        @if report.target.simulated { (banner("The answers were simulated.", "The figures say how fast they came, not how good they were.")) }
        @if !report.notes.is_empty() { ul { @for note in &report.notes { li { (note) } } } }
        @if nothing { p { "Everything planned was done, and nothing is known that speaks against the figures." } }
    }
}

fn unfinished(report: &Report) -> &str {
    report.incomplete.as_deref().unwrap_or("Why is not known.")
}

fn faults(report: &Report) -> impl Iterator<Item = (&str, String)> {
    let fault = |scenario: &ScenarioReport| generator_fault(&scenario.generator);
    report.scenarios.iter().filter_map(move |scenario| Some((scenario.name.as_str(), fault(scenario)?)))
}

fn overview(report: &Report) -> Markup {
    let pooled = &report.pooled;
    let timed = report.scenarios.iter().any(|scenario| scenario.latency_ms.count > 0);
    let p95_mean = if timed { pooled.p95_ms_mean } else { f64::NAN };
    html! {
        h2 { "Summary" }
        @if report.scenarios.is_empty() { p { "No scenario was run." } } @else { (scenarios(report)) }
        @for layer in &report.layers { (layer_table(layer)) }
        h3 { "All scenarios together" }
        (facts(&[
            ("Success, pooled", Some(share(&pooled.success))),
            ("Plain mean of the scenarios’ shares, as the original published", Some(plain(Quantity::Share.show(pooled.success_mean)))),
            ("Plain mean of the scenarios’ 95th percentiles, as the original published", Some(plain(Quantity::Milliseconds.show(p95_mean)))),
        ]))
        p class="small" { "A mean of percentiles is not a percentile, and an unweighted mean of shares is not the share of all; both are here only to be held against the original’s." }
    }
}

fn scenarios(report: &Report) -> Markup {
    const HEADS: [parts::Head; 9] = [
        Words("Scenario"),
        Figures("Operations"),
        Figures("Success"),
        Figures("p50"),
        Figures("p95"),
        Figures("p99"),
        Figures("Rate"),
        Words("Grade"),
        Words("Verdict"),
    ];
    let row = |(index, scenario): (usize, &ScenarioReport)| {
        let sample = &scenario.latency_ms;
        let [grade, grade_cmo] = words::scenario_grades(scenario);
        let percentile = |name: &str, value: f64| {
            let interval = sample.intervals.get(name).filter(|_| sample.count > 0);
            bounded(&latency(sample, value), interval.map(|&interval| Quantity::Milliseconds.range(interval)))
        };
        vec![
            html! { a href={ "#scenario-" (index + 1) } { (scenario.name) } },
            plain(words::count(scenario.operations)),
            share(&scenario.success),
            percentile("p50", sample.p50),
            percentile("p95", sample.p95),
            percentile("p99", sample.p99),
            plain(Quantity::PerSecond.show(scenario.rate_per_s)),
            bounded(grade, Some(format!("original’s {grade_cmo}"))),
            badge(scenario.verdict),
        ]
    };
    let rows: Vec<_> = report.scenarios.iter().enumerate().map(row).collect();
    table("Scenarios, with 95 % intervals", &HEADS, &rows)
}

fn layer_table(layer: &Layer) -> Markup {
    html! {
        h3 { "The original’s layer " code { (layer.name) } " " (badge(layer.verdict)) }
        p class="small" { "What Clinical Metabolomics Oracle asked of its own runs, asked of this one. It does not decide the verdict above." }
        @if layer.requirements.is_empty() { p { "Nothing was asked." } } @else {
            (requirements(&format!("Requirements of {}", layer.name), &layer.requirements, true))
        }
    }
}

/// Requirements, of a layer or of a scenario, with their targets, what was found, and what would settle them.
fn requirements(caption: &str, requirements: &[Requirement], layer: bool) -> Markup {
    let head = vec![
        Words("Requirement"),
        Figures("Target"),
        Figures("Measured"),
        Figures("95 % interval"),
        Words("Verdict"),
        Figures("Operations to settle it"),
        Words("Why"),
    ];
    let row = |requirement: &Requirement| {
        let quantity = Quantity::of(&requirement.name);
        vec![
            plain(words::requirement(&requirement.name)),
            plain(words::target(requirement, layer)),
            plain(requirement.measured.map_or(words::NONE.to_owned(), |value| quantity.show(value))),
            plain(requirement.interval.map_or(words::NONE.to_owned(), |interval| quantity.range(interval))),
            badge(requirement.verdict),
            plain(requirement.operations_needed.map_or(words::NONE.to_owned(), words::count)),
            plain(requirement.reason.as_deref().unwrap_or_default()),
        ]
    };
    let (head, rows) = told(head, requirements.iter().map(row).collect());
    table(caption, &head, &rows)
}

/// A share with its interval and its counts.
fn share(share: &Share) -> Markup {
    if share.of == 0 {
        return plain("nothing to count");
    }
    let counts = format!("{} of {}", words::count(share.count), words::count(share.of));
    html! { (bounded(&Quantity::Share.show(share.share), Some(Quantity::Share.range(share.interval)))) " " small { (counts) } }
}

fn integrity_section(integrity: &Integrity) -> Markup {
    let known = |found: &Option<Share>| found.as_ref().map_or(plain("no answers are known"), share);
    let [alone, loaded] = integrity.unanswered;
    let rows = [
        vec![plain("Under load as alone (consistency)"), share(&integrity.consistency)],
        vec![plain("Alone, asked twice (reproducibility)"), share(&integrity.reproducibility)],
        vec![plain("Known answer, alone (accuracy)"), known(&integrity.accuracy_alone)],
        vec![plain("Known answer, under load (accuracy)"), known(&integrity.accuracy)],
        vec![plain("Unanswered, alone"), plain(words::count(alone))],
        vec![plain("Unanswered, under load"), plain(words::count(loaded))],
    ];
    html! {
        h2 { "Integrity" }
        p { "The same seeded requests were sent one at a time and under load, and their answers compared." }
        (table("Answers that are the same", &[Words("Answers"), Figures("Share")], &rows))
    }
}

fn again(report: &Report) -> Markup {
    let rows: Vec<_> = report
        .scenarios
        .iter()
        .map(|scenario| {
            vec![plain(&scenario.name), plain(scenario.seed.to_string()), html! { code { (scenario.schedule_sha256) } }]
        })
        .collect();
    html! {
        h2 { "How to repeat it" }
        pre { code { (words::command(&report.name, &report.target.url, report.repeats, seed(report))) } }
        p { "The same seed gives the same schedule, byte for byte; a further repeat adds 1 to it. Options other than these, such as a stretched duration, are to be given again." }
        @if !rows.is_empty() { (table("Schedules", &[Words("Scenario"), Figures("Seed"), Words("SHA-256 of the first repeat’s schedule")], &rows)) }
    }
}

/// The seed that all scenarios share; where they differ each has its own, and none is to be given.
fn seed(report: &Report) -> Option<u64> {
    let seed = report.scenarios.first()?.seed;
    report.scenarios.iter().all(|scenario| scenario.seed == seed).then_some(seed)
}

fn terms() -> Markup {
    const TERMS: [(&str, &str); 10] = [
        (
            "Latency (response time)",
            "From the moment a request was meant to be sent to the last byte of its answer, of requests that succeeded. Waiting for a free user counts, so a target that stalls cannot hide it.",
        ),
        ("Service time", "From the moment a request was really sent to the last byte of its answer."),
        ("Waiting", "From the moment a request was meant to be sent until a user was free to send it."),
        ("Success", "The share of requests that got the answer they asked for, in time."),
        ("p50, p95, p99", "The values that 50, 95 and 99 % of the latencies do not exceed."),
        (
            "Interval",
            "Where the true value lies with 95 % confidence: by Wilson for shares, by order statistics for percentiles, and beside it by a bootstrap over blocks of one second, which sees that slow seconds come together; a verdict on a percentile rests on both.",
        ),
        (
            "Verdict",
            "Pass and fail only where the whole interval lies on one side of the target; inconclusive where it crosses it; a request that timed out counts as slower than any target; invalid where the generator was the bottleneck or the run was cut short; not measured where the target cannot tell.",
        ),
        (
            "Grade",
            "The worse of success (A from 99 %, B from 95, C from 93, D from 90) and p95 over its target (A up to half, B up to 1, C up to 1.25, D up to 2); else F.",
        ),
        (
            "Original’s grade",
            "By the table of Clinical Metabolomics Oracle, both to hold: A+ 99 % and 500 ms, A 95 % and 1,000 ms, B 90 % and 1,500 ms, C 85 % and 2,500 ms, D 75 % and 4,000 ms; else F.",
        ),
        (
            "Lag",
            "How late the generator itself noticed that a request was due. It is part of the latency; where it is large, the generator was measured and not the target.",
        ),
    ];
    html! {
        h2 id="terms" { "Terms" }
        dl class="terms small" { @for (term, meaning) in TERMS { dt { (term) } dd { (meaning) } } }
    }
}

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
