//! Below which likeness a question and its answers have nothing to do with each other: in absolute quantities, as fused
//! scores only say who is best. Measured on two labelled sets of tools and on questions that no tool answers.

use crate::fusion::Evidence;

/// Below this cosine of the best, and below this share of a question's words answered by the best, an answer is weak: of
/// questions with a right answer among the ten best that says so of 5 % with few vague tools and of 0.1 % with
/// thousands, of unrelated questions of 88 % and 53 %.
const WEAK_COSINE: f32 = 0.28;
const WEAK_SHARE: f32 = 0.4;
/// Below both of these there is no answer at all.
const NOTHING_COSINE: f32 = 0.15;
const NOTHING_SHARE: f32 = 0.2;
/// From this likeness on a past question is the same one, and its answer is none by chance.
const SAME: f32 = 0.6;

/// How much answers have to do with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Footing {
    /// One of them answers it, as far as anybody can tell.
    Firm,
    /// Nothing says that any of them does.
    Weak,
    /// Everything says that none of them does.
    None,
}

/// How much answers have to do with a question; `compared` says whether its meaning was compared with that of all documents
/// that have one. Where it was not, nobody knows that nothing answers it.
pub(crate) fn footing(evidence: &[Evidence], best_possible: f32, compared: bool) -> Footing {
    let best = |of: &dyn Fn(&Evidence) -> f32| evidence.iter().map(of).fold(-1.0, f32::max);
    let compared = compared && evidence.iter().all(|one| one.cosine.is_some());
    let cosine = best(&|one| one.cosine.unwrap_or(-1.0));
    let words = best(&|one| share(one.words, best_possible));
    let usage = best(&|one| one.usage.unwrap_or(0.0));
    if cosine >= WEAK_COSINE || words >= WEAK_SHARE || usage >= SAME {
        Footing::Firm
    } else if compared && cosine < NOTHING_COSINE && words < NOTHING_SHARE {
        Footing::None
    } else {
        Footing::Weak
    }
}

/// How much a question is like a past one, 0 to 1: half by its meaning, half by its words.
pub(crate) fn likeness(words: f32, best_possible: f32, cosine: Option<f32>) -> f32 {
    let words = share(words, best_possible).sqrt();
    cosine.map_or(words, |cosine| 0.5 * ((cosine - 0.1) / 0.7).clamp(0.0, 1.0) + 0.5 * words)
}

/// The share of a question's words that a document answers, 0 to 1.
fn share(words: f32, best_possible: f32) -> f32 {
    if best_possible > 0.0 { (words / best_possible).clamp(0.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cosine: Option<f32>, words: f32, usage: Option<f32>, expect: Footing) {
        let evidence = [Evidence { id: "a".into(), words, cosine, meaning: cosine, usage }];
        assert_eq!(footing(&evidence, 10.0, cosine.is_some()), expect, "{cosine:?} {words} {usage:?}");
    }

    #[test]
    fn one_reason_is_enough_to_answer_and_none_is_not() {
        check(Some(0.28), 0.0, None, Footing::Firm);
        check(Some(0.0), 4.0, None, Footing::Firm);
        check(Some(0.0), 0.0, Some(0.6), Footing::Firm);
        check(Some(0.27), 3.9, Some(0.5), Footing::Weak);
        check(Some(0.1), 2.0, None, Footing::Weak);
        check(Some(0.14), 1.9, None, Footing::None);
        // Without a vector nobody knows what the question means.
        check(None, 1.0, None, Footing::Weak);
        assert_eq!(footing(&[], 10.0, true), Footing::None);
        // One whose vectors are not there yet may be the answer.
        let far = Evidence { id: "a".into(), words: 0.0, cosine: Some(0.0), meaning: Some(0.0), usage: None };
        let unknown = Evidence { id: "b".into(), words: 1.0, cosine: None, meaning: None, usage: None };
        assert_eq!(footing(&[far.clone(), unknown], 10.0, true), Footing::Weak);
        assert_eq!(footing(std::slice::from_ref(&far), 10.0, false), Footing::Weak);
        assert_eq!(footing(&[far], 10.0, true), Footing::None);
    }

    #[test]
    fn the_same_question_is_wholly_alike() {
        assert_eq!((likeness(5.0, 5.0, Some(1.0)), likeness(5.0, 5.0, None)), (1.0, 1.0));
        assert_eq!((likeness(0.0, 5.0, Some(0.05)), likeness(0.0, 0.0, None)), (0.0, 0.0));
    }
}
