//! What pages of HTML are made of, read strictly. Knows no look and no page.

/// Elements that have no end.
const VOID: [&str; 2] = ["meta", "!DOCTYPE"];

/// The tags that open an element, in order, each as it stands between `<` and `>`.
///
/// # Errors
///
/// What is wrong with a page that a browser would have to mend: elements that do not match, a loose `>` or quote, a tag
/// that ends itself outside of a drawing.
pub fn elements(page: &str) -> Result<Vec<&str>, String> {
    let (mut open, mut found, mut rest) = (Vec::new(), Vec::new(), page);
    while let Some((text, on)) = rest.split_once('<') {
        if text.contains('>') && open.last() != Some(&"style") {
            return Err(format!("`{text}` holds a loose `>`"));
        }
        let (tag, after) = on.split_once('>').ok_or("a tag has no end")?;
        rest = after;
        let name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap_or_default();
        if tag.starts_with('/') {
            let opened = open.pop();
            if opened != Some(name) {
                return Err(format!("</{name}> closes {opened:?}"));
            }
            continue;
        }
        if tag.matches('"').count() % 2 == 1 {
            return Err(format!("<{tag}> has a loose quote"));
        }
        found.push(tag);
        // HTML ignores the `/`, but for what is drawn.
        let ended = tag.ends_with('/') && open.contains(&"svg");
        if !ended && !VOID.contains(&name) {
            open.push(name);
        }
    }
    if open.is_empty() && rest.is_empty() { Ok(found) } else { Err(format!("{open:?} stay open before `{rest}`")) }
}

#[cfg(test)]
mod tests {
    use super::elements;

    #[test]
    fn what_a_browser_would_have_to_mend_is_refused() {
        for wrong in [
            "<p>",
            "</p>",
            "<p",
            "<a><b></a></b>",
            "<p>a > b</p>",
            "<p></p>b",
            "<p title=\"a></p>",
            "<p title=\"a>b\"></p>",
            "<p/>",
            "<svg><rect></svg>",
            "<svg></svg><rect/>",
        ] {
            assert!(elements(wrong).is_err(), "{wrong} {:?}", elements(wrong));
        }
    }

    #[test]
    fn tags_come_as_they_stand() {
        let page = "<!DOCTYPE html><p id=\"a\"><meta x=\"\"><style>a > b</style></p><svg><rect x=\"1\"/><g></g></svg>";
        let found = ["!DOCTYPE html", "p id=\"a\"", "meta x=\"\"", "style", "svg", "rect x=\"1\"/", "g"];
        assert_eq!(elements(page).as_deref(), Ok(found.as_slice()));
        assert_eq!(elements(""), Ok(Vec::new()));
    }
}
