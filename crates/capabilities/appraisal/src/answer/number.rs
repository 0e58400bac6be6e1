//! Numbers as people and models write scores: `7`, `7,5`, `7/10`, `7 out of 10`, `85%`.

/// A number that may be a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figure {
    /// On the scale to 10, not yet moved into it; finite.
    pub(super) value: f64,
    /// Whether it was written on another scale: in percent, out of 5, 20 or 100.
    pub(super) converted: bool,
    /// Whether the scale is written beside it: `7/10`, `70 %`.
    pub(super) scaled: bool,
}

/// The scales that are known, and what a step of each is on the scale to 10.
const SCALES: [(&str, f64); 4] = [("10", 1.0), ("5", 2.0), ("20", 0.5), ("100", 0.1)];

/// Numbers that models like to write as words.
const WORDS: [&str; 11] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];

/// What may stand around a number.
const DECORATION: [char; 14] = ['*', '_', '`', '"', '\'', '(', ')', '[', ']', '~', '≈', '<', '>', '“'];

/// What may stand in front of a number.
const LEADS: [&str; 4] = ["approximately", "about", "around", "score:"];

/// The number that a short text is, with nothing behind it but words. A text with two numbers is none: `7 or 8`.
pub(super) fn whole(text: &str) -> Option<Figure> {
    let text = text.trim().trim_start_matches(DECORATION);
    let lead = LEADS.iter().find(|lead| text.get(..lead.len()).is_some_and(|head| head.eq_ignore_ascii_case(lead)));
    let text = lead.map_or(text, |lead| &text[lead.len()..]).trim_start();
    if let Some((figure, rest)) = leading(text) {
        return (!rest.contains(|c: char| c.is_ascii_digit())).then_some(figure);
    }
    let word = text.trim_end_matches(DECORATION).trim_end_matches('.');
    let named = WORDS.iter().zip(0_u8..).find(|(name, _)| word.eq_ignore_ascii_case(name));
    named.map(|(_, value)| Figure { value: f64::from(value), converted: false, scaled: false })
}

/// The number that a text begins with, and what is behind it.
///
/// It must end where it seems to: `7-8`, `7 to 8`, `1|2`, `7th` and `7/12` are none. A comma before one or two digits is
/// a decimal point; before three it could be either, so that the text is no number. n % is n/10, n out of 5 is 2n.
pub(super) fn leading(text: &str) -> Option<(Figure, &str)> {
    let (value, rest) = decimal(text)?;
    let (factor, scaled, rest) = match scale(rest) {
        Some((factor, rest)) => (factor, true, rest),
        None => (1.0, false, rest),
    };
    if !ends(rest) {
        return None;
    }
    // In percent every step is a division: 0.1 has no exact `f64`.
    let value = if factor == 0.1 { value / 10.0 } else { value * factor };
    value.is_finite().then_some((Figure { value, converted: factor != 1.0, scaled }, rest))
}

/// A number without its scale.
fn decimal(text: &str) -> Option<(f64, &str)> {
    let unsigned = text.strip_prefix(['+', '-', '−']).unwrap_or(text);
    let negative = unsigned.len() < text.len() && !text.starts_with('+');
    let (whole, rest) = digits(unsigned);
    let (part, rest) = match rest.strip_prefix(['.', ',']).map(digits) {
        Some((part, behind)) if !part.is_empty() => {
            let ambiguous = rest.starts_with(',') && part.len() > 2;
            if ambiguous || behind.starts_with(".0") {
                return None;
            }
            (part, behind)
        }
        _ => ("", rest),
    };
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let (exponent, rest) = exponent(rest);
    let value: f64 = format!("{}.{}e{exponent}", or_zero(whole), or_zero(part)).parse().ok()?;
    Some((if negative { -value } else { value }, rest))
}

fn or_zero(digits: &str) -> &str {
    if digits.is_empty() { "0" } else { digits }
}

/// The leading ASCII digits and what follows.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// The exponent, `0` where there is none.
fn exponent(text: &str) -> (&str, &str) {
    let found = text.strip_prefix(['e', 'E']).and_then(|rest| {
        let signs = rest.len() - rest.strip_prefix(['+', '-']).unwrap_or(rest).len();
        let len = signs + digits(&rest[signs..]).0.len();
        (len > signs).then(|| rest.split_at(len))
    });
    found.unwrap_or(("0", text))
}

