//! The sheet of a decision, and what follows in a sentence or two.

use crate::evaluate::missing;
use crate::weigh::Weighed;
use crate::{CALLER, PairOutcome};
use docket::{CriterionRow, OptionRow, ScoreRow, Whole};
use sheet::{Breakdown, Criterion, DecisionOption, Missing, Outcome, Pair, Ranked, Sheet, Vote};

/// The most cautions of one kind that are told one by one.
const CAUTIONS_MAX: usize = 10;

/// A figure with as many digits as anybody needs.
pub(super) fn points(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Weighed<'_> {
    /// Everything that is known of the decision.
    pub(super) fn sheet(&self, seed: u64, draws: u32) -> Sheet {
        let (whole, head) = (self.whole, &self.whole.head);
        let firmness = self.firmness(seed, draws);
        let missing = absent(whole);
        let close = firmness.close_call.as_ref().is_some_and(|it| it.close);
        Sheet {
            id: head.id.to_string(),
            topic: head.topic.clone(),
            created: calendar::rfc3339(head.created_ms),
            evaluated: head.evaluated_ms.map(calendar::rfc3339),
            model: head.model.clone().unwrap_or_else(|| CALLER.to_owned()),
            simulated: whole.current().any(|(_, _, row)| row.is_some_and(|row| row.simulated)),
            options: whole.options.iter().map(option).collect(),
            criteria: criteria(whole),
            pairs: whole.current().map(|(option, criterion, row)| pair(whole, option, criterion, row)).collect(),
            ranking: self.ranking(),
            recommendation: self.recommendation(close, missing.len()),
            opinions: self.opinions(),
            sensitivity: firmness.sensitivity,
            first_share: firmness.first_share,
            close_call: firmness.close_call,
            cautions: cautions(whole),
            missing,
        }
    }

    fn ranking(&self) -> Vec<Ranked> {
        let places = self.places();
        let all: f64 = self.whole.criteria.iter().map(|criterion| criterion.weight).sum();
        let ranked = |(at, rank): &(usize, usize)| {
            let option = self.whole.options.get(*at)?;
            let scored = |criterion: &CriterionRow| self.whole.current_row(option, criterion).and_then(|row| row.score);
            let covered: f64 = self.whole.criteria.iter().filter(|it| scored(it).is_some()).map(|it| it.weight).sum();
            let part = |criterion: &CriterionRow| {
                let (score, weight) = (scored(criterion), criterion.weight);
                let points = score.map_or(0.0, |score| score * weight / covered);
                Breakdown { criterion: criterion.name.clone(), weight, score, points }
            };
            Some(Ranked {
                option: option.name.clone(),
                total: self.total(*at),
                rank: u32::try_from(*rank).unwrap_or(u32::MAX),
                tied: places.iter().filter(|(_, other)| other == rank).count() > 1,
                covered_weight: if all > 0.0 { covered / all } else { 0.0 },
                breakdown: self.whole.criteria.iter().map(part).collect(),
            })
        };
        places.iter().filter_map(ranked).collect()
    }

    /// What follows. The first sentence is the one that the original's users know.
    fn recommendation(&self, close: bool, missing: usize) -> String {
        let places = self.places();
        let Some((first, _)) = places.first().filter(|_| self.is_scored()) else {
            return "Nothing is scored yet.".to_owned();
        };
        let (winner, total) = (self.option(*first), self.total(*first));
        let tied: Vec<usize> = places.iter().filter(|(_, rank)| *rank == 1).map(|(at, _)| *at).collect();
        let mut text = match tied.len() {
            1 => format!("{winner} is the clear winner with {total:.1} points."),
            _ => {
                let all = self.named(&tied);
                format!(
                    "Close race, but {winner} edges ahead with {total:.1} points: {all} are tied, it was added first."
                )
            }
        };
        if close && tied.len() == 1 {
            text.push_str(" It is a close call all the same; see why.");
        }
        if missing > 0 {
            let pairs = self.whole.options.len() * self.whole.criteria.len();
            text.push_str(&format!(" {missing} of {pairs} pairs have no score yet, so that this may change."));
        }
        text
    }
}

