//! Reads an answer that is wholly one number, with its unit. It never looks for a number inside a sentence.

use crate::normalise::peel;

/// Two quantities are equal when they differ by no more than this share of the larger one. Whole numbers must match.
pub const TOLERANCE: f64 = 1e-6;

/// Letters in a unit, at most; a longer word makes the answer a text.
const UNIT_LETTERS_MAX: usize = 4;

/// Digits of a whole number, at most: beyond them an `f64` cannot tell neighbours apart, so the text decides.
const DIGITS_MAX: usize = 15;

/// The largest value below which every whole number has its own `f64` (2^53).
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

const CURRENCIES: [char; 4] = ['$', '€', '£', '¥'];

/// Unit words that have a sign: the sign is the unit.
const SIGNS: [(&str, &str); 6] =
    [("percent", "%"), ("per cent", "%"), ("usd", "$"), ("eur", "€"), ("gbp", "£"), ("jpy", "¥")];

/// Numbers that models like to write as words; the place of a word is its value.
const WORDS: [&str; 13] =
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

/// A number with its unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity {
    /// The number, finite, in `unit`.
    pub value: f64,
    /// The unit in lowercase as it was written, a currency as its sign; empty when there is none.
    pub unit: String,
}

impl Quantity {
    /// Whether both are the same quantity: equal units, and values within [`TOLERANCE`], or exactly equal where both
    /// are whole (a product that is off by one is wrong however large it is).
    ///
    /// A missing unit equals only a missing unit: `$1,000` and `1000` differ, because nothing says that the second
    /// means dollars. Units are never converted.
    pub fn same(&self, other: &Self) -> bool {
        let (a, b) = (self.value, other.value);
        let whole = |value: f64| value.fract() == 0.0 && value.abs() < WHOLE_MAX;
        let equal = a == b || !(whole(a) && whole(b)) && (a - b).abs() <= TOLERANCE * a.abs().max(b.abs());
        equal && self.unit == other.unit
    }
}

/// The quantity that a normalised answer is, wholly; `None` for anything else.
///
/// It reads an optional sign, a currency sign in front, `,` or blanks between thousands, a fraction behind a point, an
/// exponent (`1e6`, `3 x 10^8`), simple fractions (`3/4`), number words up to twelve and a short unit behind. A comma
/// is never a decimal point: `1,5` is a text.
pub fn number(text: &str) -> Option<Quantity> {
    let text = peel(text);
    if let Some(value) = word(text) {
        return Some(Quantity { value: f64::from(value), unit: String::new() });
    }
    let (negative, rest) = sign(text);
    let (currency, rest) = currency(rest);
    let (negative, rest) = if negative || currency.is_none() { (negative, rest) } else { sign(rest) };
    let (value, rest) = fraction(rest).or_else(|| decimal(rest))?;
    let suffix = unit(rest.trim_start())?;
    let unit = match currency {
        None => suffix,
        Some(currency) if suffix.is_empty() || suffix == currency => currency,
        Some(_) => return None,
    };
    let value = if negative { -value } else { value };
    value.is_finite().then_some(Quantity { value, unit })
}

