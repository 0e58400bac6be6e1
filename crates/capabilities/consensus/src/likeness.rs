//! How much two answers say the same, from 0 to 1. It compares words and numbers; it understands nothing, so it
//! rather misses an agreement than invents one.

use crate::answer::Answer;
use crate::clusters::AGREE_MIN;
use crate::decisive::differ_decisively;
use crate::{fields, ranking};
use std::collections::BTreeSet;

/// The weight of a word that the question holds too; a word of the answer's own weighs 1.
const ECHO_WEIGHT: f64 = 0.25;

/// The weight of all such words together, at most, so that an answer may repeat a long question.
const ECHO_WEIGHT_MAX: f64 = 0.5;

/// The likeness, at least, of an answer and a text that only adds the question or an explanation to it.
const STATED_LIKENESS: f64 = 0.8;

/// What a differing word weighs, compared with a shared one, when each answer says something that the other does not.
const DISSENT_WEIGHT: f64 = 2.0;

/// How much two answers to one question say the same: 0 for nothing, 1 for everything. Symmetric; 1 for an answer and
/// itself. Two answers of a kind that was asked for are compared as such: JSON by the field that differs most, orders by
/// the pairs that they order alike. One of that kind and one that is not have nothing in common. Else the first of these
/// that applies decides:
///
/// 1. The same spelling is 1. JSON and numbers are compared by value, 0 or 1.
/// 2. Texts that contradict each other openly are 0: one is negated, one says yes and the other no, their numbers
///    differ, two words change places around `than`.
/// 3. An answer and a sentence that only repeats the question around it are 0.8 or more; so are a bare yes or no and
///    the same with an explanation that does not limit it.
/// 4. A number and any other text of a few words are 0: `42` and `43 apples`.
/// 5. All else is the Jaccard index of the content words, in which the words of the question weigh little, unless each
///    answer picked a word of the question that the other did not: then they chose different options. When each
///    answer holds a word that the other lacks, the differing words weigh double, because one word put for another is
///    more often another answer than another way to say it.
/// 6. Texts that would agree by that, but are nearly equal and differ in a word that decides, are 0: a negation, an
///    opposite, a number, a name, or the one word that is put for another (see `decisive.rs`).
pub fn likeness(a: &Answer, b: &Answer) -> f64 {
    if let Some(found) = of_kind(a, b) {
        return found;
    }
    if a.normal() == b.normal() {
        return 1.0;
    }
    if a.structure().is_some() || b.structure().is_some() {
        return all_or_nothing(a.structure() == b.structure());
    }
    if let (Some(a), Some(b)) = (a.quantity(), b.quantity()) {
        return all_or_nothing(a.same(b));
    }
    if contradict(a, b) {
        return 0.0;
    }
    if a.states_the_same(b) || a.explains_the_same(b) {
        return jaccard(a, b).max(STATED_LIKENESS);
    }
    let number_and_few_words = a.is_short() && b.is_short() && (a.quantity().is_some() || b.quantity().is_some());
    if number_and_few_words {
        return 0.0;
    }
    let found = jaccard(a, b);
    // Only those that would agree are looked at again.
    if found >= AGREE_MIN && differ_decisively(&a.sequence, &b.sequence) { 0.0 } else { found }
}

/// The likeness of answers of the kind that was asked for; `None` where that says nothing.
fn of_kind(a: &Answer, b: &Answer) -> Option<f64> {
    if let (Some(a), Some(b)) = (a.fields(), b.fields()) {
        return Some(fields::likeness(a, b));
    }
    if let (Some(a), Some(b)) = (a.ranking(), b.ranking()) {
        return Some(ranking::likeness(a, b));
    }
    (a.is_of_kind() != b.is_of_kind()).then_some(0.0)
}

fn all_or_nothing(same: bool) -> f64 {
    if same { 1.0 } else { 0.0 }
}

fn contradict(a: &Answer, b: &Answer) -> bool {
    let opening = a.words.opening.zip(b.words.opening).is_some_and(|(a, b)| a != b);
    a.words.negated != b.words.negated
        || opening
        || numbers_differ(a, b)
        || operators_differ(a, b)
        || a.words.is_reverse_of(&b.words)
}

