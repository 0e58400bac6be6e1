//! What there is to say of a sheet, sentence by sentence, the same in Markdown and on the page. Knows no format: a
//! sentence keeps its own words apart from foreign ones, so that each format can escape what is foreign.

use crate::course::Stretch;
use crate::view::{Counts, Gap, View};
use crate::words::{self, joint, several};
use crate::{Flip, Lever, Opinion, Outcome, WEIGHT_MAX, WEIGHT_MIN};
use std::borrow::Cow;

/// The most names, the most pairs, and the most changes of the first place that one sentence counts up.
const NAMES_MAX: usize = 4;
const PAIRS_MAX: usize = 8;
const CHANGES_MAX: usize = 4;

/// A part of a sentence.
pub(crate) enum Piece<'a> {
    /// Words of this house.
    Ours(Cow<'a, str>),
    /// Somebody's name for an option, a criterion or a method.
    Name(&'a str),
    /// Other foreign words.
    Text(&'a str),
}

/// A sentence in parts.
#[derive(Default)]
pub(crate) struct Told<'a>(pub(crate) Vec<Piece<'a>>);

impl<'a> Told<'a> {
    pub(crate) fn new(words: impl Into<Cow<'a, str>>) -> Self {
        Self::default().say(words)
    }

    pub(crate) fn say(mut self, words: impl Into<Cow<'a, str>>) -> Self {
        self.0.push(Piece::Ours(words.into()));
        self
    }

    pub(crate) fn name(mut self, name: &'a str) -> Self {
        self.0.push(Piece::Name(name));
        self
    }

    pub(crate) fn text(mut self, text: &'a str) -> Self {
        self.0.push(Piece::Text(text));
        self
    }

    /// `a`, `b` and `c`; beyond a few only how many more.
    fn names(mut self, names: &[&'a str]) -> Self {
        let shown = names.len().min(NAMES_MAX);
        let more = names.len() - shown;
        let count = shown + usize::from(more > 0);
        for (index, name) in names.iter().take(shown).enumerate() {
            self = self.say(joint(index, count)).name(name);
        }
        if more > 0 { self.say(format!(" and {} more", words::thousands(more as u64))) } else { self }
    }
}

/// How far a decision has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// There is nothing to score yet.
    Empty,
    /// Nothing has a score.
    Unscored,
    /// Some pairs failed or were not asked.
    Partial,
    /// Every pair has a score or an abstention.
    Whole,
}

pub(crate) fn standing(counts: &Counts) -> Standing {
    match counts {
        counts if counts.pairs == 0 => Standing::Empty,
        counts if counts.scored == 0 => Standing::Unscored,
        counts if counts.failed + counts.missing > 0 => Standing::Partial,
        _ => Standing::Whole,
    }
}

/// What is said first of scores that a script gave.
pub(crate) fn simulated(view: &View<'_>, counts: &Counts) -> Option<[String; 2]> {
    if !view.sheet.simulated && counts.simulated == 0 {
        return None;
    }
    let whole = counts.simulated == 0 || counts.simulated == counts.scored;
    let heading = if whole {
        "SIMULATED SCORES".to_owned()
    } else {
        format!("SIMULATED SCORES: {} of {}", counts.simulated, counts.scored)
    };
    let text = "A scripted model gave them. They show how a decision is made here and say nothing about the options.";
    Some([heading, text.to_owned()])
}

/// What is said first of a decision that is not whole.
pub(crate) fn unfinished(counts: &Counts) -> Option<String> {
    match standing(counts) {
        Standing::Whole => None,
        Standing::Empty => Some("There is nothing to score yet: it takes options and criteria.".to_owned()),
        Standing::Unscored => Some(format!("None of {} has a score.", several(counts.pairs, "pair"))),
        Standing::Partial => {
            let without = counts.failed + counts.missing;
            let has = if without == 1 { "has" } else { "have" };
            Some(format!("Partial: {without} of {} {has} no score.", several(counts.pairs, "pair")))
        }
    }
}

/// Pairs that have no score, and why.
pub(crate) fn gap<'a>(view: &View<'a>, gap: &Gap<'a>) -> Told<'a> {
    let became = match gap.outcome {
        Outcome::Failed => "failed",
        Outcome::Abstained if gap.pairs.len() == 1 => "is an abstention",
        Outcome::Abstained => "are abstentions",
        Outcome::Missing if gap.pairs.len() == 1 => "was not asked",
        _ => "were not asked",
    };
    let count = several(gap.pairs.len() as u64, "pair");
    let mut told = Told::new(format!("{count} {became}: ")).text(gap.reason).say(" (");
    let shown = gap.pairs.len().min(PAIRS_MAX);
    let more = gap.pairs.len() - shown;
    for (index, &(option, criterion)) in gap.pairs.iter().take(shown).enumerate() {
        let before = joint(index, shown + usize::from(more > 0));
        told = told.say(before).name(option_name(view, option)).say(" × ").name(criterion_name(view, criterion));
    }
    told.say(if more > 0 { format!(" and {} more)", words::thousands(more as u64)) } else { ")".to_owned() })
}

/// Options and criteria of which the text looks like an order to a model.
pub(crate) fn flagged<'a>(view: &View<'a>) -> Vec<Told<'a>> {
    let options = view.sheet.options.iter().map(|option| ("option", &option.name, &option.flags));
    let criteria = view.sheet.criteria.iter().map(|criterion| ("criterion", &criterion.name, &criterion.flags));
    let told = |(kind, name, flags): (&str, &'a String, &'a Vec<String>)| {
        let told = Told::new(format!("The text of the {kind} ")).name(name).say(" looks like an order to a model: ");
        Some(told.say("“").text(flags.first()?).say("”."))
    };
    options.chain(criteria).filter_map(told).collect()
}

