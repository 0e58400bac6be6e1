//! Why each score was given, or why there is none, option by option. Opened from the heat map.

use super::parts::{Budget, label, name, shade};
use crate::view::View;
use crate::{Outcome, Pair, Vote, text, told, words};
use maud::{Markup, html};

/// Up to how many pairs everything is open from the start.
const OPEN_MAX: usize = 30;

/// The id of what is said about a pair.
pub(super) fn place(option: usize, criterion: usize) -> String {
    format!("w{}-{}", option + 1, criterion + 1)
}

pub(super) fn reasons(view: &View<'_>, budget: &Budget) -> Markup {
    let width = view.sheet.criteria.len();
    let open = width * view.sheet.options.len() <= OPEN_MAX;
    html! {
        @if width > 0 && !view.sheet.options.is_empty() {
            section {
                h2 { "Why" }
                p class="small" { "A text that ends with … is cut here; the JSON of the decision has all of it." }
                @for &option in view.order() {
                    details open[open] {
                        summary {
                            (name(told::option_name(view, option)))
                            @if let Some(one) = view.ranked(option) {
                                small { " " (words::fixed(one.total, 2)) " points" }
                            }
                        }
                        @for criterion in 0..width { (reason(view, option, criterion, budget)) }
                    }
                }
            }
        }
    }
}

fn reason(view: &View<'_>, option: usize, criterion: usize, budget: &Budget) -> Markup {
    let (pair, score) = (view.pair(option, criterion), view.score(option, criterion));
    let class = score.map_or("none".to_owned(), shade);
    let figure = match (score, view.outcome(option, criterion)) {
        (Some(score), _) => words::score(score),
        (None, Outcome::Abstained) => "abstained".to_owned(),
        (None, Outcome::Failed) => "failed".to_owned(),
        (None, _) => "not asked".to_owned(),
    };
    html! {
        article id=(place(option, criterion)) {
            h3 {
                i class=(class) { (figure) } " "
                (label(told::criterion_name(view, criterion), budget.label))
                @if let Some(pair) = pair { (beside(pair, budget)) }
            }
            (plain(view.said(option, criterion), budget.why))
            @if let Some(pair) = pair.filter(|pair| !pair.votes.is_empty()) {
                small { "Votes: " bdi { (text::short(&votes(&pair.votes, budget.votes), budget.votes)) } }
            }
        }
    }
}

fn plain(why: &str, bytes_max: usize) -> Markup {
    let shown = text::body(why, bytes_max);
    html! { @if !shown.is_empty() { p dir="auto" { (shown) } } }
}

/// How sure, how far apart, by whom.
fn beside(pair: &Pair, budget: &Budget) -> Markup {
    let sure = pair.confidence.filter(|sure| sure.is_finite());
    let spread = pair.spread.filter(|spread| spread.is_finite());
    html! {
        small {
            @if let Some(sure) = sure { " " (words::percent(sure)) " sure" }
            @if let Some(spread) = spread { " ±\u{a0}" (words::fixed(spread, 1)) " between votes" }
            @if !pair.model.is_empty() { " by " (label(&pair.model, budget.label)) }
            @if pair.simulated { " simulated" }
        }
    }
}

/// The most that is shown of a member's name and of its reason, in characters.
const MEMBER: usize = 60;
const REASON: usize = 200;

/// About how many bytes the votes take in HTML.
pub(super) fn votes_size(votes: &[Vote]) -> usize {
    let size = |vote: &Vote| text::size(&vote.model, MEMBER) + text::size(&vote.reason, REASON) + 10;
    votes.iter().map(size).sum()
}

/// `model 8.0, other none: reason`, as much as is shown.
fn votes(votes: &[Vote], letters_max: usize) -> String {
    let mut told = String::new();
    for vote in votes {
        if told.len() > letters_max {
            break;
        }
        if !told.is_empty() {
            told.push_str(", ");
        }
        let given = vote.score.map_or("none".to_owned(), words::score);
        told.push_str(&format!("{} {given}", text::line(&vote.model, MEMBER)));
        if !vote.reason.is_empty() {
            told.push_str(&format!(" ({})", text::line(&vote.reason, REASON)));
        }
    }
    told
}
