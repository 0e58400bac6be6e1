//! The heat map: options by criteria, a figure in every cell, so that it can be read without its colours.

use super::parts::{Budget, NAME_WHOLE, name, shade};
use super::why::place;
use crate::told::{self, Standing};
use crate::view::{Counts, View};
use crate::{Outcome, text, words};
use maud::{Markup, html};

/// From how many criteria on their names are written upwards.
const MANY: usize = 7;

pub(super) fn scores(view: &View<'_>, counts: &Counts, budget: &Budget) -> Markup {
    if matches!(told::standing(counts), Standing::Empty) {
        return html! {};
    }
    let class = if view.sheet.criteria.len() > MANY { "heat many" } else { "heat" };
    html! {
        section {
            h2 { "Scores" }
            p class="legend" aria-hidden="true" {
                "worst " @for score in 1..=10_u8 { span class=(shade(f64::from(score))) { (score) } } " best"
            }
            div class="scroll" role="region" aria-label="Scores" tabindex="0" {
                table class=(class) {
                    caption { "Each score leads to why it was given" }
                    thead { tr {
                        th scope="col" { "Option" }
                        @for criterion in &view.sheet.criteria { th scope="col" { div {
                            bdi { (text::short(&criterion.name, NAME_WHOLE / 2)) } " "
                            small { "weight\u{a0}" (words::weight(criterion.weight)) }
                        } } }
                    } }
                    tbody { @for &option in view.order() { tr {
                        th scope="row" { (name(told::option_name(view, option))) }
                        @for criterion in 0..view.sheet.criteria.len() { (cell(view, counts, option, criterion, budget)) }
                    } } }
                }
            }
            (key(counts))
        }
    }
}

fn cell(view: &View<'_>, counts: &Counts, option: usize, criterion: usize, budget: &Budget) -> Markup {
    let pair = view.pair(option, criterion);
    let link = format!("#{}", place(option, criterion));
    let Some(score) = view.score(option, criterion) else {
        let word = match view.outcome(option, criterion) {
            Outcome::Abstained => "abstained",
            Outcome::Failed => "failed",
            Outcome::Scored | Outcome::Missing => "not asked",
        };
        let reason = text::short(view.reason(option, criterion), budget.hover);
        return html! { td class="none" { a href=(link) title=(reason) { (word) } } };
    };
    let hover = pair.map(|pair| text::short(&pair.justification, budget.hover)).filter(|text| !text.is_empty());
    let mixed = counts.simulated > 0 && counts.simulated < counts.scored;
    let simulated = mixed && pair.is_some_and(|pair| pair.simulated);
    html! {
        td class=(shade(score)) { a href=(link) title=[hover] {
            (words::score(score)) @if simulated { small { " sim." } }
        } }
    }
}

fn key(counts: &Counts) -> Markup {
    let kinds = [
        (counts.abstained, "abstained: whoever was asked could not judge"),
        (counts.failed, "failed: asked without a usable answer"),
        (counts.missing, "not asked: so far"),
        (if counts.simulated < counts.scored { counts.simulated } else { 0 }, "sim.: a scripted model gave this score"),
    ];
    let told: Vec<&str> = kinds.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words).collect();
    html! { @if !told.is_empty() { p class="small" { (told.join("; ")) "." } } }
}