/// Both hold numbers, and not the same ones. That one of them also repeats numbers of the question is no difference.
fn numbers_differ(a: &Answer, b: &Answer) -> bool {
    let only_repeats = |more: &Answer, less: &Answer| {
        let mut extra = more.words.numbers.difference(&less.words.numbers);
        less.words.numbers.is_subset(&more.words.numbers) && extra.all(|number| more.echoed_numbers.contains(number))
    };
    let both = !a.words.numbers.is_empty() && !b.words.numbers.is_empty();
    both && a.words.numbers != b.words.numbers && !only_repeats(a, b) && !only_repeats(b, a)
}

fn operators_differ(a: &Answer, b: &Answer) -> bool {
    let both = !a.words.operators.is_empty() && !b.words.operators.is_empty();
    (both || a.is_short() && b.is_short()) && a.words.operators != b.words.operators
}

/// The weighted share of words that both hold among those that either holds; 0 when neither holds any.
fn jaccard(a: &Answer, b: &Answer) -> f64 {
    let (own, own_all) = overlap(&a.own, &b.own);
    let (echo, echo_all) = overlap(&a.echoed, &b.echoed);
    let other_option = !a.echoed.is_subset(&b.echoed) && !b.echoed.is_subset(&a.echoed);
    let weight = if other_option || echo_all == 0.0 { 1.0 } else { ECHO_WEIGHT.min(ECHO_WEIGHT_MAX / echo_all) };
    let shared = own + weight * echo;
    let differing = own_all + weight * echo_all - shared;
    let only_adds = |more: &Answer, less: &Answer| less.words.content.is_subset(&more.words.content);
    let dissent = if only_adds(a, b) || only_adds(b, a) { 1.0 } else { DISSENT_WEIGHT };
    let all = shared + dissent * differing;
    if all == 0.0 { 0.0 } else { shared / all }
}

/// How many words both hold, and how many either holds.
fn overlap(a: &BTreeSet<String>, b: &BTreeSet<String>) -> (f64, f64) {
    (a.intersection(b).count() as f64, a.union(b).count() as f64)
}

#[cfg(test)]
mod tests {
    use super::super::{AGREE_MIN, Answer, Prompt};
    use super::likeness;
    use proptest::prelude::*;

    fn check(prompt: &str, a: &str, b: &str, agree: bool) {
        let prompt = Prompt::new(prompt);
        let (a, b) = (Answer::new(a, &prompt), Answer::new(b, &prompt));
        let found = likeness(&a, &b);
        assert_eq!(found >= AGREE_MIN, agree, "{:?} {:?}: {found}", a.text(), b.text());
        assert_eq!(found, likeness(&b, &a));
    }

    #[test]
    fn a_sentence_agrees_with_the_word_it_states() {
        let prompt = "What is the capital of France?";
        check(prompt, "Paris", "The capital of France is Paris.", true);
        check(prompt, "The capital of France is London.", "The capital of France is Paris.", false);
        check(prompt, "London", "The capital of France is Paris.", false);
        check(prompt, "Paris, not London", "Paris", false);
        let long = "What is the capital of France, the western European country?";
        check(long, "Paris", "The capital of the western European country France is Paris.", true);
        check(long, "Paris", "London is the capital of the western European country France.", false);
    }

    #[test]
    fn a_sentence_that_repeats_the_question_states_its_answer() {
        let planet = "What is the largest planet?";
        let sentence = "The largest planet in our own solar system is Jupiter.";
        check(planet, "Jupiter", sentence, true);
        check(planet, "Saturn", sentence, false);
        check(planet, "Jupiter is the largest planet of all the eight", sentence, true);
        check(planet, "Saturn is the largest planet of our own solar system", sentence, false);
        check("What is 17*23?", "391", "The product of 17 and 23 is 391.", true);
        check("What is 17*23?", "391.0", "The product of 17 and 23 is 391.", true);
        check("What is 17*23?", "392", "The product of 17 and 23 is 391.", false);
        check("What is the sum?", "42", "The sum is 42", true);
    }

    #[test]
    fn an_explained_yes_is_a_yes() {
        let prompt = "Is Rust faster than Python?";
        check(prompt, "Yes", "Yes, Rust is much faster because it compiles to native code.", true);
        check(prompt, "No.", "No, Rust does not beat Python in this benchmark.", true);
        check(prompt, "No.", "Yes, Rust is much faster because it compiles to native code.", false);
        check(prompt, "Yes", "Yes, but merely when it compiles ahead of time", false);
        check(prompt, "Yes", "Yes and no, it varies with the workload", false);
        check(prompt, "Yes, use Rust for the fast parts", "Yes, use Python for slow parts", false);
    }

