//! Figures as words, the same in every format. Knows no format and no sheet.

/// What stands where there is no figure.
pub(crate) const NONE: &str = "–";

/// A score from 1 to 10, with one digit after the point.
pub(crate) fn score(value: f64) -> String {
    fixed(value, 1)
}

/// A figure with so many digits after the point.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    if value.abs() >= 1e9 {
        return format!("{value:.2e}");
    }
    let text = format!("{value:.decimals$}");
    // What rounds to nought has no sign.
    if text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.')) { text.replace('-', "") } else { text }
}

/// With how many digits after the point, from 2 to 4, totals that differ look different.
pub(crate) fn decimals(totals: impl Iterator<Item = f64> + Clone) -> usize {
    let differ = |decimals: usize| {
        let pairs = totals.clone().zip(totals.clone().skip(1)).filter(|(one, next)| one != next);
        pairs.into_iter().all(|(one, next)| fixed(one, decimals) != fixed(next, decimals))
    };
    (2..4).find(|&decimals| differ(decimals)).unwrap_or(4)
}

/// A weight, or a figure like it: two digits after the point at most, none that says nothing, three where it is small.
pub(crate) fn weight(value: f64) -> String {
    trimmed(value, if value.abs() < 0.1 { 4 } else { 2 })
}

/// Two weights of which the second differs from the first, with as many digits as it takes to see it.
pub(crate) fn weights(from: f64, to: f64) -> [String; 2] {
    let [one, other] = [from, to].map(weight);
    if one != other || from == to {
        return [one, other];
    }
    let differ = (3..7).find(|&decimals| trimmed(from, decimals) != trimmed(to, decimals));
    [from, to].map(|value| trimmed(value, differ.unwrap_or(6)))
}

fn trimmed(value: f64, decimals: usize) -> String {
    let text = fixed(value, decimals);
    if !text.contains('.') || text.contains('e') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A share from 0 to 1 in per cent, whole.
pub(crate) fn percent(share: f64) -> String {
    if share.is_finite() { fixed(share * 100.0, 0) + "\u{a0}%" } else { NONE.to_owned() }
}

/// A share from 0 to 1 in per cent, with one digit after the point.
pub(crate) fn fine_percent(share: f64) -> String {
    if share.is_finite() { fixed(share * 100.0, 1) + "\u{a0}%" } else { NONE.to_owned() }
}

/// Both ends of an interval of shares, in per cent.
pub(crate) fn interval(low: f64, high: f64) -> String {
    if !low.is_finite() || !high.is_finite() {
        return NONE.to_owned();
    }
    format!("{}–{}\u{a0}%", fixed(low * 100.0, 1), fixed(high * 100.0, 1))
}

/// `1 pair`, `2 pairs`, `10,000 pairs`.
pub(crate) fn several(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(count), if count == 1 { "" } else { "s" })
}

/// A count with separators.
pub(crate) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `a`, `a and b`, `a, b and c`: what stands before the item at `index` of `count`.
pub(crate) fn joint(index: usize, count: usize) -> &'static str {
    match index {
        0 => "",
        index if index + 1 == count => " and ",
        _ => ", ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures() {
        assert_eq!([score(8.0), score(7.25), score(f64::NAN), fixed(-0.001, 2)], ["8.0", "7.2", NONE, "0.00"]);
        assert_eq!(
            [weight(2.0), weight(0.8), weight(1.255_1), weight(0.021_3), weight(10.0)],
            ["2", "0.8", "1.26", "0.0213", "10"]
        );
        assert_eq!(weights(2.0, 2.0001), ["2", "2.0001"]);
        assert_eq!(weights(2.0, 0.8), ["2", "0.8"]);
        assert_eq!(
            [percent(0.405), fine_percent(0.6234), interval(0.0, 1.0)],
            ["40\u{a0}%", "62.3\u{a0}%", "0.0–100.0\u{a0}%"]
        );
        assert_eq!([several(1, "pair"), several(1_234_567, "draw")], ["1 pair", "1,234,567 draws"]);
    }

    #[test]
    fn totals_that_differ_look_different() {
        let check = |totals: &[f64], expect| assert_eq!(decimals(totals.iter().copied()), expect, "{totals:?}");
        check(&[7.9, 7.1], 2);
        check(&[7.9, 7.9, 7.1], 2);
        check(&[7.9012, 7.9038], 3);
        check(&[7.900_01, 7.900_02], 4);
        check(&[], 2);
    }
}
