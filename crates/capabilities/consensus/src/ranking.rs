//! An order of items as an answer gives it: read from the answer, and compared with another. It counts no votes.

use crate::markdown::without_fences;
use crate::normalise::normalise;
use serde_json::Value;
use std::collections::BTreeSet;

/// Items of one answer that are read, at most; what stands behind them is not.
pub(super) const ITEMS_MAX: usize = 50;

/// Items in a list that ranks something, at least.
const ITEMS_MIN: usize = 2;

/// What may stand between an item and a remark on it.
const REMARKS: [&str; 4] = [":", " - ", " – ", " — "];

/// One item of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// The item in its one spelling.
    pub(super) name: String,
    /// The item as it was written, without decoration.
    pub(super) shown: String,
}

/// The order that an answer gives, best first; an item that comes twice counts where it comes first. The first of these
/// that has two items or more: a JSON array of texts, a list with numbers, one with bullets, `A > B > C` in a line.
pub(super) fn ranking(text: &str) -> Option<Vec<Item>> {
    let text = without_fences(text);
    array(&text).or_else(|| numbered(&text)).or_else(|| bulleted(&text)).or_else(|| chain(&text))
}

/// The order of an answer that is nothing but an order: every line a number in turn, or one line of `A > B > C`.
pub(super) fn whole_ranking(text: &str) -> Option<Vec<Item>> {
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let all = lines().enumerate().all(|(at, line)| numeral(line).is_some_and(|(number, _)| number == at + 1));
    if all { numbered(text) } else { chain(text).filter(|_| lines().count() == 1) }
}

/// How much two orders say the same: Kendall's tau over all items that either names, of which those that one leaves
/// out are tied behind its last; 0 where it is negative or they differ in the first place.
///
/// A pair that either ties counts as no agreement, so that a short list agrees with a long one only in part.
pub(super) fn likeness(a: &[Item], b: &[Item]) -> f64 {
    if a.first().map(|item| &item.name) != b.first().map(|item| &item.name) {
        return 0.0;
    }
    let names: BTreeSet<&str> = a.iter().chain(b).map(|item| item.name.as_str()).collect();
    let place = |list: &[Item], name: &str| list.iter().position(|item| item.name == name).unwrap_or(list.len());
    let places: Vec<(usize, usize)> = names.iter().map(|name| (place(a, name), place(b, name))).collect();
    let (mut alike, mut pairs) = (0_i64, 0_i64);
    for (at, one) in places.iter().enumerate() {
        for other in places.iter().skip(at + 1) {
            let order = one.0.cmp(&other.0) as i64 * one.1.cmp(&other.1) as i64;
            alike += order;
            pairs += 1;
        }
    }
    if pairs == 0 { 1.0 } else { (alike as f64 / pairs as f64).max(0.0) }
}

fn array(text: &str) -> Option<Vec<Item>> {
    let (start, end) = (text.find('[')?, text.rfind(']')?);
    let values: Vec<Value> = serde_json::from_str(text.get(start..=end)?).ok()?;
    let texts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
    items(texts?.into_iter().map(item))
}

/// The lines that count up from 1, with whatever stands between them.
fn numbered(text: &str) -> Option<Vec<Item>> {
    let mut found = Vec::new();
    for (number, rest) in text.lines().filter_map(numeral) {
        if number == found.len() + 1 {
            found.push(lead(rest));
        }
    }
    items(found.into_iter())
}

fn bulleted(text: &str) -> Option<Vec<Item>> {
    // What is set in belongs to the item above it.
    let marked = text.lines().filter_map(|line| line.strip_prefix(['-', '*', '•', '+'])?.strip_prefix(' '));
    items(marked.map(lead))
}

fn chain(text: &str) -> Option<Vec<Item>> {
    let line = text.lines().find(|line| line.contains(" > "))?;
    // `My order: A > B` ranks A first.
    let line = line.rsplit_once(": ").map_or(line, |(_, order)| order);
    items(line.split(" > ").map(item))
}

/// The number in front of a line, and what stands behind it.
fn numeral(line: &str) -> Option<(usize, &str)> {
    let line = line.trim_start().trim_start_matches('*');
    let end = line.find(|c: char| !c.is_ascii_digit())?;
    let (digits, rest) = line.split_at(end);
    let rest = rest.strip_prefix(['.', ')', ':'])?;
    Some((digits.parse().ok()?, rest.trim_start_matches('*').trim()))
}

