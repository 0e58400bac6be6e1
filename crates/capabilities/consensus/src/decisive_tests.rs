//! Pairs of long answers, labelled by hand: those that contradict each other in a word, and those that say the same.

use super::{Difference, HUNK_MAX, WORDS_MAX, differ_decisively, difference};
use crate::sequence::sequence;
use crate::{AGREE_MIN, Answer, Prompt, likeness};
use proptest::prelude::*;

/// A question, and two answers that differ in what decides.
const CONTRADICT: &[(&str, &str, &str)] = &[
    // Prefixes and suffixes.
    (
        "",
        "The drug is safe for adults when it is taken with food twice a day",
        "The drug is unsafe for adults when it is taken with food twice a day",
    ),
    (
        "",
        "Raising interest rates usually increases the pressure on highly indebted households",
        "Raising interest rates usually decreases the pressure on highly indebted households",
    ),
    (
        "",
        "Under the treaty the inspection of civil reactors is legal without prior notice to the host",
        "Under the treaty the inspection of civil reactors is illegal without prior notice to the host",
    ),
    (
        "",
        "Tests on rats showed that the dye is harmless in the doses used by food producers",
        "Tests on rats showed that the dye is harmful in the doses used by food producers",
    ),
    (
        "",
        "The function is synchronous, so the caller waits until the whole buffer was written",
        "The function is asynchronous, so the caller waits until the whole buffer was written",
    ),
    (
        "",
        "The compound found in the leaves of the old tree is toxic to dogs and cats",
        "The compound found in the leaves of the old tree is non-toxic to dogs and cats",
    ),
    (
        "",
        "The price includes breakfast, late checkout and one transfer from the airport",
        "The price excludes breakfast, late checkout and one transfer from the airport",
    ),
    (
        "",
        "The model tends to overestimate rainfall in dry mountain valleys during the summer months",
        "The model tends to underestimate rainfall in dry mountain valleys during the summer months",
    ),
    // Negations, in texts that hold others too.
    (
        "",
        "Patients can drive home afterwards but should not drink alcohol during the first evening",
        "Patients cannot drive home afterwards but should not drink alcohol during the first evening",
    ),
    (
        "",
        "Tenants who do not pay in time may lose the deposit if the contract says so",
        "Tenants who do not pay in time may not lose the deposit if the contract says so",
    ),
    (
        "",
        "Not all swans of the northern lakes leave the country before winter begins",
        "All swans of the northern lakes do not leave the country before winter begins",
    ),
    // Opposites and comparison.
    (
        "",
        "Copper conducts heat better than iron, and therefore costs more to replace",
        "Copper conducts heat worse than iron, and therefore costs more to replace",
    ),
    (
        "",
        "The northern route takes longer, because the road is narrow and the ferry runs hourly",
        "The southern route takes longer, because the road is narrow and the ferry runs hourly",
    ),
    (
        "",
        "Apply the paint before the wood has dried to keep the grain visible",
        "Apply the paint after the wood has dried to keep the grain visible",
    ),
    (
        "",
        "Turn the small valve to the left in order to raise the pressure in the tank",
        "Turn the small valve to the right in order to raise the pressure in the tank",
    ),
    (
        "",
        "The company must publish the audit on its web site within the legal period",
        "The company may publish the audit on its web site within the legal period",
    ),
    (
        "",
        "The discount applies to members who book their first trip through the new portal",
        "The discount applies only to members who book their first trip through the new portal",
    ),
    (
        "",
        "All witnesses saw the same grey car leave the yard shortly after the alarm",
        "Some witnesses saw the same grey car leave the yard shortly after the alarm",
    ),
    (
        "",
        "Exports of steel rose sharply in the second quarter, as analysts had widely expected",
        "Exports of steel fell sharply in the second quarter, as analysts had widely expected",
    ),
    // Numbers, names, and who does what to whom.
    (
        "",
        "The bridge was opened in 1932 after eight years of work and cost several lives",
        "The bridge was opened in 1937 after eight years of work and cost several lives",
    ),
    (
        "",
        "Turn the heat from 90 down to 60 degrees once the sauce begins to simmer",
        "Turn the heat from 60 down to 90 degrees once the sauce begins to simmer",
    ),
    (
        "Who wrote it?",
        "The symphony was written by Haydn for a royal birthday and performed in London that year",
        "The symphony was written by Mozart for a royal birthday and performed in London that year",
    ),
    (
        "",
        "According to the letter Alice owes Bob the money that was lent before the wedding",
        "According to the letter Bob owes Alice the money that was lent before the wedding",
    ),
    (
        "Which database fits?",
        "I recommend PostgreSQL for this project, because it handles concurrent writes and has good tooling",
        "I recommend SQLite for this project, because it handles concurrent writes and has good tooling",
    ),
    (
        "",
        "The station stands on Mars, where dust storms cover its panels for months every year",
        "The station stands on Venus, where dust storms cover its panels for months every year",
    ),
    // One word put for another.
    (
        "",
        "The alloy consists of copper with a small share of other metals such as lead",
        "The alloy consists of nickel with a small share of other metals such as lead",
    ),
    (
        "",
        "For the headache the doctor suggested aspirin after meals, plenty of water and some rest",
        "For the headache the doctor suggested ibuprofen after meals, plenty of water and some rest",
    ),
    (
        "",
        "The committee approved the plan to close the old harbour and move the market",
        "The committee rejected the plan to close the old harbour and move the market",
    ),
    (
        "",
        "The lamp turns green as soon as the charger has filled the battery of the drill",
        "The lamp turns red as soon as the charger has filled the battery of the drill",
    ),
    (
        "Is the mushroom edible?",
        "The mushroom is edible once cooked and grows under beech trees in late autumn",
        "The mushroom is inedible once cooked and grows under beech trees in late autumn",
    ),
    (
        "",
        "The alloy consists of copper with a small share of other metals such as lead and is cast into bars that \
         workers stack in the yard behind the northern furnace hall",
        "The alloy consists of nickel with a small share of other metals such as zinc and is cast into bars that \
         workers stack in the yard behind the northern furnace hall",
    ),
    // Whose is what.
    (
        "",
        "Ann and Ben scored 5 and 7 respectively in the last match of the season at home",
        "Ben and Ann scored 5 and 7 respectively in the last match of the season at home",
    ),
    (
        "",
        "The prize of the academy went to John Smith and Mary Jones for their early work on glass",
        "The prize of the academy went to John Jones and Mary Smith for their early work on glass",
    ),
    // Written when the rules were there.
    (
        "",
        "Water the cactus twice a month in summer and keep the pot in full sun",
        "Water the cactus twice a week in summer and keep the pot in full sun",
    ),
    (
        "",
        "The tax is paid by the seller within thirty days of the sale of the house",
        "The tax is paid by the buyer within thirty days of the sale of the house",
    ),
    (
        "",
        "The lease can be renewed twice without the consent of the owner of the building",
        "The lease can be renewed twice only with the consent of the owner of the building",
    ),
    (
        "",
        "Light travels faster in air than in glass, which is why lenses bend it",
        "Light travels slower in air than in glass, which is why lenses bend it",
    ),
    (
        "",
        "The lock is reentrant, so the same thread may take it again without waiting",
        "The lock is not reentrant, so the same thread may take it again without waiting",
    ),
    (
        "",
        "The treaty was signed in Vienna by nine states and came into force a year later",
        "The treaty was signed in Geneva by nine states and came into force a year later",
    ),
    (
        "",
        "Section 12 of the act applies to vessels registered in Malta or Cyprus before 2004",
        "Section 14 of the act applies to vessels registered in Malta or Cyprus before 2004",
    ),
    (
        "",
        "The gene is active in liver cells and inactive in the cells of the kidney",
        "The gene is inactive in liver cells and active in the cells of the kidney",
    ),
    (
        "",
        "Mix three parts of sand with one part of cement and let it rest overnight",
        "Mix four parts of sand with one part of cement and let it rest overnight",
    ),
    (
        "",
        "The bug was introduced in version v1.4.2 and is fixed in the current branch",
        "The bug was introduced in version v1.4.3 and is fixed in the current branch",
    ),
    (
        "",
        "The bird is common in the lowlands but rare in the mountains of the island",
        "The bird is rare in the lowlands but common in the mountains of the island",
    ),
    (
        "",
        "France exported more wine to Italy than Italy exported to France in that decade",
        "Italy exported more wine to France than France exported to Italy in that decade",
    ),
];

