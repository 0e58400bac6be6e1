//! What each weight can change, in a drawing and in words. Draws what the sheet says and no more: where it does not say
//! who is first, the line stays thin.

use super::parts::{Budget, FLAG, FLAGS_MAX, at, body, label, line, name};
use crate::told;
use crate::view::View;
use crate::{Criterion, Flip, Lever, WEIGHT_MAX, WEIGHT_MIN, words};
use maud::{Markup, html};

/// The width of a drawing, and what stays free at its ends.
const WIDTH: f64 = 300.0;
const END: f64 = 10.0;
/// Where the line is, and half of its height.
const LINE: f64 = 12.0;
const HALF: f64 = 4.0;

pub(super) fn effect(view: &View<'_>, budget: &Budget) -> Markup {
    let sensitivity = view.sheet.sensitivity.as_ref().filter(|one| !one.criteria.is_empty());
    let decided = view.first().len() == 1;
    let mut levers: Vec<Option<&Lever>> = vec![None; view.sheet.criteria.len()];
    for lever in sensitivity.iter().filter(|_| decided).flat_map(|one| &one.criteria) {
        if let Some(place) = view.criterion(&lever.criterion).and_then(|at| levers.get_mut(at)) {
            *place = Some(lever);
        }
    }
    html! {
        @if !view.sheet.criteria.is_empty() {
            section {
                h2 { "Criteria and the effect of their weights" }
                @if let Some(sensitivity) = sensitivity.filter(|_| decided) { (legend(&sensitivity.criteria)) }
                @if sensitivity.is_some() && !decided && !view.first().is_empty() {
                    p { "The first place is shared: any weight that moves may decide it." }
                }
                ul class="levers" { @for (criterion, lever) in view.sheet.criteria.iter().zip(&levers) { li {
                    (about(criterion, budget))
                    @if let Some(lever) = lever { div { (drawing(lever)) p { (line(&told::lever(lever))) } } }
                } } }
            }
        }
    }
}

fn about(criterion: &Criterion, budget: &Budget) -> Markup {
    let flags = criterion.flags.iter().take(FLAGS_MAX);
    html! {
        div {
            h3 { (name(&criterion.name)) }
            p { "weight " strong { (words::weight(criterion.weight)) } ", " (words::percent(criterion.share)) " of all" }
            (body(&criterion.description, budget.criterion))
            @if !criterion.flags.is_empty() {
                p class="flag" {
                    strong { "Looks like an order to a model:" }
                    @for flag in flags { " “" (label(flag, FLAG)) "”" }
                }
            }
        }
    }
}

fn legend(levers: &[Lever]) -> Markup {
    let ends = |lever: &Lever| {
        let [low, high] = stays(lever);
        let lost = |end: f64| lever.flips.iter().any(|flip| flip.at == end);
        (low <= WEIGHT_MIN || lost(low)) && (high >= WEIGHT_MAX || lost(high))
    };
    let thin = levers.iter().any(|lever| !ends(lever));
    html! {
        p class="small" {
            "One weight at a time, all others as they are, from " (WEIGHT_MIN) " to " (WEIGHT_MAX) ": "
            svg class="sign" viewBox="0 0 24 12" aria-hidden="true" { rect class="stays" x="0" y="2" width="24" height="8" {} }
            " the first place stays; "
            svg class="sign" viewBox="0 0 24 12" aria-hidden="true" { rect class="other" x="1" y="2.5" width="22" height="7" {} }
            " it does not; "
            @if thin { "thin, nothing is told; " }
            svg class="sign narrow" viewBox="0 0 12 12" aria-hidden="true" { circle class="now" cx="6" cy="6" r="5" {} }
            " the weight as it is."
        }
    }
}

/// Where on the drawing a weight is; equal ratios are equally far apart.
fn x(weight: f64) -> f64 {
    let share = (weight.clamp(WEIGHT_MIN, WEIGHT_MAX) / WEIGHT_MIN).ln() / (WEIGHT_MAX / WEIGHT_MIN).ln();
    END + share * (WIDTH - 2.0 * END)
}

