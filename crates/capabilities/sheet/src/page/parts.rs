//! Pieces of HTML that every section is made from, and how long foreign text may be in each. Knows no section.

use crate::text;
use crate::told::{Piece, Told};
use crate::view::View;
use crate::words;
use maud::{Markup, html};

/// How many bytes of HTML all pairs' reasons may take together, all their votes, what is shown where the pointer rests,
/// and the names beside the scores.
const REASONS: usize = 170_000;
const VOTES: usize = 50_000;
const HOVERS: usize = 50_000;
const LABELS: usize = 50_000;
/// How many bytes one text may take: the first of these with which all of them keep within their sum.
const STEPS: [usize; 12] = [6_000, 4_000, 2_500, 1_500, 1_000, 700, 500, 350, 250, 160, 90, 40];
/// How many bytes all curves may take together, about how many one takes, and how many a drawing has at least and at most.
const CURVES: usize = 40_000;
const CURVE: usize = 100;
const CURVES_OF_ONE: (usize, usize) = (8, 50);
/// How many bytes the descriptions of all options, and of all criteria, may take together.
const DESCRIPTIONS: usize = 30_000;
/// How many bytes a name takes where it is told of, and where it is introduced.
const NAME: usize = 160;
pub(super) const NAME_WHOLE: usize = 500;
/// How many bytes a reason, a caution or a note takes.
const NOTE: usize = 700;
/// How many flags of a text are shown, and how many bytes each takes.
pub(super) const FLAGS_MAX: usize = 3;
pub(super) const FLAG: usize = 100;
/// The most lines of a list that are shown.
const LISTED_MAX: usize = 8;

/// How many bytes of HTML texts may take, so that the page stays small: less for each where there are many.
pub(super) struct Budget {
    /// What is shown where the pointer rests on a score.
    pub(super) hover: usize,
    /// Why a score was given, or why there is none.
    pub(super) why: usize,
    /// What the members of a panel gave.
    pub(super) votes: usize,
    /// A criterion's name, and a model's, beside each score.
    pub(super) label: usize,
    /// How many options are drawn in what a weight does, at most.
    pub(super) curves: usize,
    /// What an option is.
    pub(super) option: usize,
    /// What a criterion means.
    pub(super) criterion: usize,
}

impl Budget {
    pub(super) fn of(view: &View<'_>) -> Self {
        let (options, criteria) = (view.sheet.options.len().max(1), view.sheet.criteria.len().max(1));
        let pairs = options * criteria;
        let why: Vec<usize> = view.pairs().map(|(row, column)| text::size(view.said(row, column), STEPS[0])).collect();
        let asked = view.pairs().filter_map(|(row, column)| view.pair(row, column));
        let votes: Vec<usize> = asked.map(|pair| super::why::votes_size(&pair.votes)).collect();
        Self {
            hover: fitting(HOVERS, &why).min(220),
            why: fitting(REASONS, &why),
            votes: fitting(VOTES, &votes).min(2_500),
            label: (LABELS / (2 * pairs)).clamp(16, NAME),
            curves: (CURVES / (CURVE * criteria)).clamp(CURVES_OF_ONE.0, CURVES_OF_ONE.1),
            option: (DESCRIPTIONS / options).min(6_000),
            criterion: (DESCRIPTIONS / criteria).min(6_000),
        }
    }
}

/// How long one of these texts may be, so that all of them keep within a sum. Cut ones are three bytes longer.
fn fitting(all: usize, sizes: &[usize]) -> usize {
    let sum = |step: usize| sizes.iter().map(|size| if *size > step { step + 3 } else { *size }).sum::<usize>();
    let even = (all / sizes.len().max(1)).saturating_sub(3).min(STEPS[0]);
    STEPS.into_iter().find(|&step| sum(step) <= all).unwrap_or(0).max(even)
}

/// A name, apart from what stands around it.
pub(super) fn name(name: &str) -> Markup {
    label(name, NAME)
}

/// A name of no more than so many bytes.
pub(super) fn label(name: &str, bytes_max: usize) -> Markup {
    let shown = text::short(name, bytes_max);
    html! { bdi { @if shown.is_empty() { "(no name)" } @else { (shown) } } }
}

/// A reason, a caution or the like.
pub(super) fn note(note: &str) -> Markup {
    html! { bdi { (text::short(note, NOTE)) } }
}

/// A text with its paragraphs.
pub(super) fn body(text: &str, bytes_max: usize) -> Markup {
    let shown = text::body(text, bytes_max);
    html! { @if !shown.is_empty() { p class="body" dir="auto" { (shown) } } }
}

/// A sentence.
pub(super) fn line(told: &Told<'_>) -> Markup {
    html! {
        @for piece in &told.0 { @match piece {
            Piece::Ours(words) => (words),
            Piece::Name(text) => b { (name(text)) },
            Piece::Text(text) => (note(text)),
        } }
    }
}

/// A list; beyond a few lines only how many more.
pub(super) fn listed(lines: &[Markup]) -> Markup {
    let more = lines.len().saturating_sub(LISTED_MAX);
    html! {
        @if !lines.is_empty() {
            ul {
                @for line in lines.iter().take(LISTED_MAX) { li { (line) } }
                @if more > 0 { li { "and " (words::thousands(more as u64)) " more" } }
            }
        }
    }
}

/// A list of facts, each with its name; those without a value are left out.
pub(super) fn facts(rows: &[(&str, Option<Markup>)]) -> Markup {
    html! { dl class="facts" {
        @for (name, value) in rows { @if let Some(value) = value { div { dt { (name) } dd { (value) } } } }
    } }
}

/// The class of a cell by its score, from 1 to 10.
pub(super) fn shade(score: f64) -> String {
    format!("h{}", score.round().clamp(1.0, 10.0) as u8)
}

/// A number in a drawing, with one digit after the point.
pub(super) fn at(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
