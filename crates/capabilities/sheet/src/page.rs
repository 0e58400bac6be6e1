//! The decision as one HTML page that needs nothing else. Knows no file and no browser.
//!
//! The page has no script and fetches nothing, so that it can be mailed, archived and opened under a strict content
//! security policy. All foreign text is escaped by the macro that writes the page, stands in elements that isolate the
//! direction of writing, and is shortened, so that the page stays small whatever the texts are.

mod bars;
mod curves;
mod heat;
mod parts;
mod weights;
mod why;

use crate::told::{self, Standing};
use crate::view::{Counts, View};
use crate::{Outcome, Sheet, text, words};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use parts::{Budget, facts, line, listed, name, note};

const STYLE: &str = include_str!("page/style.css");

/// What a browser may do with the page: nothing but to style it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The decision as one HTML page that needs nothing else, for screens light and dark, wide and narrow, and for paper.
///
/// It shows, from the top: whether scores are simulated, what is missing and why, what follows and how firm it is, the
/// ranking, the scores as a heat map with a figure in every cell, what each weight can change, what other methods say,
/// and why each score was given. Up to 50 options and 25 criteria it takes less than 1 MB, whatever its texts are:
/// they are cut where they are too long, and [`json`](fn@crate::json) holds all of them.
pub fn page(sheet: &Sheet) -> String {
    let view = View::new(sheet);
    let counts = view.counts();
    let budget = Budget::of(&view);
    let topic = if sheet.topic.trim().is_empty() { "without a topic" } else { &sheet.topic };
    let simulated = told::simulated(&view, &counts);
    let title = format!("{}Decision: {}", if simulated.is_some() { "Simulated. " } else { "" }, text::line(topic, 80));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    p class="kind" { "Decision" }
                    h1 dir="auto" { (text::short(topic, 1_500)) }
                    @if let Some([heading, words]) = &simulated {
                        div class="banner loud" role="note" { p { strong { (heading) } } p { (words) } }
                    }
                    (unfinished(&view, &counts))
                    (cautions(&view))
                }
                main {
                    (outcome(&view))
                    (bars::ranking(&view, &budget))
                    (heat::scores(&view, &counts, &budget))
                    (weights::effect(&view, &budget))
                    (opinions(&view))
                    (why::reasons(&view, &budget))
                }
                footer { (about(&view, &counts)) }
            }
        }
    }
    .into_string()
}

/// What is missing and why, before anything else.
fn unfinished(view: &View<'_>, counts: &Counts) -> Markup {
    let Some(heading) = told::unfinished(counts) else { return html! {} };
    let gaps = view.gaps();
    let lines: Vec<Markup> =
        gaps.iter().filter(|gap| gap.outcome != Outcome::Abstained).map(|gap| line(&told::gap(view, gap))).collect();
    html! {
        div class="banner" role="note" {
            p {
                strong { (heading) }
                @if told::standing(counts) == Standing::Partial { " What follows rests on the scores that there are." }
            }
            (listed(&lines))
        }
    }
}

fn cautions(view: &View<'_>) -> Markup {
    let cautions = view.sheet.cautions.iter().map(|caution| note(caution));
    let lines: Vec<Markup> = cautions.chain(told::flagged(view).iter().map(line)).collect();
    html! {
        @if !lines.is_empty() {
            div class="banner" role="note" { p { strong { "Before believing it" } } (listed(&lines)) }
        }
    }
}

/// What follows, and how firm it is.
fn outcome(view: &View<'_>) -> Markup {
    let sheet = view.sheet;
    let firm = [told::chance(view), told::smallest(view)];
    let reasons = |close: &crate::CloseCall| close.reasons.iter().map(|reason| note(reason)).collect::<Vec<_>>();
    html! {
        @if !sheet.recommendation.is_empty() {
            section {
                h2 { "Recommendation" }
                p class="lead" dir="auto" { (text::short(&sheet.recommendation, 2_000)) }
            }
        }
        @let shared = told::shared(view);
        @if shared.is_some() || sheet.close_call.is_some() || firm.iter().any(Option::is_some) {
            section {
                h2 { "How firm the first place is" }
                @if let Some(shared) = &shared { p { strong { "Tied." } " " (line(shared)) } }
                @if let Some(close) = &sheet.close_call {
                    p { strong {
                        @if close.close { "This is a close call." } @else { "The first place is not close." }
                    } }
                    (listed(&reasons(close)))
                }
                @for told in firm.iter().flatten() { p { (line(told)) } }
            }
        }
    }
}