/// The value of a number word, `zero` to `twelve`.
pub(super) fn word(text: &str) -> Option<u8> {
    WORDS.iter().zip(0..).find(|(word, _)| **word == text).map(|(_, value)| value)
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn currency(text: &str) -> (Option<String>, &str) {
    match text.chars().next().filter(|c| CURRENCIES.contains(c)) {
        Some(c) => (Some(c.to_string()), text.trim_start_matches(c).trim_start()),
        None => (None, text),
    }
}

/// The leading ASCII digits and what follows.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// `3/4`: two whole numbers, the second not zero.
fn fraction(text: &str) -> Option<(f64, &str)> {
    let (upper, rest) = digits(text);
    let (lower, rest) = digits(rest.trim_start().strip_prefix('/')?.trim_start());
    let (upper, lower): (f64, f64) = (upper.parse().ok()?, lower.parse().ok()?);
    (lower != 0.0).then_some((upper / lower, rest))
}

fn decimal(text: &str) -> Option<(f64, &str)> {
    let (mut number, rest) = thousands(text);
    let whole = number.len();
    let (part, rest) = rest.strip_prefix('.').map(digits).filter(|(part, _)| !part.is_empty()).unwrap_or(("", rest));
    if whole == 0 && part.is_empty() {
        return None;
    }
    if !part.is_empty() {
        number.push('.');
        number.push_str(part);
    }
    let (exponent, rest) = exponent(rest);
    if part.is_empty() && exponent.is_empty() && whole > DIGITS_MAX {
        return None;
    }
    number.push('e');
    number.push_str(if exponent.is_empty() { "0" } else { exponent });
    Some((number.parse().ok()?, rest))
}

/// The digits of a whole number without its separators: one to three digits, then groups of three behind one kind.
fn thousands(text: &str) -> (String, &str) {
    let (first, mut rest) = digits(text);
    let mut number = first.to_owned();
    let separator = rest.chars().next().filter(|c| matches!(c, ',' | ' '));
    let (Some(separator), 1..=3) = (separator, first.len()) else { return (number, rest) };
    while let Some((group, after)) = rest.strip_prefix(separator).map(digits)
        && group.len() == 3
    {
        number.push_str(group);
        rest = after;
    }
    (number, rest)
}

/// The digits of an exponent with their sign, and what follows; empty when there is none.
fn exponent(text: &str) -> (&str, &str) {
    let none = ("", text);
    let power = text.trim_start().strip_prefix(['x', '×', '*']).and_then(|rest| rest.trim_start().strip_prefix("10^"));
    let Some(start) = power.or_else(|| text.strip_prefix('e')) else { return none };
    let unsigned = start.strip_prefix(['+', '-']).unwrap_or(start);
    let (digits, rest) = digits(unsigned);
    if digits.is_empty() {
        return none;
    }
    start.split_at_checked(start.len() - rest.len()).unwrap_or(none)
}

/// The unit that the rest of an answer is; `None` when it is more than a unit.
fn unit(text: &str) -> Option<String> {
    if let Some((_, sign)) = SIGNS.iter().find(|(word, _)| *word == text) {
        return Some((*sign).to_owned());
    }
    let starts = |c: char| c.is_alphabetic() || CURRENCIES.contains(&c) || matches!(c, '%' | '°');
    let power = text.contains('^');
    let goes_on = |c: char| starts(c) || matches!(c, '/' | '^') || power && (c.is_ascii_digit() || c == '-');
    let short = text.chars().filter(|c| c.is_alphabetic()).count() <= UNIT_LETTERS_MAX;
    let fits = text.chars().next().is_none_or(starts) && text.chars().all(goes_on) && short;
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Quantity, number};
    use crate::normalise::normalise;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<Quantity> {
        number(&normalise(text))
    }

    #[test]
    fn reads_whole_answers_that_are_one_number() {
        for (text, value, unit) in [
            ("42", 42.0, ""),
            ("42.", 42.0, ""),
            ("**42**", 42.0, ""),
            ("-3.5", -3.5, ""),
            ("\u{2212}3.5", -3.5, ""),
            ("+7", 7.0, ""),
            (".5", 0.5, ""),
            ("1,234.5", 1234.5, ""),
            ("1 234", 1234.0, ""),
            ("1\u{202f}234\u{202f}567", 1_234_567.0, ""),
            ("1e6", 1e6, ""),
            ("6.02E-3", 0.00602, ""),
            ("3 × 10^8", 3e8, ""),
            ("3x10⁸ m", 3e8, "m"),
            ("$1,000", 1000.0, "$"),
            ("-$5", -5.0, "$"),
            ("$-5", -5.0, "$"),
            ("€ 5", 5.0, "€"),
            ("5 EUR", 5.0, "€"),
            ("$5 USD", 5.0, "$"),
            ("5 %", 5.0, "%"),
            ("5 percent", 5.0, "%"),
            ("12km", 12.0, "km"),
            ("12 km/h", 12.0, "km/h"),
            ("9.81 m/s²", 9.81, "m/s^2"),
            ("21 °C", 21.0, "°c"),
            ("3/4", 0.75, ""),
            ("½", 0.5, ""),
            ("\\boxed{42}", 42.0, ""),
            ("The answer is 42.", 42.0, ""),
            ("Seven", 7.0, ""),
        ] {
            assert_eq!(read(text), Some(Quantity { value, unit: unit.to_owned() }), "{text:?}");
        }
        assert_eq!(number("\\boxed{42}"), read("42"));
    }

    #[test]
    fn everything_else_is_a_text() {
        for text in [
            "in 1984 there were 3",
            "1984 was good",
            "43 apples",
            "3 or 4",
            "1,5",
            "1,23,456",
            "1.234,5",
            "12 34",
            "555-1234",
            "1/2/2024",
            "1/0",
            "10:30",
            "1.2.3",
            "5^2",
            "10²",
            "$5m",
            "1e999",
            "9007199254740993",
            "9,007,199,254,740,993",
            "Paris",
            "$",
            "-",
            "e5",
            ".",
            "",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn sameness_needs_the_unit_and_the_value() {
        for (a, b, expect) in [
            ("3.0", "3", true),
            ("1,000", "1e3", true),
            ("0", "-0", true),
            ("$1,000", "1000", false),
            ("$5", "5 usd", true),
            ("5 km", "5 mi", false),
            ("3.1415926", "3.14159265", true),
            ("3.14", "3.14159", false),
            ("1/3", "0.33333333", true),
            ("83810205", "83810206", false),
            ("6.0221408e23", "6.02214076e23", true),
            ("5", "-5", false),
        ] {
            let same = read(a).zip(read(b)).is_some_and(|(a, b)| a.same(&b));
            assert_eq!(same, expect, "{a:?} {b:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail(text in "[0-9a-z$€%., /^e+-]{0,20}") {
            prop_assert!(read(&text).is_none_or(|quantity| quantity.value.is_finite()));
        }

        #[test]
        fn separators_do_not_matter(value in -999_999_999_i64..=999_999_999) {
            let digits = value.abs().to_string();
            let groups: Vec<&str> =
                digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
            let sign = if value < 0 { "-" } else { "" };
            for separator in ["", ",", " "] {
                let read = read(&format!("{sign}{}", groups.join(separator)));
                prop_assert_eq!(read.map(|quantity| quantity.value), Some(value as f64));
            }
        }

        #[test]
        fn sameness_is_symmetric_and_reflexive(a in -1e9..1e9_f64, change in -2e-6..2e-6_f64) {
            let a = Quantity { value: a, unit: String::new() };
            let b = Quantity { value: a.value * (1.0 + change), unit: String::new() };
            prop_assert!(a.same(&a));
            prop_assert_eq!(a.same(&b), b.same(&a));
        }
    }
}
