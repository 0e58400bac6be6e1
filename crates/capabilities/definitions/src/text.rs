//! Text as it is cut, cleaned and shortened. Knows nothing about tools.

/// The first sentence of a text, in one line and at most so many characters.
pub fn first_sentence(text: &str, chars_max: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = line.find(". ").map_or(line.len(), |at| at + 1);
    cut(line.get(..end).unwrap_or(&line), chars_max)
}

/// A text of at most so many characters, with `…` where something is left out.
pub fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(chars_max.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// `names` in backticks, parted by commas.
pub fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A text without what could tell who or what it is about: addresses of mail, long numbers, keys and tokens.
pub fn redacted(text: &str) -> String {
    let kept = text.split_whitespace().filter(|word| !is_private(word));
    kept.collect::<Vec<_>>().join(" ")
}

/// So many digits in a row are the number of something: a card, an account, a telephone.
const DIGITS_MAX: usize = 5;
/// A word of so many letters and digits mixed is a key.
const KEY_CHARS_LEAST: usize = 16;
/// How keys that people paste begin.
const KEY_HEADS: [&str; 12] =
    ["sk-", "pk-", "rk-", "ghp_", "gho_", "ghs_", "github_pat_", "xox", "akia", "eyj", "bearer", "glpat-"];

fn is_private(word: &str) -> bool {
    let bare = word.trim_matches(|c: char| c.is_ascii_punctuation());
    let digits = bare.chars().filter(char::is_ascii_digit).count();
    let letters = bare.chars().any(char::is_alphabetic);
    let mixed = digits > 0 && letters && bare.chars().count() >= KEY_CHARS_LEAST;
    let lower = bare.to_lowercase();
    let mail = bare.contains('@') && bare.contains('.');
    let keyed = KEY_HEADS.iter().any(|head| lower.starts_with(head) && lower.len() > head.len() + 4);
    let secret = ["password=", "token=", "key=", "secret=", "passwd="].iter().any(|head| lower.contains(head));
    let host = lower.contains("://");
    mail || mixed || keyed || secret || host || digits > DIGITS_MAX
}

/// Text without its percent signs: `%20` is a space. What is no such sign stays.
pub fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'%').then(|| after.get(..2)).flatten();
        let byte = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_the_first_sentence_in_one_line() {
        assert_eq!(first_sentence("Sends  a\nmessage. Then more.", 40), "Sends a message.");
        assert_eq!(first_sentence("Reads v1.5 files", 40), "Reads v1.5 files");
        assert_eq!(first_sentence("ÄÖÜäöü", 4), "ÄÖÜ…");
        assert_eq!(first_sentence("", 4), "");
    }

    #[test]
    fn what_is_private_is_left_out() {
        let check = |text: &str, expect: &str| assert_eq!(redacted(text), expect, "{text}");
        check("mail ann@example.com about the invoice", "mail about the invoice");
        check("pay card 4111111111111111 now", "pay card now");
        check("call +49-151-2345678, please", "call please");
        check("use sk-abcdefgh12345 or ghp_0123456789", "use or");
        check("open https://u:p@host/x?token=1", "open");
        check("login password=hunter2", "login");
        check("the year 2026, 5 pages", "the year 2026, 5 pages");
        check("a1b2c3d4e5f6g7h8i9", "");
        check("create a pull request", "create a pull request");
    }
}
