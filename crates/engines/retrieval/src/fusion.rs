//! Several opinions about the same documents, made into one order. Pure: the same evidence in any order gives the same
//! scores, and more evidence for a document never lowers its score.

use crate::document::{Hit, Parts};
use settings::{Fusion, Ranking};
use std::cmp::Ordering;
use std::sync::Arc;

/// What speaks for a document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Evidence {
    pub(crate) id: Arc<str>,
    /// Its score by words, 0 or more.
    pub(crate) words: f32,
    /// The cosine of question and document, where both have vectors.
    pub(crate) cosine: Option<f32>,
    /// How near the document's meaning is, by which it is compared with others; there if the cosine is.
    pub(crate) meaning: Option<f32>,
    /// How much the questions that led to it before are like this one, 0 to 1; `None` where none is known.
    pub(crate) usage: Option<f32>,
}

/// What is left of the score of a document that nobody used, among others that somebody did: past use speaks for a document
/// more often than its absence against one.
const UNUSED: f32 = 0.8;

/// What the opinions weigh; together 1 or less.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Weights {
    words: f32,
    vectors: f32,
    usage: f32,
}

impl Weights {
    /// Those of a document, `used` of one that has been used where any of them has: usage takes its weight from the others.
    fn of(ranking: &Ranking, embedded: bool, used: Option<bool>) -> Self {
        let vectors = if embedded { ranking.vectors.clamp(0.0, 1.0) as f32 } else { 0.0 };
        let usage = ranking.usage.clamp(0.0, 1.0) as f32;
        let (rest, usage) = match used {
            Some(true) => (1.0 - usage, usage),
            // Where usage weighs little, not having been used means little.
            Some(false) => ((1.0 - usage).max(UNUSED), 0.0),
            None => (1.0, 0.0),
        };
        Self { words: (1.0 - vectors) * rest, vectors: vectors * rest, usage }
    }
}

/// The best documents, `most` of them, best first and of equal ones the first by name. `embedded` says whether the question
/// has a vector: a document without one is judged by its words then, so that it does not sink while its vectors are made.
/// `best_possible` is the score by words of a document that holds all words of the question.
pub(crate) fn fuse(
    evidence: &[Evidence],
    ranking: &Ranking,
    best_possible: f32,
    embedded: bool,
    most: usize,
) -> Vec<Hit> {
    let used = evidence.iter().any(|one| one.usage.is_some());
    let parts = judged(evidence, ranking, best_possible, embedded, used);
    let scored = evidence.iter().zip(parts).map(|(one, parts)| (parts.score(), one, parts));
    let best = best(scored.collect(), most, |(score, one, _), (other_score, other, _)| {
        other_score.total_cmp(score).then_with(|| one.id.cmp(&other.id))
    });
    best.into_iter().map(|(score, one, parts)| Hit { id: Arc::clone(&one.id), score, parts }).collect()
}

/// Where the best documents are by words and meaning alone, best first.
pub(crate) fn leading(evidence: &[Evidence], ranking: &Ranking, best_possible: f32, most: usize) -> Vec<usize> {
    let parts = judged(evidence, ranking, best_possible, true, false);
    let scored = evidence.iter().zip(parts).enumerate().map(|(at, (one, parts))| (parts.score(), one, at));
    let best = best(scored.collect(), most, |(score, one, _), (other_score, other, _)| {
        other_score.total_cmp(score).then_with(|| one.id.cmp(&other.id))
    });
    best.into_iter().map(|(.., at)| at).collect()
}

/// The first `most` in an order.
fn best<T>(mut all: Vec<T>, most: usize, order: impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    if (1..all.len()).contains(&most) {
        all.select_nth_unstable_by(most - 1, &order);
    }
    all.truncate(most);
    all.sort_unstable_by(order);
    all
}