/// A question, and two answers that say the same.
const SAME: &[(&str, &str, &str)] = &[
    (
        "",
        "The drug is safe for adults when it is taken with food twice a day",
        "The drug is safe for adults if taken with food, twice a day",
    ),
    (
        "",
        "Raising interest rates usually increases the pressure on highly indebted households",
        "Raising interest rates usually increased the pressure on highly indebted household",
    ),
    (
        "",
        "The bridge was opened in 1932 after eight years of work and cost several lives",
        "After eight years of work, the bridge was opened in 1932, and cost several lives",
    ),
    (
        "",
        "Redis and Memcached are both stores that keep small values in memory for fast access",
        "Memcached and Redis are both stores that keep small values in memory for fast access",
    ),
    (
        "",
        "The old harbour will begin to close in May, and the market moves to the hill",
        "The old harbour will start to close in May, and the market moves to the hill",
    ),
    (
        "",
        "A large share of the metal used in the alloy comes from mines in Chile",
        "A big share of the metal used in the alloy comes from mines in Chile",
    ),
    (
        "",
        "The colour of the lamp shows whether the battery of the drill is charged",
        "The color of the lamp shows whether the battery of the drill is charged",
    ),
    (
        "",
        "Neil Armstrong was the first person who walked on the Moon, in July 1969",
        "The first person who walked on the Moon was Neil Armstrong, in July 1969",
    ),
    (
        "",
        "The symphony was written by Joseph Haydn for a royal birthday and performed in London",
        "The symphony was written by Haydn for a royal birthday and performed in London",
    ),
    (
        "",
        "Turn the valve slowly to the left to raise the pressure in the second tank",
        "Turn the valve to the left to raise the pressure in the second tank",
    ),
    (
        "",
        "The ferry takes about ten minutes and runs hourly between the two northern islands",
        "The ferry takes approximately 10 minutes and runs hourly between the two northern islands",
    ),
    (
        "",
        "**Copper** conducts heat better than iron, and therefore costs more to replace.",
        "Copper conducts heat better than iron and therefore costs more to replace",
    ),
    (
        "",
        "Open ports 80 and 443 in the firewall and restart the proxy on the gateway host",
        "Open ports 443 and 80 in the firewall and restart the proxy on the gateway host",
    ),
    (
        "",
        "The committee has approved the plan to close the old harbour and move the market",
        "The committee approved the plan to close the old harbour and to move the market",
    ),
    (
        "",
        "Patients cannot drive home afterwards and should not drink alcohol during the first evening",
        "Patients can't drive home afterwards and shouldn't drink alcohol during the first evening",
    ),
    (
        "",
        "The company must publish the audit on its web site within the legal period",
        "The company needs to publish the audit on its web site within the legal period",
    ),
    (
        "",
        "Do not park there: it is not legal and the fine is high in the old town",
        "Do not park there: it is illegal and the fine is high in the old town",
    ),
    (
        "",
        "The mushroom usually grows under beech trees in late autumn and is edible once cooked",
        "The mushroom typically grows under beech trees in late autumn and is edible once cooked",
    ),
    (
        "",
        "The invoice lists apples, pears and plums from the orchard behind the old mill",
        "The invoice lists pears, apples and plums from the orchard behind the old mill",
    ),
    (
        "",
        "Exports of steel rose sharply in the second quarter, as analysts had widely expected",
        "In the second quarter exports of steel rose sharply, as analysts had widely expected",
    ),
    (
        "",
        "The servers run Kafka, Redis, and Nats beside the small gateway in the old data centre",
        "The servers run Nats, Kafka, and Redis beside the small gateway in the old data centre",
    ),
    // Written when the rules were there; two of them are taken for different, as they were before.
    (
        "",
        "The tax is paid by the seller within thirty days of the sale of the house",
        "Within thirty days of the sale of the house, the tax is paid by the seller",
    ),
    (
        "",
        "Light travels faster in air than in glass, which is why lenses bend it",
        "Light travels faster in air than it does in glass, which is why lenses bend it",
    ),
    (
        "",
        "The bird is common in the lowlands but rare in the mountains of the island",
        "The bird is common in the lowlands, but it is rare in the mountains of the island",
    ),
    (
        "",
        "Mix three parts of sand with one part of cement and let it rest overnight",
        "Mix 3 parts sand with 1 part cement, and let it rest overnight",
    ),
    (
        "",
        "The treaty was signed in Vienna by nine states and came into force a year later",
        "The treaty was signed by nine states in Vienna, and it came into force a year later",
    ),
    (
        "",
        "The gene is active in liver cells and inactive in the cells of the kidney",
        "The gene is active in cells of the liver and inactive in cells of the kidney",
    ),
    (
        "",
        "The lease can be renewed twice without the consent of the owner of the building",
        "The lease may be renewed twice without consent of the building's owner",
    ),
    (
        "",
        "Plants need light, water and carbon dioxide to make sugar and release oxygen",
        "Plants require light, water and carbon dioxide to produce sugar and release oxygen",
    ),
    (
        "",
        "The film was shot in Prague and Budapest during the winter of 1998 by a small crew",
        "The movie was shot in Budapest and Prague during the winter of 1998 by a small crew",
    ),
    (
        "",
        "The engine stalls because the fuel pump is blocked and the filter was never changed",
        "The engine stalls since the fuel pump is blocked and the filter was never changed",
    ),
];

