//! Lists in pages that are found by key, so that the last page costs what the first does.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fault::{Explain, Kind, Origin};

/// The most entries of one page.
const LIMIT_MAX: usize = 1_000;
/// The entries of a page when nobody says how many.
const LIMIT_USUAL: usize = 100;
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

/// A cursor that is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`cursor` leads nowhere")]
pub struct CursorError;

impl Explain for CursorError {
    fn code(&self) -> &'static str {
        "invalid_cursor"
    }

    fn kind(&self) -> Kind {
        Kind::BadInput
    }

    fn origin(&self) -> Origin {
        Origin::Caller
    }

    fn hint(&self) -> Option<String> {
        Some("use the `cursor` of the page before, or none for the first page".to_owned())
    }

    fn param(&self) -> Option<String> {
        Some("cursor".to_owned())
    }
}

impl<T> Page<T> {
    /// From `limit + 1` entries that were asked for: if the last one is there, there is a next page, which begins
    /// behind the `key` of the last entry kept.
    pub fn cut(mut entries: Vec<T>, limit: usize, key: impl Fn(&T) -> Vec<String>) -> Self {
        let more = entries.len() > limit;
        entries.truncate(limit);
        let cursor = entries.last().filter(|_| more).map(|last| encode(&key(last)));
        Self { entries, cursor }
    }
}

/// How many entries to ask for: 1 to 1,000, and 100 where nobody says.
pub fn page_limit(asked: Option<usize>) -> usize {
    asked.unwrap_or(LIMIT_USUAL).clamp(1, LIMIT_MAX)
}

fn encode(key: &[String]) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::json!(key).to_string())
}

/// The key behind a cursor, with `parts` parts.
///
/// # Errors
/// [`CursorError`] for text that is no cursor, or one of another list.
pub fn decode_cursor(cursor: &str, parts: usize) -> Result<Vec<String>, CursorError> {
    let bytes = (cursor.len() <= CURSOR_BYTES_MAX).then(|| URL_SAFE_NO_PAD.decode(cursor).ok()).flatten();
    let key = bytes.and_then(|bytes| serde_json::from_slice::<Vec<String>>(&bytes).ok());
    key.filter(|key| key.len() == parts).ok_or(CursorError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_to_its_key_and_nothing_else_does() {
        let page = Page::cut(vec![1, 2, 3], 2, |at| vec![at.to_string(), "x".to_owned()]);
        assert_eq!(page.entries, [1, 2]);
        assert_eq!(decode_cursor(&page.cursor.unwrap(), 2).unwrap(), ["2", "x"]);
        assert_eq!(Page::cut(vec![1, 2], 2, |at| vec![at.to_string()]).cursor, None);
        for wrong in ["", "x", "W10", "!!!", &"A".repeat(4_000)] {
            assert_eq!(decode_cursor(wrong, 1), Err(CursorError), "{wrong}");
        }
    }
}
