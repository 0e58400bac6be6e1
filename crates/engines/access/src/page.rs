//! Pages of lists, with this room's error for a cursor that leads nowhere.

use crate::AccessError;
pub(crate) use store::Page;
pub(crate) use store::page_limit as limit;

/// The key behind a cursor, with `parts` parts.
pub(crate) fn decode(cursor: &str, parts: usize) -> Result<Vec<String>, AccessError> {
    store::decode_cursor(cursor, parts).map_err(|_| AccessError::Cursor)
}