/// Who shares the first place; `None` where nobody does.
pub(crate) fn shared<'a>(view: &View<'a>) -> Option<Told<'a>> {
    let first = view.first();
    let total = first.first().and_then(|&option| view.ranked(option))?.total;
    let names: Vec<&str> = first.iter().map(|&option| option_name(view, option)).collect();
    let told =
        || Told::default().names(&names).say(format!(" share the first place with {} points.", words::fixed(total, 2)));
    (names.len() > 1).then(told)
}

/// How often the option in the first place is first when weights and scores vary, and how that was drawn.
pub(crate) fn chance<'a>(view: &View<'a>) -> Option<Told<'a>> {
    let share = view.sheet.first_share.as_ref()?;
    let leader = view.first().into_iter().find_map(|option| Some((option, view.chance(option)?)));
    let draws = several(share.draws, "draw");
    let told = match leader {
        Some((option, chance)) => {
            let (p, interval) = (words::fine_percent(chance.p), words::interval(chance.low, chance.high));
            let told = Told::default().name(option_name(view, option));
            told.say(format!(" comes first in {p} of {draws} (95\u{a0}% interval {interval})."))
        }
        None => Told::new(format!("{draws} were made.")),
    };
    let told = if share.varied.is_empty() { told } else { told.say(" What varied: ").text(&share.varied).say(".") };
    Some(told.say(format!(" Seed {}.", share.seed)))
}

/// The smallest change of one weight that puts another option first.
pub(crate) fn smallest<'a>(view: &View<'a>) -> Option<Told<'a>> {
    let sensitivity = view.sheet.sensitivity.as_ref()?;
    if view.first().len() != 1 {
        return None;
    }
    let name = sensitivity.smallest.as_deref();
    let lever = name.and_then(|name| sensitivity.criteria.iter().find(|lever| lever.criterion == name));
    let Some((lever, flip)) = lever.and_then(|lever| Some((lever, nearest(lever)?))) else {
        let reachable = sensitivity.criteria.iter().any(|lever| nearest(lever).is_some_and(within));
        let range = format!("No weight alone, from {WEIGHT_MIN} to {WEIGHT_MAX}, puts another option first.");
        return (!reachable).then(|| Told::new(range));
    };
    let [from, to] = words::weights(lever.weight, flip.at);
    let told = Told::new("The smallest change that puts another option first: the weight of ").name(&lever.criterion);
    let told = told.say(format!(" from {from} to {to}, then ")).names(&rivals(flip));
    Some(told.say(if within(flip) { "." } else { "; no weight is allowed to go that far." }))
}

/// For each criterion the nearest weight within the range past which another option is first. `None` where that was not
/// computed, or no single option is first.
pub(crate) fn flips<'a>(view: &View<'a>) -> Option<Vec<Option<&'a Flip>>> {
    let sensitivity = view.sheet.sensitivity.as_ref().filter(|_| view.first().len() == 1)?;
    let mut flips = vec![None; view.sheet.criteria.len()];
    for lever in &sensitivity.criteria {
        if let Some(place) = view.criterion(&lever.criterion).and_then(|at| flips.get_mut(at)) {
            *place = nearest(lever).filter(|flip| within(flip));
        }
    }
    Some(flips)
}

/// What one weight can change.
pub(crate) fn lever<'a>(lever: &'a Lever) -> Told<'a> {
    let (inside, outside): (Vec<&Flip>, Vec<&Flip>) =
        lever.flips.iter().filter(|flip| flip.at.is_finite()).partition(|flip| within(flip));
    let mut told = Told::default();
    for (index, flip) in inside.iter().take(2).enumerate() {
        let [from, to] = words::weights(lever.weight, flip.at);
        let moves = if flip.at < lever.weight { "falls" } else { "rises" };
        let before = if index > 0 { " " } else { "" };
        told =
            told.say(before).names(&rivals(flip)).say(format!(" would be first if it {moves} from {from} past {to}."));
    }
    if let Some(flip) = inside.is_empty().then(|| outside.first()).flatten() {
        let at = words::weight(flip.at);
        told = told
            .say(format!("No weight from {WEIGHT_MIN} to {WEIGHT_MAX} changes who is first; past {at} it would be "));
        return told.names(&rivals(flip)).say(".");
    }
    if inside.is_empty() {
        return Told::new(format!("No weight from {WEIGHT_MIN} to {WEIGHT_MAX} changes who is first."));
    }
    told
}

