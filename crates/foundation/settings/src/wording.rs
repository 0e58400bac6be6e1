//! Turning what the TOML reader says into the words of this house.
//!
//! The reader's messages are recognised by their form; one that is not recognised is passed on as it is.

use crate::error::offer;

/// The most characters of an offending value that a message repeats.
const VALUE_CHARS_MAX: usize = 60;

/// Parts of words that betray a line with a credential on it.
const SECRETIVE: [&str; 7] = ["key", "secret", "token", "password", "authorization", "credential", "sk-"];

/// Keys whose values may hold a password.
const ADDRESSES: [&str; 2] = ["url", "replica_url"];

/// A line as it may be shown: when it looks like a credential, its values are starred out letter by letter.
pub(crate) fn without_secrets(line: &str) -> String {
    let names = match line.find('=') {
        _ if !is_secretive(line) => line.len(),
        Some(equals) if begins_value(line) => equals,
        None if begins_value(line) => line.len(),
        _ => 0,
    };
    let (names, values) = line.split_at(names);
    format!("{names}{}", starred(values))
}

/// A text of which nothing can be read but how long its words are.
pub(crate) fn starred(text: &str) -> String {
    text.chars().map(|letter| if letter.is_alphanumeric() { '*' } else { letter }).collect()
}

/// Whether a line begins a value or a table: it has a key before its first `=`, or is a header.
pub(crate) fn begins_value(line: &str) -> bool {
    let is_key = |letter: char| letter.is_alphanumeric() || " \t_-.\"'{[]".contains(letter);
    match line.split_once('=') {
        Some((key, _)) => key.chars().all(is_key),
        None => line.trim_start().starts_with('[') && !line.contains(['"', '\'', ',']),
    }
}

/// Whether a line begins a value that may be a credential and does not end it.
pub(crate) fn is_open_secret(line: &str) -> bool {
    let Some((_, value)) = line.split_once('=').filter(|_| is_secretive(line)) else { return false };
    let count = |letters: [char; 2]| value.matches(letters).count();
    let is_text = ["\"\"\"", "'''"].iter().any(|quotes| value.matches(quotes).count() % 2 == 1);
    is_text || count(['[', '{']) > count([']', '}'])
}

fn is_secretive(line: &str) -> bool {
    let lower = line.to_lowercase();
    let mut words = lower.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_' && letter != '-');
    SECRETIVE.iter().any(|part| lower.contains(part))
        || words.any(|word| ADDRESSES.contains(&word))
        || holds_credential(line)
}

/// Whether text looks like an address with a user in it.
fn holds_credential(text: &str) -> bool {
    text.contains("://") && text.contains('@')
}

/// A message about text that is not TOML.
pub(crate) fn syntax(message: &str) -> String {
    let mut problem = message.trim().replace('\n', ", ");
    if let Some(first) = problem.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    format!("not valid TOML: {problem}")
}

/// What to write instead, for the slips that are made most.
pub(crate) fn syntax_hint(problem: &str) -> Option<&'static str> {
    if problem.contains("quoted") || problem.contains("invalid float") {
        return Some("write text in quotes, as in `bind = \"127.0.0.1:8700\"`");
    }
    problem.contains("duplicate key").then_some("a key or a table may stand only once, leave one of them out")
}

/// The key that nobody knows and the keys that could have been, if that is what a message is about.
pub(crate) fn unknown_key(message: &str) -> Option<(String, Vec<String>)> {
    let rest = message.trim().strip_prefix("unknown field `")?;
    if let Some((key, known)) = rest.rsplit_once("`, expected ") {
        return Some((key.to_owned(), ticked(known)));
    }
    rest.strip_suffix("`, there are no fields").map(|key| (key.to_owned(), Vec::new()))
}

/// A message about a value of the wrong type, and a hint where there is one.
pub(crate) fn misfit(path: &str, message: &str) -> (String, Option<String>) {
    let message = message.trim();
    if let Some(rest) = message.strip_prefix("unknown variant `")
        && let Some((word, known)) = rest.rsplit_once("`, expected ")
    {
        let known = ticked(known);
        let list = known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        let problem = format!("`{path}` must be one of {list}, not `{}`", cut(word));
        return (problem, offer(word, &known, "values"));
    }
    let rest = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    if let Some((got, expected)) = rest.and_then(|rest| rest.rsplit_once(", expected ")) {
        return (format!("`{path}` must be {}, not {}", wanted(expected), given(got)), None);
    }
    match message.split_once(", write ") {
        Some((problem, hint)) => (format!("`{path}`: {problem}"), Some(format!("write {hint}"))),
        None => (format!("`{path}`: {message}"), None),
    }
}