/// What each document's score is made of; `used` says whether past use counts.
fn judged(
    evidence: &[Evidence],
    ranking: &Ranking,
    best_possible: f32,
    embedded: bool,
    used: bool,
) -> impl Iterator<Item = Parts> {
    let (words, meanings) = match ranking.fusion {
        Fusion::MinMax => (Scale::words(evidence, best_possible), Scale::meanings(evidence)),
        Fusion::Rrf => (
            Scale::ranked(evidence.iter().map(|one| one.words).filter(|words| *words > 0.0), ranking),
            Scale::ranked(evidence.iter().filter_map(|one| one.meaning), ranking),
        ),
    };
    evidence.iter().map(move |one| {
        let weights = Weights::of(ranking, embedded, used.then_some(one.usage.is_some()));
        let by_words = if one.words > 0.0 { words.part(one.words) } else { 0.0 };
        let by_vectors = if embedded { one.meaning.map_or(by_words, |meaning| meanings.part(meaning)) } else { 0.0 };
        Parts {
            words: by_words,
            vectors: by_vectors,
            usage: one.usage.filter(|_| used).unwrap_or(0.0),
            words_weight: weights.words,
            vectors_weight: weights.vectors,
            usage_weight: weights.usage,
            cosine: one.cosine,
        }
    })
}

impl Parts {
    fn score(&self) -> f32 {
        let score =
            self.words * self.words_weight + self.vectors * self.vectors_weight + self.usage * self.usage_weight;
        score.clamp(0.0, 1.0)
    }
}

/// From a value to its part of a score, 0 to 1.
#[derive(Debug, Clone, PartialEq)]
enum Scale {
    /// Stretched, so that the worst gets 0 and the best `top`.
    Stretched { worst: f32, best: f32, top: f32 },
    /// By its place among all values, which are sorted from the best; equal ones share a place.
    Ranked { values: Vec<f32>, k: f32 },
}

impl Scale {
    /// A document that holds no word of the question is the worst there is, found or not. The best gets less than 1 where
    /// it answers only a part of the question: words count the less, the fewer of them anybody has. Half of that, as a
    /// geometric mean, was best on both labelled sets.
    fn words(evidence: &[Evidence], best_possible: f32) -> Self {
        let best = evidence.iter().map(|one| one.words).fold(0.0, f32::max);
        let top = if best_possible > 0.0 { (best / best_possible).sqrt().min(1.0) } else { 1.0 };
        Self::Stretched { worst: 0.0, best, top }
    }

    fn meanings(evidence: &[Evidence]) -> Self {
        let meanings = || evidence.iter().filter_map(|one| one.meaning);
        let (worst, best) = (meanings().fold(f32::INFINITY, f32::min), meanings().fold(f32::NEG_INFINITY, f32::max));
        Self::Stretched { worst, best, top: 1.0 }
    }

    fn ranked(values: impl Iterator<Item = f32>, ranking: &Ranking) -> Self {
        let mut values: Vec<f32> = values.collect();
        values.sort_unstable_by(|one, other| other.total_cmp(one));
        Self::Ranked { values, k: ranking.rrf_k as f32 }
    }