/// The most methods that stand side by side.
const METHODS_MAX: usize = 6;

fn opinions(view: &View<'_>) -> Markup {
    let opinions = &view.sheet.opinions;
    let lines: Vec<Markup> = opinions.iter().map(|opinion| line(&told::opinion(view, opinion))).collect();
    let shown: Vec<_> = opinions.iter().filter(|one| !one.order.is_empty()).take(METHODS_MAX).collect();
    html! {
        @if !opinions.is_empty() {
            section {
                h2 { "Second opinions" }
                @if let Some(all) = told::opinions(opinions) { p { strong { (all) } } }
                (listed(&lines))
                @if !shown.is_empty() { (side_by_side(view, &shown)) }
            }
        }
    }
}

/// The place that each method gives each option, beside the ranking's.
fn side_by_side(view: &View<'_>, opinions: &[&crate::Opinion]) -> Markup {
    let mut places = vec![vec![None; opinions.len()]; view.sheet.options.len()];
    for (column, opinion) in opinions.iter().enumerate() {
        for place in &opinion.order {
            let cell = view.option(&place.option).and_then(|row| places.get_mut(row)?.get_mut(column));
            if let Some(cell) = cell {
                *cell = Some((place.rank, place.value));
            }
        }
    }
    html! {
        div class="scroll" role="region" aria-label="Second opinions side by side" tabindex="0" {
            table class="places" {
                caption { "Places by method" }
                thead { tr {
                    th scope="col" { "Option" }
                    th scope="col" class="figure" { "Ranking" }
                    @for opinion in opinions { th scope="col" class="figure" { (name(&opinion.method)) } }
                } }
                tbody { @for &option in view.order() { @if let Some(ours) = view.ranked(option) { tr {
                    th scope="row" { (name(told::option_name(view, option))) }
                    td class="figure" { (ours.rank) }
                    @for place in places.get(option).into_iter().flatten() { td class="figure" {
                        @match place {
                            Some((rank, value)) => {
                                @if *rank != ours.rank { strong { "≠\u{a0}" (rank) } } @else { (rank) }
                                " " small { (words::fixed(*value, 3)) }
                            }
                            None => (words::NONE),
                        }
                    } }
                } } } }
            }
        }
        p class="small" { "In small what the method itself gave. A place other than the ranking’s is marked ≠." }
    }
}

/// Whom it was put to and when, and what the words mean.
fn about(view: &View<'_>, counts: &Counts) -> Markup {
    const TERMS: [(&str, &str); 6] = [
        ("Score", "How good an option is by a criterion, from 1, worst, to 10, best. More is always better."),
        (
            "Total",
            "The mean of an option’s scores, weighted by the criteria’s weights: Σ(score · weight) / Σ(weight), over the pairs that have a score.",
        ),
        (
            "Abstention",
            "Whoever was asked could not judge, and said why. It counts neither in the sum nor in the weight.",
        ),
        (
            "First in … of draws",
            "How often an option comes first when weights, and scores within their spread, are drawn at random; with its 95 % interval.",
        ),
        ("Weight", "How much a criterion counts, from 0.1 to 10. Its share is its weight over the sum of all."),
        ("Second opinion", "The order that another method makes of the same scores and weights."),
    ];
    let sheet = view.sheet;
    let given = |text: &str| (!text.is_empty()).then(|| note(text));
    let scored = format!("{} of {}", words::thousands(counts.scored), words::thousands(counts.pairs));
    html! {
        h2 { "About" }
        (facts(&[
            ("Scored by", given(&sheet.model)),
            ("Pairs with a score", (counts.pairs > 0).then(|| html! { (scored) })),
            ("Abstentions", (counts.abstained > 0).then(|| html! { (words::thousands(counts.abstained)) })),
            ("Begun", given(&sheet.created)),
            ("Scored last", sheet.evaluated.as_deref().and_then(given)),
            ("Decision", given(&sheet.id)),
        ]))
        dl class="terms" { @for (term, meaning) in TERMS { dt { (term) } dd { (meaning) } } }
    }
}
