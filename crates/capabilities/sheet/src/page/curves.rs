//! The drawing of what one weight does: the total of each option over the weights, who is first where, and each weight at
//! which that changes. Knows no words and no name.

use super::parts::at;
use crate::course::{Course, Stretch};
use crate::{WEIGHT_MAX, WEIGHT_MIN, words};
use maud::{Markup, html};

/// The size of a drawing, and where the weights begin and end on it.
const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 126.0;
const LEFT: f64 = 20.0;
const RIGHT: f64 = 296.0;
/// Where the highest total and the lowest are.
const TOP: f64 = 6.0;
const BOTTOM: f64 = 92.0;
/// Where the line is that tells who is first, and half of its height.
const LINE: f64 = 103.0;
const HALF: f64 = 4.0;
/// Of how many straight pieces a curve is made: with these it is off by less than a fifth of a pixel. Each ends at a whole
/// pixel.
const PIECES: u8 = 12;
/// How a curve looks, the least first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Never first.
    Rest,
    /// First at other weights.
    Rival,
    /// First as the weights are.
    Leader,
}

/// A drawing, when the weight is this and these options are first. Of more options than `curves_max` it has those that are
/// first somewhere before others, and of those the best.
pub(super) fn drawing(course: &Course, stretches: &[Stretch], weight: f64, now: &[usize], curves_max: usize) -> Markup {
    let mut curves: Vec<(Kind, usize)> =
        course.options().map(|option| (kind(option, stretches, now), option)).collect();
    let total = |option: usize| course.total(option, weight).unwrap_or(f64::NEG_INFINITY);
    curves.sort_by(|one, other| other.0.cmp(&one.0).then(total(other.1).total_cmp(&total(one.1))));
    curves.truncate(curves_max);
    let scale = Scale::over(curves.iter().flat_map(|(_, option)| totals(course, *option)));
    let path = |wanted: Kind| {
        let kind = curves.iter().filter(move |(kind, _)| *kind == wanted);
        kind.map(|(_, option)| outline(totals(course, *option), &scale)).collect::<String>()
    };
    let changes = || stretches.iter().skip(1).map(|stretch| stretch.from);
    let ticks = [(WEIGHT_MIN, "start", LEFT), (1.0, "middle", x(1.0)), (WEIGHT_MAX, "end", RIGHT)];
    html! {
        svg class="lever" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } aria-hidden="true" {
            @for (end, value) in [(TOP, scale.hi), (BOTTOM, scale.lo)] {
                rect class="ground" x=(at(LEFT)) y=(at(end - 0.5)) width=(at(RIGHT - LEFT)) height="1" {}
                text x=(at(LEFT - 4.0)) y=(at(end + 3.5)) text-anchor="end" { (words::weight(value)) }
            }
            @for (class, kind) in [("rest", Kind::Rest), ("rival", Kind::Rival), ("leader", Kind::Leader)] {
                @let path = path(kind);
                @if !path.is_empty() { path class=(class) d=(path) {} }
            }
            @for stretch in stretches { (bar(stretch, now)) }
            @for change in changes() {
                rect class="flip" x=(at(x(change) - 0.5)) y=(at(TOP)) width="1" height=(at(LINE + HALF - TOP)) {}
                circle class="flip" cx=(at(x(change))) cy=(at(scale.y(course.highest(change)))) r="3" {}
            }
            circle class="now" cx=(at(x(weight))) cy=(at(LINE)) r="5.5" {}
            @for (tick, anchor, place) in ticks {
                rect class="tick" x=(at(x(tick) - 0.5)) y=(at(LINE + HALF + 3.0)) width="1" height="3" {}
                text x=(at(place)) y=(at(HEIGHT - 2.0)) text-anchor=(anchor) { (words::weight(tick)) }
            }
        }
    }
}

fn kind(option: usize, stretches: &[Stretch], now: &[usize]) -> Kind {
    match now.contains(&option) {
        true => Kind::Leader,
        false if stretches.iter().any(|stretch| stretch.first.contains(&option)) => Kind::Rival,
        false => Kind::Rest,
    }
}

/// Where on the drawing a weight is; equal ratios are equally far apart.
fn x(weight: f64) -> f64 {
    let share = (weight.clamp(WEIGHT_MIN, WEIGHT_MAX) / WEIGHT_MIN).ln() / (WEIGHT_MAX / WEIGHT_MIN).ln();
    LEFT + share * (RIGHT - LEFT)
}

/// An option's total where a piece of its curve begins or ends, with the places of the weights.
fn totals(course: &Course, option: usize) -> impl Iterator<Item = (f64, f64)> + '_ {
    (0..=PIECES).filter_map(move |piece| {
        let share = f64::from(piece) / f64::from(PIECES);
        let weight = WEIGHT_MIN * (WEIGHT_MAX / WEIGHT_MIN).powf(share);
        Some((LEFT + share * (RIGHT - LEFT), course.total(option, weight)?))
    })
}

/// Which totals are shown: from one whole point to another.
struct Scale {
    lo: f64,
    hi: f64,
}

impl Scale {
    fn over(totals: impl Iterator<Item = (f64, f64)>) -> Self {
        let ends =
            totals.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), (_, total)| (lo.min(total), hi.max(total)));
        let (lo, hi) = (ends.0.floor(), ends.1.ceil());
        Self { lo, hi: hi.max(lo + 1.0) }
    }

    /// Where on the drawing a total is.
    fn y(&self, total: f64) -> f64 {
        BOTTOM - (total - self.lo) / (self.hi - self.lo) * (BOTTOM - TOP)
    }
}

/// A curve as an outline: `M20 50 43 48.2 …`.
fn outline(points: impl Iterator<Item = (f64, f64)>, scale: &Scale) -> String {
    let point = |(index, (x, total)): (usize, (f64, f64))| {
        format!("{}{} {}", if index == 0 { "M" } else { " " }, at(x), at(scale.y(total)))
    };
    points.enumerate().map(point).collect()
}

/// A stretch of the line: filled where the first place stays.
fn bar(stretch: &Stretch, now: &[usize]) -> Markup {
    let (class, half) = if stretch.first == now { ("stays", HALF) } else { ("other", HALF - 0.5) };
    let width = x(stretch.to) - x(stretch.from);
    html! { rect class=(class) x=(at(x(stretch.from))) y=(at(LINE - half)) width=(at(width)) height=(at(2.0 * half)) {} }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_begins_and_ends_where_its_totals_are() {
        let scale = Scale::over([(0.0, 2.25), (0.0, 3.5), (0.0, 6.0)].into_iter());
        assert_eq!([scale.y(2.0), scale.y(4.0), scale.y(6.0)], [92.0, 49.0, 6.0]);
        assert_eq!(outline([(20.0, 2.0), (43.0, 3.0), (66.0, 6.0)].into_iter(), &scale), "M20 92 43 70.5 66 6");
        let level = Scale::over([(0.0, 7.0), (1.0, 7.0)].into_iter());
        assert_eq!([level.lo, level.hi, level.y(7.0)], [7.0, 8.0, 92.0]);
    }

    #[test]
    fn equal_ratios_are_equally_far_apart() {
        assert_eq!([x(0.1), x(1.0), x(10.0), x(99.0)], [20.0, 158.0, 296.0, 296.0]);
    }
}