/// Same answers that are taken for different ones: two words differ at once, or `one` is a number.
const SPLIT_MAX: usize = 2;

fn agree((prompt, a, b): &(&str, &str, &str)) -> bool {
    let prompt = Prompt::new(prompt);
    let (a, b) = (Answer::new(a, &prompt), Answer::new(b, &prompt));
    let found = likeness(&a, &b);
    assert_eq!(found, likeness(&b, &a), "{:?}", a.text());
    found >= AGREE_MIN
}

#[test]
fn labelled_pairs_are_told_apart() {
    let merged: Vec<_> = CONTRADICT.iter().filter(|pair| agree(pair)).collect();
    let split: Vec<_> = SAME.iter().filter(|pair| !agree(pair)).collect();
    println!(
        "contradictions told apart: {} of {}; same answers kept together: {} of {}",
        CONTRADICT.len() - merged.len(),
        CONTRADICT.len(),
        SAME.len() - split.len(),
        SAME.len()
    );
    assert!(merged.is_empty(), "{merged:#?}");
    assert!(split.len() <= SPLIT_MAX, "{split:#?}");
}

#[test]
fn long_texts_are_compared_where_they_differ() {
    let text =
        |word: &str, times: usize| format!("start {} {word} {} end", "a b c ".repeat(times), "d e f ".repeat(times));
    let differ = |a: &str, b: &str| differ_decisively(&sequence(a), &sequence(b));
    assert!(differ(&text("safe", 5_000), &text("unsafe", 5_000)), "what both have in common at the ends costs nothing");
    let far = |word: &str, times: usize| format!("{word} {} {word}", "x y z ".repeat(times));
    assert!(differ(&far("safe", 100), &far("unsafe", 100)));
    assert!(!differ(&far("safe", WORDS_MAX), &far("unsafe", WORDS_MAX)), "more are not aligned");
}