    #[test]
    fn a_word_put_for_another_is_another_answer() {
        let (redis, memcached) = ("Use Redis because it persists data", "Use Memcached because it persists data");
        check("Redis or Memcached?", redis, memcached, false);
        check("What should I use?", redis, memcached, false);
        check("", "Use Redis: fast, simple, stable, known", "Use Memcached: fast, simple, stable, known", false);
    }

    #[test]
    fn options_of_the_question_are_told_apart() {
        let prompt = "Paris or London?";
        check(prompt, "Paris, because of the tower", "London, because of the tower", false);
        check(prompt, "Paris", "London", false);
        check(prompt, "Paris", "Paris and London", false);
        check(prompt, "Paris, because of the tower", "Paris, for the tower", true);
        check("Pick A, B or C", "A", "Option A", false);
        check("Pick option A, B or C", "A", "(A)", true);
        check("Pick A, B or C", "A", "B", false);
        check("Pick A, B or C", "A is right", "B is right", false);
        check("Which is larger?", "Paris is larger than London", "London is larger than Paris", false);
    }

    #[test]
    fn open_contradictions_never_agree() {
        check("Is it safe?", "It is safe", "It is not safe", false);
        check("Is it safe?", "It's safe", "It isn't safe", false);
        check("Is it safe?", "It is safe", "It is unsafe", false);
        check("", "yes", "no", false);
        check("", "True, because of a, b, c and d", "False, because of a, b, c and d", false);
        check("", "No, the old bridge is not strong", "Yes, the old bridge is not strong", false);
        check("", "n-1", "n+1", false);
        check("", "x > 5", "x < 5", false);
        check("", "It took 5 long winter days", "It took 6 long winter days", false);
        check("", "-5 degrees in the shade today", "5 degrees in the shade today", false);
        check("May I park?", "Yes, you may", "Yes, unless it is a Sunday or a holiday", false);
    }

    #[test]
    fn spelling_is_no_difference() {
        for (a, b) in [("yes", "Yes."), ("yes", "**Yes**"), ("\"yes\"", "The answer is yes"), ("", "..."), ("🙂", "🙂")]
        {
            check("", a, b, true);
        }
        check("Is it safe?", "No", "No, it is not safe.", true);
        check("Is it safe?", "Yes", "Yes, it is safe.", true);
        check("", "The old towns were walled", "Walled: the old town", true);
    }

    #[test]
    fn numbers_are_compared_by_value() {
        for (a, b, agree) in [
            ("42", "42.", true),
            ("3.0", "3", true),
            ("42", "43", false),
            ("42", "43 apples", false),
            ("42", "42 apples", false),
            ("$1,000", "1000", false),
            ("$1,000", "1000 USD", true),
            ("seven", "7", true),
            ("42", "forty-three of them or so", false),
        ] {
            check("How many?", a, b, agree);
        }
        check("Sum of 17 and 23 apples?", "The sum of apples is 40", "The sum of 17 and 23 apples is 40", true);
        check("Sum of 17 and 23 apples?", "The sum of apples is 41", "The sum of 17 and 23 apples is 40", false);
        check("Which is larger, 17 or 23?", "17 is the larger one by far", "23 is the larger one by far", false);
    }

    #[test]
    fn structures_are_compared_by_value() {
        check("", r#"{"a": 1, "b": [2]}"#, "```json\n{\"b\":[2.0],\"a\":1}\n```", true);
        check("", r#"{"city": "Paris", "n": 1}"#, r#"{"city": "London", "n": 1}"#, false);
        check("", r#"{"city": "Paris"}"#, "city: Paris", false);
    }

    #[test]
    fn nothing_in_common_is_nothing() {
        check("", "", "Paris", false);
        check("", "🙂", "👍", false);
        check("", "巴黎", "伦敦", false);
    }

    proptest! {
        #[test]
        fn it_is_symmetric_bounded_and_one_for_the_same(
            prompt in "[a-e ]{0,10}", a in "[a-e0-3 .+-]{0,12}", b in "\\PC{0,12}", c in "[a-e0-3 .+-]{0,12}"
        ) {
            let prompt = Prompt::new(&prompt);
            let answers = [a, b, c].map(|text| Answer::new(&text, &prompt));
            for one in &answers {
                prop_assert_eq!(likeness(one, one), 1.0);
                for other in &answers {
                    let found = likeness(one, other);
                    prop_assert!((0.0..=1.0).contains(&found));
                    prop_assert_eq!(found, likeness(other, one));
                }
            }
        }
    }
}
