//! How firm the first place is: weights that would have to change, chance, close calls.

use crate::weigh::Weighed;
use crate::weigh::words::points;
use preference::{Chances, Draws, Reason, Sensitivity, Table, WEIGHT_RANGE, Weights, chances, close_call, sensitivity};
use sheet::{Chance, CloseCall, FirstShare, Flip, Lever};

/// All there is to say of it.
#[derive(Default)]
pub(super) struct Firmness {
    pub(super) sensitivity: Option<sheet::Sensitivity>,
    pub(super) first_share: Option<FirstShare>,
    pub(super) close_call: Option<CloseCall>,
}

impl Weighed<'_> {
    /// How firm the first place is; nothing as long as there are no scores.
    pub(super) fn firmness(&self, seed: u64, draws: u32) -> Firmness {
        let (Some(table), Some(order), true) = (&self.table, &self.order, self.is_scored()) else {
            return Firmness::default();
        };
        let found = sensitivity(table, WEIGHT_RANGE);
        let draws = Draws { count: usize::try_from(draws).unwrap_or(preference::DRAWS), ..Draws::usual(seed) };
        let drawn = chances(table, &draws);
        let drawn = drawn.inspect_err(|error| tracing::debug!(%error, "nothing was drawn")).ok();
        let close = close_call(table, order, &found, drawn.as_ref());
        let reasons: Vec<String> = close.reasons.iter().map(|reason| self.reason(reason)).collect();
        let reasons = if reasons.is_empty() { vec![firm(table, order)] } else { reasons };
        Firmness {
            sensitivity: found.winner.map(|_| self.sensitivity(table, &found)),
            first_share: drawn.map(|drawn| self.first_share(&drawn)),
            close_call: Some(CloseCall { close: close.close, reasons }),
        }
    }

    fn sensitivity(&self, table: &Table, found: &Sensitivity) -> sheet::Sensitivity {
        let lever = |(at, weight): (usize, &f64)| {
            let within = found.within.get(at).and_then(Option::as_ref);
            // The nearest of all may lie beyond the range, on the other side of the nearest within.
            let nearest = found.anywhere.get(at).and_then(Option::as_ref).filter(|_| within.is_some());
            let both = nearest.into_iter().chain(within.filter(|within| Some(*within) != nearest));
            Lever { criterion: self.criterion(at), weight: *weight, flips: both.map(|flip| self.flip(flip)).collect() }
        };
        sheet::Sensitivity {
            criteria: table.weights().iter().enumerate().map(lever).collect(),
            smallest: found.smallest_within.first().map(|flip| self.criterion(flip.criterion)),
        }
    }

    fn flip(&self, flip: &preference::Flip) -> Flip {
        let rivals = flip.rivals.iter().map(|rival| self.option(*rival)).collect();
        Flip { at: flip.new_weight, rivals, change: flip.change }
    }

    fn first_share(&self, drawn: &Chances) -> FirstShare {
        let weights = match drawn.draws.weights {
            Weights::Given => "the weights as they are".to_owned(),
            Weights::Around { factor } => format!("each weight between 1/{factor} and {factor} times what it is"),
            Weights::Uniform => "all weights there are".to_owned(),
        };
        let varied = format!("{weights}; each score within the spread of its votes, where there are several");
        let option = |(at, chance): (usize, &preference::Chance)| Chance {
            option: self.option(at),
            p: chance.first,
            low: chance.interval.lo,
            high: chance.interval.hi,
        };
        let options = drawn.options.iter().enumerate().map(option).collect();
        FirstShare { draws: drawn.draws.count as u64, seed: drawn.draws.seed, varied, options }
    }

    fn reason(&self, reason: &Reason) -> String {
        match reason {
            Reason::Tie { options } => format!("{} have the same total", self.named(options)),
            Reason::Margin { rival, margin, needed } => format!(
                "{} is {} points behind, and one score moved by half a point may make up for {}",
                self.option(*rival),
                points(*margin),
                points(*needed)
            ),
            Reason::Spread { rival, margin, needed } => format!(
                "{} is {} points behind, within what the spread of the votes does to it ({})",
                self.option(*rival),
                points(*margin),
                points(*needed)
            ),
            Reason::Weight { criterion, weight, new_weight, rivals } => format!(
                "with a weight of {} for {} in place of {} it would be {}",
                points(*new_weight),
                self.criterion(*criterion),
                points(*weight),
                self.named(rivals)
            ),
            Reason::Chance { first, needed, rivals, rival_first, .. } => format!(
                "it comes first in {:.0} % of the draws, {} in {:.0} %; {:.0} % would be firm",
                first * 100.0,
                self.named(rivals),
                rival_first * 100.0,
                needed * 100.0
            ),
            Reason::Missing { rivals } => {
                format!("with the scores that are missing {} could come first", self.named(rivals))
            }
        }
    }
}

fn firm(table: &Table, order: &preference::Order) -> String {
    let margin = order.margin().unwrap_or(0.0);
    let length = table.scale().length();
    format!("the first is {} points ahead on a scale of {length:.0}, whatever was varied", points(margin))
}