/// The item of a line without the remark behind it.
fn lead(line: &str) -> Item {
    let bold = line.trim().strip_prefix("**").and_then(|rest| rest.split_once("**")).map(|(bold, _)| bold);
    let ends = REMARKS.iter().filter_map(|mark| line.find(mark));
    let cut = ends.min().and_then(|end| line.get(..end)).filter(|item| !item.trim().is_empty());
    item(bold.or(cut).unwrap_or(line))
}

fn item(text: &str) -> Item {
    let shown = text.trim().trim_matches(['*', '`', '"', '.', ',', ':', ';']).trim();
    Item { name: normalise(shown), shown: shown.to_owned() }
}

fn items(found: impl Iterator<Item = Item>) -> Option<Vec<Item>> {
    let mut seen = BTreeSet::new();
    let fresh = |item: &Item| !item.name.is_empty() && seen.insert(item.name.clone());
    let items: Vec<Item> = found.filter(fresh).take(ITEMS_MAX).collect();
    (items.len() >= ITEMS_MIN).then_some(items)
}

#[cfg(test)]
mod tests {
    use super::{ITEMS_MAX, Item, likeness, ranking, whole_ranking};
    use proptest::prelude::*;

    fn names(items: Option<Vec<Item>>) -> String {
        items.map(|items| items.into_iter().map(|item| item.name).collect::<Vec<_>>().join(" ")).unwrap_or_default()
    }

    #[test]
    fn orders_are_read_however_they_are_written() {
        for (text, expect) in [
            ("1. A\n2. B\n3. C", "a b c"),
            ("My ranking:\n\n1) **A** - the best\n   - cheap\n2) B: dear\n\nThat is all.", "a b"),
            ("**1. A**\n**2. B**", "a b"),
            ("- A\n- B – slow\n  - old\n- C", "a b c"),
            ("* A\n* B", "a b"),
            ("[\"B\", \"A\"]", "b a"),
            ("Here:\n```json\n[\"B\", \"A\"]\n```", "b a"),
            ("The order is: A > B > C.", "a b c"),
            ("1. A\n2. A\n3. B", "a b"),
            ("1. A\n3. B", ""),
            ("2024: a year\n1. A\n2. B", "a b"),
            ("[1, 2]", ""),
            ("A, B, C", ""),
            ("1. A", ""),
            ("", ""),
        ] {
            assert_eq!(names(ranking(text)), expect, "{text:?}");
        }
        let shown = ranking("1. **New York**: big\n2. \"Rome\"").unwrap();
        assert_eq!(shown.iter().map(|item| item.shown.as_str()).collect::<Vec<_>>(), ["New York", "Rome"]);
        let many: String = (1..=ITEMS_MAX + 9).map(|at| format!("{at}. i{at}\n")).collect();
        assert_eq!(ranking(&many).unwrap().len(), ITEMS_MAX);
    }

    #[test]
    fn only_what_is_nothing_else_is_certain() {
        for (text, expect) in [
            ("1. A\n2. B\n", "a b"),
            ("A > B", "a b"),
            ("Well:\n1. A\n2. B", ""),
            ("- A\n- B", ""),
            ("If x > 5 then\nstop", ""),
            ("", ""),
        ] {
            assert_eq!(names(whole_ranking(text)), expect, "{text:?}");
        }
    }

    #[test]
    fn orders_agree_as_far_as_their_pairs_do() {
        let list = |text: &str| ranking(text).unwrap();
        for (a, b, expect) in [
            ("A > B > C", "A > B > C", 1.0),
            ("A > B > C", "A > C > B", 1.0 / 3.0),
            ("A > B > C", "B > A > C", 0.0),
            ("A > B > C > D > E", "A > B > C > E > D", 0.8),
            ("A > B > C", "C > B > A", 0.0),
            ("A > B > C > D", "A > B", 5.0 / 6.0),
            ("A > B", "C > D", 0.0),
        ] {
            let found = likeness(&list(a), &list(b));
            assert!((found - expect).abs() < 1e-12, "{a} {b}: {found}");
        }
    }

    proptest! {
        #[test]
        fn likeness_is_symmetric_and_a_share(a in "[a-f]( > [a-f]){2,5}", b in "[a-f]( > [a-f]){2,5}") {
            if let (Some(a), Some(b)) = (ranking(&a), ranking(&b)) {
                let found = likeness(&a, &b);
                prop_assert!((0.0..=1.0).contains(&found));
                prop_assert_eq!(found, likeness(&b, &a));
                prop_assert_eq!(likeness(&a, &a), 1.0);
            }
        }
    }
}
