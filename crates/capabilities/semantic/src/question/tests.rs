//! Pairs of questions that lie close together as vectors, and whether one's answer would do for the other.

use super::{Difference, Question};
use Difference::{Name, Number, Order, Quotation, Turn};
use proptest::prelude::*;

fn check(a: &str, b: &str, expect: Option<Difference>) {
    let (one, other) = (Question::new(a), Question::new(b));
    assert_eq!(one.differs(&other), expect, "{a:?} {b:?}\n{one:?}\n{other:?}");
    assert_eq!(other.differs(&one), expect, "{b:?} {a:?}");
}

#[test]
fn another_way_to_ask_the_same_is_let_through() {
    for (a, b) in [
        ("What is the capital of France?", "what's the capital of France"),
        ("What is the capital of France?", "Which city is the capital of France?"),
        ("What is the capital of France?", "Please tell me: what is France's capital?"),
        ("How can I reset my password?", "How do I reset the password?"),
        ("Explain 'borrowing' in Rust", "Please explain 'borrowing' in Rust."),
        ("Why isn't the sky green?", "Why is the sky not green?"),
        ("What Is The Capital Of France", "what is the capital of france"),
        ("Is a tip of 10 % usual in Japan?", "a tip of 10 %: is that usual in Japan"),
        ("What did World War I cost?", "How much did World War I cost?"),
        ("", ""),
    ] {
        check(a, b, None);
    }
}

#[test]
fn one_decisive_word_is_another_question() {
    for (a, b, expect) in [
        ("What is the capital of Austria?", "What is the capital of Australia?", Name),
        ("Austria's capital?", "Australia's capital?", Name),
        ("Who led World War I?", "Who led World War II?", Name),
        ("Who led World War?", "Who led World War I?", Name),
        ("How do I get from Paris to London?", "How do I get from London to Paris?", Name),
        ("Is vitamin b good for me?", "Is vitamin c good for me?", Name),
        ("What is the size of an iPhone?", "What is the size of an iPad?", Name),
        ("法国的首都是什么", "英国的首都是什么", Name),
        ("What is 10 % of 80?", "What is 15 % of 80?", Number),
        ("What is 10 - 3?", "What is 3 - 10?", Number),
        ("What is 5 + 3?", "What is 5 * 3?", Number),
        ("Is -5 degrees cold?", "Is 5 degrees cold?", Number),
        ("Is 1.5 enough?", "Is 15 enough?", Number),
        ("How do I cook two eggs?", "How do I cook three eggs?", Number),
        ("Is C fast?", "Is C++ fast?", Number),
        ("Translate 'dog' to German", "Translate 'cat' to German", Quotation),
        ("Translate \"a dog\" to German", "Translate \"a  dog\" to German", Quotation),
        ("What does `rm x` do?", "What does `rm y` do?", Quotation),
        ("Is it safe to eat?", "Is it not safe to eat?", Turn),
        ("Is it safe to eat?", "Isn't it safe to eat?", Turn),
        ("Is it healthy to eat?", "Is it unhealthy to eat?", Turn),
        ("Is this a harmful plant?", "Is this a harmless plant?", Turn),
        ("A recipe with sugar", "A recipe without sugar", Turn),
        ("Ist das sicher?", "Ist das nicht sicher?", Turn),
        ("Which stocks should I buy?", "Which stocks should I sell?", Turn),
        ("What is the highest mountain?", "What is the lowest mountain?", Turn),
        ("convert miles to kilometers", "convert kilometers to miles", Order),
        ("does a cat chase a dog", "does a dog chase a cat", Order),
    ] {
        check(a, b, Some(expect));
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_fail_and_none_differs_from_itself(a in "\\PC{0,60}", b in "[a-cA-C0-9 '\"+.-]{0,30}") {
        let (a, b) = (Question::new(&a), Question::new(&b));
        prop_assert_eq!(a.differs(&a), None);
        prop_assert_eq!(a.differs(&b).is_some(), b.differs(&a).is_some());
    }
}