fn drawing(lever: &Lever) -> Markup {
    let [low, high] = stays(lever);
    let inside: Vec<&Flip> = lever.flips.iter().filter(|flip| told::within(flip)).collect();
    let lost = inside.iter().map(|flip| match flip.at < lever.weight {
        true => [WEIGHT_MIN, flip.at],
        false => [flip.at, WEIGHT_MAX],
    });
    let ticks = [(WEIGHT_MIN, "start", 2.0), (1.0, "middle", x(1.0)), (WEIGHT_MAX, "end", WIDTH - 2.0)];
    html! {
        svg class="lever" viewBox={ "0 0 " (WIDTH) " 34" } aria-hidden="true" {
            (bar("ground", [WEIGHT_MIN, WEIGHT_MAX], 0.5))
            (bar("stays", [low, high], HALF))
            @for ends in lost { (bar("other", ends, HALF - 0.5)) }
            @for flip in &inside { rect class="flip" x=(at(x(flip.at) - 1.0)) y="2" width="2" height="20" {} }
            circle class="now" cx=(at(x(lever.weight))) cy=(at(LINE)) r="5.5" {}
            @for (tick, anchor, place) in ticks {
                rect class="tick" x=(at(x(tick) - 0.5)) y="20" width="1" height="3" {}
                text x=(at(place)) y="33" text-anchor=(anchor) { (words::weight(tick)) }
            }
        }
    }
}

/// A level bar between two weights.
fn bar(class: &str, [from, to]: [f64; 2], half: f64) -> Markup {
    let width = x(to) - x(from);
    html! { rect class=(class) x=(at(x(from))) y=(at(LINE - half)) width=(at(width)) height=(at(2.0 * half)) {} }
}

/// Between which weights it is known that the first place stays: on either side up to where it is lost, else as far as
/// the nearest loss is away, since none is nearer.
fn stays(lever: &Lever) -> [f64; 2] {
    let known = || lever.flips.iter().filter(|flip| flip.at.is_finite());
    let nearest = known().filter(|flip| told::within(flip)).map(|flip| (flip.at - lever.weight).abs());
    let free = nearest.fold(f64::INFINITY, f64::min);
    let below = known().map(|flip| flip.at).filter(|at| *at <= lever.weight).fold(f64::NEG_INFINITY, f64::max);
    let above = known().map(|flip| flip.at).filter(|at| *at > lever.weight).fold(f64::INFINITY, f64::min);
    let low = if below.is_finite() { below } else { lever.weight - free };
    let high = if above.is_finite() { above } else { lever.weight + free };
    let [low, high] = [low, high].map(|end| end.clamp(WEIGHT_MIN, WEIGHT_MAX));
    [low.min(high), high]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(weight: f64, flips: &[f64], expect: [f64; 2]) {
        let flips = flips.iter().map(|&at| Flip { at, change: at - weight, rivals: vec!["B".to_owned()] }).collect();
        assert_eq!(stays(&Lever { criterion: String::new(), weight, flips }), expect);
    }

    #[test]
    fn the_line_says_no_more_than_is_known() {
        check(2.0, &[], [0.1, 10.0]);
        check(2.0, &[1.5], [1.5, 2.5]);
        check(2.0, &[3.0], [1.0, 3.0]);
        check(2.0, &[1.5, 6.0], [1.5, 6.0]);
        check(1.0, &[0.05], [0.1, 10.0]);
        check(1.0, &[0.05, 3.0], [0.1, 3.0]);
        check(2.0, &[14.0], [0.1, 10.0]);
        check(2.0, &[2.0], [2.0, 2.0]);
    }

    #[test]
    fn equal_ratios_are_equally_far_apart() {
        assert_eq!([x(0.1), x(1.0), x(10.0), x(99.0)], [10.0, 150.0, 290.0, 290.0]);
    }
}