fn wanted(expected: &str) -> String {
    match expected {
        "u64" | "usize" => "a whole number from 0 on".to_owned(),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "f64" => "a number".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a map" => "a table".to_owned(),
        name if name.starts_with("struct ") => "a table".to_owned(),
        other => other.to_owned(),
    }
}

fn given(got: &str) -> String {
    if let Some(text) = got.strip_prefix("string \"").and_then(|text| text.strip_suffix('"')) {
        return format!("the string `{}`", cut(text));
    }
    match got {
        "sequence" => "a list".to_owned(),
        "map" => "a table".to_owned(),
        other => format!("the {}", other.replace("floating point", "number")),
    }
}

/// A value as a message repeats it: not longer than a reader wants, and starred out when it looks like an address with
/// a password in it.
pub(crate) fn cut(value: &str) -> String {
    let value = if holds_credential(value) { &starred(value) } else { value };
    let mut cut: String = value.chars().take(VALUE_CHARS_MAX).collect();
    if cut.len() < value.len() {
        cut.push('…');
    }
    cut.replace(char::is_control, " ")
}

/// The words in backticks.
fn ticked(list: &str) -> Vec<String> {
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{misfit, syntax, unknown_key, without_secrets};

    #[test]
    fn finds_the_key_and_its_kin() {
        let found = unknown_key("unknown field `a`, expected `, expected one of `bind`, `b`");
        assert_eq!(found, Some(("a`, expected ".to_owned(), vec!["bind".to_owned(), "b".to_owned()])));
        assert_eq!(unknown_key("unknown field `a`, there are no fields"), Some(("a".to_owned(), vec![])));
        assert_eq!(unknown_key("invalid type: map, expected a string"), None);
    }

    #[test]
    fn says_what_a_value_must_be() {
        let check = |message: &str, expect: &str| assert_eq!(misfit("a.b", message).0, expect);
        check("invalid type: string \"x\", expected u64", "`a.b` must be a whole number from 0 on, not the string `x`");
        check(
            "invalid type: floating point `1.5`, expected u32",
            "`a.b` must be a whole number from 0 to 4294967295, not the number `1.5`",
        );
        check("invalid type: map, expected a sequence", "`a.b` must be a list, not a table");
        check("invalid type: boolean `true`, expected struct Server", "`a.b` must be a table, not the boolean `true`");
        check("something new", "`a.b`: something new");
        check(
            "invalid type: string \"postgres://u:pw@h\", expected struct Store",
            "`a.b` must be a table, not the string `********://*:**@*`",
        );
    }

    #[test]
    fn offers_the_nearest_word() {
        let (problem, hint) = misfit("a", "unknown variant `lst`, expected one of `list`, `plurality`, `error`");
        assert_eq!(problem, "`a` must be one of `list`, `plurality`, `error`, not `lst`");
        assert_eq!(hint.as_deref(), Some("did you mean `list`?"));
    }

    #[test]
    fn hides_what_may_be_a_credential() {
        assert_eq!(without_secrets("api_key = \"sk-12\" # x"), "api_key = \"**-**\" # *");
        assert_eq!(without_secrets("bind = \"a:1\""), "bind = \"a:1\"");
        assert_eq!(without_secrets("[key"), "[key");
        assert_eq!(without_secrets("url = 'pw'"), "url = '**'");
        assert_eq!(without_secrets("store = { replica_url = 'pw'"), "store = { *******_*** = '**'");
        assert_eq!(without_secrets("url 'pw'"), "*** '**'");
        assert_eq!(without_secrets("postgres://u:pw@h?a=b"), "********://*:**@*?*=*");
        assert_eq!(without_secrets("base_url = 'http://a'"), "base_url = 'http://a'");
    }

    #[test]
    fn begins_small() {
        assert_eq!(syntax("Unexpected `a`\nwhile"), "not valid TOML: unexpected `a`, while");
        assert_eq!(syntax("é"), "not valid TOML: é");
    }
}
