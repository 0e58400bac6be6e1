//! Lines of `NAME=value` as a tree: what shells, `docker --env-file` and dotenv readers agree on.
//!
//! Nothing is substituted: `$OTHER` stays what it is.

use super::Node;
use super::node::last_of_each;

/// Whether a text is lines of `NAME=value`: its first line with something on it is one.
pub(super) fn is(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.next().is_some_and(|line| entry(line).is_some())
}

/// Reads the lines; the last one counts where a name comes twice, and a line that is no entry is passed over, as all
/// readers of such files do.
pub(super) fn read(text: &str) -> Node {
    let entries = text.lines().filter_map(|line| entry(line.trim()));
    Node::Map(last_of_each(entries.map(|(name, value)| (name.to_owned(), Node::Word(value))).collect()))
}

fn entry(line: &str) -> Option<(&str, String)> {
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    let (name, value) = line.split_once('=')?;
    let name = name.trim_end();
    let named = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let begins = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    (named && begins).then(|| (name, unquoted(value.trim())))
}

/// The value without its quotes, or without a comment behind it.
fn unquoted(value: &str) -> String {
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote)
            && let Some((inner, _)) = rest.split_once(quote)
        {
            return inner.to_owned();
        }
    }
    let comment = value.find(" #").or_else(|| value.find("\t#"));
    comment.map_or(value, |at| &value[..at]).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_shells_read_them() {
        let text =
            "# note\n\nexport A=1\nB = \"two # words\" # note\nC='x'\nD=v # note\nE=#f\nno entry\nA=2\nURL=http://h/#a";
        let root = read(text);
        let word = |name: &str| root.word(name).map(str::to_owned);
        assert!(is(text));
        assert_eq!(word("A").as_deref(), Some("2"));
        assert_eq!(word("B").as_deref(), Some("two # words"));
        assert_eq!(word("C").as_deref(), Some("x"));
        assert_eq!(word("D").as_deref(), Some("v"));
        assert_eq!(word("E").as_deref(), Some("#f"));
        assert_eq!(word("URL").as_deref(), Some("http://h/#a"));
    }

    #[test]
    fn other_texts_are_not_lines() {
        for text in ["", "a: b=c", "{\"a\": 1}", "- x=1", "1A=2", "# only a note"] {
            assert!(!is(text), "{text}");
        }
    }
}