fn option(row: &OptionRow) -> DecisionOption {
    DecisionOption { name: row.name.clone(), description: row.description.clone(), flags: row.flags.clone() }
}

fn criteria(whole: &Whole) -> Vec<Criterion> {
    let all: f64 = whole.criteria.iter().map(|criterion| criterion.weight).sum();
    let criterion = |row: &CriterionRow| Criterion {
        name: row.name.clone(),
        description: row.description.clone(),
        weight: row.weight,
        share: row.weight / all,
        flags: row.flags.clone(),
    };
    whole.criteria.iter().map(criterion).collect()
}

fn pair(whole: &Whole, option: &OptionRow, criterion: &CriterionRow, row: Option<&ScoreRow>) -> Pair {
    let named = Pair { option: option.name.clone(), criterion: criterion.name.clone(), ..Pair::default() };
    let Some(row) = row else {
        return Pair { reason: missing(whole, option, criterion).reason, ..named };
    };
    let vote = |vote: &crate::Vote| Vote { model: vote.model.clone(), score: vote.score, reason: vote.reason.clone() };
    Pair {
        outcome: match row.outcome {
            PairOutcome::Scored => Outcome::Scored,
            PairOutcome::Abstained => Outcome::Abstained,
            PairOutcome::Failed => Outcome::Failed,
        },
        score: row.score,
        confidence: row.confidence,
        justification: row.justification.clone(),
        reason: row.reason.clone(),
        model: Some(&row.model).filter(|model| whole.head.model.as_ref() != Some(model)).cloned().unwrap_or_default(),
        simulated: row.simulated,
        votes: row.votes.iter().map(vote).collect(),
        spread: row.spread,
        ..named
    }
}

/// The pairs that have no score although they should.
fn absent(whole: &Whole) -> Vec<Missing> {
    let absent = whole.current().filter(|(_, _, row)| row.is_none_or(|row| row.outcome == PairOutcome::Failed));
    let missing = |(option, criterion, row): (&OptionRow, &CriterionRow, Option<&ScoreRow>)| Missing {
        option: option.name.clone(),
        criterion: criterion.name.clone(),
        reason: row.map_or_else(|| missing(whole, option, criterion).reason, |row| row.reason.clone()),
    };
    absent.map(missing).collect()
}

/// Which options and criteria speak to the model.
pub(super) fn flagged(whole: &Whole) -> impl Iterator<Item = String> {
    let options = whole.options.iter().map(|it| ("option", &it.name, &it.flags));
    let criteria = whole.criteria.iter().map(|it| ("criterion", &it.name, &it.flags));
    let flagged = options.chain(criteria).filter_map(|(what, name, flags)| {
        let seen = flags.first()?;
        Some(format!("the {what} `{name}` speaks to the model ({seen}); it was handed over as data"))
    });
    flagged.take(CAUTIONS_MAX)
}

/// What is to be known before believing the rest.
fn cautions(whole: &Whole) -> Vec<String> {
    let mut cautions = whole.head.reasons.clone();
    if whole.current().any(|(_, _, row)| row.is_some_and(|row| row.simulated)) {
        cautions.push("scores were made up by a script: no model was asked".to_owned());
    }
    // Those of options and criteria stand beside them, where every form of the sheet tells them.
    let flagged = |what: String, text: &str, then: &str| {
        let flags = appraisal::flags(text);
        let flag = flags.first()?;
        Some(format!("{what} speaks to the model ({}: {}); {then}", flag.kind.as_str(), flag.seen))
    };
    cautions.extend(flagged("the topic".to_owned(), &whole.head.topic, "it was handed over as data"));
    let told = |it: &CriterionRow| {
        let what = format!("the instruction of the criterion `{}`", it.name);
        flagged(what, it.custom_prompt.as_deref()?, "models were told to follow it")
    };
    cautions.extend(whole.criteria.iter().filter_map(told).take(CAUTIONS_MAX));
    let noted = whole.current().filter_map(|(option, criterion, row)| Some((option, criterion, row?.notes.first()?)));
    let noted = noted.map(|(option, criterion, note)| format!("{} × {}: {note}", option.name, criterion.name));
    cautions.extend(noted.take(CAUTIONS_MAX));
    cautions
}
