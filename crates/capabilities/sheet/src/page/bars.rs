//! The ranking: each option's place, its total as a bar, and how often it is first as an interval. Knows no scores.

use super::parts::{Budget, FLAG, FLAGS_MAX, NAME_WHOLE, at, body};
use crate::view::View;
use crate::{Chance, Ranked, text, words};
use maud::{Markup, html};

pub(super) fn ranking(view: &View<'_>, budget: &Budget) -> Markup {
    let decimals = words::decimals(view.sheet.ranking.iter().map(|one| one.total));
    html! {
        @if !view.sheet.options.is_empty() {
            section {
                h2 { "Ranking" }
                ol class="ranking" { @for &option in view.order() { (entry(view, option, decimals, budget)) } }
            }
        }
    }
}

fn entry(view: &View<'_>, option: usize, decimals: usize, budget: &Budget) -> Markup {
    let Some(known) = view.sheet.options.get(option) else { return html! {} };
    let (one, chance) = (view.ranked(option), view.chance(option));
    let flags: Vec<String> = known.flags.iter().take(FLAGS_MAX).map(|flag| text::short(flag, FLAG)).collect();
    let name = text::short(&known.name, NAME_WHOLE);
    html! {
        li {
            p class="place" { @match one {
                Some(one) => { (one.rank) @if one.tied { span class="tied" { " tied" } } }
                None => { span class="tied" { "no place" } }
            } }
            div class="what" {
                h3 dir="auto" { @if name.is_empty() { "(no name)" } @else { (name) } }
                (body(&known.description, budget.option))
                @if !flags.is_empty() {
                    p class="flag" {
                        strong { "Looks like an order to a model:" }
                        @for flag in &flags { " “" bdi { (flag) } "”" }
                    }
                }
            }
            div class="figures" {
                @if let Some(one) = one { (total(one, decimals)) }
                @if let Some(chance) = chance { (first(chance)) }
            }
        }
    }
}

fn total(one: &Ranked, decimals: usize) -> Markup {
    let width = if one.total.is_finite() { one.total.clamp(0.0, 10.0) * 10.0 } else { 0.0 };
    html! {
        div class="measure" {
            p {
                strong { (words::fixed(one.total, decimals)) } " of 10"
                @if one.covered_weight < 0.9995 {
                    small { " from scores on " (words::percent(one.covered_weight)) " of the weight" }
                }
            }
            svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
                rect class="ground" width="100" height="10" {}
                rect class="total" width=(at(width)) height="10" {}
            }
        }
    }
}

fn first(chance: &Chance) -> Markup {
    let [low, p, high] = [chance.low, chance.p, chance.high]
        .map(|share| if share.is_finite() { share.clamp(0.0, 1.0) * 100.0 } else { 0.0 });
    html! {
        div class="measure" {
            p {
                "first in " strong { (words::fine_percent(chance.p)) } " of draws"
                small { " " (words::interval(chance.low, chance.high)) }
            }
            svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
                rect class="ground" y="4.4" width="100" height="1.2" {}
                rect class="interval" x=(at(low)) y="2" width=(at((high - low).max(0.4))) height="6" {}
                rect class="point" x=(at((p - 0.4).clamp(0.0, 99.2))) width="0.8" height="10" {}
            }
        }
    }
}
