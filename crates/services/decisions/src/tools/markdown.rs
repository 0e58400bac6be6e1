//! A little Markdown for a model or a person to read. Texts of others stay text.

/// The most characters of a text of somebody else's.
const CHARS_MAX: usize = 300;

/// A text of somebody else's: no markup, no line of its own, no link.
pub(super) fn escaped(text: &str) -> String {
    sheet::escaped(text, CHARS_MAX)
}

/// A title with what follows.
pub(super) fn page(title: &str, lines: &[String]) -> String {
    let mut out = format!("## {title}\n");
    if !lines.is_empty() {
        out.push('\n');
    }
    for line in lines {
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// A point of a list.
pub(super) fn point(text: &str) -> String {
    format!("- {text}")
}

/// What can be done next, as points.
pub(super) fn next(steps: &[String]) -> Vec<String> {
    let title = ["", "**Next**", ""].into_iter().map(str::to_owned);
    title.chain(steps.iter().map(|step| point(step))).collect()
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn foreign_text_stays_text() {
        assert_eq!(escaped("a | b\n# [x](y) <i>"), "a \\| b \\# \\[x](y) \\<i>");
        assert_eq!(escaped("```sh"), "\\`\\`\\`sh");
        assert_eq!(escaped("see www.example.org"), "see `www.example.org`", "no link");
        assert_eq!((escaped("1. x").as_str(), escaped(" ").as_str()), ("1\\. x", ""));
        assert_eq!(escaped(&"x".repeat(400)).chars().count(), 301);
    }
}
