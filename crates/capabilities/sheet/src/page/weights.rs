//! What each weight does, in a drawing and in words. Draws what the scores and the weights come to; where a sheet says
//! more, such as what lies beyond the range, it is told.

use super::curves::drawing;
use super::parts::{Budget, FLAG, FLAGS_MAX, body, label, line, name};
use crate::course::Course;
use crate::told;
use crate::view::View;
use crate::{Criterion, Lever, WEIGHT_MAX, WEIGHT_MIN, words};
use maud::{Markup, html};

pub(super) fn effect(view: &View<'_>, budget: &Budget) -> Markup {
    let sensitivity = view.sheet.sensitivity.as_ref();
    let mut now = view.first();
    now.sort_unstable();
    let mut levers: Vec<Option<&Lever>> = vec![None; view.sheet.criteria.len()];
    for lever in sensitivity.iter().filter(|_| now.len() == 1).flat_map(|one| &one.criteria) {
        if let Some(place) = view.criterion(&lever.criterion).and_then(|at| levers.get_mut(at)) {
            *place = Some(lever);
        }
    }
    let course = |criterion: usize| Course::of(view, criterion).filter(|_| !now.is_empty());
    let courses: Vec<Option<Course>> = (0..levers.len()).map(course).collect();
    html! {
        @if !view.sheet.criteria.is_empty() {
            section {
                h2 { "Criteria and the effect of their weights" }
                @if courses.iter().any(Option::is_some) { (legend(view.sheet.options.len() > budget.curves)) }
                @if now.len() > 1 {
                    p { "The first place is shared: any weight that moves may decide it." }
                }
                ul class="levers" { @for ((criterion, lever), course) in view.sheet.criteria.iter().zip(&levers).zip(&courses) {
                    li {
                        (about(criterion, budget))
                        @match (course, lever) {
                            (Some(course), _) => div { (does(view, course, (criterion, *lever), &now, budget)) },
                            (None, Some(lever)) => div { p { (line(&told::lever(lever))) } },
                            (None, None) => {}
                        }
                    }
                } }
            }
        }
    }
}

/// What one weight does.
fn does(
    view: &View<'_>,
    course: &Course,
    (criterion, lever): (&Criterion, Option<&Lever>),
    now: &[usize],
    budget: &Budget,
) -> Markup {
    let stretches = course.stretches();
    let told = match lever {
        Some(lever) if stretches.len() == 1 => told::lever(lever),
        _ => told::stretches(view, criterion.weight, &stretches),
    };
    html! { (drawing(course, &stretches, criterion.weight, now, budget.curves)) p { (line(&told)) } }
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

fn legend(more: bool) -> Markup {
    let sign = |class: &str| {
        html! { svg class="sign" viewBox="0 0 24 12" aria-hidden="true" { path class=(class) d="M0 6 24 6" {} } }
    };
    html! {
        p class="small" {
            "One weight at a time, all others as they are, from " (WEIGHT_MIN) " to " (WEIGHT_MAX) ". Above, the totals: "
            (sign("leader")) " of who is first; " (sign("rival")) " of who is first at other weights; "
            (sign("rest")) @if more { " of the best of the others. Below: " } @else { " of the others. Below: " }
            svg class="sign" viewBox="0 0 24 12" aria-hidden="true" { rect class="stays" x="0" y="2" width="24" height="8" {} }
            " the first place stays; "
            svg class="sign" viewBox="0 0 24 12" aria-hidden="true" { rect class="other" x="1" y="2.5" width="22" height="7" {} }
            " it does not; "
            svg class="sign narrow" viewBox="0 0 12 12" aria-hidden="true" { circle class="now" cx="6" cy="6" r="5" {} }
            " the weight as it is. A dot marks each change of the first place."
        }
    }
}
