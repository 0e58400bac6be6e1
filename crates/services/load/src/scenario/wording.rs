//! Turning what the TOML reader says into the words of this house.
//!
//! The reader's messages are recognised by their form; one that is not recognised is passed on as it is.

/// The most characters of an offending value that a message repeats.
const VALUE_CHARS_MAX: usize = 60;

/// A message about text that is not TOML.
pub(super) fn syntax(message: &str) -> String {
    let mut problem = message.trim().replace('\n', ", ");
    if let Some(first) = problem.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    format!("not valid TOML: {problem}")
}

/// The key that nobody knows and the keys that could have been, if that is what a message is about.
pub(super) fn unknown_key(message: &str) -> Option<(String, Vec<String>)> {
    let (key, known) = message.trim().strip_prefix("unknown field `")?.rsplit_once("`, expected ")?;
    Some((key.to_owned(), ticked(known)))
}

/// A message about a value of the wrong type, and a hint where there is one.
pub(super) fn misfit(path: &str, message: &str) -> (String, Option<String>) {
    let message = message.trim();
    if let Some(rest) = message.strip_prefix("unknown variant `")
        && let Some((word, known)) = rest.rsplit_once("`, expected ")
    {
        let known = ticked(known);
        let problem = format!("`{path}` must be one of {}, not `{}`", listed(&known), cut(word));
        return (problem, offer(word, &known, "values"));
    }
    if message == "wanted string or table" {
        return (format!("`{path}` must be a string"), Some("write one of its words in quotes".to_owned()));
    }
    let rest = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    let Some((got, expected)) = rest.and_then(|rest| rest.rsplit_once(", expected ")) else {
        return (format!("`{path}`: {message}"), None);
    };
    let hint = (expected == "a sequence").then(|| list(path));
    (format!("`{path}` must be {}, not {}", wanted(expected), given(got)), hint)
}

/// How the list at a path is written.
fn list(path: &str) -> String {
    let names = path.split('.').map(|step| step.split('[').next().unwrap_or(step));
    match names.collect::<Vec<_>>().join(".") {
        list if list.ends_with("topics") => "write `topics = [\"citrate\", \"lactate\"]`".to_owned(),
        tables => format!("write `[[{tables}]]`"),
    }
}

fn wanted(expected: &str) -> &str {
    match expected {
        "u32" => "a whole number from 0 to 4294967295",
        "u64" => "a whole number from 0 on",
        "f64" => "a number",
        "a sequence" => "a list",
        "a boolean" => "`true` or `false`",
        "a map" => "a table",
        name if name.starts_with("struct ") => "a table",
        other => other,
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

/// A value as a message repeats it: not longer than a reader wants, and on one line.
pub(super) fn cut(value: &str) -> String {
    let mut cut: String = value.chars().take(VALUE_CHARS_MAX).collect();
    if cut.len() < value.len() {
        cut.push('…');
    }
    cut.replace(char::is_control, " ")
}

/// The nearest known name, or all of them when none is near.
pub(super) fn offer(asked: &str, known: &[String], what: &str) -> Option<String> {
    match fault::nearest(asked, known.iter().map(String::as_str), 1).first() {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known {what} are {}", listed(known))),
    }
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The words in backticks.
fn ticked(list: &str) -> Vec<String> {
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
