//! Finds the short answer in a sentence that only repeats the question around it: `The largest planet is Jupiter`.

use crate::words::Words;

/// Words in a sentence that is looked at, at most.
const SENTENCE_WORDS_MAX: usize = 24;

/// Words in the answer that it states, at most.
const STATED_WORDS_MAX: usize = 4;

const VERBS: [&str; 5] = ["is", "are", "was", "were", "="];

/// The answer that a normalised sentence states, without its article.
///
/// One sentence, one form of *to be* (or `=`), no negation; on one side of it all that the question says, on the other
/// the answer. A sentence that leaves out a word of the question may well answer another one, so it states nothing.
pub(super) fn stated(sentence: &str, prompt: &Words) -> Option<String> {
    let words: Vec<&str> = sentence.split(' ').collect();
    let ends = |word: &&str| word.ends_with(['.', ';', '!', '?']);
    if words.len() > SENTENCE_WORDS_MAX || prompt.content.is_empty() || words.iter().any(ends) {
        return None;
    }
    let mut verbs = words.iter().enumerate().filter(|(_, word)| VERBS.contains(word)).map(|(at, _)| at);
    let (Some(verb), None) = (verbs.next(), verbs.next()) else { return None };
    let (before, rest) = words.split_at(verb);
    let behind = rest.get(1..).unwrap_or_default();
    let repeats = |side: &[&str]| {
        let said = Words::of(&side.join(" "));
        !said.negated && prompt.content.is_subset(&said.content)
    };
    let answer = if repeats(before) {
        behind
    } else if repeats(behind) {
        before
    } else {
        return None;
    };
    let answer = bare(answer);
    let fits = (1..=STATED_WORDS_MAX).contains(&answer.len());
    let answer = answer.join(" ");
    (fits && !Words::of(&answer).negated).then_some(answer)
}

/// The words without a leading article; `a` alone is an answer.
fn bare<'a, 'b>(words: &'a [&'b str]) -> &'a [&'b str] {
    match words {
        ["the" | "a" | "an", rest @ ..] if !rest.is_empty() => rest,
        _ => words,
    }
}

#[cfg(test)]
mod tests {
    use super::stated;
    use crate::normalise::{clean, normalise};
    use crate::words::Words;

    #[test]
    fn only_a_sentence_that_repeats_the_whole_question_states_an_answer() {
        let planet = "What is the largest planet?";
        for (prompt, sentence, expect) in [
            (planet, "The largest planet in our solar system is **Jupiter**.", Some("jupiter")),
            (planet, "Jupiter is the largest planet in the Solar System.", Some("jupiter")),
            (planet, "The largest planet is the planet Jupiter", Some("planet jupiter")),
            (planet, "Jupiter is the largest", None),
            (planet, "Jupiter is not the largest planet", None),
            (planet, "Not Jupiter is the largest planet", None),
            (planet, "The largest planet is not Jupiter", None),
            (planet, "The largest planet is Jupiter, which is huge", None),
            (planet, "The largest planet is so large that nothing compares", None),
            (planet, "The largest planet? It is Jupiter", None),
            (planet, "Jupiter", None),
            (planet, "The largest planet is", None),
            (planet, "", None),
            ("What is 17*23?", "The product of 17 and 23 is 391.", Some("391")),
            ("What is 17*23?", "17 × 23 = 391", Some("391")),
            ("", "It was Jupiter", None),
        ] {
            let prompt = Words::of(&clean(prompt));
            assert_eq!(stated(&normalise(sentence), &prompt).as_deref(), expect, "{sentence:?}");
        }
    }
}