#[test]
fn one_more_word_never_makes_peace() {
    let text = "The alloy consists of copper with a small share of other metals such as lead and is cast into bars that \
                workers stack in the yard behind the northern furnace hall";
    let places =
        [("copper", "nickel"), ("metals", "salts"), ("cast", "pressed"), ("workers", "robots"), ("hall", "gate")];
    let say = |which: u32| {
        let put = places.iter().enumerate().filter(|(at, _)| which & (1 << at) != 0);
        put.fold(text.to_owned(), |text, (_, (one, other))| text.replace(one, other))
    };
    for which in 1_u32..1 << places.len() {
        assert!(!agree(&("", text, &say(which))), "{}", say(which));
        // A manner that is added, or put for another, is no way out either.
        assert!(!agree(&("", text, &say(which).replace("is cast", "is usually cast"))), "{}", say(which));
    }
}

#[test]
fn what_is_replaced_by_much_is_not_looked_through() {
    let differ = |times: usize| {
        let (a, b) = (sequence("safe begin"), sequence(&format!("unsafe {}", "start ".repeat(times))));
        (difference((&a, &b)), difference((&b, &a)))
    };
    assert_eq!(differ(HUNK_MAX - 1), (Difference::Decisive, Difference::Decisive));
    assert_eq!(differ(HUNK_MAX), (Difference::Other, Difference::Other));
}

proptest! {
    #[test]
    fn who_comes_first_makes_no_difference(a in "([a-dA-B1-2] |not |and |only ){0,12}", b in "([a-dA-B1-2] |not |and ){0,12}") {
        let (a, b) = (sequence(&a), sequence(&b));
        prop_assert_eq!(differ_decisively(&a, &b), differ_decisively(&b, &a));
        prop_assert!(!differ_decisively(&a, &a));
    }
}
