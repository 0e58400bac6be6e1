//! Lists in pages that are found by key, so that the last page costs what the first does.

use crate::AccessError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The most entries of one page.
pub(crate) const LIMIT_MAX: usize = 1_000;
/// The entries of a page when nobody says how many.
pub(crate) const LIMIT_USUAL: usize = 100;
/// The longest cursor that is looked at.
const CURSOR_BYTES_MAX: usize = 2_048;

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// What to ask with for the next page; `None` on the last one.
    pub cursor: Option<String>,
}

impl<T> Page<T> {
    /// From `limit + 1` entries that were asked for: if the last one is there, there is a next page.
    pub(crate) fn cut(mut entries: Vec<T>, limit: usize, key: impl Fn(&T) -> Vec<String>) -> Self {
        let more = entries.len() > limit;
        entries.truncate(limit);
        let cursor = entries.last().filter(|_| more).map(|last| encode(&key(last)));
        Self { entries, cursor }
    }
}

/// How many entries to ask for.
pub(crate) fn limit(asked: Option<usize>) -> usize {
    asked.unwrap_or(LIMIT_USUAL).clamp(1, LIMIT_MAX)
}

fn encode(key: &[String]) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::json!(key).to_string())
}

/// The key behind a cursor, with `parts` parts.
pub(crate) fn decode(cursor: &str, parts: usize) -> Result<Vec<String>, AccessError> {
    let read = || -> Option<Vec<String>> {
        let bytes = (cursor.len() <= CURSOR_BYTES_MAX).then(|| URL_SAFE_NO_PAD.decode(cursor).ok())??;
        serde_json::from_slice::<Vec<String>>(&bytes).ok().filter(|key| key.len() == parts)
    };
    read().ok_or(AccessError::Cursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_to_its_key_and_nothing_else_does() {
        let page = Page::cut(vec![1, 2, 3], 2, |at| vec![at.to_string(), "x".to_owned()]);
        assert_eq!(page.entries, [1, 2]);
        assert_eq!(decode(&page.cursor.unwrap(), 2).unwrap(), ["2", "x"]);
        assert_eq!(Page::cut(vec![1, 2], 2, |at| vec![at.to_string()]).cursor, None);
        for wrong in ["", "x", "W10", "!!!", &"A".repeat(4_000)] {
            assert!(matches!(decode(wrong, 1), Err(AccessError::Cursor)), "{wrong}");
        }
    }
}