    fn part(&self, value: f32) -> f32 {
        match self {
            // All alike: nothing tells them apart, and nothing speaks against them.
            Self::Stretched { worst, best, top } if best <= worst => *top,
            Self::Stretched { worst, best, top } => ((value - worst) / (best - worst)).clamp(0.0, 1.0) * top,
            Self::Ranked { values, k } => {
                let better = values.partition_point(|other| *other > value) as f32;
                (k + 1.0) / (k + 1.0 + better)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(id: usize, words: f32, cosine: Option<f32>, usage: Option<f32>) -> Evidence {
        Evidence { id: format!("d{id:02}").into(), words, cosine, meaning: cosine, usage }
    }

    fn halves() -> Ranking {
        Ranking { vectors: 0.5, ..Ranking::default() }
    }

    fn evidence() -> impl Strategy<Value = Vec<Evidence>> {
        let part = (0.0_f32..20.0, prop::option::of(-1.0_f32..1.0), 0.0_f32..1.0, any::<bool>(), any::<bool>());
        prop::collection::vec(part, 1..12).prop_map(|parts| {
            let part = |(at, (words, cosine, usage, worded, used)): (usize, (f32, Option<f32>, f32, bool, bool))| {
                one(at, if worded { words } else { 0.0 }, cosine, used.then_some(usage))
            };
            parts.into_iter().enumerate().map(part).collect()
        })
    }

    fn rankings() -> impl Strategy<Value = Ranking> {
        (any::<bool>(), 0.0_f64..1.0, 0.0_f64..1.0).prop_map(|(rrf, vectors, usage)| {
            let fusion = if rrf { Fusion::Rrf } else { Fusion::MinMax };
            Ranking { fusion, vectors, usage, ..Ranking::default() }
        })
    }

    fn score(hits: &[Hit], id: &str) -> f32 {
        hits.iter().find(|hit| &*hit.id == id).map_or(f32::NAN, |hit| hit.score)
    }

    proptest! {
        #[test]
        fn scores_lie_between_0_and_1_and_are_the_sum_of_their_parts(
            evidence in evidence(), ranking in rankings(), embedded: bool, possible in 0.0_f32..40.0,
        ) {
            let hits = fuse(&evidence, &ranking, possible, embedded, 99);
            prop_assert_eq!(hits.len(), evidence.len());
            for Hit { score, parts, .. } in &hits {
                let sum = parts.words * parts.words_weight
                    + parts.vectors * parts.vectors_weight
                    + parts.usage * parts.usage_weight;
                prop_assert!((0.0..=1.0).contains(score) && (sum - score).abs() < 1e-5);
                let weights = parts.words_weight + parts.vectors_weight + parts.usage_weight;
                prop_assert!((0.79..1.00001).contains(&weights));
            }
            prop_assert!(hits.is_sorted_by(|one, other| one.score >= other.score));
        }

        #[test]
        fn the_order_of_evidence_changes_nothing(
            (evidence, shuffled) in evidence().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
            ranking in rankings(), embedded: bool,
        ) {
            prop_assert_eq!(fuse(&evidence, &ranking, 9.0, embedded, 99), fuse(&shuffled, &ranking, 9.0, embedded, 99));
        }

        #[test]
        fn more_evidence_for_a_document_never_lowers_its_score(
            evidence in evidence(), at: prop::sample::Index, ranking in rankings(),
            (words, cosine, usage) in (0.0_f32..5.0, 0.0_f32..0.5, 0.0_f32..0.5),
        ) {
            let at = at.index(evidence.len());
            let mut more = evidence.clone();
            let one = &mut more[at];
            // A vector or a use where there was none is other evidence, not more: it changes what the rest weighs.
            one.words += words;
            one.meaning = one.meaning.map(|before| (before + cosine).min(1.0));
            one.usage = one.usage.map(|before| (before + usage).min(1.0));
            let id = one.id.to_string();
            let (before, after) = (fuse(&evidence, &ranking, 9.0, true, 99), fuse(&more, &ranking, 9.0, true, 99));
            prop_assert!(score(&after, &id) >= score(&before, &id) - 1e-6);
        }
    }

    #[test]
    fn words_count_less_where_they_answer_little_of_the_question() {
        let evidence = [one(0, 2.0, Some(0.1), None), one(1, 0.0, Some(0.4), None)];
        let all = fuse(&evidence, &halves(), 2.0, true, 99);
        let quarter = fuse(&evidence, &halves(), 8.0, true, 99);
        assert_eq!((score(&all, "d00"), score(&all, "d01")), (0.5, 0.5));
        assert_eq!((score(&quarter, "d00"), score(&quarter, "d01")), (0.25, 0.5));
    }

    #[test]
    fn reciprocal_ranks_share_places_and_begin_at_one() {
        let ranking = Ranking { fusion: Fusion::Rrf, rrf_k: 20, ..halves() };
        let evidence = [one(0, 3.0, Some(0.9), None), one(1, 3.0, Some(0.5), None), one(2, 0.0, Some(0.1), None)];
        let hits = fuse(&evidence, &ranking, 9.0, true, 99);
        assert_eq!(hits[0].score, 1.0);
        assert_eq!((hits[1].parts.words, hits[1].parts.vectors), (1.0, 21.0 / 22.0));
        assert_eq!((hits[2].parts.words, hits[2].parts.vectors), (0.0, 21.0 / 23.0));
    }

    #[test]
    fn a_document_whose_vectors_are_not_there_yet_is_judged_by_its_words() {
        let evidence = [one(0, 4.0, None, None), one(1, 2.0, Some(0.9), None), one(2, 0.0, Some(0.2), None)];
        let hits = fuse(&evidence, &halves(), 4.0, true, 99);
        assert_eq!((score(&hits, "d00"), score(&hits, "d01")), (1.0, 0.75));
    }

    #[test]
    fn who_was_used_rises_and_who_was_not_keeps_most() {
        let evidence =
            [one(0, 4.0, Some(0.9), None), one(1, 2.0, Some(0.9), Some(1.0)), one(2, 2.0, Some(0.9), Some(0.1))];
        let hits = fuse(&evidence, &halves(), 4.0, true, 99);
        assert_eq!((score(&hits, "d00"), score(&hits, "d01")), (0.8, 0.875));
        assert!(score(&hits, "d02") < 0.8);
    }
}