/// Who is first where, as one weight goes over its range; `weight` is the one now.
pub(crate) fn stretches<'a>(view: &View<'a>, weight: f64, stretches: &[Stretch]) -> Told<'a> {
    let (Some(last), true) = (stretches.last(), stretches.len() > 1) else {
        return Told::new(format!("No weight from {WEIGHT_MIN} to {WEIGHT_MAX} changes who is first."));
    };
    let first = |stretch: &Stretch| stretch.first.iter().map(|&option| option_name(view, option)).collect::<Vec<_>>();
    let changes = stretches.len() - 1;
    let mut told = Told::new("First: ");
    for (index, stretch) in stretches.iter().take(changes.min(CHANGES_MAX)).enumerate() {
        let [_, to] = words::weights(weight, stretch.to);
        told = told.say(if index > 0 { ", then " } else { "" }).names(&first(stretch)).say(format!(" up to {to}"));
    }
    let more = changes.saturating_sub(CHANGES_MAX);
    let told =
        if more > 0 { told.say(format!(", and after {}", several(more as u64, "further change"))) } else { told };
    told.say(if more > 0 { " " } else { ", then " }).names(&first(last)).say(".")
}

/// The nearest weight within the range that puts another option first, else the nearest of all.
pub(crate) fn nearest(lever: &Lever) -> Option<&Flip> {
    let known = || lever.flips.iter().filter(|flip| flip.at.is_finite());
    known().find(|flip| within(flip)).or_else(|| known().next())
}

/// Whether a weight may be set to this.
pub(crate) fn within(flip: &Flip) -> bool {
    (WEIGHT_MIN..=WEIGHT_MAX).contains(&flip.at)
}

pub(crate) fn rivals(flip: &Flip) -> Vec<&str> {
    flip.rivals.iter().map(String::as_str).collect()
}

/// Whether another method comes to the same, in words.
pub(crate) fn opinion<'a>(view: &View<'a>, opinion: &'a Opinion) -> Told<'a> {
    let told = Told::default().name(&opinion.method);
    let firsts: Vec<&str> =
        opinion.order.iter().take_while(|place| place.rank <= 1).map(|place| place.option.as_str()).collect();
    let ours: Vec<&str> = view.first().into_iter().map(|option| option_name(view, option)).collect();
    let told = match (opinion.agrees, firsts.is_empty()) {
        (_, true) if opinion.note.is_empty() => told.say(" gives no order."),
        (_, true) => return told.say(" gives no order: ").text(&opinion.note),
        (Some(true), _) => told.say(" agrees: ").names(&firsts).say(" first."),
        (Some(false), _) if ours.is_empty() => told.say(" disagrees: it puts ").names(&firsts).say(" first."),
        (Some(false), _) => told.say(" disagrees: it puts ").names(&firsts).say(" first, not ").names(&ours).say("."),
        (None, _) => told.say(" puts ").names(&firsts).say(" first."),
    };
    let told = match opinion.tau.filter(|tau| tau.is_finite() && !opinion.order.is_empty()) {
        Some(tau) if tau >= 1.0 => told.say(" The whole order is the same."),
        Some(tau) => told.say(format!(" The orders differ (Kendall’s τ {}).", words::fixed(tau, 2))),
        None => told,
    };
    if opinion.note.is_empty() { told } else { told.say(" Note: ").text(&opinion.note) }
}

/// Whether all other methods put the same first.
pub(crate) fn opinions(opinions: &[Opinion]) -> Option<String> {
    let judged: Vec<bool> = opinions.iter().filter_map(|opinion| opinion.agrees).collect();
    let against = judged.iter().filter(|agrees| !**agrees).count();
    let methods = several(judged.len() as u64, "other method");
    Some(match (judged.len(), against) {
        (0, _) => return None,
        (1, 0) => "The other method puts the same option first.".to_owned(),
        (1, _) => "The other method puts another option first: the choice of method matters here.".to_owned(),
        (_, 0) => format!("All {methods} put the same option first."),
        (_, 1) => format!("1 of {methods} puts another option first: the choice of method matters here."),
        (_, against) => format!("{against} of {methods} put another option first: the choice of method matters here."),
    })
}

pub(crate) fn option_name<'a>(view: &View<'a>, option: usize) -> &'a str {
    view.sheet.options.get(option).map_or("", |option| option.name.as_str())
}

pub(crate) fn criterion_name<'a>(view: &View<'a>, criterion: usize) -> &'a str {
    view.sheet.criteria.get(criterion).map_or("", |criterion| criterion.name.as_str())
}