/// The scale behind a number: its step on the scale to 10, and what follows.
fn scale(rest: &str) -> Option<(f64, &str)> {
    let text = rest.trim_start_matches([' ', '*']);
    if let Some(behind) = text.strip_prefix('%').or_else(|| word(text, "percent")) {
        return Some((0.1, behind));
    }
    let of = text.strip_prefix('/').or_else(|| word(text, "out of")).or_else(|| word(text, "of"))?;
    let (number, behind) = digits(of.trim_start_matches([' ', '*']));
    let behind = behind.strip_prefix(".0").unwrap_or(behind);
    let (_, step) = SCALES.iter().find(|(name, _)| *name == number)?;
    Some((*step, behind))
}

fn word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    text.get(..word.len()).filter(|head| head.eq_ignore_ascii_case(word)).map(|_| &text[word.len()..])
}

/// Whether a number ends where `rest` begins.
fn ends(rest: &str) -> bool {
    let mut chars = rest.chars();
    let (first, second) = (chars.next(), chars.next());
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    match first {
        Some(c) if c.is_alphanumeric() || matches!(c, '_' | '/' | '%' | '\u{2044}') => return false,
        Some('.' | ',' | ':') if digit(second) => return false,
        Some('|') if second.is_some_and(|c| !c.is_whitespace()) => return false,
        _ => {}
    }
    let rest = rest.trim_start_matches(' ');
    let ranged = rest.strip_prefix(['-', '–', '—', '/']).or_else(|| word(rest, "to ")).or_else(|| word(rest, "or "));
    !ranged.is_some_and(|rest| digit(rest.trim_start_matches(' ').chars().next()))
}

/// Whether a number behind this text is the end of a range: `7 – `, `7 to `. The text is in small letters.
pub(super) fn begins_range(before: &str) -> bool {
    let before = before.trim_end_matches(' ');
    let sign = before.strip_suffix(['-', '–', '—', '/']);
    let from = sign.or_else(|| before.strip_suffix(" to")).or_else(|| before.strip_suffix(" or"));
    from.is_some_and(|from| from.trim_end_matches([' ', '*']).ends_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for (text, value, converted) in [
            ("7", 7.0, false),
            (" 7.5 ", 7.5, false),
            ("7,5", 7.5, false),
            ("8,25 points", 8.25, false),
            ("7/10", 7.0, false),
            ("7 / 10", 7.0, false),
            ("7/10.0", 7.0, false),
            ("7 out of 10", 7.0, false),
            ("8 Out Of 10.", 8.0, false),
            ("9 of 10", 9.0, false),
            ("85%", 8.5, true),
            ("85 percent", 8.5, true),
            ("4/5", 8.0, true),
            ("17/20", 8.5, true),
            ("73/100", 7.3, true),
            ("**8**", 8.0, false),
            ("~6", 6.0, false),
            ("about 6", 6.0, false),
            ("+7", 7.0, false),
            ("-3", -3.0, false),
            ("−3", -3.0, false),
            ("7.", 7.0, false),
            (".5", 0.5, false),
            ("1e1", 10.0, false),
            ("7E0", 7.0, false),
            ("1e300", 1e300, false),
            ("42", 42.0, false),
            ("007", 7.0, false),
            ("7 (good)", 7.0, false),
            ("7 - good", 7.0, false),
            ("seven", 7.0, false),
            ("Ten.", 10.0, false),
        ] {
            let figure = whole(text).unwrap_or_else(|| panic!("{text:?} is a number"));
            assert_eq!((figure.value, figure.converted), (value, converted), "{text:?}");
        }
    }

    #[test]
    fn what_only_begins_like_a_number_is_none() {
        for text in [
            "",
            "x",
            "-",
            ".",
            "7-8",
            "7 – 8",
            "7 to 8",
            "7 or 8",
            "7/8",
            "7/12",
            "1/10/2024",
            "7th",
            "7x",
            "1|2",
            "1,000",
            "1.2.3",
            "1.0.0",
            "1e999",
            "-1e999",
            "nan",
            "inf",
            "infinity",
            "0x7",
            "7:30",
            "7%%",
            "seventy",
            "7_0",
            "７",
            "<1 to 10, or null>",
            "1-10",
            "½",
            "7½",
        ] {
            assert_eq!(whole(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_number_of_a_million_digits_is_none_or_finite() {
        let long = "9".repeat(1_000_000);
        assert_eq!(whole(&long), None);
        assert_eq!(whole(&format!("1.{long}")).map(|figure| figure.value), Some(2.0));
        assert_eq!(whole(&format!("1e{long}")), None);
    }
}
